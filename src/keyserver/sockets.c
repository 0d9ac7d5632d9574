/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/sockets.h"

#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/error.h"
#include "http/h2.h"

/* In the ready file. */
static const char *const names[AKMA_N_FACES] = {
    [AKMA_FACE_MESSAGE] = "listen",
    [AKMA_FACE_DIGEST] = "digest",
    [AKMA_FACE_PSK] = "psk",
};

static const char *
get_address(const AkmaServerConfig *config, AkmaFace face)
{
    switch (face) {
    case AKMA_FACE_MESSAGE:
        return config->listen;
    case AKMA_FACE_DIGEST:
        return config->digest_listen;
    case AKMA_FACE_PSK:
        return config->psk_listen;
    case AKMA_N_FACES:
        break;
    }

    g_return_val_if_reached(NULL);
}

/* One for all: the kernel wakes whoever is free. */
static bool
take_passed(unsigned n_passed, unsigned n, AkmaSockets *ret, GError **error)
{
    if (n_passed > 1 || sd_is_socket(SD_LISTEN_FDS_START, AF_UNSPEC, SOCK_STREAM, 1) <= 0) {
        g_set_error_literal(error,
                            AKMA_ERROR,
                            AKMA_ERROR_CONFIG_INVALID,
                            "LISTEN_FDS: one listening stream socket is expected");
        return false;
    }

    for (unsigned i = 0; i < n; i++)
        ret[i].fds[AKMA_FACE_MESSAGE] = SD_LISTEN_FDS_START;

    return true;
}

static bool
open_face(AkmaFace face, const char *address, unsigned n, AkmaSockets *ret, GError **error)
{
    bool local = g_str_has_prefix(address, "unix:");
    g_autofree char *same = NULL;

    for (unsigned i = 0; i < n; i++) {
        /* a Unix socket has no SO_REUSEPORT: all accept from one */
        ret[i].fds[face] = local && i > 0
                               ? ret[0].fds[face]
                               : akma_h2_listen_socket(same ? same : address, !local, error);
        if (ret[i].fds[face] < 0)
            return false;
        /* the first one decides the port, if any will do */
        if (i == 0 && !local)
            same = akma_h2_dup_socket_address(ret[0].fds[face]);
    }

    return true;
}

bool
akma_sockets_open(const AkmaServerConfig *config, AkmaSockets *ret, GError **error)
{
    unsigned n = config->workers;
    int n_passed = sd_listen_fds(1);

    for (unsigned face = 0; face < AKMA_N_FACES; face++) {
        const char *address = get_address(config, face);

        for (unsigned i = 0; i < n; i++)
            ret[i].fds[face] = -1;
        if (face == AKMA_FACE_MESSAGE && n_passed > 0) {
            if (!take_passed((unsigned)n_passed, n, ret, error))
                return false;
        } else if (address && !open_face(face, address, n, ret, error)) {
            return false;
        }
    }

    return true;
}

void
akma_sockets_close_others(const AkmaSockets *all, unsigned n, const AkmaSockets *own)
{
    for (unsigned i = 0; i < n; i++) {
        for (unsigned face = 0; face < AKMA_N_FACES; face++) {
            int fd = all[i].fds[face];

            if (fd >= 0 && (!own || fd != own->fds[face]))
                close(fd);
        }
    }
}

GStrv
akma_sockets_dup_pairs(const AkmaSockets *self)
{
    g_autoptr(GStrvBuilder) pairs = g_strv_builder_new();

    for (unsigned face = 0; face < AKMA_N_FACES; face++) {
        g_autofree char *address = NULL;
        g_autofree char *pair = NULL;

        if (self->fds[face] < 0)
            continue;
        address = akma_h2_dup_socket_address(self->fds[face]);
        pair = g_strdup_printf("%s=%s", names[face], address);
        g_strv_builder_add(pairs, pair);
    }

    return g_strv_builder_end(pairs);
}

bool
akma_sockets_differ(const AkmaServerConfig *had, const AkmaServerConfig *config)
{
    for (unsigned face = 0; face < AKMA_N_FACES; face++) {
        if (g_strcmp0(get_address(had, face), get_address(config, face)) != 0)
            return true;
    }

    return false;
}
