/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * anchor-token: the bearer token that one anchor wants to see, by OAuth2 client credentials
 * (RFC 6749 4.4, RFC 6750). One request for all who wait; kept until just before it ends.
 */
#pragma once

#include <uv.h>

#include "keyserver/config.h"
#include "keyserver/store.h"
#include "proto/cause.h"

G_BEGIN_DECLS

typedef struct _AkmaAnchorToken AkmaAnchorToken;
typedef struct _AkmaTokenWait AkmaTokenWait;

/* @header or @refusal, never both. @header: as akma_anchor_token_get() gives it; borrowed. */
typedef void (*AkmaTokenDone)(AkmaSecret *header, const AkmaRefusal *refusal, void *user_data);

/*
 * For @anchor, which has a token_url, and identities of @kind; connects to nobody yet. Errors:
 * AKMA_ERROR_CONFIG_INVALID, AKMA_ERROR_INTERNAL.
 */
AkmaAnchorToken *akma_anchor_token_new(uv_loop_t *loop,
                                       const AkmaServerConfig *config,
                                       const AkmaAnchorConfig *anchor,
                                       AkmaIdentityKind kind,
                                       GError **error);
/* NULL is fine. Nobody may wait any more. */
void akma_anchor_token_free(AkmaAnchorToken *self);

/* The value of an Authorization field, with its final NUL; borrowed. NULL: there is none now. */
AkmaSecret *akma_anchor_token_get(AkmaAnchorToken *self);

/* Asks for one, or waits with the others. Returns: (transfer none): until @done. */
AkmaTokenWait *akma_anchor_token_fetch(AkmaAnchorToken *self, AkmaTokenDone done, void *user_data);
/* @done is not called any more. */
void akma_anchor_token_cancel(AkmaTokenWait *wait);

/* The anchor did not take @header: it is not given again. Another one that is newer stays. */
void akma_anchor_token_forget(AkmaAnchorToken *self, const AkmaSecret *header);

/*
 * The body of a 200 of a token endpoint. @ret_header: (transfer full). @ret_lifetime_s: for how
 * long it may be kept, 0: for the requests that wait only. Pure. False: not a bearer token.
 */
bool akma_token_answer_parse(const uint8_t *body,
                             size_t len,
                             AkmaSecret **ret_header,
                             unsigned *ret_lifetime_s);

/*
 * "Basic ..." of a client's id and secret with its final NUL. Pure. Returns: (transfer full);
 * NULL: no room left for keys.
 */
AkmaSecret *akma_token_basic_new(const char *id, const AkmaSecret *secret);

G_END_DECLS
