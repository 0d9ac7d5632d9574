/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * jwk: one key of a key set as JSON (RFC 7517, RFC 7518 6, RFC 8037 2), known members only.
 * Internal to proto; others use key-set.h.
 */
#pragma once

#include <jansson.h>

#include "proto/key-set.h"

G_BEGIN_DECLS

#define AKMA_OCT_MIN 16
#define AKMA_OCT_MAX 64

/* Returns: (transfer full); NULL: @key is not well formed. */
json_t *akma_jwk_to_json(const AkmaKey *key);

/* Returns: (transfer full); NULL: malformed, or store_unavailable (no room left for keys). */
AkmaKey *akma_jwk_from_json(const json_t *jwk, int64_t now, AkmaRefusal *ret_refusal);

G_END_DECLS
