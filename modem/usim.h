/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * usim: the USIM application of the card: found, opened, its files read, AUTHENTICATE run.
 *
 * Errors of every call: AKMA_ERROR_ANCHOR_UNSUPPORTED (no USIM, no such file),
 * AKMA_ERROR_NO_SIM, AKMA_ERROR_PIN_REQUIRED, AKMA_ERROR_SIM_BLOCKED, AKMA_ERROR_MODEM_FAILED,
 * AKMA_ERROR_NO_MODEM, G_IO_ERROR_CANCELLED.
 */
#pragma once

#include "modem/uicc.h"
#include "modem/usim-files.h"

G_BEGIN_DECLS

extern const AkmaFile akma_usim_imsi;
extern const AkmaFile akma_usim_ad;
extern const AkmaFile akma_usim_ust;
extern const AkmaFile akma_usim_routing_indicator;
extern const AkmaFile akma_usim_5gauthkeys;
extern const AkmaFile akma_uicc_iccid;
extern const AkmaFile akma_uicc_dir;

/*
 * What was read of this card and does not change while it stays in; no secret. It is empty after
 * every change of the card. The card's IMSI is compared with the digest, live, each time; the IMSI
 * itself is not kept.
 */
typedef struct {
    bool is_known;
    unsigned version; /* another one each time that the rest may be old */
    uint8_t imsi_digest[32];
    unsigned mnc_length;
    uint8_t ust[AKMA_UST_LEN];
    size_t ust_len;
    char routing_indicator[AKMA_RID_MAX + 1];
} AkmaUsimFacts;

/*
 * A channel with the USIM selected: by the prefix of every USIM's AID; where a card or modem
 * refuses that, by the full AID of EF.DIR.
 */
void akma_usim_open_async(AkmaCardQueue *queue,
                          GCancellable *cancellable,
                          GAsyncReadyCallback callback,
                          gpointer user_data);
AkmaChannel *akma_usim_open_finish(AkmaCardQueue *queue, GAsyncResult *res, GError **error);

/*
 * K_AUSF of EF_5GAUTHKEYS; K_SEAF and what else stands in the file is wiped unread.
 * Errors: also AKMA_ERROR_ANCHOR_NOT_READY: the file is empty.
 */
void akma_usim_read_k_ausf_async(AkmaChannel *channel,
                                 GCancellable *cancellable,
                                 GAsyncReadyCallback callback,
                                 gpointer user_data);
/* Returns: (transfer full): 32 bytes. */
AkmaSecret *akma_usim_read_k_ausf_finish(AkmaChannel *channel, GAsyncResult *res, GError **error);

/*
 * AUTHENTICATE in the 3G context. A sync failure is an outcome, not an error.
 * Errors: also AKMA_ERROR_ANCHOR_REJECTED: the MAC of AUTN is wrong.
 */
void akma_usim_authenticate_async(AkmaChannel *channel,
                                  const uint8_t rand[static 16],
                                  const uint8_t autn[static 16],
                                  GCancellable *cancellable,
                                  GAsyncReadyCallback callback,
                                  gpointer user_data);
bool akma_usim_authenticate_finish(AkmaChannel *channel,
                                   GAsyncResult *res,
                                   AkmaAkaResult *ret,
                                   GError **error);

G_END_DECLS
