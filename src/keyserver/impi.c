/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/impi.h"

#include <string.h>

#define DIGITS     "0123456789"
#define MCC_LEN    3
#define DIGITS_MIN 6 /* MCC, a short MNC, one digit of the subscriber */
#define DIGITS_MAX 15

/* Goes on behind @literal. */
static bool
skip(const char **text, const char *literal)
{
    if (!g_str_has_prefix(*text, literal))
        return false;
    *text += strlen(literal);

    return true;
}

/* Goes on behind three digits. */
static bool
skip_code(const char **text, const char **ret_code)
{
    if (strspn(*text, DIGITS) != 3)
        return false;
    *ret_code = *text;
    *text += 3;

    return true;
}

/*= TS 23.003 13.3: the private identity made from a USIM: digits@ims.mnc<MNC>.mcc<MCC>... */
static bool
parse_domain(const char *domain, const char **ret_mnc, const char **ret_mcc)
{
    return skip(&domain, "@ims.mnc") && skip_code(&domain, ret_mnc) && skip(&domain, ".mcc") &&
           skip_code(&domain, ret_mcc) && strcmp(domain, ".3gppnetwork.org") == 0;
}

/* An MNC of three digits, or of two that was written with a 0 in front. */
static bool
begins_with_mnc(const char *digits, const char *mnc)
{
    return strncmp(digits, mnc, 3) == 0 || (mnc[0] == '0' && strncmp(digits, mnc + 1, 2) == 0);
}

bool
akma_impi_to_identity(const char *impi, char ret[static AKMA_IMPI_IDENTITY_SIZE])
{
    size_t len = strspn(impi, DIGITS);
    const char *mnc;
    const char *mcc;

    if (len < DIGITS_MIN || len > DIGITS_MAX || !parse_domain(impi + len, &mnc, &mcc))
        return false;
    if (strncmp(impi, mcc, MCC_LEN) != 0 || !begins_with_mnc(impi + MCC_LEN, mnc))
        return false;

    g_snprintf(ret, AKMA_IMPI_IDENTITY_SIZE, "imsi-%.*s", (int)len, impi);

    return true;
}
