/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "kdf/hkdf.h"

#include "kdf/hmac.h"

bool
akma_hkdf_extract(const void *salt,
                  size_t salt_len,
                  const void *ikm,
                  size_t ikm_len,
                  AkmaKey256 *ret_prk,
                  GError **error)
{
    const AkmaHmacPiece piece = {ikm, ikm_len};

    /*= RFC 5869 2.2: PRK = HMAC-Hash(salt, IKM) */
    return akma_hmac_sha256(salt_len > 0 ? salt : "", salt_len, &piece, 1, ret_prk->bytes, error);
}

bool
akma_hkdf_expand32(
    const AkmaKey256 *prk, const void *info, size_t info_len, AkmaKey256 *ret, GError **error)
{
    const uint8_t counter = 1;
    const AkmaHmacPiece pieces[] = {{info, info_len}, {&counter, 1}};

    /*= RFC 5869 2.3: T(1) = HMAC-Hash(PRK, info || 0x01) */
    return akma_hmac_sha256(
        prk->bytes, sizeof prk->bytes, pieces, G_N_ELEMENTS(pieces), ret->bytes, error);
}
