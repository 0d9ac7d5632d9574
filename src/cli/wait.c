/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "cli/wait.h"

#include <string.h>

#include "base/error.h"
#include "cli/show.h"

static gboolean
mark_late(gpointer user_data)
{
    bool *late = user_data;

    *late = true;

    return G_SOURCE_REMOVE;
}

static bool
fail_late(AkmaBusApplication *application, GError **error)
{
    GVariant *last = akma_bus_application_get_last_error(application);
    const char *name = "";
    const char *message = "";

    if (last)
        g_variant_get(last, "(&s&s)", &name, &message);
    g_set_error(error,
                AKMA_ERROR,
                AKMA_ERROR_NOT_READY,
                "no key in this time%s%s",
                *name ? ": " : "",
                *name ? message : "");

    return false;
}

bool
akma_cli_wait_for_key(AkmaBusApplication *application, gint64 deadline, GError **error)
{
    GDBusConnection *connection = g_dbus_proxy_get_connection(G_DBUS_PROXY(application));
    gint64 left_ms = (deadline - g_get_monotonic_time()) / 1000;
    bool late = left_ms <= 0;
    guint timer = 0;

    if (!late && deadline != G_MAXINT64)
        timer = g_timeout_add((guint)MIN(left_ms + 1, G_MAXUINT), mark_late, &late);

    for (;;) {
        const char *state = akma_bus_application_get_state(application);

        if (g_strcmp0(state, "ready") == 0 || g_strcmp0(state, "stale") == 0)
            break;
        if (late)
            return fail_late(application, error);
        if (g_strcmp0(state, "revoked") == 0) {
            g_clear_handle_id(&timer, g_source_remove);
            g_set_error(error, AKMA_ERROR, AKMA_ERROR_KEY_REVOKED, "the server took the key away");
            return false;
        }
        if (g_dbus_connection_is_closed(connection)) {
            g_clear_handle_id(&timer, g_source_remove);
            g_set_error(
                error, AKMA_ERROR, AKMA_ERROR_NOT_RUNNING, "the bus has closed the connection");
            return false;
        }
        g_main_context_iteration(NULL, TRUE);
    }
    if (!late)
        g_clear_handle_id(&timer, g_source_remove);

    return true;
}

bool
akma_verb_wait(AkmaCli *cli, GError **error)
{
    g_autoptr(AkmaBusApplication) application = NULL;
    gint64 deadline;

    if (!akma_cli_parse_deadline("--timeout", cli->timeout, &deadline, error))
        return false;
    application = akma_cli_get_application(cli, cli->words[0], error);
    if (!application || !akma_cli_wait_for_key(application, deadline, error))
        return false;

    return akma_show_application_now(cli, error);
}
