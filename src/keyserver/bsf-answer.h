/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * bsf-answer: what a BSF is asked and what it answers (TS 29.309 bootstrapping-info-retrieval).
 * Pure. Only what gives Ks_NAF or Ks_ext_NAF from a 3G bootstrapping is taken.
 */
#pragma once

#include "kdf/af-id.h"
#include "keyserver/anchor-value.h"

G_BEGIN_DECLS

/* Returns: (transfer full): the body of the request; NULL: no memory. */
GBytes *akma_bsf_request_new(const AkmaAfId *naf_id, const char *b_tid);

/*
 * The body of a 200. @now: Unix time. False: @ret_refusal says why; nothing is left behind. A BSF
 * knows no GPSI: with AKMA_IDENTITY_GPSI everything is refused.
 */
bool akma_bsf_answer_parse(const uint8_t *body,
                           size_t len,
                           AkmaIdentityKind kind,
                           int64_t now,
                           AkmaAnchorAnswer *ret,
                           AkmaRefusal *ret_refusal);

G_END_DECLS
