/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * port-card: the card contract over akmad-port, the helper that opens ports which an unprivileged
 * process cannot: those that mbim-proxy or qmi-proxy holds.
 */
#pragma once

#include "modem/transport.h"

G_BEGIN_DECLS

#define AKMA_PORT_SOCKET "/run/akmad/port.sock"

#define AKMA_TYPE_PORT_CARD (akma_port_card_get_type())
G_DECLARE_FINAL_TYPE(AkmaPortCard, akma_port_card, AKMA, PORT_CARD, GObject)

/*
 * Has the helper behind @socket open @config->device, which speaks @protocol.
 * Errors: AKMA_ERROR_NO_MODEM (no such device), AKMA_ERROR_MODEM_FAILED (also: no helper there, or
 * it refuses this process), CANCELLED.
 */
void akma_port_card_open_async(const char *socket,
                               const char *protocol,
                               const AkmaPortConfig *config,
                               GCancellable *cancellable,
                               GAsyncReadyCallback callback,
                               gpointer user_data);
AkmaCard *akma_port_card_open_finish(GAsyncResult *res, GError **error); /* (transfer full) */

G_END_DECLS
