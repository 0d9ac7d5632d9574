/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "agent/schedule.h"

#define FIRST_MAX_MS (30 * 1000)
#define RETRY_MAX_MS (UINT64_C(15) * 60 * 1000)

/* Up to a tenth less. */
static uint64_t
jitter(uint64_t ms, uint32_t random)
{
    return ms - ms / 10 * random / UINT32_MAX;
}

/* From the end of its life backwards; UINT64_MAX: it has none. */
static uint64_t
before_the_end_ms(const AkmaSchedule *self, int64_t now)
{
    int64_t life = MAX(self->exp - self->iat, 0);
    int64_t left = self->exp - now;
    int64_t until;

    if (self->exp == 0)
        return UINT64_MAX;

    until = left - life / 100 * self->renew_before_percent -
            life % 100 * self->renew_before_percent / 100;
    if (until <= 0)
        return left > 0 ? (uint64_t)left * 100 : 0;

    return (uint64_t)until * 1000;
}

uint64_t
akma_schedule_next_ms(const AkmaSchedule *self, int64_t now, uint32_t random)
{
    uint64_t wait_ms = (uint64_t)self->refresh_s * 1000;

    if (self->ask_again_s > 0)
        wait_ms = MIN(wait_ms, (uint64_t)self->ask_again_s * 1000);
    wait_ms = MIN(wait_ms, before_the_end_ms(self, now));

    return MAX(jitter(wait_ms, random), 1000);
}

uint64_t
akma_schedule_first_ms(const AkmaSchedule *self, uint32_t random)
{
    uint64_t most_ms = MIN((uint64_t)self->refresh_s * 100, FIRST_MAX_MS);

    return most_ms * random / UINT32_MAX;
}

uint64_t
akma_schedule_retry_ms(unsigned failures, uint32_t random)
{
    uint64_t most_ms = failures < 10 ? UINT64_C(1000) << failures : RETRY_MAX_MS;

    return MAX(MIN(most_ms, RETRY_MAX_MS) * random / UINT32_MAX, 1000);
}

void
akma_server_clock_set(AkmaServerClock *self, int64_t now, int64_t boottime_ms)
{
    self->known = true;
    self->now = now;
    self->boottime_ms = boottime_ms;
}

int64_t
akma_server_clock_get(const AkmaServerClock *self, int64_t boottime_ms, int64_t wall)
{
    if (!self->known)
        return MAX(wall, self->floor);

    return self->now + (boottime_ms - self->boottime_ms) / 1000;
}

int64_t
akma_server_clock_find(const AkmaServerClock *self,
                       int64_t when,
                       int64_t boottime_ms,
                       int64_t wall_ms)
{
    if (self->known)
        return self->boottime_ms + (when - self->now) * 1000;

    return when <= self->floor ? boottime_ms : boottime_ms + when * 1000 - wall_ms;
}
