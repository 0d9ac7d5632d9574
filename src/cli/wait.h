/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* wait: until akmad is there, until an application has a key. */
#pragma once

#include "cli/bus.h"

G_BEGIN_DECLS

/*
 * akma_cli_get_application(); where akmad is not on the bus it is waited for until @deadline
 * (g_get_monotonic_time()), and a line on stderr says so.
 * Errors: AKMA_ERROR_NOT_RUNNING, AKMA_ERROR_KEY_UNKNOWN.
 */
AkmaBusApplication *akma_cli_await_application(AkmaCli *cli,
                                               const char *name,
                                               gint64 deadline,
                                               GError **error);

/*
 * Returns when @application is ready or stale, at @deadline (g_get_monotonic_time()) at the
 * latest. A restart of the agent meanwhile is waited through.
 * Errors: AKMA_ERROR_NOT_READY with what the agent says went wrong last, AKMA_ERROR_KEY_REVOKED,
 * AKMA_ERROR_NOT_RUNNING where it is not there at @deadline.
 */
bool akma_cli_wait_for_key(AkmaBusApplication *application, gint64 deadline, GError **error);

G_END_DECLS
