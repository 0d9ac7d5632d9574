/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * worker: one process that serves terminals: own secure heap, own loop, own store thread.
 *
 * SIGTERM and SIGINT: no new connections, open ones end, status 0. SIGHUP: certificate, limits,
 * anchors and audit file anew from the configuration; what does not load stays as it was.
 */
#pragma once

#include "keyserver/metrics.h"
#include "keyserver/sockets.h"

G_BEGIN_DECLS

typedef struct {
    const char *config_file;
    AkmaServerConfig *config; /* the worker's from here on, to its end */
    AkmaSockets sockets;      /* likewise */
    AkmaMetrics *metrics;     /* NULL: nobody reads them */
    AkmaFigures *figures;     /* the worker's part of them */
    int status_fd;            /* one byte when it serves */
    bool json;                /* errors at the start also as JSON */
} AkmaWorkerStart;

/* Serves until it is told to stop. Returns: the exit status. */
int akma_worker_run(const AkmaWorkerStart *start);

G_END_DECLS
