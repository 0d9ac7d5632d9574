/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* at-card: the card contract over AT commands (TS 27.007). */
#pragma once

#include "modem/at/port.h"
#include "modem/card.h"
#include "modem/transport.h"

G_BEGIN_DECLS

#define AKMA_TYPE_AT_CARD (akma_at_card_get_type())
G_DECLARE_FINAL_TYPE(AkmaAtCard, akma_at_card, AKMA, AT_CARD, GObject)

/*
 * Over a descriptor that is open; owned from now on. @device: its path, by which channels that were
 * left on it are known. @is_guess: as in AkmaPortConfig.
 * Errors: AKMA_ERROR_MODEM_FAILED.
 */
void akma_at_card_open_async(int fd,
                             const char *device,
                             unsigned timeout_ms,
                             bool is_guess,
                             GCancellable *cancellable,
                             GAsyncReadyCallback callback,
                             gpointer user_data);
AkmaCard *akma_at_card_open_finish(GAsyncResult *res, GError **error); /* (transfer full) */

G_END_DECLS
