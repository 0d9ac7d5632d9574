/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * queue: one card transaction at a time. A transaction is a logical channel: opened, used,
 * closed; while one AkmaChannel lives nobody else gets one.
 *
 * The channel is closed when its last reference goes, whatever happened before, and only after
 * the card has answered the command that may still run. A cancelled caller gets
 * G_IO_ERROR_CANCELLED at once; the late answer is wiped.
 */
#pragma once

#include "modem/card.h"

G_BEGIN_DECLS

#define AKMA_TYPE_CARD_QUEUE (akma_card_queue_get_type())
G_DECLARE_FINAL_TYPE(AkmaCardQueue, akma_card_queue, AKMA, CARD_QUEUE, GObject)

#define AKMA_TYPE_CHANNEL (akma_channel_get_type())
G_DECLARE_FINAL_TYPE(AkmaChannel, akma_channel, AKMA, CHANNEL, GObject)

AkmaCardQueue *akma_card_queue_new(AkmaCard *card); /* takes a reference of @card */

/* Waits for its turn, then opens. Errors: as akma_card_open_channel_async(), and CANCELLED. */
void akma_card_queue_open_async(AkmaCardQueue *self,
                                const uint8_t *aid,
                                size_t aid_len,
                                GCancellable *cancellable,
                                GAsyncReadyCallback callback,
                                gpointer user_data);
AkmaChannel *akma_card_queue_open_finish(AkmaCardQueue *self,
                                         GAsyncResult *res,
                                         GError **error); /* full */

/* Who waits or uses the card: 0 = the card is idle and no channel of ours is open. */
unsigned akma_card_queue_get_length(AkmaCardQueue *self);

/* One command, one answer. One at a time; it is a programmer error to send two at once. */
void akma_channel_transmit_async(AkmaChannel *self,
                                 const AkmaCommand *command,
                                 GCancellable *cancellable,
                                 GAsyncReadyCallback callback,
                                 gpointer user_data);
AkmaResponse *akma_channel_transmit_finish(AkmaChannel *self, GAsyncResult *res, GError **error);

/*
 * The shortcuts of the card contract, under the same rule: one command at a time. Errors: also
 * G_IO_ERROR_NOT_SUPPORTED: send APDUs.
 */
void akma_channel_read_async(AkmaChannel *self,
                             const AkmaFile *file,
                             size_t len,
                             GCancellable *cancellable,
                             GAsyncReadyCallback callback,
                             gpointer user_data);
AkmaResponse *akma_channel_read_finish(AkmaChannel *self, GAsyncResult *res, GError **error);
void akma_channel_authenticate_async(AkmaChannel *self,
                                     const uint8_t rand[static 16],
                                     const uint8_t autn[static 16],
                                     GCancellable *cancellable,
                                     GAsyncReadyCallback callback,
                                     gpointer user_data);
AkmaResponse *akma_channel_authenticate_finish(AkmaChannel *self,
                                               GAsyncResult *res,
                                               GError **error);

/* As akma_card_channel_ends_with_card(). */
bool akma_channel_ends_with_card(AkmaChannel *self);

/*
 * The folder that is selected on the channel, as a path of two-byte ids from 3F00 or 7FFF; empty =
 * not known. For modem/uicc.c, which saves SELECTs with it.
 */
const uint8_t *akma_channel_get_folder(AkmaChannel *self, size_t *ret_len);
void akma_channel_set_folder(AkmaChannel *self, const uint8_t *path, size_t len);

G_END_DECLS
