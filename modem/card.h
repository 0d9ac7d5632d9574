/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * card: what a transport (AT, MBIM, QMI) does for a card. The contract that backends fill in;
 * callers use modem/queue.h, which lets one transaction at a time onto the card.
 *
 * Nothing here can be cancelled: a command that was sent cannot be unsent. The queue gives its
 * caller the answer "cancelled" at once and drops the late one. Every call ends within the
 * transport's own deadline.
 *
 * Every error is an AKMA_ERROR: AKMA_ERROR_NO_MODEM (gone before the call), AKMA_ERROR_MODEM_FAILED
 * (timeout, unplugged during the call, garbled, no channel left), AKMA_ERROR_NO_SIM,
 * AKMA_ERROR_PIN_REQUIRED, AKMA_ERROR_SIM_BLOCKED.
 */
#pragma once

#include <gio/gio.h>

#include "base/secret.h"
#include "modem/apdu.h"
#include "modem/state.h"

G_BEGIN_DECLS

#define AKMA_AID_MAX  16
#define AKMA_PATH_MAX 6

/* A transparent file, or a linear one. */
typedef struct {
    const char *name;              /* "EF_IMSI": for messages */
    uint8_t folder[AKMA_PATH_MAX]; /* from 3F00 (the card) or 7FFF (the application) */
    uint8_t folder_len;
    uint16_t id;
    uint8_t sfi; /* 0: none */
} AkmaFile;

#define AKMA_TYPE_CARD (akma_card_get_type())
G_DECLARE_INTERFACE(AkmaCard, akma_card, AKMA, CARD, GObject)

typedef struct {
    AkmaSimState sim;
    AkmaRegistration registration;
    int pin_tries; /* left for PIN 1; AKMA_PIN_TRIES_UNKNOWN: the modem does not say */
} AkmaCardState;

/*
 * A backend completes each call with a GTask whose source object is the card; what it returns
 * stands behind the function.
 *
 * Signals: "card-changed": the card went out, came in, or is another one;
 * "registration-changed"; "gone": the device is not there any more.
 */
struct _AkmaCardInterface {
    GTypeInterface parent;

    const char *protocol; /* "at", "mbim" or "qmi" */

    void (*open_channel_async)(AkmaCard *self,
                               const uint8_t *aid,
                               size_t aid_len,
                               GAsyncReadyCallback callback,
                               gpointer user_data); /* int: session number */
    void (*transmit_async)(AkmaCard *self,
                           int channel,
                           const AkmaCommand *command,
                           GAsyncReadyCallback callback,
                           gpointer user_data); /* pointer: AkmaResponse */
    void (*close_channel_async)(AkmaCard *self,
                                int channel,
                                GAsyncReadyCallback callback,
                                gpointer user_data); /* boolean */
    void (*query_async)(AkmaCard *self,
                        GAsyncReadyCallback callback,
                        gpointer user_data); /* pointer: AkmaCardState, g_free() */
    void (*verify_pin_async)(AkmaCard *self,
                             AkmaSecret *pin,
                             GAsyncReadyCallback callback,
                             gpointer user_data); /* boolean */

    /*
     * Shortcuts: what some modems do faster by their own means. NULL: none. The answer is the one
     * that APDUs on @channel would have brought, status word included. What this modem cannot do
     * (known only when asked) is G_IO_ERROR_NOT_SUPPORTED; the caller then sends APDUs.
     */
    void (*read_async)(AkmaCard *self,
                       int channel,
                       const AkmaFile *file,
                       size_t len,
                       GAsyncReadyCallback callback,
                       gpointer user_data); /* pointer: AkmaResponse */
    void (*authenticate_async)(AkmaCard *self,
                               int channel,
                               const uint8_t rand[static 16],
                               const uint8_t autn[static 16],
                               GAsyncReadyCallback callback,
                               gpointer user_data); /* pointer: AkmaResponse */

    /* NULL: never */
    bool (*channel_ends_with_card)(AkmaCard *self, int channel);

