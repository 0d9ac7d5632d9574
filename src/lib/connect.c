/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib/connect.h"

#include <stdbool.h>

#include "base/error.h"

#define WAIT_MS (25 * 1000)
#define FLAGS                                                                                      \
    (G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT | G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION)

typedef struct {
    GCancellable *stop; /* of GDBus: for the caller, or because it takes too long */
    gulong handler;     /* of the caller's GCancellable; 0: none */
    GSource *timer;
    bool late;
} Opening;

static void
opening_free(gpointer data)
{
    Opening *opening = data;

    g_source_destroy(opening->timer);
    g_source_unref(opening->timer);
    g_object_unref(opening->stop);
    g_free(opening);
}

/* Whatever it was: there is no bus for us. */
static GError *
new_error(GError *local, bool late)
{
    GError *error;

    if (!late && g_error_matches(local, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return local;
    error = g_error_new(AKMA_ERROR,
                        AKMA_ERROR_NOT_RUNNING,
                        "cannot reach the bus: %s",
                        late ? "it does not answer" : local->message);
    g_error_free(local);

    return error;
}

static void
connected(GObject *source G_GNUC_UNUSED, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    Opening *opening = g_task_get_task_data(task);
    GError *error = NULL;
    GDBusConnection *connection = g_dbus_connection_new_for_address_finish(result, &error);

    g_source_destroy(opening->timer);
    g_cancellable_disconnect(g_task_get_cancellable(task), opening->handler);
    if (connection)
        g_task_return_pointer(task, connection, g_object_unref);
    else
        g_task_return_error(task, new_error(error, opening->late));
}

/* A bus that takes the connection and then is silent would hold us up for ever. */
static gboolean
give_up(gpointer user_data)
{
    Opening *opening = user_data;

    opening->late = true;
    g_cancellable_cancel(opening->stop);

    return G_SOURCE_REMOVE;
}

static void
stop(GCancellable *cancellable G_GNUC_UNUSED, gpointer user_data)
{
    g_cancellable_cancel(user_data);
}

void
akma_lib_connect_async(GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(NULL, cancellable, callback, user_data);
    Opening *opening = g_new0(Opening, 1);
    GError *error = NULL;
    /* $DBUS_SYSTEM_BUS_ADDRESS or the usual one: nothing is asked for it */
    g_autofree char *address = g_dbus_address_get_for_bus_sync(G_BUS_TYPE_SYSTEM, NULL, &error);

    g_task_set_source_tag(task, akma_lib_connect_async);
    g_task_set_task_data(task, opening, opening_free);
    opening->stop = g_cancellable_new();
    opening->timer = g_timeout_source_new(WAIT_MS);
    g_source_set_callback(opening->timer, give_up, opening, NULL);
    if (!address) {
        g_task_return_error(task, new_error(error, false));
        return;
    }

    g_source_attach(opening->timer, g_task_get_context(task));
    if (cancellable)
        opening->handler = g_cancellable_connect(
            cancellable, G_CALLBACK(stop), g_object_ref(opening->stop), g_object_unref);
    g_dbus_connection_new_for_address(
        address, FLAGS, NULL, opening->stop, connected, g_steal_pointer(&task));
}

GDBusConnection *
akma_lib_connect_finish(GAsyncResult *result, GError **error)
{
    return g_task_propagate_pointer(G_TASK(result), error);
}

static void
keep_result(GObject *source G_GNUC_UNUSED, GAsyncResult *result, gpointer user_data)
{
    GAsyncResult **kept = user_data;

    *kept = g_object_ref(result);
}

GDBusConnection *
akma_lib_connect(GCancellable *cancellable, GError **error)
{
    /* of its own: nothing of the caller's runs meanwhile */
    g_autoptr(GMainContext) context = g_main_context_new();
    g_autoptr(GAsyncResult) result = NULL;

    g_main_context_push_thread_default(context);
    akma_lib_connect_async(cancellable, keep_result, &result);
    while (!result)
        g_main_context_iteration(context, TRUE);
    g_main_context_pop_thread_default(context);

    return akma_lib_connect_finish(result, error);
}
