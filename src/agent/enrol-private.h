/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* enrol-private: what enrol.c (the order of things) shares with a file for each profile. */
#pragma once

#include "agent/enrol.h"
#include "agent/naf.h"
#include "http/client.h"
#include "session/terminal.h"

G_BEGIN_DECLS

typedef enum {
    AKMA_ENROL_READ_CARD,
    AKMA_ENROL_FIRST_REQUEST,
    AKMA_ENROL_SECOND_REQUEST,
    AKMA_ENROL_ASK_NAF, /* of the digest profile */
    AKMA_ENROL_ANSWER_NAF,
    AKMA_ENROL_ASK_PSK, /* of the psk profile */
} AkmaEnrolStep;

typedef struct {
    AkmaConfig *config;
    const AkmaConfigServer *server;
    AkmaModem *modem;
    AkmaCardReader reader;
    GStrv key_ids;
    AkmaEnrolment *machine;
    AkmaGbaCache *cache;
    AkmaCards *cards;
    int64_t now; /* at @began_ms */
    int64_t time_seen;
    int64_t began_ms;
    AkmaAnchor *anchor;
    unsigned retry_after_s; /* of the BSF, where it failed; psk: of the server */
    AkmaHttpClient *client;
    AkmaTerminalSession *session; /* of the message profile */
    GBytes *second_request;
    char *second_path;
    AkmaNaf *naf;          /* of the digest profile */
    AkmaSecret *first_key; /* of the psk profile, as is @cause: why the server refused */
    AkmaCause cause;
    AkmaKeySet *keys; /* of both, as is @n_asked: so many of key_ids are done */
    size_t n_asked;
    int64_t mark_us; /* when the lap began */
    double card_ms;
    double network_ms; /* the server and its anchor included */
    double crypto_ms;
} AkmaEnrolRun;

/* Takes the task: every step either completes it or hands it to the next one. */
void akma_enrol_begin(GTask *owned, AkmaEnrolStep step);
void akma_enrol_begin_first_request(GTask *owned);
void akma_enrol_begin_second_request(GTask *owned);
void akma_enrol_begin_ask_naf(GTask *owned);
void akma_enrol_begin_answer_naf(GTask *owned);
void akma_enrol_begin_ask_psk(GTask *owned);

/* What the machine wants next. Takes the task; @keys: (transfer full), with DONE only. */
void akma_enrol_act(GTask *owned, AkmaEnrolmentAction action, AkmaKeySet *keys);
/* The step failed; takes the task and @error. */
void akma_enrol_failed(GTask *owned, GError *taken);
/* All keys are there; takes the task and @keys. */
void akma_enrol_succeeded(GTask *owned, AkmaKeySet *keys);
/* The lifetime of Ks may end at any moment: true, and the task goes on by another way. */
bool akma_enrol_is_expired(GTask *task);

/* The session is over: nothing of the first key stays, and its connection is closed. */
void akma_enrol_end_session(AkmaEnrolRun *run);
/* Ends a lap: adds what it took to @sum_ms. */
double akma_enrol_lap_ms(AkmaEnrolRun *run, double *sum_ms);
/* Borrowed from @run's server. */
AkmaHttpConfig akma_enrol_get_http_config(const AkmaEnrolRun *run, AkmaHttpVersion version);
AkmaHttpClient *akma_enrol_new_client(const AkmaEnrolRun *run,
                                      AkmaHttpVersion version,
                                      const char *user_agent);

G_END_DECLS
