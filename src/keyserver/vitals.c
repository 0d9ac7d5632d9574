/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/vitals.h"

#define TICK_MS 1000
#define ASK_MS  2000 /* between two questions to the store */
#define LATE_MS 5000 /* a store that takes longer does not serve */
#define NOBODY  "-"  /* the id of no terminal */

static void
on_asked(AkmaKsOp *op, const GError *error, void *user_data)
{
    AkmaVitals *self = user_data;

    self->waiting = false;
    akma_figures_set_store(self->front->figures, error ? AKMA_STORE_FAILED : AKMA_STORE_OK);
    akma_ks_op_free(op);
}

static void
ask_store(AkmaVitals *self, uint64_t now_ms)
{
    AkmaFront *front = self->front;
    AkmaKsOp *op;

    if (self->waiting && now_ms - self->asked_ms > LATE_MS)
        akma_figures_set_store(front->figures, AKMA_STORE_FAILED);
    if (self->waiting || (self->asked_ms > 0 && now_ms - self->asked_ms < ASK_MS))
        return;

    op = akma_ks_op_new(AKMA_KS_ENTITLED);
    op->terminal = g_strdup(NOBODY);
    self->asked_ms = now_ms;
    self->waiting = akma_ks_submit(front->store, op, on_asked, self);
    if (!self->waiting)
        akma_figures_set_store(front->figures, AKMA_STORE_FAILED);
}

static void
on_tick(uv_timer_t *timer)
{
    AkmaVitals *self = timer->data;
    AkmaGauges gauges = {.sessions = self->front->sessions};

    for (unsigned i = 0; i < self->n_servers; i++) {
        if (!self->servers[i])
            continue;
        gauges.connections += akma_h2_server_get_connections(self->servers[i]);
        gauges.handshakes += akma_h2_server_get_handshakes(self->servers[i]);
    }
    akma_figures_set_alive(self->front->figures, g_get_monotonic_time() / G_USEC_PER_SEC, &gauges);
    if (self->counter)
        akma_fleet_counter_tick(self->counter);
    ask_store(self, MAX(uv_now(self->front->loop), 1));
}

void
akma_vitals_start(AkmaVitals *self,
                  AkmaFront *front,
                  AkmaH2Server *const *servers,
                  unsigned n_servers,
                  AkmaFleetCounter *counter)
{
    self->front = front;
    self->counter = counter;
    self->servers = servers;
    self->n_servers = n_servers;
    uv_timer_init(front->loop, &self->timer);
    self->timer.data = self;
    on_tick(&self->timer);
    uv_timer_start(&self->timer, on_tick, TICK_MS, TICK_MS);
}

void
akma_vitals_stop(AkmaVitals *self)
{
    uv_close((uv_handle_t *)&self->timer, NULL);
}
