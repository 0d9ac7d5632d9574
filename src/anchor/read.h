/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* read: the anchor that is asked for, from the card of a modem. */
#pragma once

#include "anchor/akma-usim.h"
#include "anchor/gba-usim.h"

G_BEGIN_DECLS

typedef struct {
    const AkmaAkmaUsimConfig *akma;
    const AkmaGbaConfig *gba; /* NULL: AKMA is asked for */
} AkmaAnchorRequest;

/* Errors: those of akma_akma_usim_read_async() or of akma_gba_usim_read_async(). */
void akma_anchor_read_async(AkmaModem *modem,
                            const AkmaAnchorRequest *request,
                            GCancellable *cancellable,
                            GAsyncReadyCallback callback,
                            gpointer user_data);
/* As akma_gba_usim_read_finish(). */
AkmaAnchor *akma_anchor_read_finish(GAsyncResult *res, unsigned *ret_retry_after_s, GError **error);

G_END_DECLS
