/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* probe: what a modem and its card can do, without anything that identifies them. */
#include <string.h>

#include "base/error.h"
#include "cli/probe.h"
#include "cli/show.h"

/* A member of the report that is no boolean, or not there, is null: the answer is not known. */
static json_t *
dup_boolean(GVariant *report, const char *name)
{
    gboolean value;

    return g_variant_lookup(report, name, "b", &value) ? json_boolean(value) : json_null();
}

static json_t *
dup_error(GVariant *report)
{
    const char *name;
    const char *message;

    if (!g_variant_lookup(report, "error", "(&s&s)", &name, &message))
        return json_null();

    return json_pack("{s:s, s:s}", "name", name, "message", message);
}

static json_t *
make_object(AkmaBusModem *modem, GVariant *report)
{
    json_t *object = json_object();
    const char *key_file = "unknown";

    g_variant_lookup(report, "key-file", "&s", &key_file);
    json_object_set_new(object, "modem", json_integer((json_int_t)akma_cli_modem_number(modem)));
    json_object_set_new(
        object, "manufacturer", json_string(akma_bus_modem_get_manufacturer(modem)));
    json_object_set_new(object, "model", json_string(akma_bus_modem_get_model(modem)));
    json_object_set_new(object, "device", json_string(akma_bus_modem_get_device(modem)));
    json_object_set_new(object, "protocol", json_string(akma_bus_modem_get_protocol(modem)));
    json_object_set_new(object, "sim_state", json_string(akma_bus_modem_get_sim_state(modem)));
    json_object_set_new(
        object, "registration", json_string(akma_bus_modem_get_registration(modem)));
    json_object_set_new(object, "channel", dup_boolean(report, "channel"));
    json_object_set_new(object, "apdu", dup_boolean(report, "apdu"));
    json_object_set_new(object, "service_68", dup_boolean(report, "service-68"));
    json_object_set_new(object, "service_123", dup_boolean(report, "service-123"));
    json_object_set_new(object, "service_124", dup_boolean(report, "service-124"));
    json_object_set_new(object, "key_file", json_string(key_file));
    json_object_set_new(object, "error", dup_error(report));

    return object;
}

/* What stands in the first column, and which member of the object behind it. */
static const struct {
    const char *what;
    const char *member;
} lines[] = {
    {"manufacturer", "manufacturer"},
    {"model", "model"},
    {"port", "device"},
    {"protocol", "protocol"},
    {"card", "sim_state"},
    {"registration", "registration"},
    {"logical channel", "channel"},
    {"commands on it", "apdu"},
    {"service 68, GBA", "service_68"},
    {"service 123, 5G security parameters", "service_123"},
    {"service 124, routing indicator", "service_124"},
    {"EF_5GAUTHKEYS", "key_file"},
};

static const char *
get_meaning(const char *key_file)
{
    static const struct {
        const char *name;
        const char *meaning;
    } rows[] = {
        {"absent", "absent: no AKMA with this card; GBA does not need it"},
        {"unreadable", "unreadable: the modem or the card keeps it from the host"},
        {"empty", "empty: not registered on 5G yet, or the modem writes it at power-off only"},
        {"readable", "readable: it holds a key, no exchange has told yet whether it is the last"},
        {"fresh", "fresh: the operator knew the key that it holds"},
        {"stale", "stale: the operator did not know the key; the modem may write it at power-off"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (g_str_equal(key_file, rows[i].name))
            return rows[i].meaning;
    }

    return "not known";
}

static void
show_object(const json_t *object)
{
    g_autoptr(GPtrArray) cells = g_ptr_array_new();
    const json_t *message = json_object_get(json_object_get(object, "error"), "message");

    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
        const json_t *value = json_object_get(object, lines[i].member);
        const char *text = json_is_true(value)     ? "yes"
                           : json_is_false(value)  ? "no"
                           : json_is_string(value) ? json_string_value(value)
                                                   : "not known";

        if (g_str_equal(lines[i].member, "key_file"))
            text = get_meaning(text);
        g_ptr_array_add(cells, (gpointer)lines[i].what);
        g_ptr_array_add(cells, (gpointer)text);
    }
    if (message) {
        g_ptr_array_add(cells, (gpointer) "it ended with");
        g_ptr_array_add(cells, (gpointer)json_string_value(message));
    }
    akma_show_table((const char *const *)cells->pdata, cells->len / 2, 2, -1);
}

static bool
probe_one(AkmaCli *cli, AkmaBusModem *modem, GError **error)
{
    g_autofree char *what =
        g_strdup_printf("probing modem %" G_GUINT64_FORMAT, akma_cli_modem_number(modem));
    g_autoptr(GVariant) answer =
        akma_cli_call_slow(G_DBUS_PROXY(modem), "Probe", NULL, what, error);
    g_autoptr(GVariant) report = NULL;
    json_t *object;

    if (!answer)
        return false;
    if (!g_variant_is_of_type(answer, G_VARIANT_TYPE("(a{sv})"))) {
        g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "the answer is no report");
        return false;
    }

    report = g_variant_get_child_value(answer, 0);
    object = make_object(modem, report);
    if (cli->json) {
        akma_json_print(object);
    } else {
        show_object(object);
        json_decref(object);
    }

    return true;
}

bool
akma_cli_probe(AkmaCli *cli, const GPtrArray *modems, GError **error)
{
    if (modems->len == 0) {
        g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_NO_MODEM, "there is no modem to probe");
        return false;
    }
    for (guint i = 0; i < modems->len; i++) {
        if (i > 0 && !cli->json)
            putchar('\n');
        if (!probe_one(cli, modems->pdata[i], error))
            return false;
    }

    return true;
}
