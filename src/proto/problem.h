/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* problem: application/problem+json (RFC 9457), how a server refuses. */
#pragma once

#include "proto/cause.h"

#include <stddef.h>

G_BEGIN_DECLS

/* Its cause must be one that has a status. Returns: (transfer full); NULL: no memory. */
GBytes *akma_problem_to_json(const AkmaRefusal *refusal);

/*
 * The cause in @body, which came with HTTP status @status. AKMA_CAUSE_NONE where the body is
 * no problem, names no cause of ours, or one that does not go with @status.
 */
AkmaCause akma_problem_get_cause(unsigned status, const void *body, size_t len);

/* The same for a cause of one key, in an answer about that key alone, whatever its status. */
AkmaCause akma_problem_get_key_cause(const void *body, size_t len);

G_END_DECLS
