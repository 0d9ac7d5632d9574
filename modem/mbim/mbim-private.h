/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* mbim-private: what the files of this folder share. */
#pragma once

#include <libmbim-glib.h>

#include "modem/mbim/answer.h"
#include "modem/mbim/mbim-card.h"

G_BEGIN_DECLS

/* All channels that akmad opens are of this group, so that they can be closed without a number. */
#define AKMA_MBIM_CHANNEL_GROUP 0x616b6d61u /* "akma" */

#define AKMA_MBIM_REFUSED_MAX 16

/*
 * The application that the caller of the contract has open. Files and AKA need no channel, so
 * there is one only when the first APDU wants it.
 */
typedef struct {
    int number;       /* what the caller knows it by; 0: none */
    unsigned channel; /* on the card; 0: none yet */
    uint8_t aid[AKMA_AID_MAX];
    size_t aid_len;
} AkmaMbimSession;

struct _AkmaMbimCard {
    GObject parent;
    MbimDevice *device;
    GQueue requests; /* the first one runs, the others wait */
    bool is_busy;    /* the first one was begun */
    unsigned timeout_ms;
    bool is_gone;   /* unplugged; nobody but us closed it */
    bool is_closed; /* by us */
    char *model;
    char *firmware;
    AkmaMbimHabits *habits;
    AkmaMbimServices services;

    int last_number;
    AkmaMbimSession session;
    bool is_opening;    /* a channel: its number is not known yet */
    bool may_leak;      /* a channel may be open whose number nobody knows */
    bool holds_secrets; /* libmbim's buffer may: a key or the IMSI was asked for */

    /* Of the card that is in; forgotten when it changes. */
    bool knows_applications;
    AkmaMbimApplications applications;
    uint16_t refused[AKMA_MBIM_REFUSED_MAX]; /* files that the modem does not read */
    size_t n_refused;
};

/* In request.c. */

/* @answer is NULL exactly if @error is set: an AKMA_ERROR. */
typedef void (*AkmaMbimDone)(const AkmaMbimAnswer *answer, const GError *error, gpointer user_data);

/*
 * Sends @message and waits for its answer, of any status, as long as the card's timeout says. A
 * busy modem is asked again. Takes and wipes @message; wipes the answer.
 */
void akma_mbim_send(AkmaMbimCard *self,
                    MbimMessage *message,
                    AkmaMbimDone done,
                    gpointer user_data);

/* Ends the one that runs, with an error that tells why. */
void akma_mbim_stop_request(AkmaMbimCard *self);

/* Lets libmbim's buffer be written over, if it holds secrets. */
void akma_mbim_cover_secrets(AkmaMbimCard *self);

/* Wipes @message and drops it. NULL is fine. */
void akma_mbim_message_free(MbimMessage *message);

/* In mbim-card.c. */
void akma_mbim_card_become_gone(AkmaMbimCard *self);
void akma_mbim_card_forget_card(AkmaMbimCard *self);

/* In mbim-open.c. */
void akma_mbim_card_open_async(const AkmaPortConfig *config,
                               GCancellable *cancellable,
                               GAsyncReadyCallback callback,
                               gpointer user_data);
AkmaCard *akma_mbim_card_open_finish(GAsyncResult *res, GError **error);

/* The contract's calls: mbim-channel.c, mbim-shortcut.c, mbim-query.c. */
void akma_mbim_card_open_channel(AkmaCard *card,
                                 const uint8_t *aid,
                                 size_t aid_len,
                                 GAsyncReadyCallback callback,
                                 gpointer user_data);
void akma_mbim_card_transmit(AkmaCard *card,
                             int channel,
                             const AkmaCommand *command,
                             GAsyncReadyCallback callback,
                             gpointer user_data);
void akma_mbim_card_close_channel(AkmaCard *card,
                                  int channel,
                                  GAsyncReadyCallback callback,
                                  gpointer user_data);
bool akma_mbim_card_channel_ends_with_card(AkmaCard *card, int channel);
void akma_mbim_card_read(AkmaCard *card,
                         int channel,
                         const AkmaFile *file,
                         size_t len,
                         GAsyncReadyCallback callback,
                         gpointer user_data);
void akma_mbim_card_authenticate(AkmaCard *card,
                                 int channel,
                                 const uint8_t rand[static 16],
                                 const uint8_t autn[static 16],
                                 GAsyncReadyCallback callback,
                                 gpointer user_data);
void akma_mbim_card_query(AkmaCard *card, GAsyncReadyCallback callback, gpointer user_data);
void akma_mbim_card_verify_pin(AkmaCard *card,
                               AkmaSecret *pin,
                               GAsyncReadyCallback callback,
                               gpointer user_data);

/*
 * In mbim-session.c: a channel for the session, opened if there is none. @done gets an AKMA_ERROR,
 * or NULL and self->session.channel is set.
 */
typedef void (*AkmaMbimOpened)(const GError *error, gpointer user_data);
void akma_mbim_session_open(AkmaMbimCard *self, AkmaMbimOpened done, gpointer user_data);

/* The request to close @channel, or, if it is 0, all channels of ours. */
MbimMessage *akma_mbim_close_request_new(unsigned channel);
/* Closes what may be open without a number; nobody waits for it. */
void akma_mbim_sweep(AkmaMbimCard *self);

/* The session of the caller; false, and @task has its error: it is not open. */
bool akma_mbim_card_check_session(AkmaMbimCard *self, int number, GTask *task);

G_END_DECLS
