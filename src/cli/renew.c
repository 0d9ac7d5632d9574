/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* renew: the server is asked for one application's key now. */

#include "cli/show.h"

bool
akma_verb_renew(AkmaCli *cli, GError **error)
{
    g_autoptr(AkmaBusApplication) application = akma_cli_get_application(cli, cli->words[0], error);
    g_autofree char *what = g_strconcat("renewing ", cli->words[0], NULL);
    g_autoptr(GVariant) answer = NULL;

    if (!application)
        return false;
    answer = akma_cli_call_slow(G_DBUS_PROXY(application), "Renew", NULL, what, error);
    if (!answer)
        return false;

    return akma_show_application_now(cli, error);
}
