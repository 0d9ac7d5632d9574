/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* anchor-keys: what an AAnF keeps: for each subscriber its latest A-KID and K_AKMA. */
#pragma once

#include "base/secret.h"

G_BEGIN_DECLS

typedef struct _AkmaAnchorKeys AkmaAnchorKeys;

typedef struct {
    char *supi;
    char *a_kid;
    AkmaSecret *k_akma;
} AkmaAnchorKey;

AkmaAnchorKeys *akma_anchor_keys_new(void);
void akma_anchor_keys_free(AkmaAnchorKeys *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaAnchorKeys, akma_anchor_keys_free)

/*
 * Replaces what @supi had before. Errors: AKMA_ERROR_INVALID_ARGUMENT (another subscriber has
 * @a_kid), AKMA_ERROR_INTERNAL (the secure heap is full).
 */
bool akma_anchor_keys_put(AkmaAnchorKeys *self,
                          const char *supi,
                          const char *a_kid,
                          const AkmaKey256 *k_akma,
                          GError **error);

/* Borrowed until the next change; NULL: unknown, or replaced meanwhile. */
const AkmaAnchorKey *akma_anchor_keys_find(const AkmaAnchorKeys *self, const char *a_kid);

/* False: there was none. */
bool akma_anchor_keys_remove(AkmaAnchorKeys *self, const char *supi);

/* Removes each one that @keep says no to. */
void akma_anchor_keys_prune(AkmaAnchorKeys *self,
                            bool (*keep)(const char *supi, void *user_data),
                            void *user_data);

G_END_DECLS
