/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* tty: opens a serial port for AT commands: raw, exclusive where that helps. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * Returns: the descriptor (close-on-exec, non-blocking), or -1.
 * Errors: AKMA_ERROR_NO_MODEM (nothing there), AKMA_ERROR_MODEM_FAILED (busy, not allowed, no
 * terminal).
 */
int akma_at_tty_open(const char *path, GError **error);

G_END_DECLS
