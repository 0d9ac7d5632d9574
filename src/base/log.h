/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * log: where a daemon's lines go. Under systemd: journal fields; else one line on stderr.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

/*
 * @level: "error", "warning", "info" or "debug": the least that is shown. "info" (the default
 * for NULL) shows life-cycle and request lines. Installs the GLib log writer; call once.
 * False: @level is none of them.
 */
bool akma_log_init(const char *level);

G_END_DECLS
