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
AkmaAnchor *akma_anchor_ref(AkmaAnchor *self);
void akma_anchor_unref(AkmaAnchor *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaAnchor, akma_anchor_unref)

const char *akma_anchor_get_kind(const AkmaAnchor *self); /* "akma" */
const char *akma_anchor_get_kid(const AkmaAnchor *self);  /* A-KID; shown to the server only */

/* K_AF for @af_id. Returns: (transfer full): 32 bytes. Errors: AKMA_ERROR_INTERNAL. */
AkmaSecret *akma_anchor_derive_first_key(const AkmaAnchor *self,
                                         const AkmaAfId *af_id,
                                         GError **error);

G_END_DECLS