    const char *(*get_protocol)(AkmaCard *self); /* NULL: protocol above */
    const char *(*get_manufacturer)(AkmaCard *self);
    const char *(*get_model)(AkmaCard *self);
    void (*close)(AkmaCard *self);
};

/*
 * A logical channel with the application of @aid selected on it; @aid may be cut short on the
 * right (TS 102 221 11.1.1.2). Without @aid: a channel on which nothing but the card's root is
 * selected; not every transport can. Returns: the session number, >= 0, or -1.
 * Errors: also AKMA_ERROR_ANCHOR_UNSUPPORTED: no such application on this card.
 */
void akma_card_open_channel_async(AkmaCard *self,
                                  const uint8_t *aid,
                                  size_t aid_len,
                                  GAsyncReadyCallback callback,
                                  gpointer user_data);
int akma_card_open_channel_finish(AkmaCard *self, GAsyncResult *res, GError **error);

/*
 * One command, one answer as the card gave it; 61xx and 6Cxx are the caller's to handle. The
 * class byte of @command is that of the basic channel; the transport puts the channel in.
 */
void akma_card_transmit_async(AkmaCard *self,
                              int channel,
                              const AkmaCommand *command,
                              GAsyncReadyCallback callback,
                              gpointer user_data);
AkmaResponse *akma_card_transmit_finish(AkmaCard *self, GAsyncResult *res, GError **error);

void akma_card_close_channel_async(AkmaCard *self,
                                   int channel,
                                   GAsyncReadyCallback callback,
                                   gpointer user_data);
bool akma_card_close_channel_finish(AkmaCard *self, GAsyncResult *res, GError **error);

/*
 * Does a card that goes take @channel with it? Then commands on it fail from there on, and all that
 * was read on it comes from one card. Not so on the basic channel, and where the modem reads files
 * by itself.
 */
bool akma_card_channel_ends_with_card(AkmaCard *self, int channel);

/* Asks the modem. A missing or locked card is a state, not an error. */
void akma_card_query_async(AkmaCard *self, GAsyncReadyCallback callback, gpointer user_data);
bool akma_card_query_finish(AkmaCard *self,
                            GAsyncResult *res,
                            AkmaCardState *ret_state,
                            GError **error);

/*
 * Gives @pin (AKMA_PIN_MIN to AKMA_PIN_MAX digits) to the modem, which verifies it: PIN 1, once.
 * The caller has looked at pin_tries. Errors: also AKMA_ERROR_PIN_REQUIRED: it is the wrong one.
 */
void akma_card_verify_pin_async(AkmaCard *self,
                                AkmaSecret *pin,
                                GAsyncReadyCallback callback,
                                gpointer user_data);
bool akma_card_verify_pin_finish(AkmaCard *self, GAsyncResult *res, GError **error);

/*
 * The shortcuts: the first @len bytes (0 = all, up to 256) of a transparent file, and AUTHENTICATE
 * in the 3G context. Errors: also G_IO_ERROR_NOT_SUPPORTED, and nothing was sent.
 */
void akma_card_read_async(AkmaCard *self,
                          int channel,
                          const AkmaFile *file,
                          size_t len,
                          GAsyncReadyCallback callback,
                          gpointer user_data);
AkmaResponse *akma_card_read_finish(AkmaCard *self, GAsyncResult *res, GError **error);
void akma_card_authenticate_async(AkmaCard *self,
                                  int channel,
                                  const uint8_t rand[static 16],
                                  const uint8_t autn[static 16],
                                  GAsyncReadyCallback callback,
                                  gpointer user_data);
AkmaResponse *akma_card_authenticate_finish(AkmaCard *self, GAsyncResult *res, GError **error);

const char *akma_card_get_protocol(AkmaCard *self);
const char *akma_card_get_manufacturer(AkmaCard *self); /* "" if unknown */
const char *akma_card_get_model(AkmaCard *self);

/* Lets go of the device. What runs ends with an error; "gone" is not emitted. */
void akma_card_close(AkmaCard *self);

/* For backends. */
void akma_card_emit_card_changed(AkmaCard *self);
void akma_card_emit_registration_changed(AkmaCard *self);
void akma_card_emit_gone(AkmaCard *self);

G_END_DECLS
