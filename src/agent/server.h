/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * server: one [server NAME] with its applications. One exchange at a time, for all of them that
 * are due; back-off between exchanges is that of AkmaEnrolment.
 *
 *   IDLE --kick--> RUNNING --+--> IDLE (each application plans its next time)
 *     |               ^
 *     +--> WAITING ---+      a modem is just being opened
 */
#pragma once

#include "agent/application.h"
#include "agent/enrol.h"
#include "agent/modems.h"
#include "base/error.h"

G_BEGIN_DECLS

typedef struct _AkmaServer AkmaServer;

typedef struct {
    AkmaStore *store;
    AkmaService *service; /* NULL: shown to nobody (tests) */
    AkmaModems *modems;
    const AkmaCardReader *reader; /* NULL: the USIM */
    AkmaGbaCache *cache;          /* of all servers */
    AkmaCards *cards;             /* NULL: nothing is noted (tests) */
    /* something that the state of the agent depends on is another one now */
    void (*changed)(gpointer user_data);
    gpointer user_data;
} AkmaServerContext;

/* All of @context outlives it. */
AkmaServer *akma_server_new(const AkmaServerContext *context,
                            AkmaConfig *config,
                            const AkmaConfigServer *section);
/* Stops what runs; applications leave the bus. */
void akma_server_free(AkmaServer *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaServer, akma_server_free)

const char *akma_server_get_name(const AkmaServer *self);

/* Takes over what @config says of this server and its applications: new ones come, others go and
 * are wiped (not at the first call). @section NULL: the server is gone too. */
void akma_server_configure(AkmaServer *self, AkmaConfig *config, const AkmaConfigServer *section);

/* Runs an exchange if one is due and none runs. */
void akma_server_kick(AkmaServer *self);
/* Somebody asks: now, whatever the back-off says. */
void akma_server_enroll(AkmaServer *self,
                        AkmaApplication *application,
                        AkmaEnrolledFunc done,
                        gpointer user_data);
/* A modem or card came, or registered: what failed for the lack of it is tried again now. */
void akma_server_card_appeared(AkmaServer *self);
/* The network came back, or the clock was set: what failed with @code is tried again now, and what
 * runs and fails with it once more. */
void akma_server_retry(AkmaServer *self, AkmaError code);
/* The system's clock was set: what hangs on it is looked at again. */
void akma_server_clock_was_set(AkmaServer *self);
/* The card of @modem is another one, or out: what was derived from the old one is dropped. */
void akma_server_card_changed(AkmaServer *self, AkmaModem *modem);

/* Is it served by the modem of [modem @name]? */
bool akma_server_may_use(const AkmaServer *self, const char *name);
/* The keys of its applications go at once; they are asked for again with the card that is there. */
void akma_server_wipe_keys(AkmaServer *self);

/* Borrowed; NULL: no such application. */
AkmaApplication *akma_server_find(AkmaServer *self, const char *application);
bool akma_server_is_running(const AkmaServer *self);
/* True if each application has a valid key. */
bool akma_server_has_all_keys(const AkmaServer *self);
/* Was the last exchange done with GBA because the server did not know the key of AKMA? */
bool akma_server_is_degraded(const AkmaServer *self);
/* Of the first application that has one; NULL: none. */
const GError *akma_server_get_error(const AkmaServer *self);

G_END_DECLS
