/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* pty: a pseudo terminal under a symlink, and who has it open. */
#pragma once

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

typedef struct {
    int master; /* non-blocking; -1 = closed */
    int slave;  /* ours, so that the terminal stays when a client goes */
    int watch;  /* inotify on the slave */
    char *path; /* of the symlink */
    unsigned clients;
} AkmaSoftPty;

/* Errors: AKMA_ERROR_INVALID_ARGUMENT (@path cannot be made), AKMA_ERROR_INTERNAL (no pty). */
bool akma_soft_pty_open(AkmaSoftPty *self, const char *path, GError **error);
/* Clients see a hang-up. Removes the symlink if it is still ours. */
void akma_soft_pty_close(AkmaSoftPty *self);

/*
 * Reads who came and went since the last call. True: the last client went; the terminal is
 * then raw and free again, and what it did not read is gone.
 */
bool akma_soft_pty_check_clients(AkmaSoftPty *self);

G_END_DECLS
