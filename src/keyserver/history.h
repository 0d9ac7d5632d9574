/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* history: what was counted in each of the last minutes; pure. */
#pragma once

#include "keyserver/metrics.h"

G_BEGIN_DECLS

#define AKMA_HISTORY_MINUTES 60

typedef struct {
    uint64_t results[AKMA_N_RESULTS]; /* of exchanges */
    uint64_t keys[AKMA_N_RESULTS];    /* of what was asked for in them */
} AkmaMinute;

typedef struct {
    int64_t minute;  /* Unix time / 60 of the newest; 0: nothing was taken yet */
    AkmaMinute last; /* the counters as they were taken last */
    AkmaMinute ring[AKMA_HISTORY_MINUTES];
} AkmaHistory;

/* What was counted since the last time belongs to the minute of @now_s (Unix time). */
void akma_history_take(AkmaHistory *self, int64_t now_s, const AkmaTotals *totals);

/* @ago minutes before the newest, less than AKMA_HISTORY_MINUTES; borrowed. */
const AkmaMinute *akma_history_get(const AkmaHistory *self, unsigned ago);

/* How many exchanges of @minute ended well, and how many were refused or not finished. */
uint64_t akma_minute_get_ok(const AkmaMinute *minute);
uint64_t akma_minute_get_failed(const AkmaMinute *minute);

G_END_DECLS
