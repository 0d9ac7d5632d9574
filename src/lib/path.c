/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib/path.h"

#include <stdbool.h>

#define APPLICATIONS "/org/akmad1/application/"

char *
akma_lib_dup_path(const char *name)
{
    GString *path = g_string_new(APPLICATIONS);

    /* an empty element is no path; no letter is written as one underscore alone */
    if (*name == '\0')
        g_string_append_c(path, '_');
    for (const char *c = name; *c; c++) {
        bool plain = g_ascii_isalpha(*c) || (g_ascii_isdigit(*c) && c > name);

        if (plain)
            g_string_append_c(path, *c);
        else
            g_string_append_printf(path, "_%02x", (guchar)*c);
    }

    return g_string_free(path, FALSE);
}
