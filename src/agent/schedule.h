/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * schedule: when to ask the server next, and what time it is for the server. Pure: clocks and
 * random numbers are arguments.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

G_BEGIN_DECLS

typedef struct {
    unsigned refresh_s;
    unsigned renew_before_percent;
    unsigned ask_again_s; /* what the server wants; 0: nothing */
    int64_t iat;
    int64_t exp; /* 0: none */
} AkmaSchedule;

/*
 * How long to wait from @now (the server's clock) on: @refresh_s or @ask_again_s, whatever is
 * less, and not later than @renew_before_percent of the key's life before its end; in that last
 * part every tenth of what is left. All with 10 % jitter, downwards. At least 1 s.
 */
uint64_t akma_schedule_next_ms(const AkmaSchedule *self, int64_t now, uint32_t random);

/* After a start with a valid key: a random time, so that a power cut does not make all ask at once.
 */
uint64_t akma_schedule_first_ms(const AkmaSchedule *self, uint32_t random);

/* After @failures to keep a key, or of its maker (1..): exponential from 1 s to 15 min, full
 * jitter, not below 1 s.
 */
uint64_t akma_schedule_retry_ms(unsigned failures, uint32_t random);

/* The clock of a server, counted on CLOCK_BOOTTIME from its last answer on. */
typedef struct {
    bool known;
    int64_t now;         /* its clock at ... */
    int64_t boottime_ms; /* ... this moment */
    int64_t floor;       /* it cannot be earlier; until it is known */
} AkmaServerClock;

void akma_server_clock_set(AkmaServerClock *self, int64_t now, int64_t boottime_ms);

/* Seconds. Until the server has answered: @wall, or the floor if that is later. */
int64_t akma_server_clock_get(const AkmaServerClock *self, int64_t boottime_ms, int64_t wall);

/*
 * The first moment of CLOCK_BOOTTIME at which the above gives @when or later, if neither clock is
 * set until then. @wall_ms: the wall clock at @boottime_ms.
 */
int64_t akma_server_clock_find(const AkmaServerClock *self,
                               int64_t when,
                               int64_t boottime_ms,
                               int64_t wall_ms);

G_END_DECLS
