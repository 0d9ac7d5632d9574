/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* services: what a card can really do. */
#pragma once

#include "modem/modem.h"

G_BEGIN_DECLS

/*
 * Reads EF_UST: "akma" with service 123, "gba-me" with any USIM, "gba-u" with service 68.
 * Errors: those of modem/usim.h. Returns: g_strfreev().
 */
void akma_anchor_services_async(AkmaModem *modem,
                                GCancellable *cancellable,
                                GAsyncReadyCallback callback,
                                gpointer user_data);
GStrv akma_anchor_services_finish(GAsyncResult *res, GError **error);

G_END_DECLS
