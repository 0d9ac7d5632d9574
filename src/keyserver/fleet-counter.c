/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/fleet-counter.h"

#include "keyserver/place.h"

#define CLAIM_S 120 /* a worker that dies while it counts leaves it to another after that */
#define PAUSE_S 5   /* between two counts, at least */
#define PART    50  /* and this many times what one takes */

static int64_t
now_s(void)
{
    return g_get_monotonic_time() / G_USEC_PER_SEC;
}

static void
take(AkmaFleet *fleet, const AkmaKsOp *op)
{
    *fleet = (AkmaFleet){
        .counted_s = (uint64_t)op->now,
        .applications = (uint64_t)op->counts.applications,
        .terminals = (uint64_t)op->counts.terminals,
        .revoked_terminals = (uint64_t)op->counts.revoked_terminals,
        .n_rows = MIN(op->rows->len, AKMA_FLEET_APPLICATIONS_MAX),
    };
    for (uint64_t i = 0; i < fleet->n_rows; i++) {
        const AkmaKsKeyCount *count = op->rows->pdata[i];
        AkmaFleetApplication *row = &fleet->rows[i];

        g_strlcpy(row->application, count->application, sizeof row->application);
        for (int state = 0; state < 3; state++)
            row->keys[state] = (uint64_t)count->keys[state];
    }
}

/* The thread. */
static void
count(uv_work_t *work)
{
    AkmaFleetCounter *self = work->data;
    g_autoptr(AkmaKsOp) op = akma_ks_op_new(AKMA_KS_COUNT);
    g_autoptr(AkmaKsStore) store = akma_place_open(self->config, false, NULL);
    int64_t begun = g_get_monotonic_time();

    self->counted = store && akma_ks_run(store, op, NULL);
    if (self->counted)
        take(self->fleet, op);
    self->took_us = g_get_monotonic_time() - begun;
}

static void
on_counted(uv_work_t *work, int status)
{
    AkmaFleetCounter *self = work->data;
    int64_t pause_s = MAX(PAUSE_S, self->took_us * PART / G_USEC_PER_SEC);

    self->busy = false;
    /* a store that cannot be opened is told by others: what was counted last stays */
    if (status == 0 && self->counted)
        akma_metrics_set_fleet(self->metrics, self->fleet, now_s(), pause_s);
}

void
akma_fleet_counter_init(AkmaFleetCounter *self,
                        uv_loop_t *loop,
                        AkmaMetrics *metrics,
                        const AkmaServerConfig *config)
{
    *self = (AkmaFleetCounter){.loop = loop, .metrics = metrics, .config = config};
    self->fleet = g_new0(AkmaFleet, 1);
    self->work.data = self;
}

void
akma_fleet_counter_tick(AkmaFleetCounter *self)
{
    if (self->busy || !akma_metrics_claim_fleet(self->metrics, now_s(), CLAIM_S))
        return;

    self->busy = uv_queue_work(self->loop, &self->work, count, on_counted) == 0;
}

void
akma_fleet_counter_clear(AkmaFleetCounter *self)
{
    g_clear_pointer(&self->fleet, g_free);
}
