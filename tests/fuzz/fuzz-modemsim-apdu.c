/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Commands to the soft card: each a length octet and that many bytes. */
#include "tests/fakes/soft-card.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(AkmaSoftUicc) card = soft_card_new();
    AkmaSoftResponse response;

    g_assert(card);
    while (size > 0) {
        size_t len = MIN(data[0], size - 1);
        g_autofree uint8_t *apdu = g_memdup2(data + 1, len);

        akma_soft_uicc_transmit(card, apdu, len, &response);
        g_assert(response.len <= sizeof response.data);
        akma_soft_uicc_transmit_own(card, apdu, len, &response);
        data += 1 + len;
        size -= 1 + len;
    }

    return 0;
}
