/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hmac: HMAC-SHA-256 over pieces, with the algorithm fetched once a process. */
#pragma once

#include "base/secret.h"

G_BEGIN_DECLS

typedef struct {
    const void *bytes;
    size_t len;
} AkmaHmacPiece;

/*
 * @ret may not overlap the key or a piece. Any thread.
 * Errors: AKMA_ERROR_INTERNAL (libcrypto failed); @ret is then untouched.
 */
bool akma_hmac_sha256(const void *key,
                      size_t key_len,
                      const AkmaHmacPiece *pieces,
                      size_t n_pieces,
                      uint8_t ret[static 32],
                      GError **error);

G_END_DECLS
