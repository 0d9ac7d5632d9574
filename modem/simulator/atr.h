/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* atr: the answer to reset of the soft card. */
#pragma once

#include "modem/simulator/profile.h"

G_BEGIN_DECLS

#define AKMA_SOFT_ATR_MAX 33

/* Writes what a card of @profile says when it is switched on; returns its length. */
size_t akma_soft_atr_write(const AkmaSoftProfile *profile, uint8_t ret[static AKMA_SOFT_ATR_MAX]);

G_END_DECLS
