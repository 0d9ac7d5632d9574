/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a client writes to the AT port. The first octet picks the dialect. */
#include "modem/simulator/at.h"
#include "tests/fakes/soft-card.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
ignore_output(const void *bytes, size_t len, void *user_data)
{
    (void)bytes;
    *(size_t *)user_data += len;
}

static void
ignore(void *user_data)
{
    (void)user_data;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"plain", "no-space", "inline", "session-257", "csim-only"};
    const AkmaSoftPeer peer = {ignore_output, ignore, ignore};
    g_autoptr(AkmaSoftModem) modem = akma_soft_modem_new(soft_card_new());
    g_autoptr(AkmaSoftAt) at = NULL;
    size_t written = 0;

    if (size == 0)
        return 0;
    at = akma_soft_at_new(
        modem, akma_soft_dialect_find(names[data[0] % G_N_ELEMENTS(names)]), &peer, &written);
    g_assert(akma_soft_at_feed(at, (const char *)data + 1, size - 1) == size - 1);

    return 0;
}
