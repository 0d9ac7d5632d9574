/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "proto/jwe.h"

#include <openssl/evp.h>
#include <string.h>

#include "base/text.h"
#include "proto/json.h"

#define HEADER_MAX 256 /* of the JSON; ours has some 90 bytes */
#define N_PARTS    5

typedef struct {
    const char *text;
    size_t len;
} Part;

enum {
    PART_HEADER,
    PART_KEY,
    PART_IV,
    PART_CIPHERTEXT,
    PART_TAG,
};

static const char *const type_names[] = {
    [AKMA_JWE_FIRST_RESPONSE] = "akd1+first-response",
    [AKMA_JWE_SECOND_REQUEST] = "akd1+second-request",
    [AKMA_JWE_SECOND_RESPONSE] = "akd1+second-response",
};

G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_CIPHER_CTX, EVP_CIPHER_CTX_free)

/* Fetched once: an implicit fetch for each message doubles its cost. */
static const EVP_CIPHER *
get_cipher(void)
{
    static gsize ready;
    static EVP_CIPHER *cipher;

    if (g_once_init_enter(&ready)) {
        cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
        g_once_init_leave(&ready, 1);
    }

    return cipher;
}

/* A context that has its key, IV and AAD; NULL if libcrypto fails. */
static EVP_CIPHER_CTX *
begin_gcm(const AkmaKey256 *key, const uint8_t *iv, const char *aad, size_t aad_len, bool seal)
{
    const EVP_CIPHER *cipher = get_cipher();
    g_autoptr(EVP_CIPHER_CTX) ctx = EVP_CIPHER_CTX_new();
    int n;

    if (!cipher || !ctx || aad_len > INT_MAX ||
        EVP_CipherInit_ex2(ctx, cipher, key->bytes, iv, seal, NULL) != 1 ||
        EVP_CipherUpdate(ctx, NULL, &n, (const uint8_t *)aad, (int)aad_len) != 1)
        return NULL;

    return g_steal_pointer(&ctx);
}

static char *
encode(const void *bytes, size_t len)
{
    char *text = g_malloc(AKMA_BASE64URL_LEN(len) + 1);

    akma_base64url_encode(bytes, len, text);

    return text;
}

/*= RFC 7516 5.1: the AAD is the encoded header */
static char *
make_header(AkmaJweType type, const char *session)
{
    g_autofree char *json =
        g_strdup_printf("{\"alg\":\"dir\",\"enc\":\"A256GCM\",\"kid\":\"%s\",\"typ\":\"%s\"}",
                        session,
                        type_names[type]);

    return encode(json, strlen(json));
}

/* Padding included: @ret has room for @padded_len bytes. */
static bool
encrypt(EVP_CIPHER_CTX *ctx,
        const AkmaSecret *plaintext,
        size_t padded_len,
        uint8_t *ret,
        uint8_t ret_tag[static AKMA_JWE_TAG_LEN])
{
    static const uint8_t spaces[AKMA_JWE_BLOCK_LEN] = {[0 ... AKMA_JWE_BLOCK_LEN - 1] = ' '};
    uint8_t rest[AKMA_JWE_TAG_LEN];
    size_t len;
    const uint8_t *bytes = akma_secret_peek(plaintext, &len);
    int n;
    int more = 0;

    return EVP_CipherUpdate(ctx, ret, &n, bytes, (int)len) == 1 && n == (int)len &&
           (padded_len == len ||
            EVP_CipherUpdate(ctx, ret + len, &more, spaces, (int)(padded_len - len)) == 1) &&
           more == (int)(padded_len - len) && EVP_CipherFinal_ex(ctx, rest, &n) == 1 &&
           EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, AKMA_JWE_TAG_LEN, ret_tag) == 1;
}

GBytes *
akma_jwe_seal(const AkmaKey256 *key,
              AkmaJweType type,
              const char *session,
              const uint8_t iv[static AKMA_JWE_IV_LEN],
              const AkmaSecret *plaintext,
              GError **error)
{
    g_autofree char *header = make_header(type, session);
    g_autoptr(EVP_CIPHER_CTX) ctx = begin_gcm(key, iv, header, strlen(header), true);
    size_t len = akma_secret_get_length(plaintext);
    size_t padded_len = (len + AKMA_JWE_BLOCK_LEN - 1) / AKMA_JWE_BLOCK_LEN * AKMA_JWE_BLOCK_LEN;
    g_autofree uint8_t *ciphertext = g_malloc(padded_len);
    uint8_t tag[AKMA_JWE_TAG_LEN];
    g_autofree char *iv_text = NULL;
    g_autofree char *tag_text = NULL;
    g_autofree char *text = NULL;
    char *jwe;

    if (!ctx || !encrypt(ctx, plaintext, padded_len, ciphertext, tag)) {
        g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "cannot seal a message");
        return NULL;
    }

    iv_text = encode(iv, AKMA_JWE_IV_LEN);
    text = encode(ciphertext, padded_len);
    tag_text = encode(tag, sizeof tag);
    jwe = g_strconcat(header, "..", iv_text, ".", text, ".", tag_text, NULL);

    return g_bytes_new_take(jwe, strlen(jwe));
}

