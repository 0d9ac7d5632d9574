/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * anchor-answer: what an AAnF is asked and what it answers (TS 29.535 retrieve-applicationkey,
 * types of TS 29.522). Pure. The schema lets much through that we do not.
 */
#pragma once

#include "keyserver/store.h"

G_BEGIN_DECLS

/* Also the most that an answer may have, in bytes. */
#define AKMA_ANCHOR_ANSWER_MAX (16 * 1024)

typedef struct {
    AkmaSecret *first_key; /* 32 bytes */
    int64_t expiry;        /* Unix time, ahead */
    AkmaSecret *identity;  /* text without a NUL, of the kind asked for */
} AkmaAnchorAnswer;

void akma_anchor_answer_clear(AkmaAnchorAnswer *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(AkmaAnchorAnswer, akma_anchor_answer_clear)

/* Returns: (transfer full): the body of the request; NULL: no memory. */
GBytes *akma_anchor_request_new(const char *af_id, const char *kid);

/*
 * The body of a 200. @now: Unix time. False: @ret_refusal says why; nothing is left behind.
 */
bool akma_anchor_answer_parse(const uint8_t *body,
                              size_t len,
                              AkmaIdentityKind kind,
                              int64_t now,
                              AkmaAnchorAnswer *ret,
                              AkmaRefusal *ret_refusal);

G_END_DECLS
