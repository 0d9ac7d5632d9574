/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a host writes to the MBIM port. The first octet picks the dialect. */
#include "modem/simulator/mbim.h"
#include "tests/fakes/soft-card.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
count_output(const void *bytes, size_t len, void *user_data)
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
    static const char *const names[] = {
        "plain", "mbim-p2-0c", "mbim-class-inter", "mbim-no-auth", "mbim-no-uicc-files"};
    const AkmaSoftPeer peer = {count_output, ignore, ignore};
    const AkmaSoftFace *face = &akma_soft_mbim_face;
    g_autoptr(AkmaSoftModem) modem = akma_soft_modem_new(soft_card_new());
    size_t written = 0;
    void *mbim;

    if (size == 0)
        return 0;
    mbim = face->create(
        modem, akma_soft_dialect_find(names[data[0] % G_N_ELEMENTS(names)]), &peer, &written);
    g_assert(face->feed(mbim, data + 1, size - 1) == size - 1);
    face->tell(mbim, AKMA_SOFT_EVENT_SIM, NULL);
    face->tell(mbim, AKMA_SOFT_EVENT_REGISTRATION, NULL);
    face->destroy(mbim);

    return 0;
}
