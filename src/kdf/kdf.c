/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "kdf/kdf.h"

#include "base/error.h"
#include "kdf/hmac.h"

#define PARAMETERS_MAX 8 /* Ks_NAF has the most of ours: four */

bool
akma_kdf(const void *key,
         size_t key_len,
         uint8_t fc,
         const AkmaKdfParameter *parameters,
         size_t n_parameters,
         AkmaKey256 *ret_key,
         GError **error)
{
    uint8_t lengths[PARAMETERS_MAX][2];
    AkmaHmacPiece pieces[1 + 2 * PARAMETERS_MAX];
    size_t n = 0;

    g_return_val_if_fail(key && key_len > 0, false);
    g_return_val_if_fail(n_parameters <= PARAMETERS_MAX, false);

    /*= TS 33.220 B.2.2: S = FC || P0 || L0 || P1 || L1 ..., lengths in two octets, big endian */
    pieces[n++] = (AkmaHmacPiece){&fc, 1};
    for (size_t i = 0; i < n_parameters; i++) {
        if (parameters[i].len > UINT16_MAX) {
            g_set_error_literal(
                error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "KDF parameter over 65535 octets");
            return false;
        }
        lengths[i][0] = (uint8_t)(parameters[i].len >> 8);
        lengths[i][1] = (uint8_t)parameters[i].len;
        pieces[n++] = (AkmaHmacPiece){parameters[i].bytes, parameters[i].len};
        pieces[n++] = (AkmaHmacPiece){lengths[i], 2};
    }

    return akma_hmac_sha256(key, key_len, pieces, n, ret_key->bytes, error);
}
