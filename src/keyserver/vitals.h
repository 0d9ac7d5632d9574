/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * vitals: once a second, what a worker shows of itself: that its loop turns, what is open, and
 * whether the store answers. Where nobody asked the store for a while, it is asked for a terminal
 * that there is not.
 */
#pragma once

#include "keyserver/fleet-counter.h"
#include "keyserver/front.h"

G_BEGIN_DECLS

typedef struct {
    AkmaFront *front;
    AkmaH2Server *const *servers; /* entries may be NULL */
    unsigned n_servers;
    AkmaFleetCounter *counter; /* NULL: nothing is counted */
    uv_timer_t timer;
    uint64_t asked_ms; /* the store, the last time */
    bool waiting;      /* for its answer */
} AkmaVitals;

/* All but @self are borrowed until akma_vitals_stop(). @self must live as long as its loop. */
void akma_vitals_start(AkmaVitals *self,
                       AkmaFront *front,
                       AkmaH2Server *const *servers,
                       unsigned n_servers,
                       AkmaFleetCounter *counter);
void akma_vitals_stop(AkmaVitals *self); /* before the store is closed */

G_END_DECLS
