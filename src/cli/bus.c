/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "cli/bus.h"

#include <string.h>
#include <systemd/sd-bus.h>

#include "base/bus-error.h"
#include "base/error.h"

#define OPEN_WAIT_S 25

typedef struct {
    GCancellable *cancellable;
    GDBusConnection *connection;
    GError *error;
    bool done;
    bool late;
} Opening;

static void
open_done(GObject *object G_GNUC_UNUSED, GAsyncResult *result, gpointer user_data)
{
    Opening *opening = user_data;

    opening->connection = g_dbus_connection_new_for_address_finish(result, &opening->error);
    opening->done = true;
}

static gboolean
give_up(gpointer user_data)
{
    Opening *opening = user_data;

    opening->late = true;
    g_cancellable_cancel(opening->cancellable);

    return G_SOURCE_REMOVE;
}

/* A bus that takes the connection and then is silent would hold us up for ever. */
static GDBusConnection *
open_bus(const char *address, unsigned wait_s, GError **error)
{
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    Opening opening = {.cancellable = cancellable};
    guint timer = g_timeout_add_seconds(wait_s ? wait_s : OPEN_WAIT_S, give_up, &opening);

    g_dbus_connection_new_for_address(address,
                                      G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                                          G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
                                      NULL,
                                      cancellable,
                                      open_done,
                                      &opening);
    while (!opening.done)
        g_main_context_iteration(NULL, TRUE);
    if (!opening.late)
        g_source_remove(timer);
    if (opening.error)
        g_propagate_error(error, opening.error);

    return opening.connection;
}

bool
akma_cli_connect(AkmaCli *cli, GError **error)
{
    const char *bus = cli->bus ? cli->bus : "system";
    bool is_system = strcmp(bus, "system") == 0;
    g_autofree char *address = NULL;
    g_autoptr(GError) local = NULL;

    if (cli->connection)
        return true;

    if (is_system || strcmp(bus, "session") == 0)
        address = g_dbus_address_get_for_bus_sync(
            is_system ? G_BUS_TYPE_SYSTEM : G_BUS_TYPE_SESSION, NULL, &local);
    else if (!g_dbus_is_supported_address(bus, &local)) {
        g_set_error(error,
                    AKMA_ERROR,
                    AKMA_ERROR_INVALID_ARGUMENT,
                    "--bus: \"%s\" is not system, session or the address of a bus",
                    bus);
        return false;
    } else {
        address = g_strdup(bus);
    }
    if (address)
        cli->connection = open_bus(address, cli->bus_wait_s, &local);
    if (!cli->connection) {
        g_set_error(
            error, AKMA_ERROR, AKMA_ERROR_NOT_RUNNING, "cannot reach the bus: %s", local->message);
        return false;
    }
    g_dbus_connection_set_exit_on_close(cli->connection, FALSE);

    return true;
}

static bool
require_owner(GDBusProxy *proxy, GError **error)
{
    g_autofree char *owner = g_dbus_proxy_get_name_owner(proxy);

    if (!owner) {
        g_set_error(error, AKMA_ERROR, AKMA_ERROR_NOT_RUNNING, "akmad is not on the bus");
        return false;
    }
    g_dbus_proxy_set_default_timeout(proxy, 25 * 1000);

    return true;
}

AkmaBusManager *
akma_cli_get_manager(AkmaCli *cli, GError **error)
{
    g_autoptr(AkmaBusManager) manager = NULL;
    g_autoptr(GError) local = NULL;

    if (!akma_cli_connect(cli, error))
        return NULL;

    manager = akma_bus_manager_proxy_new_sync(cli->connection,
                                              G_DBUS_PROXY_FLAGS_NONE,
                                              AKMA_CLI_BUS_NAME,
                                              AKMA_CLI_BUS_PATH,
                                              NULL,
                                              &local);
    if (!manager) {
        akma_bus_error_take(g_steal_pointer(&local), error);
        return NULL;
    }
    if (!require_owner(G_DBUS_PROXY(manager), error))
        return NULL;

    return g_steal_pointer(&manager);
}

