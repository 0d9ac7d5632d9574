/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* format: a key as text. Every byte of it stays in the secure heap. */

#include <jansson.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "base/wiping.h"
#include "cli/key.h"

#define WIREGUARD_LEN 32

static const char *const names[] = {
    [AKMA_KEY_RAW] = "raw",
    [AKMA_KEY_HEX] = "hex",
    [AKMA_KEY_BASE64] = "base64",
    [AKMA_KEY_JWK] = "jwk",
    [AKMA_KEY_FINGERPRINT] = "fingerprint",
    [AKMA_KEY_MOSQUITTO_PSK] = "mosquitto-psk",
    [AKMA_KEY_WIREGUARD_PSK] = "wireguard-psk",
};

bool
akma_key_format_parse(const char *word, AkmaKeyFormat *ret_format, GError **error)
{
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        if (strcmp(names[i], word) == 0) {
            *ret_format = (AkmaKeyFormat)i;
            return true;
        }
    }
    g_set_error(
        error, AKMA_ERROR, AKMA_ERROR_INVALID_ARGUMENT, "--format: there is no \"%s\"", word);

    return false;
}

const char *
akma_key_format_get_name(AkmaKeyFormat format)
{
    return names[format];
}

typedef void Encode(const void *bytes, size_t len, char *ret);

/* @before || @len bytes through @encode, @text_len characters || @after, which is not empty */
static AkmaSecret *
surround(const char *before,
         const void *bytes,
         size_t len,
         Encode *encode,
         size_t text_len,
         const char *after,
         GError **error)
{
    size_t lead = strlen(before);
    size_t total = lead + text_len + strlen(after);
    AkmaSecret *text;
    uint8_t *room;

    if (total > AKMA_SECRET_LEN_MAX) {
        g_set_error(
            error, AKMA_ERROR, AKMA_ERROR_INVALID_ARGUMENT, "the key is too long for this format");
        return NULL;
    }

    text = akma_secret_new_blank(total, &room, error);
    if (!text)
        return NULL;
    for (size_t i = 0; i < lead; i++)
        room[i] = (uint8_t)before[i];
    encode(bytes, len, (char *)room + lead);
    /* over the final NUL of the encoder */
    memcpy(room + lead + text_len, after, total - lead - text_len);

    return text;
}

static void
copy_text(const void *bytes, size_t len, char *ret)
{
    const char *text = bytes;

    for (size_t i = 0; i < len; i++)
        ret[i] = text[i];
    ret[len] = '\0';
}

static bool
require_octets(const AkmaCliKey *self, AkmaKeyFormat format, GError **error)
{
    if (strcmp(self->kty, "oct") == 0)
        return true;

    g_set_error(error,
                AKMA_ERROR,
                AKMA_ERROR_INVALID_ARGUMENT,
                "a key of type %s has no form %s: take jwk",
                self->kty,
                names[format]);

    return false;
}

static AkmaSecret *
format_fingerprint(const uint8_t *bytes, size_t len, GError **error)
{
    uint8_t digest[32];

    if (EVP_Digest(bytes, len, digest, NULL, EVP_sha256(), NULL) != 1) {
        g_set_error(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "SHA-256 failed");
        return NULL;
    }

    return surround("", digest, sizeof digest, akma_hex_encode, AKMA_HEX_LEN(32), "\n", error);
}

/* A mosquitto PSK file holds one IDENTITY:HEX a line. */
static AkmaSecret *
format_mosquitto(const AkmaCliKey *self, const uint8_t *bytes, size_t len, GError **error)
{
    g_autofree char *before = NULL;

    if (!self->identity) {
        g_set_error(error,
                    AKMA_ERROR,
                    AKMA_ERROR_INVALID_ARGUMENT,
                    "the server gave this key no PSK identity");
        return NULL;
    }
    for (const char *c = self->identity; *c; c++) {
        if (!g_ascii_isalnum(*c) && !strchr("._-", *c)) {
            g_set_error(error,
                        AKMA_ERROR,
                        AKMA_ERROR_INVALID_ARGUMENT,
                        "the PSK identity has a character that such a file cannot hold");
            return NULL;
        }
    }

    before = g_strconcat(self->identity, ":", NULL);

    return surround(before, bytes, len, akma_hex_encode, AKMA_HEX_LEN(len), "\n", error);
}

/* "{...members of @steal...,"@member":"" */
static char *
open_object(json_t *steal, const char *member)
{
    char *flat = json_dumps(steal, JSON_COMPACT);
    char *text = g_strdup_printf("%.*s,\"%s\":\"", (int)strlen(flat) - 1, flat, member);

    akma_wiping_free(flat);
    json_decref(steal);

    return text;
}

