/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is accepted is encoded as the same bytes. */
#include "modem/port/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AkmaPortMessage message;
    uint8_t packet[AKMA_PORT_MESSAGE_MAX];

    if (!akma_port_message_decode(data, size, &message))
        return 0;
    g_assert(akma_port_message_encode(&message, packet) == size);
    for (size_t i = 0; i < size; i++)
        g_assert(packet[i] == data[i]);

    return 0;
}
