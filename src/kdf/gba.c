/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "kdf/gba.h"

#include <string.h>

#include "base/error.h"
#include "kdf/kdf.h"

#define FC_KS_NAF 0x01

static bool
derive(const char *label,
       const AkmaKey128 *ck,
       const AkmaKey128 *ik,
       const uint8_t rand[static 16],
       const char *impi,
       const AkmaAfId *naf_id,
       AkmaKey256 *ret,
       GError **error)
{
    const AkmaKdfParameter parameters[] = {
        {label, strlen(label)},
        {rand, 16},
        {impi, strlen(impi)},
        {naf_id->bytes, naf_id->len},
    };
    g_auto(AkmaKey256) ks = {0};

    g_return_val_if_fail(naf_id->len > AKMA_UA_ID_LEN && naf_id->len <= sizeof naf_id->bytes,
                         false);
    if (!*impi) {
        g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_INVALID_ARGUMENT, "the IMPI is empty");
        return false;
    }

    /*= TS 33.220 4.5.2: Ks = CK || IK */
    memcpy(ks.bytes, ck->bytes, sizeof ck->bytes);
    memcpy(ks.bytes + sizeof ck->bytes, ik->bytes, sizeof ik->bytes);

    return akma_kdf(
        ks.bytes, sizeof ks.bytes, FC_KS_NAF, parameters, G_N_ELEMENTS(parameters), ret, error);
}

/*= TS 33.220 B.3: Ks_NAF = KDF(Ks, 0x01, "gba-me", RAND, IMPI, NAF_Id) */
bool
akma_kdf_ks_naf(const AkmaKey128 *ck,
                const AkmaKey128 *ik,
                const uint8_t rand[static 16],
                const char *impi,
                const AkmaAfId *naf_id,
                AkmaKey256 *ret,
                GError **error)
{
    return derive("gba-me", ck, ik, rand, impi, naf_id, ret, error);
}

/*= TS 33.220 B.3: Ks_int_NAF = KDF(Ks, 0x01, "gba-u", RAND, IMPI, NAF_Id) */
bool
akma_kdf_ks_int_naf(const AkmaKey128 *ck,
                    const AkmaKey128 *ik,
                    const uint8_t rand[static 16],
                    const char *impi,
                    const AkmaAfId *naf_id,
                    AkmaKey256 *ret,
                    GError **error)
{
    return derive("gba-u", ck, ik, rand, impi, naf_id, ret, error);
}
