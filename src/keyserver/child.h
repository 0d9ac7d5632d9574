/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * child: one process below the supervisor: started, watched until it serves, and started again
 * when it ends: at once, but more and more rarely while it fails.
 *
 *   away -> starting (status_fd) -> serving -> away, again at start_at
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

G_BEGIN_DECLS

typedef struct {
    const char *what; /* "a worker": for the log */
    pid_t pid;        /* 0: not running */
    int status_fd;    /* of one that does not serve yet; -1: none */
    int status;       /* how the last one ended */
    bool serves;
    unsigned failures; /* in a row */
    int64_t started;   /* monotonic, in ms; so the next one */
    int64_t start_at;
} AkmaChild;

#define AKMA_CHILD_INIT(name) ((AkmaChild){.what = (name), .status_fd = -1})

int64_t akma_child_now_ms(void);

/*
 * Forks. In the child: true, @ret_status_fd takes one byte when it serves. In the parent, or if
 * that failed (which is logged): false.
 */
bool akma_child_fork(AkmaChild *self, int *ret_status_fd);

/* status_fd can be read: it serves now, or it ended and said why itself. */
void akma_child_read_status(AkmaChild *self);

/* It was waited for. @again: it is to be started again, at start_at. */
void akma_child_ended(AkmaChild *self, int status, bool again);

/* One that runs: kills it if it does not serve in time. Returns: when to look again. */
int64_t akma_child_check_start(AkmaChild *self);

G_END_DECLS
