/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "dbus/limit.h"

#define CALL UINT64_C(1000000)

bool
akma_limit_begin(AkmaLimit *self, int64_t now_us)
{
    uint64_t passed_us = now_us > self->at_us ? (uint64_t)(now_us - self->at_us) : 0;
    uint64_t drained;

    /* more than this empties any bucket, and nothing overflows */
    passed_us = MIN(passed_us, AKMA_LIMIT_BURST * CALL);
    drained = passed_us * AKMA_LIMIT_PER_S;
    self->used = self->used > drained ? self->used - drained : 0;
    self->at_us = now_us;

    if (self->in_flight >= AKMA_LIMIT_IN_FLIGHT || self->used + CALL > AKMA_LIMIT_BURST * CALL)
        return false;
    self->used += CALL;
    self->in_flight++;

    return true;
}

void
akma_limit_end(AkmaLimit *self)
{
    g_return_if_fail(self->in_flight > 0);

    self->in_flight--;
}
