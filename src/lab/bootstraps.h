/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * bootstraps: what a BSF keeps: one bootstrapping a B-TID, until its lifetime ends, and the
 * latest TMPI of each subscriber.
 */
#pragma once

#include "base/secret.h"

G_BEGIN_DECLS

typedef struct _AkmaBootstraps AkmaBootstraps;

typedef struct {
    char *b_tid;
    char *supi;
    uint8_t rand[16];
    AkmaSecret *ks; /* CK || IK */
    bool gba_u;
    int64_t created; /* Unix time */
    int64_t expiry;
} AkmaBootstrap;

AkmaBootstraps *akma_bootstraps_new(void);
void akma_bootstraps_free(AkmaBootstraps *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaBootstraps, akma_bootstraps_free)

/*
 * Takes @bootstrap, also on failure. With too many of them the oldest goes. Those over at
 * @bootstrap->created go too.
 */
void akma_bootstraps_put(AkmaBootstraps *self, AkmaBootstrap *bootstrap);

/* NULL if the secure heap is full. Strings and bytes are copied. */
AkmaBootstrap *akma_bootstrap_new(const char *b_tid,
                                  const char *supi,
                                  const uint8_t rand[static 16],
                                  const AkmaKey128 *ck,
                                  const AkmaKey128 *ik);

/* Borrowed until the next change; NULL: unknown, or over at @now. */
const AkmaBootstrap *akma_bootstraps_find(const AkmaBootstraps *self,
                                          const char *b_tid,
                                          int64_t now);

/* @tmpi replaces what @supi had before. */
void akma_bootstraps_put_tmpi(AkmaBootstraps *self, const char *supi, const char *tmpi);
/* Borrowed; NULL: unknown. */
const char *akma_bootstraps_find_tmpi(const AkmaBootstraps *self, const char *tmpi);

/* Removes what belongs to a SUPI that @keep says no to. */
void akma_bootstraps_prune(AkmaBootstraps *self,
                           bool (*keep)(const char *supi, void *user_data),
                           void *user_data);

G_END_DECLS
