/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * supervisor: the parent of the workers. It holds the listening sockets and no secret, starts a
 * worker again that dies, and passes signals on.
 */
#pragma once

#include "keyserver/config.h"

G_BEGIN_DECLS

typedef struct {
    const char *config_file;
    const char *ready_file; /* NULL: none */
    bool json;              /* errors at the start also as JSON */
} AkmaSupervisorStart;

/* Serves until SIGTERM or SIGINT. Takes @config. Returns: the exit status. */
int akma_supervisor_run(const AkmaSupervisorStart *start, AkmaServerConfig *config);

G_END_DECLS
