/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fleet: what a terminal of the program fleet is, and what it does. */
#pragma once

#include <openssl/sha.h>
#include <uv.h>

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
    AkmaH2Client *client;
    uv_timer_t timer;
    bool has_timer;
    uint64_t began_us;
    unsigned failures;
    int begun; /* rounds */
    int done;  /* rounds */
    char *kid; /* of the last key, and what it was */
    uint8_t digest[SHA256_DIGEST_LENGTH];
} Terminal;

struct Fleet {
    /* options */
    char *core_url, *server_url, *fqdn, *ca, *application, *keys;
    int first, terminals, concurrent, rounds, pause_ms, deadline_s;
    gboolean storm;
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

/* Says so and ends the program. @error may be NULL. */
void fleet_die(const char *what, const GError *error);
