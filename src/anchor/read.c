/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "anchor/read.h"

void
akma_anchor_read_async(AkmaModem *modem,
                       const AkmaAnchorRequest *request,
                       GCancellable *cancellable,
                       GAsyncReadyCallback callback,
                       gpointer user_data)
{
    if (request->gba)
        akma_gba_usim_read_async(modem, request->gba, cancellable, callback, user_data);
    else
        akma_akma_usim_read_async(modem, request->akma, cancellable, callback, user_data);
}

AkmaAnchor *
akma_anchor_read_finish(GAsyncResult *res, unsigned *ret_retry_after_s, GError **error)
{
    if (g_async_result_is_tagged(res, akma_gba_usim_read_async))
        return akma_gba_usim_read_finish(res, ret_retry_after_s, error);
    *ret_retry_after_s = 0;

    return akma_akma_usim_read_finish(res, error);
}
