/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* limit: how much one caller may ask: calls in flight and calls a second (token bucket). */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

G_BEGIN_DECLS

#define AKMA_LIMIT_IN_FLIGHT 16
#define AKMA_LIMIT_PER_S     1000
#define AKMA_LIMIT_BURST     10000

/* All zero: nothing was asked yet. */
typedef struct {
    unsigned in_flight;
    uint64_t used; /* of the bucket, in calls * 10^6 */
    int64_t at_us; /* when @used was true */
} AkmaLimit;

/* One call more at @now_us (monotonic). False: too many, nothing is counted. */
bool akma_limit_begin(AkmaLimit *self, int64_t now_us);
/* The call was answered. */
void akma_limit_end(AkmaLimit *self);

G_END_DECLS
