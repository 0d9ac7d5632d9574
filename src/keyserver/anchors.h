/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * anchors: a worker's connections to the operators' anchor functions.
 *
 * Which one is asked follows from the kind of anchor, the realm of the kid and the configuration,
 * and from nothing else. The subscriber's identity ends in here: callers get the terminal id.
 */
#pragma once

#include <uv.h>

#include "keyserver/anchor-value.h"
#include "keyserver/config.h"
#include "keyserver/metrics.h"
#include "keyserver/pseudonym.h"
#include "keyserver/store.h"
#include "proto/cause.h"
#include "session/server.h"

G_BEGIN_DECLS

typedef struct _AkmaAnchors AkmaAnchors;
typedef struct _AkmaAnchorCall AkmaAnchorCall;

/* Borrowed during the callback. */
typedef struct {
    AkmaSecret *first_key;
    int64_t expiry; /* Unix time, or AKMA_ANCHOR_NO_EXPIRY */
    const char *terminal;
    AkmaPseudonyms *pseudonyms; /* for each provider of the configuration */
} AkmaAnchorResult;

/* @result or @refusal, never both. */
typedef void (*AkmaAnchorDone)(const AkmaAnchorResult *result,
                               const AkmaRefusal *refusal,
                               void *user_data);

/*
 * Connects to nobody yet. @id_key is referenced as long as the result lives. Limits are divided
 * by [server] workers. @figures: where requests are counted, or NULL. Errors:
 * AKMA_ERROR_CONFIG_INVALID.
 */
AkmaAnchors *akma_anchors_new(uv_loop_t *loop,
                              const AkmaServerConfig *config,
                              AkmaFigures *figures,
                              AkmaIdentityKind kind,
                              const AkmaSecret *id_key,
                              GError **error);
/* What is under way goes on to its end. */
void akma_anchors_unref(AkmaAnchors *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaAnchors, akma_anchors_unref)

/* Is there an anchor of this kind, for whatever realm? */
bool akma_anchors_have(const AkmaAnchors *self, AkmaAnchorKind kind);

/*
 * The first key for @kid and @af_id (GBA: NAF_Id), which names the profile that it is for.
 * Returns: (transfer none): until @done is called, which does not happen before this returns.
 * NULL: @ret_refusal says why: no anchor of this kind for this realm, or too much under way.
 */
AkmaAnchorCall *akma_anchors_ask(AkmaAnchors *self,
                                 AkmaAnchorKind kind,
                                 const AkmaAfId *af_id,
                                 const char *realm,
                                 const char *kid,
                                 AkmaAnchorDone done,
                                 void *user_data,
                                 AkmaRefusal *ret_refusal);
/* @done is not called any more. */
void akma_anchor_call_cancel(AkmaAnchorCall *call);

/* How exactly one of @patterns names @realm: -1 not at all, more is more exact. Pure. */
int akma_realm_match(const char *const *patterns, const char *realm);

G_END_DECLS
