/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * uicc: the soft card: commands in, answers out, TS 102 221 and TS 31.102.
 *
 * Pure: no I/O, no timer. Beside its logical channels 0 to 19 the card has one that belongs
 * to the modem itself, always open, with the USIM selected; no class byte reaches it.
 */
#pragma once

#include "modem/simulator/apdu.h"
#include "modem/simulator/filesystem.h"
#include "modem/simulator/pin.h"
#include "modem/simulator/profile.h"

G_BEGIN_DECLS

typedef struct _AkmaSoftUicc AkmaSoftUicc;

/* Takes @profile. Errors: AKMA_ERROR_CONFIG_INVALID (see akma_soft_filesystem_new()). */
AkmaSoftUicc *akma_soft_uicc_new(AkmaSoftProfile *profile, GError **error);
void akma_soft_uicc_free(AkmaSoftUicc *self); /* wipes; NULL is fine */

/* Power off and on: channels closed, PIN to be verified again; counters and files stay. */
void akma_soft_uicc_reset(AkmaSoftUicc *self);

/* One command and its answer; any bytes are answered with a status word. */
void akma_soft_uicc_transmit(AkmaSoftUicc *self,
                             const uint8_t *apdu,
                             size_t len,
                             AkmaSoftResponse *ret);
/* The same on the modem's own channel; the channel in the class byte is not looked at. */
void akma_soft_uicc_transmit_own(AkmaSoftUicc *self,
                                 const uint8_t *apdu,
                                 size_t len,
                                 AkmaSoftResponse *ret);

bool akma_soft_uicc_is_open(const AkmaSoftUicc *self, unsigned channel);
unsigned akma_soft_uicc_count_open(const AkmaSoftUicc *self); /* the basic channel counted */
unsigned akma_soft_uicc_get_channels(const AkmaSoftUicc *self);
/* 1 to 20; channels that are open stay open. */
void akma_soft_uicc_set_channels(AkmaSoftUicc *self, unsigned n);

/* Borrowed. */
AkmaSoftPin *akma_soft_uicc_get_pin(AkmaSoftUicc *self);
const AkmaSoftProfile *akma_soft_uicc_get_profile(const AkmaSoftUicc *self);
AkmaSoftFile *akma_soft_uicc_get_root(AkmaSoftUicc *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaSoftUicc, akma_soft_uicc_free)

G_END_DECLS
