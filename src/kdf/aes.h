/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* aes: one block of AES-128, the kernel of Milenage, with the algorithm fetched once a process. */
#pragma once

#include <openssl/evp.h>

#include "base/secret.h"

G_BEGIN_DECLS

/* A key ready for use: g_auto(AkmaAes) aes = { 0 }; is wiped on every return. */
typedef struct {
    EVP_CIPHER_CTX *context;
} AkmaAes;

/* Errors: AKMA_ERROR_INTERNAL; akma_aes_clear() is due all the same. */
bool akma_aes_init(AkmaAes *self, const AkmaKey128 *key, GError **error);
void akma_aes_clear(AkmaAes *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(AkmaAes, akma_aes_clear)

/* @in and @ret may be the same. Errors: AKMA_ERROR_INTERNAL. */
bool akma_aes_encrypt(AkmaAes *self,
                      const uint8_t in[static 16],
                      uint8_t ret[static 16],
                      GError **error);

G_END_DECLS
