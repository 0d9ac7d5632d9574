/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * seal: AES-256-GCM around the plain bytes. Private to the store.
 *
 *   file = "AKMAKEYS" version:u8 kind:u8 iv:12 ciphertext tag:16
 *
 * @version is that of the plain bytes: plain.h. What is sealed here has AKMA_PLAIN_VERSION.
 * The IV is random and fresh at each write. AAD: everything before the IV. @kind: where the key
 * comes from, for who has to find it; what it means is the caller's.
 */
#pragma once

#include "store/plain.h"

G_BEGIN_DECLS

#define AKMA_SEAL_HEADER_LEN (8 + 1 + 1)
#define AKMA_SEAL_OVERHEAD   (AKMA_SEAL_HEADER_LEN + 12 + 16)

/* Returns: (transfer full): the bytes of the file. Errors: AKMA_ERROR_STORE_FAILED. */
GBytes *akma_seal(const AkmaSecret *key, uint8_t kind, const AkmaPlain *plain, GError **error);

/* @ret gets its version too. Errors: AKMA_ERROR_STORE_FAILED (torn, tampered, of another version,
 * under another key). */
bool akma_unseal(
    const AkmaSecret *key, const uint8_t *file, size_t len, AkmaPlain *ret, GError **error);

/* What the header says, which nothing vouches for until the file is opened; 0: not such a file. */
uint8_t akma_seal_get_kind(const uint8_t *file, size_t len);

G_END_DECLS
