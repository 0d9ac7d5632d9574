/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* gba-usim-private: the run that gba-usim.c (card and first key) and gba-bootstrap.c (Ub) share. */
#pragma once

#include "anchor/gba-ub.h"
#include "anchor/gba-usim.h"
#include "anchor/usim-visit.h"
#include "http/client.h"
#include "modem/usim-gba.h"

G_BEGIN_DECLS

/*
 *   VISIT --+--> ASK --> AUTHENTICATE --> ANSWER --+--> WRITE --> DERIVE --> done
 *           |     ^           |                    |     (GBA_U)    ^
 *           |     +--- AUTS --+                    +----------------+
 *           +-- a bootstrapping that is good ----------- (GBA_ME) --+
 *
 * The card is let go while the BSF is asked, and its IMSI is compared each time it is taken again.
 */
typedef enum {
    AKMA_GBA_STEP_VISIT,
    AKMA_GBA_STEP_ASK,
    AKMA_GBA_STEP_AUTHENTICATE,
    AKMA_GBA_STEP_ANSWER,
    AKMA_GBA_STEP_WRITE,
    AKMA_GBA_STEP_DERIVE,
} AkmaGbaStep;

typedef struct {
    AkmaGbaConfig config; /* its strings are ours */
    AkmaAfId naf_id;
    AkmaModem *modem;
    AkmaGbaCache *cache;
    char *sim_id;
    uint8_t imsi_digest[32];
    uint8_t impi_digest[32];
    AkmaGbaNames names;
    AkmaVisit *visit; /* NULL: the card is not taken */
    AkmaUb *ub;
    bool by_tmpi; /* it goes by the TMPI, not the IMPI */
    AkmaHttpClient *client;
    char *authorization; /* of the request that is next */
    unsigned retry_after_s;
    uint8_t rand[16];
    uint8_t autn[16];
    AkmaAkaResult aka;
    AkmaGbaInfo info;
    AkmaBootstrapping *made; /* the new one; NULL: none yet */
    AkmaSecret *ks_naf;
} AkmaGbaRun;

/* Takes the task: every step either completes it or hands it to the next one. */
void akma_gba_run_begin(GTask *owned, AkmaGbaStep step);
void akma_gba_run_begin_ask(GTask *owned);
void akma_gba_run_begin_authenticate(GTask *owned);
void akma_gba_run_begin_answer(GTask *owned);

/* Wipes and frees it: it names the subscriber. */
void akma_gba_run_forget_authorization(AkmaGbaRun *run);

/* Ends it with @error (taken); _card: which came from the card. */
void akma_gba_run_fail(GTask *task, GError *error);
void akma_gba_run_fail_card(GTask *task, GError *error);

/* The card is taken again: false, and the task has failed, if it is another one. */
bool akma_gba_run_take_owner(GTask *task, GAsyncResult *res);

G_END_DECLS
