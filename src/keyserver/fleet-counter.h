/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * fleet-counter: counts what is in the store, for the figures. That looks at every key, so it is
 * done on a thread of its own with a store of its own, and takes a small part of the time.
 */
#pragma once

#include <uv.h>

#include "keyserver/config.h"
#include "keyserver/metrics.h"

G_BEGIN_DECLS

typedef struct {
    uv_loop_t *loop;
    AkmaMetrics *metrics;
    const AkmaServerConfig *config; /* the thread reads it */
    uv_work_t work;
    bool busy;
    bool counted; /* by the thread: also @fleet and @took_us */
    AkmaFleet *fleet;
    int64_t took_us;
} AkmaFleetCounter;

/* @config is borrowed until akma_fleet_counter_clear(), and nobody may write to it. */
void akma_fleet_counter_init(AkmaFleetCounter *self,
                             uv_loop_t *loop,
                             AkmaMetrics *metrics,
                             const AkmaServerConfig *config);
/* Begins to count if it is time for that. */
void akma_fleet_counter_tick(AkmaFleetCounter *self);
/* Once the loop has ended. */
void akma_fleet_counter_clear(AkmaFleetCounter *self);

G_END_DECLS
