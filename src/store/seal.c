/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "store/seal.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

#include "base/error.h"

#define MAGIC      "AKMAKEYS"
#define HEADER_LEN AKMA_SEAL_HEADER_LEN
#define MAGIC_LEN  (sizeof MAGIC - 1)
#define IV_LEN     12
#define TAG_LEN    16

G_STATIC_ASSERT(HEADER_LEN + IV_LEN + TAG_LEN == AKMA_SEAL_OVERHEAD);

static bool
fail(const char *message, GError **error)
{
    g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_STORE_FAILED, message);

    return false;
}

static void
fill_header(uint8_t header[static HEADER_LEN], uint8_t kind)
{
    memcpy(header, MAGIC, MAGIC_LEN);
    header[MAGIC_LEN] = AKMA_PLAIN_VERSION;
    header[MAGIC_LEN + 1] = kind;
}

/* One direction of AES-256-GCM up to the tag. */
static bool
run(EVP_CIPHER_CTX *ctx,
    const AkmaSecret *key,
    const uint8_t *header,
    const uint8_t *in,
    size_t len,
    uint8_t *out,
    int encrypt)
{
    const uint8_t *iv = header + HEADER_LEN;
    size_t key_len;
    const uint8_t *key_bytes = akma_secret_peek(key, &key_len);
    int n;

    return key_len == 32 && len <= INT_MAX &&
           EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, key_bytes, iv, encrypt) == 1 &&
           EVP_CipherUpdate(ctx, NULL, &n, header, HEADER_LEN) == 1 &&
           EVP_CipherUpdate(ctx, out, &n, in, (int)len) == 1 && (size_t)n == len;
}

GBytes *
akma_seal(const AkmaSecret *key, uint8_t kind, const AkmaPlain *plain, GError **error)
{
    size_t len = AKMA_SEAL_OVERHEAD + plain->len;
    g_autofree uint8_t *file = g_malloc(len);
    uint8_t *iv = file + HEADER_LEN;
    uint8_t *text = iv + IV_LEN;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n;
    bool ok;

    fill_header(file, kind);
    ok = ctx && RAND_bytes(iv, IV_LEN) == 1 &&
         run(ctx, key, file, plain->bytes, plain->len, text, 1) &&
         EVP_CipherFinal_ex(ctx, text + plain->len, &n) == 1 &&
         EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG_LEN, text + plain->len) == 1;
    EVP_CIPHER_CTX_free(ctx);
    if (!ok) {
        fail("cannot seal the keys", error);
        return NULL;
    }

    return g_bytes_new_take(g_steal_pointer(&file), len);
}

static bool
has_magic(const uint8_t *file)
{
    for (size_t i = 0; i < MAGIC_LEN; i++) {
        if (file[i] != (uint8_t)MAGIC[i])
            return false;
    }

    return true;
}

static bool
is_known(uint8_t version)
{
    return version == AKMA_PLAIN_VERSION || version == AKMA_PLAIN_VERSION_BEFORE;
}

uint8_t
akma_seal_get_kind(const uint8_t *file, size_t len)
{
    if (len <= AKMA_SEAL_OVERHEAD || !has_magic(file) || !is_known(file[MAGIC_LEN]))
        return 0;

    return file[MAGIC_LEN + 1];
}

bool
akma_unseal(const AkmaSecret *key, const uint8_t *file, size_t len, AkmaPlain *ret, GError **error)
{
    g_auto(AkmaPlain) plain = {0};
    const uint8_t *text = file + HEADER_LEN + IV_LEN;
    uint8_t tag[TAG_LEN];
    EVP_CIPHER_CTX *ctx;
    int n;
    bool ok;

    if (len <= AKMA_SEAL_OVERHEAD)
        return fail("too short: torn while it was written?", error);
    if (!has_magic(file))
        return fail("not a sealed file of keys", error);
    if (!is_known(file[MAGIC_LEN]))
        return fail("sealed in a format that is not known here", error);
    if (!akma_plain_init(&plain, len - AKMA_SEAL_OVERHEAD, error))
        return false;

    memcpy(tag, text + plain.len, TAG_LEN);
    ctx = EVP_CIPHER_CTX_new();
    ok = ctx && run(ctx, key, file, text, plain.len, plain.bytes, 0) &&
         EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG_LEN, tag) == 1 &&
         EVP_CipherFinal_ex(ctx, plain.bytes + plain.len, &n) == 1;
    EVP_CIPHER_CTX_free(ctx);
    if (!ok)
        return fail("does not open: tampered, or sealed under another key", error);
    plain.version = file[MAGIC_LEN];
    *ret = plain;
    plain.bytes = NULL;

    return true;
}
