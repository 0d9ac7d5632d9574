/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "kdf/akma.h"

#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "kdf/kdf.h"
#include "kdf/plmn.h"

#define FC_K_AKMA 0x80
#define FC_A_TID  0x81
#define FC_K_AF   0x82

#define IMSI_MIN 6
#define IMSI_MAX 15

static bool
reject(GError **error, const char *message)
{
    g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_INVALID_ARGUMENT, message);

    return false;
}

/* K_AKMA and A-TID: the same derivation under another code and label. */
static bool
derive_from_supi(const AkmaKey256 *k_ausf,
                 uint8_t fc,
                 const char *label,
                 const char *imsi,
                 AkmaKey256 *ret,
                 GError **error)
{
    const AkmaKdfParameter parameters[] = {{label, strlen(label)}, {imsi, strlen(imsi)}};

    /*= TS 33.501 A.7.0: for a SUPI of type IMSI, P1 is the IMSI, the digits alone */
    if (!akma_digits_check(imsi, IMSI_MIN, IMSI_MAX))
        return reject(error, "not an IMSI (digits only, without \"imsi-\")");

    return akma_kdf(
        k_ausf->bytes, sizeof k_ausf->bytes, fc, parameters, G_N_ELEMENTS(parameters), ret, error);
}

bool
akma_kdf_k_akma(const AkmaKey256 *k_ausf, const char *imsi, AkmaKey256 *ret, GError **error)
{
    /*= TS 33.535 A.2: K_AKMA = KDF(K_AUSF, 0x80, "AKMA", SUPI) */
    return derive_from_supi(k_ausf, FC_K_AKMA, "AKMA", imsi, ret, error);
}

bool
akma_kdf_a_tid(const AkmaKey256 *k_ausf, const char *imsi, uint8_t ret[static 32], GError **error)
{
    g_auto(AkmaKey256) a_tid = {0};

    /*= TS 33.535 A.3: A-TID = KDF(K_AUSF, 0x81, "A-TID", SUPI) */
    if (!derive_from_supi(k_ausf, FC_A_TID, "A-TID", imsi, &a_tid, error))
        return false;

    memcpy(ret, a_tid.bytes, sizeof a_tid.bytes);

    return true;
}

bool
akma_kdf_k_af(const AkmaKey256 *k_akma, const AkmaAfId *af_id, AkmaKey256 *ret, GError **error)
{
    const AkmaKdfParameter id = {af_id->bytes, af_id->len};

    g_return_val_if_fail(af_id->len > AKMA_UA_ID_LEN && af_id->len <= sizeof af_id->bytes, false);

    /*= TS 33.535 A.4: K_AF = KDF(K_AKMA, 0x82, AF_ID) */
    return akma_kdf(k_akma->bytes, sizeof k_akma->bytes, FC_K_AF, &id, 1, ret, error);
}

/* "" or labels that each end in a dot: it stands in front of "5gc." */
static bool
check_realm_prefix(const char *prefix)
{
    char last = '.';

    for (; *prefix; last = *prefix++) {
        if (!g_ascii_isalnum(*prefix) && *prefix != '-' && *prefix != '.')
            return false;
        if (*prefix == '.' && last == '.')
            return false;
    }

    return last == '.';
}

static char *
dup_username(AkmaAKidFormat format, const char *routing_indicator, const uint8_t a_tid[static 32])
{
    char text[AKMA_HEX_LEN(32) + 1];

    switch (format) {
    case AKMA_A_KID_DOT_BASE64URL:
        akma_base64url_encode(a_tid, 32, text);
        return g_strdup_printf("%s.%s", routing_indicator, text);
    case AKMA_A_KID_HEX:
        akma_hex_encode(a_tid, 32, text);
        return g_strdup_printf("%s%s", text, routing_indicator);
    }

    g_return_val_if_reached(NULL);
}

char *
akma_kdf_a_kid(AkmaAKidFormat format,
               const char *routing_indicator,
               const uint8_t a_tid[static 32],
               const char *realm_prefix,
               const char *mcc,
               const char *mnc,
               GError **error)
{
    g_autofree char *domain = akma_plmn_dup_domain(mcc, mnc, error);
    g_autofree char *username = NULL;
    g_autofree char *a_kid = NULL;

    if (!domain)
        return NULL;
    /*= TS 31.102 4.4.11.11: the routing indicator has 1 to 4 digits */
    if (!akma_digits_check(routing_indicator, 1, 4)) {
        reject(error, "the routing indicator is not 1 to 4 digits");
        return NULL;
    }
    if (!check_realm_prefix(realm_prefix)) {
        reject(error, "the realm prefix is not labels that each end in a dot");
        return NULL;
    }

    /*= TS 33.535 6.1: A-KID = username@realm, with RID and A-TID in the username */
    username = dup_username(format, routing_indicator, a_tid);
    a_kid = g_strdup_printf("%s@%s5gc.%s", username, realm_prefix, domain);
    if (strlen(a_kid) > AKMA_A_KID_MAX) {
        reject(error, "the realm prefix is too long");
        return NULL;
    }

    return g_steal_pointer(&a_kid);
}