static bool
split(const char *text, size_t len, Part parts[static N_PARTS])
{
    size_t n = 0;
    size_t start = 0;

    for (size_t i = 0; i <= len; i++) {
        if (i < len && text[i] != '.')
            continue;
        if (n == N_PARTS)
            return false;
        parts[n++] = (Part){.text = text + start, .len = i - start};
        start = i + 1;
    }

    return n == N_PARTS;
}

static bool
has_text(const json_t *object, const char *name, const char *expected)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text && strcmp(text, expected) == 0;
}

/*= RFC 7516 4: alg, enc, kid, typ and no other header member */
static bool
check_header(const Part *part, AkmaJweType type, const char *session)
{
    uint8_t json[HEADER_MAX];
    json_auto_t *header = NULL;
    AkmaRefusal refusal;
    size_t len;

    if (!akma_base64url_decode(part->text, part->len, json, sizeof json, &len))
        return false;
    header = akma_json_load(json, len, sizeof json, &refusal);

    return header && json_object_size(header) == 4 && has_text(header, "alg", "dir") &&
           has_text(header, "enc", "A256GCM") && has_text(header, "kid", session) &&
           has_text(header, "typ", type_names[type]);
}

static bool
decode_exactly(const Part *part, uint8_t *ret, size_t len)
{
    size_t got;

    return part->len == AKMA_BASE64URL_LEN(len) &&
           akma_base64url_decode(part->text, part->len, ret, len, &got) && got == len;
}

/* The key is not looked at before the whole envelope is what it should be. */
AkmaSecret *
akma_jwe_open(const AkmaKey256 *key,
              AkmaJweType type,
              const char *session,
              const void *jwe,
              size_t len,
              AkmaRefusal *ret_refusal)
{
    Part parts[N_PARTS] = {0};
    uint8_t iv[AKMA_JWE_IV_LEN];
    uint8_t tag[AKMA_JWE_TAG_LEN];
    uint8_t rest[AKMA_JWE_TAG_LEN];
    g_autofree uint8_t *ciphertext = NULL;
    g_autoptr(EVP_CIPHER_CTX) ctx = NULL;
    g_autoptr(AkmaSecret) plaintext = NULL;
    uint8_t *room;
    size_t text_len;
    int n;

    if (len == 0 || len > AKMA_RESPONSE_MAX || !split(jwe, len, parts) ||
        parts[PART_KEY].len != 0 || parts[PART_CIPHERTEXT].len == 0 ||
        !check_header(&parts[PART_HEADER], type, session) ||
        !decode_exactly(&parts[PART_IV], iv, sizeof iv) ||
        !decode_exactly(&parts[PART_TAG], tag, sizeof tag)) {
        akma_refuse(ret_refusal, AKMA_CAUSE_MALFORMED, "not the envelope that belongs here");
        return NULL;
    }

    ciphertext = g_malloc(parts[PART_CIPHERTEXT].len);
    if (!akma_base64url_decode(parts[PART_CIPHERTEXT].text,
                               parts[PART_CIPHERTEXT].len,
                               ciphertext,
                               parts[PART_CIPHERTEXT].len,
                               &text_len)) {
        akma_refuse(ret_refusal, AKMA_CAUSE_MALFORMED, "the ciphertext is not base64url");
        return NULL;
    }

    plaintext = akma_secret_new_blank(text_len, &room, NULL);
    ctx = begin_gcm(key, iv, parts[PART_HEADER].text, parts[PART_HEADER].len, false);
    if (!plaintext || !ctx) {
        akma_refuse(ret_refusal, AKMA_CAUSE_STORE_UNAVAILABLE, "no room left for keys");
        return NULL;
    }

    if (EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, sizeof tag, tag) != 1 ||
        EVP_CipherUpdate(ctx, room, &n, ciphertext, (int)text_len) != 1 ||
        EVP_CipherFinal_ex(ctx, rest, &n) != 1) {
        akma_refuse(ret_refusal, AKMA_CAUSE_NOT_AUTHENTIC, "it does not open under the first key");
        return NULL;
    }

    return g_steal_pointer(&plaintext);
}
