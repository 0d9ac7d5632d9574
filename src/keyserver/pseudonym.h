/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * pseudonym: what each provider knows a terminal by: its terminal id with the name of the provider
 * as scope (terminal-id.h), so that two of them cannot tell that they serve the same one. Made
 * while the subscriber's identity is at hand, since nothing keeps that.
 */
#pragma once

#include "keyserver/store.h"

G_BEGIN_DECLS

typedef struct _AkmaPseudonyms AkmaPseudonyms;

/* One for each of @providers. Errors: AKMA_ERROR_INTERNAL. */
AkmaPseudonyms *akma_pseudonyms_new(const AkmaSecret *id_key,
                                    const char *const *providers,
                                    const char *
                                    operator,
                                    const char * identity,
                                    size_t identity_len,
                                    GError **error);
AkmaPseudonyms *akma_pseudonyms_ref(AkmaPseudonyms *self);
void akma_pseudonyms_unref(AkmaPseudonyms *self); /* wipes; NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaPseudonyms, akma_pseudonyms_unref)

/* Borrowed. NULL: that provider was not there; also for @self NULL. */
const char *akma_pseudonyms_get(const AkmaPseudonyms *self, const char *provider);

G_END_DECLS
