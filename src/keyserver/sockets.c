/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/sockets.h"

#include <sys/socket.h>
#include <systemd/sd-daemon.h>

#include "base/error.h"
#include "http/h2.h"

/* One for all: the kernel wakes whoever is free. */
static bool
take_passed(unsigned n_passed, unsigned n, int *ret_fds, GError **error)
{
    if (n_passed > 1 || sd_is_socket(SD_LISTEN_FDS_START, AF_UNSPEC, SOCK_STREAM, 1) <= 0) {
        g_set_error_literal(error,
                            AKMA_ERROR,
                            AKMA_ERROR_CONFIG_INVALID,
                            "LISTEN_FDS: one listening stream socket is expected");
        return false;
    }

    for (unsigned i = 0; i < n; i++)
        ret_fds[i] = SD_LISTEN_FDS_START;

    return true;
}

bool
akma_sockets_open(const char *address, unsigned n, int *ret_fds, GError **error)
{
    bool local = g_str_has_prefix(address, "unix:");
    int n_passed = sd_listen_fds(1);
    g_autofree char *same = NULL;

    if (n_passed > 0)
        return take_passed((unsigned)n_passed, n, ret_fds, error);

    for (unsigned i = 0; i < n; i++) {
        /* a Unix socket has no SO_REUSEPORT: all accept from one */
        ret_fds[i] = local && i > 0 ? ret_fds[0]
                                    : akma_h2_listen_socket(same ? same : address, !local, error);
        if (ret_fds[i] < 0)
            return false;
        /* the first one decides the port, if any will do */
        if (i == 0 && !local)
            same = akma_h2_dup_socket_address(ret_fds[0]);
    }

    return true;
}
