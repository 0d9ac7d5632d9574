/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * fake-http-client: http/client.h without a network. At the other end is a real
 * AkmaServerSession and the anchor that goes with the card of the test.
 */
#pragma once

#include "anchor/anchor.h"
#include "http/client.h"
#include "session/server.h"

G_BEGIN_DECLS

#define FAKE_FQDN "keys.example.com"

typedef struct {
    AkmaSecret *k_akma;    /* the anchor's; not the card's: `sealed` does not open */
    const char *known_kid; /* NULL: the anchor knows every kid */
    AkmaCause refuse[4];   /* taken one by one by first requests; AKMA_CAUSE_NONE: none */
    const char *gba_kid;   /* a B-TID that it knows; its key is ks_naf */
    AkmaSecret *ks_naf;
    unsigned first_ms; /* how long the first response takes */
    bool lose_second;  /* the connection ends in place of the second response */
    bool hang;         /* the first request is never answered */
    /* what happened */
    unsigned first_requests;
    unsigned second_requests;
    AkmaServerSession *session;
    gpointer client; /* whose session it is; compared only */
} FakePeer;

/* One for the process: set it to {0} and fill it before each test. */
extern FakePeer fake_peer;

void fake_peer_clear(void);

G_END_DECLS
