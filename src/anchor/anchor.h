/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * anchor: what the card gave for one enrolment: an identifier that the operator knows, and
 * first keys derived from the card's key. Plain data and secrets; forgets both on unref.
 */
#pragma once

#include "base/secret.h"
#include "kdf/af-id.h"

G_BEGIN_DECLS

typedef struct _AkmaAnchor AkmaAnchor;

/* Takes a reference of @key (K_AKMA, 32 bytes). @kind: "akma". */
AkmaAnchor *akma_anchor_new(const char *kind, const char *kid, AkmaSecret *key);

/*
 * GBA. @kid: B-TID. @ks_naf: Ks_NAF or Ks_ext_NAF, for @naf_id and no other; a reference is taken.
 * @expires_ms: CLOCK_BOOTTIME. @is_new: bootstrapped for it just now.
 */
AkmaAnchor *akma_anchor_new_gba(
    const char *kid, const AkmaAfId *naf_id, AkmaSecret *ks_naf, int64_t expires_ms, bool is_new);
AkmaAnchor *akma_anchor_ref(AkmaAnchor *self);
void akma_anchor_unref(AkmaAnchor *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaAnchor, akma_anchor_unref)

const char *akma_anchor_get_kind(const AkmaAnchor *self); /* "akma" or "gba" */
const char *akma_anchor_get_kid(const AkmaAnchor *self);  /* shown to the server only */
/* Is its key over? An AKMA anchor has no end of its own. */
bool akma_anchor_is_expired(const AkmaAnchor *self, int64_t now_ms);
/* Was it made for this enrolment, or is it one that was there? AKMA is always as the card has it.
 */
bool akma_anchor_is_new(const AkmaAnchor *self);

/*
 * K_AF, or Ks_NAF, for @af_id. Returns: (transfer full): 32 bytes. Errors: AKMA_ERROR_INTERNAL.
 */
AkmaSecret *akma_anchor_derive_first_key(const AkmaAnchor *self,
                                         const AkmaAfId *af_id,
                                         GError **error);

G_END_DECLS
