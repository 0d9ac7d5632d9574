/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/breaker.h"

bool
akma_breaker_is_broken(const AkmaBreaker *self)
{
    return self->failures >= AKMA_BREAKER_FAILURES;
}

bool
akma_breaker_take(AkmaBreaker *self, uint64_t now_ms, bool *ret_trial)
{
    *ret_trial = false;
    if (!akma_breaker_is_broken(self))
        return true;
    if (self->trying || now_ms < self->until_ms)
        return false;

    self->trying = true;
    *ret_trial = true;

    return true;
}

bool
akma_breaker_count(AkmaBreaker *self, uint64_t now_ms, bool failed)
{
    if (!failed) {
        self->failures = 0;
        return false;
    }

    /* those that were under way when it broke say nothing new, but for the time */
    if (self->failures < AKMA_BREAKER_FAILURES)
        self->failures++;
    else
        self->failures = AKMA_BREAKER_FAILURES + 1;
    if (!akma_breaker_is_broken(self))
        return false;
    self->until_ms = now_ms + AKMA_BREAKER_MS;

    return self->failures == AKMA_BREAKER_FAILURES;
}

void
akma_breaker_release(AkmaBreaker *self)
{
    self->trying = false;
}
