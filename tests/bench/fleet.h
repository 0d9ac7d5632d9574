/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fleet: what a terminal of the program fleet is, and what it does. */
#pragma once

#include <uv.h>

#include "http/client-psk.h"
#include "http/h2-client.h"
#include "kdf/akma.h"
#include "session/terminal.h"

typedef struct Fleet Fleet;

typedef struct {
    Fleet *fleet;
    unsigned number;
    char *a_kid;
    AkmaKey256 k_akma;
    AkmaTerminalSession *session;
    AkmaHttpPsk *psk; /* of the PSK profile, as long as @client */
    AkmaH2Client *client;
    uv_timer_t timer;
    bool has_timer;
    uint64_t began_us;
    unsigned failures;
    unsigned requests; /* first ones, with those that failed */
    int begun;         /* rounds */
    int done;          /* rounds */
    GHashTable *seen;  /* each kid -> SHA-256 of its key, in hex */
} Terminal;

struct Fleet {
    /* options */
    char *core_url, *server_url, *fqdn, *ca, *application, *keys;
    int first, terminals, concurrent, rounds, pause_ms, deadline_s;
    gboolean storm, psk;
    /* the run */
    uv_loop_t loop;
    SSL_CTX *tls;
    AkmaH2Client *core;
    AkmaAfId af_id;
    Terminal *all;
    GQueue waiting; /* terminals that have rounds left */
    unsigned left;
    bool exchanging;
    uv_timer_t deadline;
    GArray *took_ms;
    unsigned failed, conflicts;
    GHashTable *causes; /* text -> count */
};

/* Lets the next terminal that waits register, or begin an exchange. */
void fleet_begin_next(Fleet *self);

/* What both profiles need: the first key; a connection; and the end, one way or the other. */
AkmaSecret *fleet_terminal_derive(Terminal *self);
void fleet_terminal_connect(Terminal *self, SSL_CTX *tls);
void fleet_terminal_take(Terminal *self, const AkmaKeySet *keys);
void fleet_terminal_fail(Terminal *self, const GError *error, unsigned retry_after_s);

/* fleet-psk.c: the exchange of the PSK profile. */
void fleet_psk_begin(Terminal *self);

/* Says so and ends the program. @error may be NULL. */
void fleet_die(const char *what, const GError *error);
