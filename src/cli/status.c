/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* status: the agent, its modems and its applications. */

#include <stdio.h>

#include "cli/show.h"

static void
print_json(AkmaBusManager *manager, GPtrArray *modems, GPtrArray *applications)
{
    json_t *root = akma_json_from_proxy(G_DBUS_PROXY(manager), akma_bus_manager_interface_info());
    json_t *list = json_array();

    for (guint i = 0; i < modems->len; i++)
        json_array_append_new(list, akma_json_from_modem(modems->pdata[i]));
    json_object_set_new(root, "modems", list);

    list = json_array();
    for (guint i = 0; i < applications->len; i++)
        json_array_append_new(list, akma_json_from_application(applications->pdata[i]));
    json_object_set_new(root, "applications", list);

    akma_json_print(root);
}

bool
akma_verb_status(AkmaCli *cli, GError **error)
{
    g_autoptr(AkmaBusManager) manager = akma_cli_get_manager(cli, error);
    g_autoptr(GDBusObjectManager) objects = NULL;
    g_autoptr(GPtrArray) modems = NULL;
    g_autoptr(GPtrArray) applications = NULL;
    const char *state;

    if (!manager)
        return false;
    objects = akma_cli_get_objects(cli, error);
    if (!objects)
        return false;

    modems = akma_cli_sort_modems(objects);
    applications = akma_cli_sort_applications(objects);
    if (cli->json) {
        print_json(manager, modems, applications);
        return true;
    }

    state = akma_bus_manager_get_state(manager);
    akma_show_state("state", state ? state : "unknown");
    printf("%-12s%s\n", "version", akma_bus_manager_get_version(manager));
    printf("%-12s%s\n", "sealing", akma_bus_manager_get_sealing(manager));
    akma_show_error("last error", akma_bus_manager_get_last_error(manager));
    putchar('\n');
    akma_show_modems(modems);
    putchar('\n');
    akma_show_applications(applications);

    return true;
}
