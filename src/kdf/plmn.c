/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "kdf/plmn.h"

#include <string.h>

#include "base/error.h"

bool
akma_digits_check(const char *text, size_t min, size_t max)
{
    size_t len = strspn(text, "0123456789");

    return text[len] == '\0' && len >= min && len <= max;
}

char *
akma_plmn_dup_domain(const char *mcc, const char *mnc, GError **error)
{
    if (!akma_digits_check(mcc, 3, 3) || !akma_digits_check(mnc, 2, 3)) {
        g_set_error_literal(error,
                            AKMA_ERROR,
                            AKMA_ERROR_INVALID_ARGUMENT,
                            "not an MCC of 3 digits with an MNC of 2 or 3");
        return NULL;
    }

    /*= TS 23.003 28.2: an MNC of 2 digits is padded with a 0 in front */
    return g_strdup_printf("mnc%s%s.mcc%s.3gppnetwork.org", strlen(mnc) == 2 ? "0" : "", mnc, mcc);
}
