/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * auc: authentication vectors of 5G AKA and of UMTS AKA, with one SQN a subscriber for both, and
 * resynchronisation.
 */
#pragma once

#include "lab/subscribers.h"

G_BEGIN_DECLS

typedef struct {
    uint8_t rand[16];
    uint8_t autn[16];
    uint8_t xres_star[16];
    uint8_t hxres_star[16];
    AkmaKey256 k_ausf;
} AkmaAuthVector;

void akma_auth_vector_clear(AkmaAuthVector *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(AkmaAuthVector, akma_auth_vector_clear)

/* Takes the next SQN of @subscriber. Errors: AKMA_ERROR_INTERNAL (also: no SQN left). */
bool akma_auc_make_vector(AkmaSubscriber *subscriber,
                          const char *sn,
                          AkmaAuthVector *ret,
                          GError **error);

/* What the HSS gives to a BSF. */
typedef struct {
    uint8_t rand[16];
    uint8_t autn[16];
    uint8_t xres[8];
    AkmaKey128 ck;
    AkmaKey128 ik;
} AkmaGbaVector;

void akma_gba_vector_clear(AkmaGbaVector *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(AkmaGbaVector, akma_gba_vector_clear)

/* As akma_auc_make_vector(), with the separation bit of AMF 0: CK and IK leave the HSS. */
bool akma_auc_make_gba_vector(AkmaSubscriber *subscriber, AkmaGbaVector *ret, GError **error);

/*
 * TS 33.102 6.3.5: SQN_MS counts where it is ahead of ours, so an AUTS sent again does nothing.
 * Errors: AKMA_ERROR_ANCHOR_REJECTED (its MAC is wrong), AKMA_ERROR_INTERNAL.
 */
bool akma_auc_resynchronise(AkmaSubscriber *subscriber,
                            const uint8_t rand[static 16],
                            const uint8_t auts[static 14],
                            GError **error);

G_END_DECLS
