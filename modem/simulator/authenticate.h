/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* authenticate: AUTHENTICATE in the 3G context: Milenage and the window of sequence numbers. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "kdf/milenage.h"
#include "modem/simulator/apdu.h"

G_BEGIN_DECLS

#define AKMA_SOFT_SQN_INDEXES 32 /* IND of 5 bits */

/* The sequence numbers that were accepted, one SEQ for each IND (TS 33.102 C.1.1.2). */
typedef struct {
    uint64_t seq[AKMA_SOFT_SQN_INDEXES];
    uint64_t delta;
} AkmaSoftSqn;

/* As if @sqn (48 bits) had been the highest one accepted, and none is above it. */
void akma_soft_sqn_init(AkmaSoftSqn *self, uint64_t sqn, uint64_t delta);

/* TS 33.102 C.2: true if @sqn is fresh; it is then used up. */
bool akma_soft_sqn_accept(AkmaSoftSqn *self, uint64_t sqn);

/* SQN_MS: the highest that was accepted. */
uint64_t akma_soft_sqn_get_highest(const AkmaSoftSqn *self);

/*
 * What every context does first: checks @autn and uses its number up. True: @ret_keys is what the
 * card makes of @rand. False: @ret is the answer, `DC AUTS` or a status word alone.
 */
bool akma_soft_check_challenge(const AkmaMilenage *milenage,
                               AkmaSoftSqn *sqn,
                               const uint8_t rand[static 16],
                               const uint8_t autn[static 16],
                               AkmaMilenageF2345 *ret_keys,
                               AkmaSoftResponse *ret);

/*
 * Checks @autn and answers with `DB RES CK IK`, `DC AUTS` or a status word alone, as
 * TS 31.102 7.1.2.1 has it.
 */
void akma_soft_authenticate(const AkmaMilenage *milenage,
                            AkmaSoftSqn *sqn,
                            const uint8_t rand[static 16],
                            const uint8_t autn[static 16],
                            AkmaSoftResponse *ret);

G_END_DECLS
