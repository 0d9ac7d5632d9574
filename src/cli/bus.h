/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* bus: the agent's objects as akmactl sees them. */
#pragma once

#include "cli/cli.h"
#include "dbus/generated.h"

G_BEGIN_DECLS

#define AKMA_CLI_BUS_NAME "org.akmad1"
#define AKMA_CLI_BUS_PATH "/org/akmad1"

/* Errors: AKMA_ERROR_NOT_RUNNING (no bus). */
bool akma_cli_connect(AkmaCli *cli, GError **error);

/* The agent itself, properties loaded. Errors: AKMA_ERROR_NOT_RUNNING. */
AkmaBusManager *akma_cli_get_manager(AkmaCli *cli, GError **error);

/* With its properties as they are now. Errors: AKMA_ERROR_NOT_RUNNING, AKMA_ERROR_KEY_UNKNOWN. */
AkmaBusApplication *akma_cli_get_application(AkmaCli *cli, const char *name, GError **error);

/* A tree that follows the agent's, also through its restart. Errors: AKMA_ERROR_NOT_RUNNING. */
GDBusObjectManager *akma_cli_get_objects(AkmaCli *cli, GError **error);

/* Those objects of @objects, sorted by name or number. (transfer full) array of proxies. */
GPtrArray *akma_cli_sort_applications(GDBusObjectManager *objects);
GPtrArray *akma_cli_sort_modems(GDBusObjectManager *objects);

/* The number in the modem's path. */
guint64 akma_cli_modem_number(AkmaBusModem *modem);

/*
 * Calls @method and waits up to 250 s, more than polkit and the agent take. Where stderr is a
 * terminal a line there tells that @what goes on. Returns: (transfer full).
 */
GVariant *akma_cli_call_slow(
    GDBusProxy *proxy, const char *method, GVariant *arguments, const char *what, GError **error);

G_END_DECLS
