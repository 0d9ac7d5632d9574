/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * application: one [application NAME]: which key it has, in what state, and when to ask again.
 *
 *   pending --> ready <--> stale        stale: valid, but the server could not be asked
 *      |          |          |
 *      +--> failed <---------+--> revoked      only a `revoked` from the server takes a key
 */
#pragma once

#include "agent/config.h"
#include "agent/schedule.h"
#include "agent/waiters.h"
#include "dbus/service.h"
#include "proto/key-set.h"
#include "store/store.h"

G_BEGIN_DECLS

typedef struct _AkmaApplication AkmaApplication;

/* Called when it is time to ask the server. */
typedef void (*AkmaApplicationDue)(gpointer user_data);

typedef struct {
    AkmaStore *store;
    AkmaService *service; /* NULL: shown to nobody (tests) */
    const AkmaServerClock *clock;
    AkmaApplicationDue due;
    gpointer user_data;
} AkmaApplicationContext;

/* All of @context outlives it. @config: a reference is taken; @section is one of its. */
AkmaApplication *akma_application_new(const AkmaApplicationContext *context,
                                      AkmaConfig *config,
                                      const AkmaConfigApplication *section);
/* Leaves the bus; the key stays in the store unless akma_application_forget(). */
void akma_application_free(AkmaApplication *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaApplication, akma_application_free)

/* The same application and server with other settings. */
void akma_application_set_config(AkmaApplication *self,
                                 AkmaConfig *config,
                                 const AkmaConfigApplication *section);
/* It is not configured any more: its key is wiped. */
void akma_application_forget(AkmaApplication *self);

/* The SIM is another one: its key is wiped, and those who have it are told. It is due. */
void akma_application_wipe(AkmaApplication *self);

const char *akma_application_get_name(const AkmaApplication *self);
const char *akma_application_get_key_id(const AkmaApplication *self);
const GError *akma_application_get_error(const AkmaApplication *self); /* NULL: none */
bool akma_application_has_key(const AkmaApplication *self);            /* a valid one */
AkmaWaiters *akma_application_get_waiters(AkmaApplication *self);

/* Is it time, or will it be within a tenth of its refresh, or does somebody wait? */
bool akma_application_is_due(const AkmaApplication *self);
/* From now on it is. */
void akma_application_set_due(AkmaApplication *self);

/* The system's clock was set, which counts until a server has told the time. */
void akma_application_clock_was_set(AkmaApplication *self);

/* Not before @wait_ms have passed, then it is due. */
void akma_application_postpone(AkmaApplication *self, uint64_t wait_ms);

/* As AkmaServiceAgent.peek_key. The state on the bus never lasts longer than this gives the key. */
const AkmaStoredKey *akma_application_peek_key(AkmaApplication *self,
                                               const char *kid,
                                               GError **error);

/* What an exchange gave for it; waiters are told. */
void akma_application_delivered(AkmaApplication *self, const AkmaKey *key, unsigned ask_again_s);
void akma_application_refused(AkmaApplication *self, AkmaCause cause, unsigned ask_again_s);
/* The exchange failed: @error is shown until one succeeds. @retry_ms: when the server is asked
 * again (from now on). */
void akma_application_failed(AkmaApplication *self, const GError *error, uint64_t retry_ms);

G_END_DECLS
