/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* kdf: the generic key derivation function of TS 33.220 Annex B.2, one HMAC-SHA-256. */
#pragma once

#include "base/secret.h"

G_BEGIN_DECLS

typedef struct {
    const void *bytes;
    size_t len; /* 0..65535 */
} AkmaKdfParameter;

/*
 * TS 33.220 B.2.2: HMAC-SHA-256(@key, FC || P0 || L0 || P1 || L1 ...), all 32 octets.
 * Errors: AKMA_ERROR_INTERNAL (libcrypto failed, or a parameter over 65535 octets).
 */
bool akma_kdf(const void *key,
              size_t key_len,
              uint8_t fc,
              const AkmaKdfParameter *parameters,
              size_t n_parameters,
              AkmaKey256 *ret_key,
              GError **error);

G_END_DECLS