static void
set_text(json_t *object, const char *member, const char *text)
{
    if (text)
        json_object_set_new(object, member, json_string(text));
}

static void
set_time(json_t *object, const char *member, guint64 time)
{
    if (time)
        json_object_set_new(object, member, json_integer((json_int_t)time));
}

/* What the agent holds for other types is a JWK already: only brought onto one line. */
static AkmaSecret *
flatten_jwk(const uint8_t *bytes, size_t len, GError **error)
{
    json_t *jwk = json_loadb((const char *)bytes, len, JSON_REJECT_DUPLICATES, NULL);
    size_t flat_len = jwk ? json_dumpb(jwk, NULL, 0, JSON_COMPACT) : 0;
    AkmaSecret *text = NULL;
    uint8_t *room;

    if (flat_len == 0 || flat_len >= AKMA_SECRET_LEN_MAX)
        g_set_error(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "the key is not a JWK");
    else
        text = akma_secret_new_blank(flat_len + 1, &room, error);
    if (text) {
        json_dumpb(jwk, (char *)room, flat_len, JSON_COMPACT);
        room[flat_len] = '\n';
    }
    json_decref(jwk);

    return text;
}

static AkmaSecret *
format_jwk(const AkmaCliKey *self, const uint8_t *bytes, size_t len, GError **error)
{
    json_t *object;
    g_autofree char *before = NULL;

    if (strcmp(self->kty, "oct") != 0)
        return flatten_jwk(bytes, len, error);

    object = json_pack("{s:s,s:s}", "kty", "oct", "kid", self->kid);
    set_text(object, "alg", self->alg);
    set_text(object, "use", self->use);
    set_text(object, "identity", self->identity);
    set_time(object, "iat", self->not_before);
    set_time(object, "exp", self->not_after);
    before = open_object(object, "k");

    return surround(
        before, bytes, len, akma_base64url_encode, AKMA_BASE64URL_LEN(len), "\"}\n", error);
}

AkmaSecret *
akma_cli_key_format(const AkmaCliKey *self, AkmaKeyFormat format, GError **error)
{
    size_t len;
    const uint8_t *bytes = akma_secret_peek(self->bytes, &len);

    switch (format) {
    case AKMA_KEY_RAW:
        return akma_secret_ref(self->bytes);
    case AKMA_KEY_JWK:
        return format_jwk(self, bytes, len, error);
    case AKMA_KEY_FINGERPRINT:
        return format_fingerprint(bytes, len, error);
    case AKMA_KEY_HEX:
        return surround("", bytes, len, akma_hex_encode, AKMA_HEX_LEN(len), "\n", error);
    case AKMA_KEY_BASE64:
        return surround("", bytes, len, akma_base64_encode, AKMA_BASE64_LEN(len), "\n", error);
    case AKMA_KEY_MOSQUITTO_PSK:
        if (!require_octets(self, format, error))
            return NULL;
        return format_mosquitto(self, bytes, len, error);
    case AKMA_KEY_WIREGUARD_PSK:
        if (!require_octets(self, format, error))
            return NULL;
        if (len != WIREGUARD_LEN) {
            g_set_error(error,
                        AKMA_ERROR,
                        AKMA_ERROR_INVALID_ARGUMENT,
                        "WireGuard needs 32 bytes; this key has %zu",
                        len);
            return NULL;
        }
        return surround("", bytes, len, akma_base64_encode, AKMA_BASE64_LEN(len), "\n", error);
    }

    g_return_val_if_reached(NULL);
}

AkmaSecret *
akma_cli_key_wrap(const AkmaCliKey *self,
                  const char *application,
                  const AkmaSecret *text,
                  GError **error)
{
    json_t *object = json_pack("{s:s,s:s}", "application", application, "kid", self->kid);
    g_autofree char *before = NULL;
    const uint8_t *bytes = (const uint8_t *)self->kty;
    size_t len = strlen(self->kty);

    set_text(object, "alg", self->alg);
    set_text(object, "use", self->use);
    set_text(object, "identity", self->identity);
    json_object_set_new(object, "not_before", json_integer((json_int_t)self->not_before));
    json_object_set_new(object,
                        "not_after",
                        self->not_after ? json_integer((json_int_t)self->not_after) : json_null());
    if (text) {
        set_text(object, "kty", self->kty);
        bytes = akma_secret_peek(text, &len);
        len--; /* its newline */
    }
    before = open_object(object, text ? "value" : "kty");

    return surround(before, bytes, len, copy_text, len, "\"}\n", error);
}
