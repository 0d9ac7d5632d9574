/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* enroll: one application's key is got, or renewed, now. */

#include "cli/show.h"

bool
akma_verb_enroll(AkmaCli *cli, GError **error)
{
    g_autoptr(AkmaBusManager) manager = akma_cli_get_manager(cli, error);
    g_autofree char *what = g_strconcat("enrolling ", cli->words[0], NULL);
    g_autoptr(GVariant) answer = NULL;

    if (!manager)
        return false;
    answer = akma_cli_call_slow(
        G_DBUS_PROXY(manager), "Enroll", g_variant_new("(s)", cli->words[0]), what, error);
    if (!answer)
        return false;

    return akma_show_application_now(cli, error);
}
