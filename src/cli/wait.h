/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* wait: until an application has a key. */
#pragma once

#include "cli/bus.h"

G_BEGIN_DECLS

/*
 * Returns when @application is ready or stale, at @deadline (g_get_monotonic_time()) at the
 * latest. A restart of the agent meanwhile is waited through.
 * Errors: AKMA_ERROR_NOT_READY with what the agent says went wrong last, AKMA_ERROR_KEY_REVOKED.
 */
bool akma_cli_wait_for_key(AkmaBusApplication *application, gint64 deadline, GError **error);

G_END_DECLS
