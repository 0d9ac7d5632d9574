/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* application-times: when something of an application changes by itself, and when it asks. */
#include "agent/application-private.h"

/* When the clock that akma_application_now() reads comes to @when. */
static int64_t
find_moment(const AkmaApplication *self, int64_t when)
{
    return akma_server_clock_find(self->context.clock, when, akma_boottime_ms(), akma_wall_ms());
}

/* The next moment at which something of this application changes by itself. */
static void
arm(AkmaApplication *self)
{
    const AkmaStoredKey *key = akma_application_peek_stored(self);
    const AkmaStoredKey *previous;
    int64_t now = akma_application_now(self);
    int64_t next_ms = self->due || self->next_ms == 0 ? INT64_MAX : self->next_ms;
    int64_t until = 0;

    previous = akma_store_get_previous(self->context.store, self->server, self->name, &until);
    if (akma_stored_key_is_valid(key, now) && key->exp != 0)
        next_ms = MIN(next_ms, find_moment(self, key->exp));
    if (previous && until > now)
        next_ms = MIN(next_ms, find_moment(self, until));

    if (next_ms == INT64_MAX)
        akma_timer_stop(self->timer);
    else
        akma_timer_set(self->timer, next_ms);
}

/* Wipes what is past its end; only by a clock that a server gave in this run of the program. */
static void
expire(AkmaApplication *self)
{
    g_autoptr(GError) error = NULL;

    if (self->context.clock->known &&
        !akma_store_expire(self->context.store, self->server, akma_application_now(self), &error))
        g_warning("application %s: %s", self->name, error->message);
}

void
akma_application_plan(AkmaApplication *self, uint64_t wait_ms)
{
    self->due = false;
    self->next_ms = akma_boottime_ms() + (int64_t)wait_ms;
    arm(self);
}

void
akma_application_timer_fired(gpointer user_data)
{
    AkmaApplication *self = user_data;

    expire(self);
    if (self->next_ms > 0 && akma_boottime_ms() >= self->next_ms)
        self->due = true;
    akma_application_publish(self);
    arm(self);
    if (self->due)
        self->context.due(self->context.user_data);
}

void
akma_application_clock_was_set(AkmaApplication *self)
{
    akma_application_timer_fired(self);
}

AkmaSchedule
akma_application_get_schedule(const AkmaApplication *self)
{
    const AkmaStoredKey *key = akma_application_peek_stored(self);

    return (AkmaSchedule){
        .refresh_s = self->section->refresh_s,
        .renew_before_percent = self->section->renew_before_percent,
        .ask_again_s = self->ask_again_s,
        .iat = key ? key->iat : 0,
        .exp = key ? key->exp : 0,
    };
}

void
akma_application_plan_next(AkmaApplication *self)
{
    const AkmaSchedule times = akma_application_get_schedule(self);

    akma_application_plan(
        self, akma_schedule_next_ms(&times, akma_application_now(self), g_random_int()));
}

/* The disk was full: what the server gave is asked for again soon. */
void
akma_application_plan_store_retry(AkmaApplication *self)
{
    self->store_failures++;
    akma_application_plan(self, akma_schedule_retry_ms(self->store_failures, g_random_int()));
}

/* The server could not reach who makes the key: that passes, unlike other refusals. */
void
akma_application_plan_upstream_retry(AkmaApplication *self)
{
    self->upstream_failures++;
    akma_application_plan(self, akma_schedule_retry_ms(self->upstream_failures, g_random_int()));
}
