/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/simulator/dialect.h"

#include <string.h>

static const AkmaSoftDialect dialects[] = {
    {.name = "plain"},
    {.name = "no-test", .no_test = true},
    {.name = "session-257", .session_base = 256},
    {.name = "no-space", .no_space = true},
    {.name = "inline", .inline_data = true},
    {.name = "no-cchc", .no_cchc = true},
    {.name = "busy", .busy = 3},
    {.name = "csim-only", .csim_only = true},
    {.name = "mbim-p2-0c", .mbim_p2_0c = true},
    {.name = "mbim-class-inter", .mbim_class_inter = true},
    {.name = "mbim-class-extended", .mbim_class_extended = true},
    {.name = "mbim-no-le", .mbim_no_le = true},
    {.name = "mbim-61xx", .mbim_61xx = true},
    {.name = "mbim-sw-be", .mbim_sw_be = true},
    {.name = "mbim-no-auth", .mbim_no_auth = true},
    {.name = "mbim-no-uicc-files", .mbim_no_uicc_files = true},
    {.name = "mbim-awkward",
     .mbim_p2_0c = true,
     .mbim_class_extended = true,
     .mbim_no_le = true,
     .mbim_61xx = true,
     .mbim_sw_be = true,
     .mbim_no_auth = true,
     .mbim_no_uicc_files = true},
    {.name = "mbim-qmi", .mbim_qmi = true},
    {.name = "qmi-no-channel", .qmi_no_channel = true},
    {.name = "qmi-no-open", .qmi_no_open = true},
    {.name = "qmi-denied", .qmi_denied = true},
    {.name = "qmi-no-dms-uim", .qmi_no_dms_uim = true},
};

const AkmaSoftDialect *
akma_soft_dialect_find(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(dialects); i++) {
        if (strcmp(dialects[i].name, name) == 0)
            return &dialects[i];
    }

    return NULL;
}

char *
akma_soft_dialect_dup_names(void)
{
    GString *names = g_string_new(dialects[0].name);

    for (size_t i = 1; i < G_N_ELEMENTS(dialects); i++)
        g_string_append_printf(names, " %s", dialects[i].name);

    return g_string_free(names, FALSE);
}
