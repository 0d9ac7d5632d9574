/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* gba: from CK and IK to Ks_NAF and Ks_int_NAF, TS 33.220 Annex B.3. */
#pragma once

#include "base/secret.h"
#include "kdf/af-id.h"

G_BEGIN_DECLS

/*
 * TS 33.220 4.5.2 and B.3: Ks = CK || IK, Ks_NAF = KDF(Ks, "gba-me", RAND, @impi, NAF_Id).
 * Ks_ext_NAF of GBA_U is the same derivation, on the card.
 */
bool akma_kdf_ks_naf(const AkmaKey128 *ck,
                     const AkmaKey128 *ik,
                     const uint8_t rand[static 16],
                     const char *impi,
                     const AkmaAfId *naf_id,
                     AkmaKey256 *ret,
                     GError **error);

/* The key of GBA_U that stays in the card: the same with "gba-u". */
bool akma_kdf_ks_int_naf(const AkmaKey128 *ck,
                         const AkmaKey128 *ik,
                         const uint8_t rand[static 16],
                         const char *impi,
                         const AkmaAfId *naf_id,
                         AkmaKey256 *ret,
                         GError **error);

G_END_DECLS
