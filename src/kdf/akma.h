/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* akma: from K_AUSF to K_AF, TS 33.535 Annex A. */
#pragma once

#include "base/secret.h"
#include "kdf/af-id.h"

G_BEGIN_DECLS

#define AKMA_A_KID_MAX 253 /* characters, as the key-delivery protocol allows */

typedef enum {
    AKMA_A_KID_DOT_BASE64URL, /* <RID>.<base64url(A-TID)>@<realm>, the default */
    AKMA_A_KID_HEX,           /* <hex(A-TID)><RID>@<realm> */
} AkmaAKidFormat;

/* TS 33.535 A.2. @imsi: the bare digits of the SUPI, no "imsi-" (TS 33.501 A.7.0). */
bool akma_kdf_k_akma(const AkmaKey256 *k_ausf, const char *imsi, AkmaKey256 *ret, GError **error);

/* TS 33.535 A.3. An identifier, not a key. */
bool akma_kdf_a_tid(const AkmaKey256 *k_ausf,
                    const char *imsi,
                    uint8_t ret[static 32],
                    GError **error);

/* TS 33.535 A.4. */
bool akma_kdf_k_af(const AkmaKey256 *k_akma,
                   const AkmaAfId *af_id,
                   AkmaKey256 *ret,
                   GError **error);

/*
 * TS 33.535 6.1: username@realm with routing indicator (1-4 digits) and A-TID; the realm is
 * @realm_prefix (may be "") followed by 5gc.mnc<3 digits>.mcc<3 digits>.3gppnetwork.org.
 * @mnc of 2 digits is padded. Returns: (transfer full): g_free(); NULL:
 * AKMA_ERROR_INVALID_ARGUMENT.
 */
char *akma_kdf_a_kid(AkmaAKidFormat format,
                     const char *routing_indicator,
                     const uint8_t a_tid[static 32],
                     const char *realm_prefix,
                     const char *mcc,
                     const char *mnc,
                     GError **error);

G_END_DECLS
