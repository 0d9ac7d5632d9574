/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * port: a port of the simulated modem: a pty whose slave stands behind a symlink, and a face.
 *
 * The slave is raw and kept open, so that a client may come and go; what one client set on it
 * is undone before the next. It goes and comes back with the plug of the modem.
 */
#pragma once

#include "modem/simulator/face.h"

G_BEGIN_DECLS

typedef struct _AkmaSoftPort AkmaSoftPort;

/*
 * Puts a symlink at @path; a symlink that is there is replaced. All arguments are borrowed and
 * must outlive it, but for @path. Errors: AKMA_ERROR_INVALID_ARGUMENT (something else is at @path,
 * no such folder), AKMA_ERROR_INTERNAL (no pty, no memory).
 */
AkmaSoftPort *akma_soft_port_new(AkmaSoftModem *modem,
                                 const AkmaSoftFace *face,
                                 const AkmaSoftDialect *dialect,
                                 const char *path,
                                 GError **error);
void akma_soft_port_free(AkmaSoftPort *self); /* hangs up, removes the symlink; NULL is fine */

/* How many have the slave open. */
unsigned akma_soft_port_count_clients(const AkmaSoftPort *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaSoftPort, akma_soft_port_free)

G_END_DECLS
