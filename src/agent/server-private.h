/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* server-private: what server.c and server-run.c share. */
#pragma once

#include "agent/server.h"

G_BEGIN_DECLS

struct _AkmaServer {
    gatomicrefcount refs; /* a run holds one */
    AkmaServerContext context;
    AkmaConfig *config;
    const AkmaConfigServer *section; /* NULL: it is gone */
    char *name;
    GPtrArray *applications; /* AkmaApplication, owned, by name */
    AkmaEnrolment *machine;
    AkmaServerClock clock;
    int64_t not_before_ms; /* back-off; 0: none */
    int64_t hold_ms;       /* the server wants no request before; 0: any time */
    GError *hold_error;
    /* while one runs */
    GCancellable *running;
    GPtrArray *asked; /* names of applications */
    AkmaModem *modem;
    uint64_t news; /* one bit for each code of akma_server_retry() that came meanwhile */
    guint kick_source;
};

/* Drops the reference that a run holds. */
void akma_server_unref(AkmaServer *self);
/* From inside a callback of an application, a modem or the end of a run. */
void akma_server_kick_later(AkmaServer *self);
/* The run is over: what has come while it ran counts now. */
void akma_server_heed_news(AkmaServer *self);

G_END_DECLS
