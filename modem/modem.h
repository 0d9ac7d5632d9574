/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * modem: one modem with the card in it, whatever it speaks; the only modem object that code
 * outside modem/ sees. It owns the transport, the queue of card transactions and the state.
 *
 * Every error that leaves it is an AKMA_ERROR or G_IO_ERROR_CANCELLED.
 */
#pragma once

#include <gio/gio.h>
#include <stdbool.h>

#include "base/secret.h"
#include "modem/state.h"

G_BEGIN_DECLS

#define AKMA_TYPE_MODEM (akma_modem_get_type())
G_DECLARE_FINAL_TYPE(AkmaModem, akma_modem, AKMA, MODEM, GObject)

typedef struct {
    const char *device;   /* path of the port */
    const char *protocol; /* one of transport.h, or "auto": what udev says of the port */
    unsigned slot;        /* 1.. */
    AkmaProxy proxy;
    const char *port_socket; /* of akmad-port; NULL: where the package puts it */
    unsigned timeout_ms;     /* of one answer of the modem */
    AkmaSecret *sim_id_key;  /* 32 bytes: key of the HMAC behind SimId; a reference is taken */
    bool is_guess;           /* as in AkmaPortConfig */
} AkmaModemConfig;

/*
 * Opens the port and asks for manufacturer, model, card state and registration.
 * Errors: AKMA_ERROR_NO_MODEM (no such device), AKMA_ERROR_MODEM_FAILED,
 * AKMA_ERROR_CONFIG_INVALID (no such slot). A missing or locked card is a state, not an error.
 */
void akma_modem_open_async(const AkmaModemConfig *config,
                           GCancellable *cancellable,
                           GAsyncReadyCallback callback,
                           gpointer user_data);
AkmaModem *akma_modem_open_finish(GAsyncResult *res, GError **error); /* (transfer full) */

/*
 * Signals: "changed": one of the values below is another one (card in or out, registration);
 * "gone": the device is not there any more; every later call fails with AKMA_ERROR_NO_MODEM.
 */
const char *akma_modem_get_device(AkmaModem *self);
const char *akma_modem_get_protocol(AkmaModem *self);     /* "at" */
const char *akma_modem_get_manufacturer(AkmaModem *self); /* "" if unknown */
const char *akma_modem_get_model(AkmaModem *self);
AkmaSimState akma_modem_get_sim_state(AkmaModem *self);
/* "unknown", "idle", "searching", "denied", "home", "roaming"; borrowed for ever. */
const char *akma_modem_get_registration(AkmaModem *self);
/* HMAC-SHA-256 of the ICCID under @sim_id_key, 32 hex digits; "" without a card, or if a card that
 * waits for its PIN does not tell it. */
const char *akma_modem_get_sim_id(AkmaModem *self);

/* Tries of its PIN that are left, if the card waits for it; AKMA_PIN_TRIES_UNKNOWN: not known. */
int akma_modem_get_pin_tries(AkmaModem *self);

/*
 * Gives @pin (AKMA_PIN_MIN to AKMA_PIN_MAX digits) to the card, once; "changed" follows. It cannot
 * be cancelled. Errors: AKMA_ERROR_PIN_REQUIRED: it is the wrong one; AKMA_ERROR_SIM_BLOCKED;
 * AKMA_ERROR_MODEM_FAILED, AKMA_ERROR_NO_MODEM: whether it cost a try is not known.
 */
void akma_modem_verify_pin_async(AkmaModem *self,
                                 AkmaSecret *pin,
                                 GAsyncReadyCallback callback,
                                 gpointer user_data);
bool akma_modem_verify_pin_finish(AkmaModem *self, GAsyncResult *res, GError **error);

/* What a caller is told while the card waits for its PIN; NULL: only that. Forgotten then. */
void akma_modem_explain_pin(AkmaModem *self, const char *why);

/* Asks the modem for card state and registration again; "changed" if it was another one. */
void akma_modem_refresh_async(AkmaModem *self,
                              GCancellable *cancellable,
                              GAsyncReadyCallback callback,
                              gpointer user_data);
bool akma_modem_refresh_finish(AkmaModem *self, GAsyncResult *res, GError **error);

/* Closes the port, frees channels that are open. Later calls fail with AKMA_ERROR_NO_MODEM. */
void akma_modem_close(AkmaModem *self);

G_END_DECLS
