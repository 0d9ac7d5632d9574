/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * anchor-answer: what an AAnF is asked and what it answers (TS 29.535 retrieve-applicationkey,
 * types of TS 29.522). Pure. The schema lets much through that we do not.
 */
#pragma once

#include "kdf/af-id.h"
#include "keyserver/anchor-value.h"

G_BEGIN_DECLS

/* Returns: (transfer full): the body of the request; NULL: no memory. */
GBytes *akma_anchor_request_new(const AkmaAfId *af_id, const char *kid);

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
