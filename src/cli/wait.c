/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "cli/wait.h"

#include <stdio.h>

#include "base/error.h"
#include "cli/show.h"

#define BREATH_US 100000

static gboolean
mark_late(gpointer user_data)
{
    bool *late = user_data;

    *late = true;

    return G_SOURCE_REMOVE;
}

static void
agent_came(GDBusConnection *connection G_GNUC_UNUSED,
           const char *name G_GNUC_UNUSED,
           const char *owner G_GNUC_UNUSED,
           gpointer user_data)
{
    bool *here = user_data;

    *here = true;
}

/*
 * By its name, and without a call: that would start akmad, which systemd does after a pause of its
 * own, and not at all after too many starts.
 */
static bool
wait_for_agent(GDBusConnection *connection, gint64 deadline)
{
    gint64 left_ms = (deadline - g_get_monotonic_time()) / 1000;
    bool here = false;
    bool late = false;
    guint timer;
    guint watch;

    if (left_ms <= 0)
        return false;

    timer = g_timeout_add((guint)MIN(left_ms + 1, G_MAXUINT), mark_late, &late);
    watch = g_bus_watch_name_on_connection(connection,
                                           AKMA_CLI_BUS_NAME,
                                           G_BUS_NAME_WATCHER_FLAGS_NONE,
                                           agent_came,
                                           NULL,
                                           &here,
                                           NULL);
    while (!here && !late && !g_dbus_connection_is_closed(connection))
        g_main_context_iteration(NULL, TRUE);
    g_bus_unwatch_name(watch);
    if (!late)
        g_source_remove(timer);

    return here;
}

AkmaBusApplication *
akma_cli_await_application(AkmaCli *cli, const char *name, gint64 deadline, GError **error)
{
    for (unsigned tries = 0;; tries++) {
        g_autoptr(GError) local = NULL;
        AkmaBusApplication *application = akma_cli_get_application(cli, name, &local);
        bool is_passing = cli->connection &&
                          g_error_matches(local, AKMA_ERROR, AKMA_ERROR_NOT_RUNNING) &&
                          g_get_monotonic_time() < deadline;

        if (application)
            return application;
        if (is_passing && tries == 0)
            fprintf(stderr, "%s: akmad is not there; waiting for it\n", g_get_prgname());
        /* it may be there and fall silent, again and again */
        if (is_passing && tries > 0)
            g_usleep(BREATH_US);
        if (!is_passing || !wait_for_agent(cli->connection, deadline)) {
            g_propagate_error(error, g_steal_pointer(&local));
            return NULL;
        }
    }
}

static bool
fail_late(AkmaBusApplication *application, GError **error)
{
    g_autofree char *owner = g_dbus_proxy_get_name_owner(G_DBUS_PROXY(application));
    GVariant *last = akma_bus_application_get_last_error(application);
    const char *name = "";
    const char *message = "";

    if (!owner) {
        g_set_error(error, AKMA_ERROR, AKMA_ERROR_NOT_RUNNING, "akmad has gone");
        return false;
    }
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
    /* who gave no time does not want to wait for an akmad that nobody starts */
    application =
        akma_cli_await_application(cli, cli->words[0], cli->timeout ? deadline : 0, error);
    if (!application || !akma_cli_wait_for_key(application, deadline, error))
        return false;

    return akma_show_application_now(cli, error);
}
