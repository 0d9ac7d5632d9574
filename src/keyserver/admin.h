/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * admin: the admin listener, a process of its own that holds no key: it reads the figures that
 * the workers share, and the configuration.
 *
 * HTTP/1.1 in clear text over a Unix socket or the loopback interface: GET /metrics, /healthz, and
 * / if it is configured. Only a request that names this machine as its host is answered, so that a
 * page of somebody else in a browser here cannot read it under a name of its own.
 */
#pragma once

#include "keyserver/config.h"
#include "keyserver/metrics.h"

G_BEGIN_DECLS

typedef struct {
    const char *config_file;
    AkmaServerConfig *config; /* the process's from here on */
    AkmaMetrics *metrics;
    int fd;        /* listening */
    int status_fd; /* one byte when it serves */
    bool json;     /* errors at the start also as JSON */
} AkmaAdminStart;

/* Serves until SIGTERM or SIGINT; SIGHUP reads [admin] again. Returns: the exit status. */
int akma_admin_run(const AkmaAdminStart *start);

/* Is @authority this machine: localhost or an address of the loopback, any port? Pure. */
bool akma_admin_is_host(const char *authority);

G_END_DECLS
