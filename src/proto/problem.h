/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* problem: application/problem+json (RFC 9457), how a server refuses. */
#pragma once

#include "proto/cause.h"

#include <stddef.h>

G_BEGIN_DECLS

/* Its cause must be one that has a status. Returns: (transfer full); NULL: no memory. */
GBytes *akma_problem_to_json(const AkmaRefusal *refusal);
/* The same for a @status of our choice; @cause: NONE, or that of the one key that was asked for. */
GBytes *akma_problem_new(unsigned status, const char *detail, AkmaCause cause);

/*
 * The cause in @body, which came with HTTP status @status. AKMA_CAUSE_NONE where the body is
 * no problem, names no cause of ours, or one that does not go with @status.
 */
AkmaCause akma_problem_get_cause(unsigned status, const void *body, size_t len);

/*
 * Sets @error for an answer with @status from 400 on: by its cause, else by its status.
 * @is_problem: so its media type says; the body of another one is not read. Returns: the cause;
 * of any 429 that names none it is RATE_LIMITED.
 */
AkmaCause akma_problem_to_error(
    unsigned status, bool is_problem, const void *body, size_t len, GError **error);

/* As akma_problem_get_cause(), for a cause of one key, in an answer about that key alone, whatever
 * its status. */
AkmaCause akma_problem_get_key_cause(const void *body, size_t len);

G_END_DECLS
