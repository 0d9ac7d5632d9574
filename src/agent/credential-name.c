/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "agent/credential-name.h"

#include <string.h>

#include "agent/config.h"
#include "dbus/unit.h"

#define RANDOM_MAX 16 /* hex digits of 64 bits */
#define SUFFIX     ".key"

static bool
is_random(const char *text)
{
    size_t len = strspn(text, "0123456789abcdef");

    return len > 0 && len <= RANDOM_MAX && text[len] == '\0';
}

bool
akma_credential_name_parse(const char *address, size_t len, char **ret_unit, char **ret_application)
{
    g_autofree char *text = g_strndup(address, len);
    g_auto(GStrv) parts = NULL;
    char *application;

    if (strlen(text) != len)
        return false;
    parts = g_strsplit(text, "/", 5);
    if (g_strv_length(parts) != 4)
        return false;
    application = parts[3];
    if (g_str_has_suffix(application, SUFFIX))
        application[strlen(application) - strlen(SUFFIX)] = '\0';
    if (!is_random(parts[0]) || strcmp(parts[1], "unit") != 0 ||
        !akma_unit_name_is_valid(parts[2]) || !akma_config_name_is_valid(application))
        return false;

    *ret_unit = g_strdup(parts[2]);
    *ret_application = g_strdup(application);

    return true;
}
