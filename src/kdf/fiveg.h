/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fiveg: 5G AKA, TS 33.501 Annex A. @sn: serving network name "5G:mnc<3>.mcc<3>.3gppnetwork.org".
 */
#pragma once

#include "base/secret.h"

G_BEGIN_DECLS

/* TS 24.501 9.12.1; @mnc of 2 digits is padded. g_free(); NULL: AKMA_ERROR_INVALID_ARGUMENT. */
char *akma_kdf_serving_network(const char *mcc, const char *mnc, GError **error);

/* TS 33.501 A.2. @sqn_xor_ak: the first 6 octets of AUTN. */
bool akma_kdf_k_ausf(const AkmaKey128 *ck,
                     const AkmaKey128 *ik,
                     const char *sn,
                     const uint8_t sqn_xor_ak[static 6],
                     AkmaKey256 *ret,
                     GError **error);

/* TS 33.501 A.3: CK' || IK'. */
bool akma_kdf_ck_ik_prime(const AkmaKey128 *ck,
                          const AkmaKey128 *ik,
                          const char *sn,
                          const uint8_t sqn_xor_ak[static 6],
                          AkmaKey128 *ret_ck_prime,
                          AkmaKey128 *ret_ik_prime,
                          GError **error);

/* TS 33.501 A.4: RES* and XRES*. @res: 4 to 16 octets. */
bool akma_kdf_res_star(const AkmaKey128 *ck,
                       const AkmaKey128 *ik,
                       const char *sn,
                       const uint8_t rand[static 16],
                       const uint8_t *res,
                       size_t res_len,
                       uint8_t ret[static 16],
                       GError **error);

/* TS 33.501 A.5: HXRES*. */
bool akma_kdf_hxres_star(const uint8_t rand[static 16],
                         const uint8_t xres_star[static 16],
                         uint8_t ret[static 16],
                         GError **error);

/* TS 33.501 A.6. */
bool akma_kdf_k_seaf(const AkmaKey256 *k_ausf, const char *sn, AkmaKey256 *ret, GError **error);

G_END_DECLS
