/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib/connect.h"

#include "base/error.h"

#define FLAGS                                                                                      \
    (G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT | G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION)

/* $DBUS_SYSTEM_BUS_ADDRESS or the usual one: nothing is asked for it. */
static char *
dup_address(GError **error)
{
    return g_dbus_address_get_for_bus_sync(G_BUS_TYPE_SYSTEM, NULL, error);
}

/* Whatever it was: there is no bus for us. */
static GError *
new_error(GError *local)
{
    GError *error;

    if (g_error_matches(local, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return local;
    error =
        g_error_new(AKMA_ERROR, AKMA_ERROR_NOT_RUNNING, "cannot reach the bus: %s", local->message);
    g_error_free(local);

    return error;
}

GDBusConnection *
akma_lib_connect(GCancellable *cancellable, GError **error)
{
    GError *local = NULL;
    g_autofree char *address = dup_address(&local);
    GDBusConnection *connection = NULL;

    if (address)
        connection =
            g_dbus_connection_new_for_address_sync(address, FLAGS, NULL, cancellable, &local);
    if (!connection)
        g_propagate_error(error, new_error(local));

    return connection;
}

static void
connected(GObject *source G_GNUC_UNUSED, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    GError *error = NULL;
    GDBusConnection *connection = g_dbus_connection_new_for_address_finish(result, &error);

    if (connection)
        g_task_return_pointer(task, connection, g_object_unref);
    else
        g_task_return_error(task, new_error(error));
}

void
akma_lib_connect_async(GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(NULL, cancellable, callback, user_data);
    GError *error = NULL;
    g_autofree char *address = dup_address(&error);

    g_task_set_source_tag(task, akma_lib_connect_async);
    if (!address) {
        g_task_return_error(task, new_error(error));
        return;
    }
    g_dbus_connection_new_for_address(
        address, FLAGS, NULL, cancellable, connected, g_steal_pointer(&task));
}

GDBusConnection *
akma_lib_connect_finish(GAsyncResult *result, GError **error)
{
    return g_task_propagate_pointer(G_TASK(result), error);
}
