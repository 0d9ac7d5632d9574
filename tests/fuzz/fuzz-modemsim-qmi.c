/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a client writes to the QMI port; a client of each service is there, ids 1 to 3. */
#include "modem/simulator/qmi-link.h"
#include "tests/fakes/soft-card.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever was asked, what comes out is whole frames of the modem. */
static void
check_output(const void *bytes, size_t len, void *user_data)
{
    bool frame;

    (void)user_data;
    g_assert(akma_soft_qmi_measure(bytes, len, &frame) == len && frame);
    g_assert(((const uint8_t *)bytes)[3] == 0x80);
}

static void
ignore(void *user_data)
{
    (void)user_data;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t clients[] = {
        0x01, 0x0f, 0x00, 0x00,    0x00, 0x00, 0x00, 0x01,    0x22, 0x00, 0x04, 0x00,
        0x01, 0x01, 0x00, QMI_DMS, 0x01, 0x0f, 0x00, 0x00,    0x00, 0x00, 0x00, 0x02,
        0x22, 0x00, 0x04, 0x00,    0x01, 0x01, 0x00, QMI_NAS, 0x01, 0x0f, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x03,    0x22, 0x00, 0x04, 0x00,    0x01, 0x01, 0x00, QMI_UIM};
    static const AkmaSoftPeer peer = {check_output, ignore, ignore};
    g_autoptr(AkmaSoftModem) modem = akma_soft_modem_new(soft_card_new());
    g_autoptr(AkmaSoftQmi) qmi = akma_soft_qmi_new(modem, akma_soft_dialect_find("plain"));
    g_autoptr(AkmaSoftQmiLink) link = akma_soft_qmi_link_new(qmi, modem, true, &peer, NULL);

    akma_soft_qmi_link_feed(link, clients, sizeof clients);
    g_assert(akma_soft_qmi_count_clients(qmi) == 3);
    akma_soft_qmi_link_feed(link, data, size);
    akma_soft_qmi_tell(qmi, AKMA_SOFT_EVENT_SIM, NULL);

    return 0;
}
