/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* modem-card: what of a modem anchors use, and tests: the card behind it. */
#pragma once

#include "modem/modem.h"
#include "modem/usim.h"

G_BEGIN_DECLS

/* As akma_modem_open_async() over a card that is open; @config->device and protocol are labels. */
void akma_modem_open_card_async(AkmaCard *card,
                                const AkmaModemConfig *config,
                                GCancellable *cancellable,
                                GAsyncReadyCallback callback,
                                gpointer user_data);

/* Borrowed. Transactions go through the queue; the card itself is for its state and its PIN. */
AkmaCard *akma_modem_get_card(AkmaModem *self);
AkmaCardQueue *akma_modem_get_queue(AkmaModem *self);

/* Borrowed; emptied when the card or its registration changes. */
const AkmaUsimFacts *akma_modem_get_facts(AkmaModem *self);
/* @facts began as a copy of the ones above; ignored if those were emptied in the meantime. */
void akma_modem_set_facts(AkmaModem *self, const AkmaUsimFacts *facts);
void akma_modem_forget_facts(AkmaModem *self);

/* The card did not do what the known state promises, or is another one: asks it again soon. */
void akma_modem_doubt_card(AkmaModem *self);

/* False: no use in asking the card; the error says why by the state that is known. */
bool akma_modem_check_card(AkmaModem *self, GError **error);

G_END_DECLS
