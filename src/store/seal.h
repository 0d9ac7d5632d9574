/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * seal: AES-256-GCM around the plain bytes. Private to the store.
 *
 *   file = "AKMAKEYS" version:u8 iv:12 ciphertext tag:16
 *
 * The IV is random and fresh at each write. AAD: everything before the IV.
 */
#pragma once

#include "store/plain.h"

G_BEGIN_DECLS

#define AKMA_SEAL_VERSION  1
#define AKMA_SEAL_OVERHEAD (8 + 1 + 12 + 16)

/* Returns: (transfer full): the bytes of the file. Errors: AKMA_ERROR_STORE_FAILED. */
GBytes *akma_seal(const AkmaSecret *key, const AkmaPlain *plain, GError **error);

/* Errors: AKMA_ERROR_STORE_FAILED (torn, tampered, of another version, under another key). */
bool akma_unseal(
    const AkmaSecret *key, const uint8_t *file, size_t len, AkmaPlain *ret, GError **error);

G_END_DECLS
