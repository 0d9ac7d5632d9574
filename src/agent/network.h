/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * network: tells when an address or a route came, since a server that could not be reached may be
 * reached now. One netlink socket in the loop. Not GNetworkMonitor: that asks NetworkManager or a
 * portal over a bus connection of its own, with a thread.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _AkmaNetwork AkmaNetwork;
typedef void (*AkmaNetworkFunc)(gpointer user_data);

/*
 * @func: once for events that come together, and not again within 10 s: a link that flaps must
 * not turn into a flood of requests. NULL: there is no netlink here; tries go by the back-off then.
 */
AkmaNetwork *akma_network_new(AkmaNetworkFunc func, gpointer user_data);
void akma_network_free(AkmaNetwork *self); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaNetwork, akma_network_free)

G_END_DECLS
