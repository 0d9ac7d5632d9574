/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* qmi-private: what the files of the card share. */
#pragma once

#include "modem/qmi/card-status.h"
#include "modem/qmi/qmi-card.h"

G_BEGIN_DECLS

/*
 * A channel of the contract. The modem reads files without one, so a logical channel of the card
 * is opened only for the first APDU.
 */
typedef struct {
    bool is_taken;
    int number; /* another one each time */
    bool has_app;
    AkmaQmiApp app;
    uint8_t channel; /* of the card; 0: none yet */
} AkmaQmiSession;

struct _AkmaQmiCard {
    GObject parent;
    AkmaQmiPort *port;
    char *manufacturer;
    char *model;
    unsigned slot;        /* as configured: the physical one */
    uint8_t logical_slot; /* 0: not known yet */
    bool is_slot_old;     /* it may be another one now */
    AkmaQmiCardStatus status;
    AkmaQmiSession session;
    uint8_t stale;   /* a channel that could not be closed; 0: none */
    bool lacks_read; /* the modem knows no Read Transparent */
    bool lacks_open; /* nor Open Logical Channel: an older request opens them */
};

/* As akma_qmi_port_send(); repeated while the card is busy. */
void akma_qmi_card_send(AkmaQmiCard *self,
                        const AkmaQmiRequest *request,
                        AkmaQmiDone done,
                        gpointer user_data);

/* Asks for the status of the card, and before it for the slot if that is not known. */
typedef void (*AkmaQmiAsked)(const AkmaQmiCardStatus *status,
                             const GError *error,
                             gpointer user_data);
void akma_qmi_card_ask(AkmaQmiCard *self, AkmaQmiAsked done, gpointer user_data);

/* The contract's calls. In qmi-query.c: */
void akma_qmi_card_query(AkmaCard *card, GAsyncReadyCallback callback, gpointer user_data);
void akma_qmi_card_verify_pin(AkmaCard *card,
                              AkmaSecret *pin,
                              GAsyncReadyCallback callback,
                              gpointer user_data);

/* In qmi-channel.c: */
void akma_qmi_card_open_channel(AkmaCard *card,
                                const uint8_t *aid,
                                size_t aid_len,
                                GAsyncReadyCallback callback,
                                gpointer user_data);
void akma_qmi_card_transmit(AkmaCard *card,
                            int number,
                            const AkmaCommand *command,
                            GAsyncReadyCallback callback,
                            gpointer user_data);
void akma_qmi_card_read(AkmaCard *card,
                        int number,
                        const AkmaFile *file,
                        size_t len,
                        GAsyncReadyCallback callback,
                        gpointer user_data);
void akma_qmi_card_close_channel(AkmaCard *card,
                                 int number,
                                 GAsyncReadyCallback callback,
                                 gpointer user_data);

/* A channel was opened for somebody who does not wait any more, or is left: gives it back. */
void akma_qmi_card_drop_channel(AkmaQmiCard *self, uint8_t channel);

G_END_DECLS