AkmaBusApplication *
akma_cli_get_application(AkmaCli *cli, const char *name, GError **error)
{
    g_autoptr(AkmaBusApplication) application = NULL;
    g_autoptr(GError) local = NULL;
    g_autofree char *path = NULL;

    if (!akma_cli_connect(cli, error))
        return NULL;
    if (sd_bus_path_encode(AKMA_CLI_BUS_PATH "/application", name, &path) < 0) {
        g_set_error(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "no memory for the object's path");
        return NULL;
    }

    application = akma_bus_application_proxy_new_sync(
        cli->connection, G_DBUS_PROXY_FLAGS_NONE, AKMA_CLI_BUS_NAME, path, NULL, &local);
    if (!application) {
        akma_bus_error_take(g_steal_pointer(&local), error);
        return NULL;
    }
    if (!require_owner(G_DBUS_PROXY(application), error))
        return NULL;
    if (!akma_bus_application_get_id(application)) {
        g_set_error(error, AKMA_ERROR, AKMA_ERROR_KEY_UNKNOWN, "no such application");
        return NULL;
    }

    return g_steal_pointer(&application);
}

GDBusObjectManager *
akma_cli_get_objects(AkmaCli *cli, GError **error)
{
    g_autoptr(GDBusObjectManager) objects = NULL;
    g_autofree char *owner = NULL;
    g_autoptr(GError) local = NULL;

    if (!akma_cli_connect(cli, error))
        return NULL;

    objects = akma_bus_object_manager_client_new_sync(cli->connection,
                                                      G_DBUS_OBJECT_MANAGER_CLIENT_FLAGS_NONE,
                                                      AKMA_CLI_BUS_NAME,
                                                      AKMA_CLI_BUS_PATH,
                                                      NULL,
                                                      &local);
    if (!objects) {
        akma_bus_error_take(g_steal_pointer(&local), error);
        return NULL;
    }
    owner = g_dbus_object_manager_client_get_name_owner(G_DBUS_OBJECT_MANAGER_CLIENT(objects));
    if (!owner) {
        g_set_error(error, AKMA_ERROR, AKMA_ERROR_NOT_RUNNING, "akmad is not on the bus");
        return NULL;
    }

    return g_steal_pointer(&objects);
}

static GPtrArray *
collect(GDBusObjectManager *objects, const char *interface, GCompareFunc compare)
{
    GPtrArray *found = g_ptr_array_new_with_free_func(g_object_unref);
    GList *all = g_dbus_object_manager_get_objects(objects);

    for (GList *l = all; l; l = l->next) {
        GDBusInterface *one = g_dbus_object_get_interface(l->data, interface);

        if (one)
            g_ptr_array_add(found, one);
    }
    g_list_free_full(all, g_object_unref);
    g_ptr_array_sort(found, compare);

    return found;
}

static gint
compare_applications(gconstpointer a, gconstpointer b)
{
    return g_strcmp0(akma_bus_application_get_id(*(AkmaBusApplication *const *)a),
                     akma_bus_application_get_id(*(AkmaBusApplication *const *)b));
}

static gint
compare_modems(gconstpointer a, gconstpointer b)
{
    guint64 first = akma_cli_modem_number(*(AkmaBusModem *const *)a);
    guint64 second = akma_cli_modem_number(*(AkmaBusModem *const *)b);

    return first < second ? -1 : first > second;
}

GPtrArray *
akma_cli_sort_applications(GDBusObjectManager *objects)
{
    return collect(objects, "org.akmad1.Application", compare_applications);
}

GPtrArray *
akma_cli_sort_modems(GDBusObjectManager *objects)
{
    return collect(objects, "org.akmad1.Modem", compare_modems);
}

guint64
akma_cli_modem_number(AkmaBusModem *modem)
{
    const char *path = g_dbus_proxy_get_object_path(G_DBUS_PROXY(modem));

    return g_ascii_strtoull(strrchr(path, '/') + 1, NULL, 10);
}
