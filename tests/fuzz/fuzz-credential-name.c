/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fuzz-credential-name: the address of a peer; what is taken stands in it, whole. */
#include "agent/credential-name.h"

#include <stdlib.h>
#include <string.h>

#include "dbus/unit.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *unit = NULL;
    g_autofree char *application = NULL;
    g_autofree char *text = g_strndup((const char *)data, size);
    g_autofree char *end = NULL;
    g_autofree char *end_with_suffix = NULL;

    if (!akma_credential_name_parse((const char *)data, size, &unit, &application))
        return 0;
    end = g_strdup_printf("/unit/%s/%s", unit, application);
    end_with_suffix = g_strconcat(end, ".key", NULL);
    if (strlen(text) != size || !akma_unit_name_is_valid(unit) || application[0] == '\0' ||
        (!g_str_has_suffix(text, end) && !g_str_has_suffix(text, end_with_suffix)))
        abort();

    return 0;
}
