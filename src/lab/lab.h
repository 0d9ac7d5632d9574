/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * lab: the operator core as one object without sockets: a request in, its answer out. The
 * roles (ausf.c, aanf.c, nef.c, ub.c, nbsp.c, oauth.c) share the subscribers and what each of
 * them has agreed with their cards.
 */
#pragma once

#include "http/h2.h"
#include "kdf/akma.h"
#include "lab/anchor-keys.h"
#include "lab/answer.h"
#include "lab/bootstraps.h"
#include "lab/subscribers.h"

G_BEGIN_DECLS

typedef struct _AkmaLabAuthentications AkmaLabAuthentications; /* ausf.c */
typedef struct _AkmaLabChallenges AkmaLabChallenges;           /* ub.c */
typedef struct _AkmaLabTokens AkmaLabTokens;                   /* oauth.c */

typedef struct {
    const char *subscribers; /* file */
    const char *state;       /* file, NULL: none */
    uint64_t kaf_lifetime_s;
    uint64_t gba_lifetime_s;
    AkmaAKidFormat a_kid_format;
    const char *a_kid_realm_prefix;
    bool oauth;
    bool tls; /* for the links in answers */
} AkmaLabOptions;

typedef struct {
    AkmaLabOptions options;
    AkmaSubscribers *subscribers;
    AkmaAnchorKeys *anchor_keys;
    AkmaLabAuthentications *authentications;
    AkmaBootstraps *bootstraps;
    AkmaLabChallenges *challenges;
    AkmaLabTokens *tokens;
} AkmaLab;

/* One request as a role sees it. */
typedef struct {
    const AkmaH2Request *request;
    const json_t *body; /* NULL: the route has none in JSON */
    const char *id;     /* what the path has for {authCtxId}; NULL: no such part */
} AkmaLabCall;

/* @options is copied, its strings are borrowed. Errors: AKMA_ERROR_CONFIG_INVALID. */
AkmaLab *akma_lab_new(const AkmaLabOptions *options, GError **error);
void akma_lab_free(AkmaLab *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaLab, akma_lab_free)

/*
 * Reads the subscribers again. SQNs go on, keys of who is gone or may no longer use AKMA or GBA
 * go too.
 * Errors: AKMA_ERROR_CONFIG_INVALID; nothing has changed then.
 */
bool akma_lab_reload(AkmaLab *self, GError **error);

/* Decides the answer to @request; @ret is zero before. */
void akma_lab_handle(AkmaLab *self, const AkmaH2Request *request, AkmaLabAnswer *ret);

/* The same on Ub, the interface of the BSF to terminals (TS 24.109 clause 4). */
void akma_lab_handle_ub(AkmaLab *self, const AkmaH2Request *request, AkmaLabAnswer *ret);

/*
 * The SQNs of all subscribers, in a file like theirs. Errors: AKMA_ERROR_CONFIG_INVALID,
 * AKMA_ERROR_STORE_FAILED. Without a file in the options: nothing to do.
 */
bool akma_lab_state_load(AkmaLab *self, GError **error);
bool akma_lab_state_save(const AkmaLab *self, GError **error);

G_END_DECLS
