/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "proto/jwk.h"

#include <openssl/crypto.h>
#include <string.h>

#include "base/text.h"
#include "proto/json.h"

#define TEXT_MAX     64   /* alg, use, crv */
#define MEMBER_MAX   2048 /* one number of an RSA key of 8192 bits */
#define IDENTITY_MAX 128

/* What a key of each type consists of; the first ones must be there. */
static const struct {
    const char *kty;
    const char *members[9];
    size_t n_required;
} types[] = {
    {"EC", {"crv", "x", "y", "d"}, 3},
    {"OKP", {"crv", "x", "d"}, 2},
    {"RSA", {"n", "e", "d", "p", "q", "dp", "dq", "qi"}, 2},
};

/* True for <key_id>:<version>, version [1-9][0-9]{0,14}. */
static bool
is_kid_of(const char *kid, const char *key_id)
{
    size_t len = strlen(key_id);
    const char *version = kid + len + 1;

    if (strncmp(kid, key_id, len) != 0 || kid[len] != ':' || version[0] == '0')
        return false;

    len = strspn(version, "0123456789");

    return len >= 1 && len <= 15 && version[len] == '\0';
}

static bool
is_identity(const char *text)
{
    size_t len = strlen(text);

    return len >= 1 && len <= IDENTITY_MAX &&
           strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") == len;
}

/* The members of a type that is not oct, checked, as an object that begins with kty. */
static json_t *
pick_members(const json_t *jwk, const char *kty)
{
    json_auto_t *picked = json_pack("{s:s}", "kty", kty);
    size_t row = 0;

    while (row < G_N_ELEMENTS(types) && strcmp(types[row].kty, kty) != 0)
        row++;
    if (row == G_N_ELEMENTS(types))
        return NULL;

    for (size_t i = 0; types[row].members[i]; i++) {
        const char *name = types[row].members[i];
        json_t *value = json_object_get(jwk, name);
        const char *text;

        if (!value && i >= types[row].n_required)
            continue;
        if (!akma_json_get_text(jwk, name, 1, MEMBER_MAX, &text) || !akma_text_is_graphic(text) ||
            json_object_set(picked, name, value) < 0)
            return NULL;
    }

    return g_steal_pointer(&picked);
}

static bool
set_text(json_t *object, const char *name, const char *text)
{
    return !text || json_object_set_new(object, name, json_string(text)) == 0;
}

static bool
set_oct(json_t *object, const AkmaSecret *secret)
{
    char text[AKMA_BASE64URL_LEN(AKMA_OCT_MAX) + 1];
    size_t len;
    const uint8_t *bytes = akma_secret_peek(secret, &len);
    bool ok;

    if (len < AKMA_OCT_MIN || len > AKMA_OCT_MAX)
        return false;

    akma_base64url_encode(bytes, len, text);
    ok = json_object_set_new(object, "k", json_string(text)) == 0;
    OPENSSL_cleanse(text, sizeof text);

    return ok;
}

static bool
set_members(json_t *object, const AkmaKey *key)
{
    size_t len;
    const uint8_t *bytes = akma_secret_peek(key->secret, &len);
    AkmaRefusal refusal;
    json_auto_t *stored = akma_json_load(bytes, len, AKMA_RESPONSE_MAX, &refusal);
    json_auto_t *picked = stored ? pick_members(stored, key->kty) : NULL;

    return picked && json_object_update_missing(object, picked) == 0;
}

json_t *
akma_jwk_to_json(const AkmaKey *key)
{
    json_auto_t *jwk =
        json_pack("{s:s, s:s, s:s}", "kty", key->kty, "kid", key->kid, "key_id", key->key_id);
    bool oct = strcmp(key->kty, "oct") == 0;

    if (!jwk || !key->secret || !(oct ? set_oct(jwk, key->secret) : set_members(jwk, key)) ||
        !set_text(jwk, "alg", key->alg) || !set_text(jwk, "use", key->use) ||
        !set_text(jwk, "identity", key->identity) ||
        json_object_set_new(jwk, "iat", json_integer(key->iat)) < 0)
        return NULL;
    if (key->exp > 0 && json_object_set_new(jwk, "exp", json_integer(key->exp)) < 0)
        return NULL;
    if (key->previous_kid &&
        json_object_set_new(
            jwk,
            "previous",
            json_pack(
                "{s:s, s:I}", "kid", key->previous_kid, "exp", (json_int_t)key->previous_exp)) < 0)
        return NULL;

    return g_steal_pointer(&jwk);
}

