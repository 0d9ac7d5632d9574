/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * unknown-kids: key identifiers that an anchor did not know a moment ago, so that a flood of
 * requests with one costs the anchor one request.
 *
 * Of fixed size, and a kid is in it for AKMA_UNKNOWN_MS from the anchor's answer on, however often
 * it is asked for. Holds no kid, only a keyed hash of each.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

G_BEGIN_DECLS

#define AKMA_UNKNOWN_MS 5000

typedef struct _AkmaUnknownKids AkmaUnknownKids;

AkmaUnknownKids *akma_unknown_kids_new(void);
void akma_unknown_kids_free(AkmaUnknownKids *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaUnknownKids, akma_unknown_kids_free)

uint64_t akma_unknown_kids_hash(const AkmaUnknownKids *self, const void *kid, size_t len);
/* The oldest of its row makes room. */
void akma_unknown_kids_add(AkmaUnknownKids *self, uint64_t hash, uint64_t now_ms);
bool akma_unknown_kids_have(const AkmaUnknownKids *self, uint64_t hash, uint64_t now_ms);

G_END_DECLS
