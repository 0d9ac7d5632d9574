/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * unlock: gives the PIN of pin-file= to a card that waits for it: never with fewer than two tries
 * left, never again after it was not right, until the card was out or the file has another PIN.
 */
#pragma once

#include "agent/cards.h"
#include "modem/modem.h"

G_BEGIN_DECLS

#define AKMA_UNLOCK_TRIES_MIN 2

/*
 * The state of @modem is AKMA_SIM_PIN_REQUIRED. @place: as @modem in cards.h. @pin_file: 4 to 8
 * digits, see akma_file_read_secret(). Why it was not given, or was not right, is what @modem
 * tells too from then on (akma_modem_explain_pin()).
 *
 * Errors: AKMA_ERROR_PIN_REQUIRED (not given, or not right), AKMA_ERROR_SIM_BLOCKED,
 * AKMA_ERROR_CONFIG_INVALID, AKMA_ERROR_STORE_FAILED, AKMA_ERROR_MODEM_FAILED, AKMA_ERROR_NO_MODEM.
 */
void akma_unlock_async(AkmaModem *modem,
                       AkmaCards *cards,
                       const char *place,
                       const char *pin_file,
                       GAsyncReadyCallback callback,
                       gpointer user_data);
bool akma_unlock_finish(AkmaModem *modem, GAsyncResult *res, GError **error);

G_END_DECLS
