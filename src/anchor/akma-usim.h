/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * akma-usim: AKMA from the USIM: K_AUSF of EF_5GAUTHKEYS, the IMSI, and what the A-KID needs.
 * The card is read live each time, IMSI and keys on one channel; how it is made sure that both come
 * from the same card stands in akma-usim.c.
 */
#pragma once

#include "anchor/anchor.h"
#include "kdf/akma.h"
#include "modem/modem.h"

G_BEGIN_DECLS

typedef struct {
    AkmaAKidFormat a_kid_format;
    const char *realm_prefix;      /* "" by default */
    const char *routing_indicator; /* NULL: from the card */
} AkmaAkmaUsimConfig;

/*
 * Errors: AKMA_ERROR_ANCHOR_UNSUPPORTED (service 123 missing; the message names it),
 * AKMA_ERROR_ANCHOR_NOT_READY (the file is empty), AKMA_ERROR_NO_SIM, AKMA_ERROR_PIN_REQUIRED,
 * AKMA_ERROR_SIM_BLOCKED, AKMA_ERROR_MODEM_FAILED, AKMA_ERROR_NO_MODEM, G_IO_ERROR_CANCELLED.
 */
void akma_akma_usim_read_async(AkmaModem *modem,
                               const AkmaAkmaUsimConfig *config,
                               GCancellable *cancellable,
                               GAsyncReadyCallback callback,
                               gpointer user_data);
AkmaAnchor *akma_akma_usim_read_finish(GAsyncResult *res, GError **error); /* (transfer full) */

/*
 * What does not change on a card is read once and kept with the modem while the card stays in.
 * After the operator said that it does not know the A-KID, forget it before the next read.
 */
void akma_akma_usim_forget(AkmaModem *modem);

G_END_DECLS
