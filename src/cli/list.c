/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* list: the applications. */

#include "cli/show.h"

bool
akma_verb_list(AkmaCli *cli, GError **error)
{
    g_autoptr(GDBusObjectManager) objects = akma_cli_get_objects(cli, error);
    g_autoptr(GPtrArray) applications = NULL;

    if (!objects)
        return false;

    applications = akma_cli_sort_applications(objects);
    if (!cli->json)
        akma_show_applications(applications);
    for (guint i = 0; cli->json && i < applications->len; i++)
        akma_json_print(akma_json_from_application(applications->pdata[i]));

    return true;
}
