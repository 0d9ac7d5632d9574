/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "base/bus-error.h"

#include <gio/gio.h>
#include <stdbool.h>

#include "base/error.h"

/* Errors of the bus or of GDBus, which are not ours, and what they mean to the caller. */
static const struct {
    bool of_io; /* G_IO_ERROR; else G_DBUS_ERROR */
    int code;
    AkmaError ours;
    const char *text; /* NULL: the error's own */
} foreign[] = {
    {false, G_DBUS_ERROR_SERVICE_UNKNOWN, AKMA_ERROR_NOT_RUNNING, "akmad is not on the bus"},
    {false, G_DBUS_ERROR_NAME_HAS_NO_OWNER, AKMA_ERROR_NOT_RUNNING, "akmad is not on the bus"},
    {false, G_DBUS_ERROR_SPAWN_CHILD_EXITED, AKMA_ERROR_NOT_RUNNING, "akmad did not start"},
    {false, G_DBUS_ERROR_SPAWN_FAILED, AKMA_ERROR_NOT_RUNNING, "akmad did not start"},
    {false, G_DBUS_ERROR_NO_SERVER, AKMA_ERROR_NOT_RUNNING, NULL},
    {false, G_DBUS_ERROR_DISCONNECTED, AKMA_ERROR_NOT_RUNNING, NULL},
    {false, G_DBUS_ERROR_NO_REPLY, AKMA_ERROR_NOT_RUNNING, "akmad went away during the call"},
    {false, G_DBUS_ERROR_TIMEOUT, AKMA_ERROR_NOT_RUNNING, "akmad does not answer"},
    {false, G_DBUS_ERROR_TIMED_OUT, AKMA_ERROR_NOT_RUNNING, "akmad does not answer"},
    {true, G_IO_ERROR_TIMED_OUT, AKMA_ERROR_NOT_RUNNING, "akmad does not answer"},
    {true, G_IO_ERROR_CLOSED, AKMA_ERROR_NOT_RUNNING, "the bus has closed the connection"},
    {false, G_DBUS_ERROR_ACCESS_DENIED, AKMA_ERROR_NOT_AUTHORIZED, NULL},
    {false, G_DBUS_ERROR_UNKNOWN_OBJECT, AKMA_ERROR_KEY_UNKNOWN, "no such application"},
    {false, G_DBUS_ERROR_UNKNOWN_METHOD, AKMA_ERROR_KEY_UNKNOWN, "no such application"},
    {false, G_DBUS_ERROR_UNKNOWN_INTERFACE, AKMA_ERROR_KEY_UNKNOWN, "no such application"},
    {false, G_DBUS_ERROR_LIMITS_EXCEEDED, AKMA_ERROR_RATE_LIMITED, NULL},
    {false, G_DBUS_ERROR_INVALID_ARGS, AKMA_ERROR_INVALID_ARGUMENT, NULL},
};

static AkmaError
find_foreign(const GError *local, const char **ret_text)
{
    for (size_t i = 0; i < G_N_ELEMENTS(foreign); i++) {
        GQuark domain = foreign[i].of_io ? G_IO_ERROR : G_DBUS_ERROR;

        if (g_error_matches(local, domain, foreign[i].code)) {
            *ret_text = foreign[i].text;
            return foreign[i].ours;
        }
    }

    return AKMA_ERROR_INTERNAL;
}

void
akma_bus_error_take(GError *local, GError **error)
{
    g_autofree char *remote = g_dbus_error_get_remote_error(local);
    const char *text = NULL;
    AkmaError code;

    g_dbus_error_strip_remote_error(local);
    if (local->domain == AKMA_ERROR || g_error_matches(local, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
        g_propagate_error(error, local);
        return;
    }

    if (!akma_error_find(remote, &code))
        code = find_foreign(local, &text);
    g_set_error_literal(error, AKMA_ERROR, (int)code, text ? text : local->message);
    g_error_free(local);
}
