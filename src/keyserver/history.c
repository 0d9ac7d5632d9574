/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/history.h"

static AkmaMinute
sum(const AkmaTotals *totals)
{
    AkmaMinute now = {0};

    for (unsigned result = 0; result < AKMA_N_RESULTS; result++) {
        now.keys[result] = totals->keys[result];
        for (unsigned kind = 0; kind < AKMA_N_KINDS; kind++) {
            for (unsigned profile = 0; profile < AKMA_N_PROFILES; profile++)
                now.results[result] += totals->exchanges[kind][profile][result];
        }
    }

    return now;
}

/* Empty minutes up to @minute; a clock that was set back stays in the newest one. */
static void
advance(AkmaHistory *self, int64_t minute)
{
    if (minute - self->minute > AKMA_HISTORY_MINUTES)
        self->minute = minute - AKMA_HISTORY_MINUTES;
    while (self->minute < minute) {
        self->minute++;
        self->ring[self->minute % AKMA_HISTORY_MINUTES] = (AkmaMinute){0};
    }
}

void
akma_history_take(AkmaHistory *self, int64_t now_s, const AkmaTotals *totals)
{
    AkmaMinute now = sum(totals);
    AkmaMinute *newest;

    advance(self, now_s / 60);
    newest = &self->ring[self->minute % AKMA_HISTORY_MINUTES];
    for (unsigned i = 0; i < AKMA_N_RESULTS; i++) {
        newest->results[i] += now.results[i] - self->last.results[i];
        newest->keys[i] += now.keys[i] - self->last.keys[i];
    }
    self->last = now;
}

const AkmaMinute *
akma_history_get(const AkmaHistory *self, unsigned ago)
{
    return &self->ring[(self->minute + AKMA_HISTORY_MINUTES - ago) % AKMA_HISTORY_MINUTES];
}

uint64_t
akma_minute_get_ok(const AkmaMinute *minute)
{
    return minute->results[AKMA_CAUSE_NONE];
}

uint64_t
akma_minute_get_failed(const AkmaMinute *minute)
{
    uint64_t n = 0;

    for (unsigned i = AKMA_CAUSE_NONE + 1; i < AKMA_N_RESULTS; i++)
        n += minute->results[i];

    return n;
}
