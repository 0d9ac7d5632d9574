/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sockets: where the workers listen: for each face that is configured, one socket a worker. */
#pragma once

#include "keyserver/config.h"

G_BEGIN_DECLS

typedef enum {
    AKMA_FACE_MESSAGE, /* [server] listen */
    AKMA_FACE_DIGEST,  /* [digest] listen */
    AKMA_FACE_PSK,     /* [psk] listen */
    AKMA_N_FACES,
} AkmaFace;

/* Of one worker; -1: this face is not configured. */
typedef struct {
    int fds[AKMA_N_FACES];
} AkmaSockets;

/*
 * @ret: room for one a worker. A socket from systemd (LISTEN_FDS) stands in for the address of its
 * face, which it names ("listen", "digest", "psk"; without a name: the first of these). Sockets of
 * several workers may be the same. Errors: AKMA_ERROR_CONFIG_INVALID.
 */
bool akma_sockets_open(const AkmaServerConfig *config, AkmaSockets *ret, GError **error);

/* In a child: closes the @n sets of @all but what @own (may be NULL) has. */
void akma_sockets_close_others(const AkmaSockets *all, unsigned n, const AkmaSockets *own);

/* "listen=127.0.0.1:8443", "digest=...": lines of the ready file. g_strfreev(). */
GStrv akma_sockets_dup_pairs(const AkmaSockets *self);

G_END_DECLS