static AkmaSecret *
get_oct(const json_t *jwk, AkmaRefusal *ret_refusal)
{
    uint8_t bytes[AKMA_OCT_MAX];
    AkmaSecret *secret = NULL;
    const char *text;
    size_t len;

    if (!akma_json_get_text(jwk, "k", 1, AKMA_BASE64URL_LEN(AKMA_OCT_MAX), &text) ||
        !akma_base64url_decode(text, strlen(text), bytes, sizeof bytes, &len) ||
        len < AKMA_OCT_MIN) {
        akma_refuse(ret_refusal, AKMA_CAUSE_MALFORMED, "k is not 16 to 64 bytes in base64url");
    } else {
        secret = akma_secret_new(bytes, len, NULL);
        if (!secret)
            akma_refuse(ret_refusal, AKMA_CAUSE_STORE_UNAVAILABLE, "no room left for keys");
    }
    OPENSSL_cleanse(bytes, sizeof bytes);

    return secret;
}

static AkmaSecret *
get_members(const json_t *jwk, const char *kty, AkmaRefusal *ret_refusal)
{
    json_auto_t *picked = pick_members(jwk, kty);
    AkmaSecret *secret;

    if (!picked) {
        akma_refuse(ret_refusal, AKMA_CAUSE_MALFORMED, "a key of a type that is not known");
        return NULL;
    }

    secret = akma_json_dump_secret(picked, NULL);
    if (!secret)
        akma_refuse(ret_refusal, AKMA_CAUSE_STORE_UNAVAILABLE, "no room left for keys");

    return secret;
}

/* An optional string; false if it is there but wrong. */
static bool
dup_text(const json_t *jwk, const char *name, size_t max, char **ret)
{
    const char *text;

    if (!json_object_get(jwk, name))
        return true;
    if (!akma_json_get_text(jwk, name, 1, max, &text) || !akma_text_is_graphic(text))
        return false;

    *ret = g_strdup(text);

    return true;
}

static bool
get_times(const json_t *jwk, int64_t now, AkmaKey *key)
{
    return akma_json_get_int(jwk, "iat", 0, AKMA_JSON_TIME_MAX, &key->iat) &&
           (!json_object_get(jwk, "exp") ||
            akma_json_get_int(jwk, "exp", now + 1, AKMA_JSON_TIME_MAX, &key->exp));
}

/* One that has ended is as good as none. */
static bool
get_previous(const json_t *jwk, int64_t now, AkmaKey *key)
{
    const json_t *previous = json_object_get(jwk, "previous");
    const char *kid;
    int64_t exp;

    if (!previous)
        return true;
    if (!akma_json_get_text(previous, "kid", 3, AKMA_KID_MAX, &kid) ||
        !is_kid_of(kid, key->key_id) || strcmp(kid, key->kid) == 0 ||
        !akma_json_get_int(previous, "exp", 0, AKMA_JSON_TIME_MAX, &exp))
        return false;

    if (exp > now) {
        key->previous_kid = g_strdup(kid);
        key->previous_exp = exp;
    }

    return true;
}

AkmaKey *
akma_jwk_from_json(const json_t *jwk, int64_t now, AkmaRefusal *ret_refusal)
{
    g_autoptr(AkmaKey) key = akma_key_new();
    const char *detail = NULL;

    if (!dup_text(jwk, "key_id", AKMA_KEY_ID_MAX, &key->key_id) || !key->key_id ||
        !akma_key_id_is_valid(key->key_id))
        detail = "key_id is not an identifier";
    else if (!dup_text(jwk, "kid", AKMA_KID_MAX, &key->kid) || !key->kid ||
             !is_kid_of(key->kid, key->key_id))
        detail = "kid is not key_id and a version";
    else if (!dup_text(jwk, "kty", TEXT_MAX, &key->kty) || !key->kty)
        detail = "a key without kty";
    else if (!dup_text(jwk, "alg", TEXT_MAX, &key->alg) ||
             !dup_text(jwk, "use", TEXT_MAX, &key->use))
        detail = "alg or use is not a name";
    else if (!dup_text(jwk, "identity", IDENTITY_MAX, &key->identity) ||
             (key->identity && !is_identity(key->identity)))
        detail = "identity is not one";
    else if (!get_times(jwk, now, key))
        detail = "iat or exp is not a time, or the key has expired";
    else if (!get_previous(jwk, now, key))
        detail = "previous is not the version before";

    if (detail) {
        akma_refuse(ret_refusal, AKMA_CAUSE_MALFORMED, detail);
        return NULL;
    }

    key->secret = strcmp(key->kty, "oct") == 0 ? get_oct(jwk, ret_refusal)
                                               : get_members(jwk, key->kty, ret_refusal);

    return key->secret ? g_steal_pointer(&key) : NULL;
}
