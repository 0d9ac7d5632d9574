/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "kdf/aes.h"

#include <string.h>

#include "base/error.h"

static const EVP_CIPHER *
get_cipher(void)
{
    static EVP_CIPHER *cipher;
    static gsize once;

    if (g_once_init_enter(&once)) {
        cipher = EVP_CIPHER_fetch(NULL, "AES-128-ECB", NULL);
        g_once_init_leave(&once, 1);
    }

    return cipher;
}

static bool
fail(GError **error)
{
    g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "libcrypto: AES failed");

    return false;
}

bool
akma_aes_init(AkmaAes *self, const AkmaKey128 *key, GError **error)
{
    const EVP_CIPHER *cipher = get_cipher();

    self->context = EVP_CIPHER_CTX_new();
    if (!self->context || !cipher ||
        EVP_EncryptInit_ex2(self->context, cipher, key->bytes, NULL, NULL) != 1 ||
        EVP_CIPHER_CTX_set_padding(self->context, 0) != 1)
        return fail(error);

    return true;
}

void
akma_aes_clear(AkmaAes *self)
{
    /* wipes the key schedule too */
    EVP_CIPHER_CTX_free(self->context);
    self->context = NULL;
}

bool
akma_aes_encrypt(AkmaAes *self, const uint8_t in[static 16], uint8_t ret[static 16], GError **error)
{
    g_auto(AkmaKey128) out = {0};
    int len;

    if (EVP_EncryptUpdate(self->context, out.bytes, &len, in, 16) != 1 || len != 16)
        return fail(error);

    memcpy(ret, out.bytes, sizeof out.bytes);

    return true;
}
