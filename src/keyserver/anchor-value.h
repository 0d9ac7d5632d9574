/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* anchor-value: what the answers of all anchor functions hold: keys, times, an identity. Pure. */
#pragma once

#include <jansson.h>

#include "keyserver/store.h"
#include "proto/cause.h"

G_BEGIN_DECLS

/* Also the most that an answer may have, in bytes. */
#define AKMA_ANCHOR_ANSWER_MAX (16 * 1024)

/* No end is told: then only the session has one. */
#define AKMA_ANCHOR_NO_EXPIRY INT64_MAX

typedef struct {
    AkmaSecret *first_key; /* 32 bytes */
    int64_t expiry;        /* Unix time, ahead; or AKMA_ANCHOR_NO_EXPIRY */
    AkmaSecret *identity;  /* text without a NUL, of the kind asked for */
} AkmaAnchorAnswer;

void akma_anchor_answer_clear(AkmaAnchorAnswer *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(AkmaAnchorAnswer, akma_anchor_answer_clear)

/* False: @ret_refusal says why (anchor_refused; store_unavailable: no room for secrets). */
/* 64 hexadecimal digits, in either case. */
bool akma_anchor_read_key(const json_t *root,
                          const char *member,
                          AkmaAnchorAnswer *answer,
                          AkmaRefusal *ret_refusal);
/* RFC 3339, after @now (Unix time). */
bool akma_anchor_read_expiry(const json_t *root,
                             const char *member,
                             int64_t now,
                             AkmaAnchorAnswer *answer,
                             AkmaRefusal *ret_refusal);
/* @identity: of @kind, or it is refused. NULL: the answer has none. */
bool akma_anchor_take_identity(AkmaIdentityKind kind,
                               const char *identity,
                               AkmaAnchorAnswer *answer,
                               AkmaRefusal *ret_refusal);

G_END_DECLS
