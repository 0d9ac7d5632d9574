/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sockets: where the workers listen, one socket for each. */
#pragma once

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

/*
 * @ret_fds: room for @n. A socket from systemd (LISTEN_FDS), else @address; some of them may be
 * the same. Errors: AKMA_ERROR_CONFIG_INVALID.
 */
bool akma_sockets_open(const char *address, unsigned n, int *ret_fds, GError **error);

G_END_DECLS
