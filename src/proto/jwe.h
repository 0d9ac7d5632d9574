/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * jwe: the envelope of three messages: JWE compact (RFC 7516) with "dir" and A256GCM, and
 * nothing else (packaging/docs/protocol.md section 7).
 */
#pragma once

#include "base/secret.h"
#include "proto/cause.h"

G_BEGIN_DECLS

#define AKMA_JWE_IV_LEN    12
#define AKMA_JWE_TAG_LEN   16
#define AKMA_JWE_BLOCK_LEN 256 /* plaintexts are padded to a multiple of this */

typedef enum {
    AKMA_JWE_FIRST_RESPONSE,
    AKMA_JWE_SECOND_REQUEST,
    AKMA_JWE_SECOND_RESPONSE,
} AkmaJweType;

/*
 * Pads @plaintext with spaces and seals it. @session: base64url, becomes "kid". @iv: from the
 * CSPRNG, never twice with one key.
 * Returns: (transfer full): the five parts, not NUL-terminated. Errors: AKMA_ERROR_INTERNAL.
 */
GBytes *akma_jwe_seal(const AkmaKey256 *key,
                      AkmaJweType type,
                      const char *session,
                      const uint8_t iv[static AKMA_JWE_IV_LEN],
                      const AkmaSecret *plaintext,
                      GError **error);

/*
 * Checks everything that can be seen, then decrypts. The plaintext still has its padding.
 *
 * Returns: (transfer full); NULL with @ret_refusal: malformed (not such an envelope),
 * not_authentic (@key does not open it) or store_unavailable (no room left for keys).
 */
AkmaSecret *akma_jwe_open(const AkmaKey256 *key,
                          AkmaJweType type,
                          const char *session,
                          const void *jwe,
                          size_t len,
                          AkmaRefusal *ret_refusal);

G_END_DECLS
