/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * seal: application keys at rest: AES-256-GCM under the store key, a random 96-bit IV in front,
 * the tag behind. Belongs to one thread.
 */
#pragma once

#include "base/secret.h"

G_BEGIN_DECLS

#define AKMA_KS_KEY_LEN       32
#define AKMA_KS_SEAL_OVERHEAD (12 + 16)

typedef struct _AkmaKsSeal AkmaKsSeal;

/*
 * @store_key: AKMA_KS_KEY_LEN bytes; it seals, and opens. @old_store_key: opens too; NULL: none.
 * Errors: AKMA_ERROR_INTERNAL.
 */
AkmaKsSeal *akma_ks_seal_new(const AkmaSecret *store_key,
                             const AkmaSecret *old_store_key,
                             GError **error);
void akma_ks_seal_free(AkmaKsSeal *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaKsSeal, akma_ks_seal_free)

/* Returns: (transfer full): @plain sealed for this place only. Errors: AKMA_ERROR_INTERNAL. */
GBytes *akma_ks_seal_close(
    AkmaKsSeal *self, const AkmaSecret *plain, const void *aad, size_t aad_len, GError **error);

/* Errors: AKMA_ERROR_STORE_FAILED: another store key or place, torn or tampered with. */
AkmaSecret *akma_ks_seal_open(AkmaKsSeal *self,
                              const void *sealed,
                              size_t len,
                              const void *aad,
                              size_t aad_len,
                              GError **error);

/* Was it the old key that opened the last one? */
bool akma_ks_seal_was_old(const AkmaKsSeal *self);

/* The place of an application key: "akmad/1 store" || 00 || @terminal || 00 || @kid. */
GByteArray *akma_ks_seal_key_place(const char *terminal, const char *kid);

G_END_DECLS
