/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the controller of a host sends to the simulated USB modem. The first octet picks the model.
 */
#include "modem/simulator/usb-device.h"
#include "tests/fakes/soft-card.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Nothing is said of a transfer that brings more than the host wants. */
static void
check_ended(uint32_t seqnum, int32_t status, const uint8_t *data, size_t len, void *user_data)
{
    (void)seqnum;
    (void)user_data;
    g_assert(status <= 0);
    g_assert(!data || len <= AKMA_SOFT_USBIP_DATA_MAX);
}

static void
ignore(void *user_data)
{
    (void)user_data;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const AkmaSoftUsbWire wire = {check_ended, ignore};
    g_autoptr(AkmaSoftModem) modem = akma_soft_modem_new(soft_card_new());
    g_autoptr(AkmaSoftUsbDevice) device = NULL;
    AkmaSoftUsbTransfer transfer;
    AkmaSoftUsbipKind kind;
    uint32_t unlink;
    size_t used;

    if (size == 0)
        return 0;
    device = akma_soft_usb_device_new(modem,
                                      akma_soft_usb_model_find(data[0] & 1 ? "qmi" : "mbim"),
                                      akma_soft_dialect_find("plain"),
                                      &wire,
                                      NULL);
    for (size_t at = 1; at < size; at += used) {
        kind = akma_soft_usbip_parse(data + at, size - at, &transfer, &unlink, &used);
        if (kind == AKMA_SOFT_USBIP_SUBMIT)
            akma_soft_usb_device_submit(device, &transfer);
        else if (kind == AKMA_SOFT_USBIP_UNLINK)
            akma_soft_usb_device_unlink(device, unlink);
        else
            break;
    }
    akma_soft_usb_device_tell(device, AKMA_SOFT_EVENT_SIM, NULL);
    akma_soft_usb_device_restart(device);

    return 0;
}
