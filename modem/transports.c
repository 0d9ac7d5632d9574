/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* transports: the table of the ways to a card that open a port themselves. */
#include "modem/transport.h"

static const AkmaTransport *const transports[] = {
    &akma_transport_at, &akma_transport_mbim, &akma_transport_qmi};

const AkmaTransport *
akma_transport_find(const char *protocol)
{
    for (size_t i = 0; i < G_N_ELEMENTS(transports); i++) {
        if (g_str_equal(protocol, transports[i]->protocol))
            return transports[i];
    }

    return NULL;
}
