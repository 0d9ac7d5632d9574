/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/sockets.h"

#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/error.h"
#include "http/h2.h"

/* In the ready file, and as FileDescriptorName= of a socket unit. */
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

static bool
refuse_passed(const char *what, GError **error)
{
    g_set_error(error, AKMA_ERROR, AKMA_ERROR_CONFIG_INVALID, "LISTEN_FDS: %s", what);

    return false;
}

/* By FileDescriptorName=. What has no name of its own is called "unknown", or like its unit. */
static bool
find_face(const char *name, AkmaFace *ret)
{
    for (unsigned face = 0; face < AKMA_N_FACES; face++) {
        if (g_strcmp0(name, names[face]) == 0) {
            *ret = (AkmaFace)face;
            return true;
        }
    }
    *ret = AKMA_FACE_MESSAGE;

    return !name || strcmp(name, "unknown") == 0 || g_str_has_suffix(name, ".socket");
}

/* Each is for all workers: the kernel wakes whoever is free. */
static bool
take_passed(GStrv passed, int n_passed, unsigned n, AkmaSockets *ret, GError **error)
{
    for (int i = 0; i < n_passed; i++) {
        int fd = SD_LISTEN_FDS_START + i;
        AkmaFace face;

        if (!find_face(passed[i], &face))
            return refuse_passed("a socket is named neither listen nor digest nor psk", error);
        if (ret[0].fds[face] >= 0)
            return refuse_passed("two sockets are for the same", error);
        if (sd_is_socket(fd, AF_UNSPEC, SOCK_STREAM, 1) <= 0)
            return refuse_passed("a listening stream socket is expected", error);
        for (unsigned j = 0; j < n; j++)
            ret[j].fds[face] = fd;
    }

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
    g_auto(GStrv) passed = NULL;
    int n_passed = sd_listen_fds_with_names(1, &passed);

    for (unsigned face = 0; face < AKMA_N_FACES; face++) {
        for (unsigned i = 0; i < n; i++)
            ret[i].fds[face] = -1;
    }
    if (!take_passed(passed, n_passed, n, ret, error))
        return false;

    for (unsigned face = 0; face < AKMA_N_FACES; face++) {
        const char *address = get_address(config, face);

        if (ret[0].fds[face] < 0 && address && !open_face(face, address, n, ret, error))
            return false;
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
