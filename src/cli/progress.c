/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* progress: a slow call of the agent, with a line on the terminal while it runs. */

#include <stdio.h>
#include <unistd.h>

#include "base/bus-error.h"
#include "cli/bus.h"

/* 120 s for a person to type a password at polkit, then 120 s for the exchange, 10 s for the bus */
#define CALL_TIMEOUT_MS ((120 + 120 + 10) * 1000)
#define LINE_EVERY_MS   200

typedef struct {
    GDBusProxy *proxy;
    const char *what;
    gint64 started;
    bool done;
    GVariant *answer;
    GError *error;
} Call;

static void
call_done(GObject *proxy, GAsyncResult *result, gpointer user_data)
{
    Call *call = user_data;

    call->answer = g_dbus_proxy_call_finish(G_DBUS_PROXY(proxy), result, &call->error);
    call->done = true;
}

static gboolean
show_line(gpointer user_data)
{
    const Call *call = user_data;
    g_autoptr(GVariant) state = g_dbus_proxy_get_cached_property(call->proxy, "State");

    fprintf(stderr,
            "\r\033[K%s: %s, %.0f s",
            call->what,
            state ? g_variant_get_string(state, NULL) : "waiting",
            (double)(g_get_monotonic_time() - call->started) / G_USEC_PER_SEC);

    return G_SOURCE_CONTINUE;
}

GVariant *
akma_cli_call_slow(
    GDBusProxy *proxy, const char *method, GVariant *arguments, const char *what, GError **error)
{
    Call call = {.proxy = proxy, .what = what, .started = g_get_monotonic_time()};
    guint line = isatty(STDERR_FILENO) ? g_timeout_add(LINE_EVERY_MS, show_line, &call) : 0;

    /* polkit may ask the person for a password */
    g_dbus_proxy_call(proxy,
                      method,
                      arguments,
                      G_DBUS_CALL_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION,
                      CALL_TIMEOUT_MS,
                      NULL,
                      call_done,
                      &call);
    while (!call.done)
        g_main_context_iteration(NULL, TRUE);

    if (line) {
        g_source_remove(line);
        fputs("\r\033[K", stderr);
    }
    if (!call.answer)
        akma_bus_error_take(call.error, error);

    return call.answer;
}
