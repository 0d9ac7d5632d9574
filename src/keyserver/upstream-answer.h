/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * upstream-answer: what a provider's answer means here. Checked as a terminal would; what cannot
 * be used is upstream_refused. Pure.
 */
#pragma once

#include "keyserver/store.h"
#include "proto/key-set.h"

G_BEGIN_DECLS

/*
 * The body of a 200: a key or an error for each of @asked, and no other. NULL: @ret_cause is
 * upstream_refused, or upstream_unavailable where we have no room for it.
 */
AkmaKeySet *akma_upstream_parse(const uint8_t *body,
                                size_t len,
                                const char *const *asked,
                                AkmaCause *ret_cause);

/*
 * Adds to @set, whose now is ours, what @answer says about @wanted: under the name and the versions
 * that the application has here, and in our time. "revoked" stays what it is, since it takes a key
 * away; not_entitled there is upstream_refused here. The shortest ask_again of all counts.
 * Returns: the version of a key that was added; 0: an error was.
 */
int64_t akma_upstream_add(AkmaKeySet *set, const AkmaKsUpstream *wanted, const AkmaKeySet *answer);

G_END_DECLS
