/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fuzz-network-event: what a netlink socket gives. */
#include "agent/network-event.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* aligned, and of the exact size, so that a read past the end is seen */
    g_autofree void *copy = g_memdup2(data, size);

    akma_network_event_is_gain(copy, size);

    return 0;
}
