/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* json: properties of a D-Bus object as a JSON object. */

#include <stdio.h>

#include "cli/show.h"

/* "NextRenewal" -> "next_renewal" */
static char *
dup_snake_case(const char *name)
{
    GString *snake = g_string_new(NULL);

    for (const char *c = name; *c; c++) {
        if (g_ascii_isupper(*c) && c != name)
            g_string_append_c(snake, '_');
        g_string_append_c(snake, g_ascii_tolower(*c));
    }

    return g_string_free(snake, FALSE);
}

static json_t *
from_error(GVariant *value)
{
    const char *name;
    const char *message;

    g_variant_get(value, "(&s&s)", &name, &message);
    if (!*name)
        return json_null();

    return json_pack("{s:s,s:s}", "name", name, "message", message);
}

static json_t *
from_strings(GVariant *value)
{
    g_autofree const char **strings = g_variant_get_strv(value, NULL);
    json_t *array = json_array();

    for (size_t i = 0; strings[i]; i++)
        json_array_append_new(array, json_string(strings[i]));

    return array;
}

/* Every "t" of the API is a time, and 0 says that there is none. */
static json_t *
from_value(GVariant *value)
{
    if (!value)
        return json_null();
    if (g_variant_is_of_type(value, G_VARIANT_TYPE_STRING))
        return json_string(g_variant_get_string(value, NULL));
    if (g_variant_is_of_type(value, G_VARIANT_TYPE_STRING_ARRAY))
        return from_strings(value);
    if (g_variant_is_of_type(value, G_VARIANT_TYPE("(ss)")))
        return from_error(value);
    if (g_variant_is_of_type(value, G_VARIANT_TYPE_UINT64) && g_variant_get_uint64(value) != 0)
        return json_integer((json_int_t)g_variant_get_uint64(value));

    return json_null();
}

json_t *
akma_json_from_proxy(GDBusProxy *proxy, GDBusInterfaceInfo *info)
{
    json_t *object = json_object();

    for (size_t i = 0; info->properties[i]; i++) {
        const char *name = info->properties[i]->name;
        g_autofree char *member = dup_snake_case(name);
        g_autoptr(GVariant) value = g_dbus_proxy_get_cached_property(proxy, name);

        json_object_set_new(object, member, from_value(value));
    }

    return object;
}

json_t *
akma_json_from_application(AkmaBusApplication *application)
{
    return akma_json_from_proxy(G_DBUS_PROXY(application), akma_bus_application_interface_info());
}

json_t *
akma_json_from_modem(AkmaBusModem *modem)
{
    return akma_json_from_proxy(G_DBUS_PROXY(modem), akma_bus_modem_interface_info());
}

void
akma_json_print(json_t *steal)
{
    json_dumpf(steal, stdout, JSON_COMPACT);
    putchar('\n');
    fflush(stdout);
    json_decref(steal);
}
