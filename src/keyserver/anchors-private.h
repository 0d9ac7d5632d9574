/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* anchors-private: the anchors, as anchors.c and anchor-call.c share them. */
#pragma once

#include "http/h2-client.h"
#include "keyserver/anchor-token.h"
#include "keyserver/anchors.h"
#include "keyserver/breaker.h"
#include "keyserver/unknown-kids.h"

G_BEGIN_DECLS

typedef struct {
    AkmaAnchorKind kind;
    bool nef;   /* for AKMA: an NEF stands before the AAnF */
    char *path; /* where it is asked */
    char *name;
    char *operator;
    GStrv realms;
    AkmaH2Client *client;
    AkmaAnchorToken *token; /* NULL: it wants none */
    AkmaBreaker breaker;
    unsigned in_flight;
    unsigned in_flight_max;
    AkmaUnknownKids *unknown;
} AkmaAnchorPeer;

struct _AkmaAnchors {
    unsigned refs; /* the owner's, and one a call */
    uv_loop_t *loop;
    AkmaFigures *figures; /* NULL: nothing is counted */
    AkmaIdentityKind kind;
    const AkmaSecret *id_key; /* the store's */
    GPtrArray *anchors;       /* AkmaAnchorPeer */
    GStrv providers;          /* whom a terminal may be named to */
    unsigned in_flight;
    unsigned in_flight_max;
};

/* The one whose realms name @realm most exactly. NULL: none does. */
AkmaAnchorPeer *akma_anchors_find(const AkmaAnchors *self, AkmaAnchorKind kind, const char *realm);

G_END_DECLS
