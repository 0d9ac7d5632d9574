/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * uicc: the files of a UICC over one channel, whatever the transport: SELECT, READ BINARY, READ
 * RECORD with 61xx, 6Cxx and 9Fxx handled and status words made errors.
 *
 * It sends as little as it can: no answer is asked for that nobody reads, a file with a short
 * identifier (SFI) is read without SELECT, a folder is selected once.
 *
 * Errors of every call: those of akma_sw_set_error(), of the transport, and CANCELLED.
 */
#pragma once

#include "modem/queue.h"
#include "modem/tlv.h"

G_BEGIN_DECLS

/*
 * Sends @command; fetches what 61xx/9Fxx announces, repeats once with the length that 6Cxx names.
 * The answer's status word is the last one; any status word is a success here.
 */
void akma_uicc_send_async(AkmaChannel *channel,
                          const AkmaCommand *command,
                          GCancellable *cancellable,
                          GAsyncReadyCallback callback,
                          gpointer user_data);
AkmaResponse *akma_uicc_send_finish(AkmaChannel *channel, GAsyncResult *res, GError **error);

/* Selects @file and asks what it is. */
void akma_uicc_select_async(AkmaChannel *channel,
                            const AkmaFile *file,
                            GCancellable *cancellable,
                            GAsyncReadyCallback callback,
                            gpointer user_data);
bool akma_uicc_select_finish(AkmaChannel *channel,
                             GAsyncResult *res,
                             AkmaFcp *ret_fcp,
                             GError **error);

/*
 * The first @len bytes of a transparent file (0 = all, up to 256). The answer is shorter if the
 * file is, and never longer.
 */
void akma_uicc_read_async(AkmaChannel *channel,
                          const AkmaFile *file,
                          size_t len,
                          GCancellable *cancellable,
                          GAsyncReadyCallback callback,
                          gpointer user_data);
AkmaResponse *akma_uicc_read_finish(AkmaChannel *channel, GAsyncResult *res, GError **error);

/* Record @number (1..) of the file that is selected; @len from its description, 0 = ask the card.
 */
void akma_uicc_read_record_async(AkmaChannel *channel,
                                 const AkmaFile *file,
                                 uint8_t number,
                                 uint8_t len,
                                 GCancellable *cancellable,
                                 GAsyncReadyCallback callback,
                                 gpointer user_data);
AkmaResponse *akma_uicc_read_record_finish(AkmaChannel *channel, GAsyncResult *res, GError **error);

#define AKMA_UPDATE_MAX 1024

/*
 * Writes the first @len bytes (1..AKMA_UPDATE_MAX) of a transparent file; the rest of it stays.
 * Errors: also AKMA_ERROR_ANCHOR_UNSUPPORTED: the file is shorter; nothing was written.
 */
void akma_uicc_update_async(AkmaChannel *channel,
                            const AkmaFile *file,
                            const uint8_t *bytes,
                            size_t len,
                            GCancellable *cancellable,
                            GAsyncReadyCallback callback,
                            gpointer user_data);
bool akma_uicc_update_finish(AkmaChannel *channel, GAsyncResult *res, GError **error);

G_END_DECLS
