/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* application-private: what application.c and its parts share. */
#pragma once

#include "agent/application.h"
#include "agent/timer.h"

G_BEGIN_DECLS

struct _AkmaApplication {
    AkmaApplicationContext context;
    AkmaConfig *config;
    const AkmaConfigApplication *section;
    char *name;
    char *server;
    AkmaWaiters *waiters;
    AkmaTimer *timer;
    GError *error;
    unsigned ask_again_s;
    bool due;
    bool shows_key;  /* on the bus: there is a valid one */
    bool is_revoked; /* and could not be sealed as that */
    unsigned store_failures;
    unsigned upstream_failures; /* in a row: the server's provider was away */
    int64_t next_ms;            /* on CLOCK_BOOTTIME; 0: not planned */
};

/* The time of the server, as far as it is known. */
int64_t akma_application_now(const AkmaApplication *self);
/* Borrowed; NULL: none. */
const AkmaStoredKey *akma_application_peek_stored(const AkmaApplication *self);
bool akma_stored_key_is_valid(const AkmaStoredKey *key, int64_t now); /* NULL is not */
bool akma_application_is_revoked(const AkmaApplication *self);
/* Shows what it is now on the bus. */
void akma_application_publish(AkmaApplication *self);

/* Asks the server in @wait_ms. */
void akma_application_plan(AkmaApplication *self, uint64_t wait_ms);
/* Asks when the key that it has wants it. */
void akma_application_plan_next(AkmaApplication *self);
void akma_application_plan_store_retry(AkmaApplication *self);
void akma_application_plan_upstream_retry(AkmaApplication *self);
AkmaSchedule akma_application_get_schedule(const AkmaApplication *self);
void akma_application_timer_fired(gpointer user_data);

G_END_DECLS
