/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "agent/waiters.h"

#include "base/error.h"

struct _AkmaWaiters {
    GQueue queue; /* Waiter */
    unsigned wait_ms;
};

typedef struct {
    AkmaWaiters *owner;
    AkmaEnrolledFunc done;
    gpointer user_data;
    guint timeout;
} Waiter;

static void
finish(Waiter *waiter, const GError *error)
{
    g_queue_remove(&waiter->owner->queue, waiter);
    if (waiter->timeout)
        g_source_remove(waiter->timeout);
    waiter->done(error, waiter->user_data);
    g_free(waiter);
}

static gboolean
timed_out(gpointer user_data)
{
    Waiter *waiter = user_data;
    g_autoptr(GError) error = g_error_new(AKMA_ERROR,
                                          AKMA_ERROR_NOT_READY,
                                          "the exchange has not ended within %g s",
                                          waiter->owner->wait_ms / 1000.0);

    waiter->timeout = 0;
    finish(waiter, error);

    return G_SOURCE_REMOVE;
}

AkmaWaiters *
akma_waiters_new(unsigned wait_ms)
{
    AkmaWaiters *self = g_new0(AkmaWaiters, 1);

    self->wait_ms = wait_ms;

    return self;
}

void
akma_waiters_free(AkmaWaiters *self)
{
    g_autoptr(GError) error = NULL;

    if (!self)
        return;

    error = g_error_new_literal(AKMA_ERROR, AKMA_ERROR_NOT_READY, "the agent stops waiting");
    akma_waiters_complete(self, error);
    g_free(self);
}

void
akma_waiters_add(AkmaWaiters *self, AkmaEnrolledFunc done, gpointer user_data)
{
    Waiter *waiter = g_new0(Waiter, 1);

    waiter->owner = self;
    waiter->done = done;
    waiter->user_data = user_data;
    waiter->timeout = g_timeout_add(self->wait_ms, timed_out, waiter);
    g_queue_push_tail(&self->queue, waiter);
}

bool
akma_waiters_is_empty(const AkmaWaiters *self)
{
    return self->queue.length == 0;
}

void
akma_waiters_complete(AkmaWaiters *self, const GError *error)
{
    /* who is added meanwhile waits for the next */
    for (guint n = self->queue.length; n > 0; n--)
        finish(self->queue.head->data, error);
}
