/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * usb-device: the simulated modem as a USB device: transfers of a host in, their ends out. Knows no
 * descriptor of a file: vhci.c carries the messages.
 */
#pragma once

#include "modem/simulator/usb-model.h"
#include "modem/simulator/usbip.h"

G_BEGIN_DECLS

typedef struct _AkmaSoftUsbDevice AkmaSoftUsbDevice;

/* What the device does to its wire. Allowed from within the calls below. */
typedef struct {
    /* A transfer ended. @status: 0 or a negative errno; @len: bytes that went either way; @data:
     * those to the host, wiped after the call; NULL: none. */
    void (*ended)(
        uint32_t seqnum, int32_t status, const uint8_t *data, size_t len, void *user_data);
    void (*hangup)(void *user_data); /* the device is to go and come back */
} AkmaSoftUsbWire;

/* All arguments must outlive it. NULL: no memory. */
AkmaSoftUsbDevice *akma_soft_usb_device_new(AkmaSoftModem *modem,
                                            const AkmaSoftUsbModel *model,
                                            const AkmaSoftDialect *dialect,
                                            const AkmaSoftUsbWire *wire,
                                            void *user_data);
void akma_soft_usb_device_free(AkmaSoftUsbDevice *self); /* NULL is fine */

/* Each transfer is ended once, perhaps before this returns; but not one that is unlinked. */
void akma_soft_usb_device_submit(AkmaSoftUsbDevice *self, const AkmaSoftUsbTransfer *transfer);
/* False: it had ended, or there never was one. */
bool akma_soft_usb_device_unlink(AkmaSoftUsbDevice *self, uint32_t seqnum);

/* An event of the modem, told to the programs that listen. */
void akma_soft_usb_device_tell(AkmaSoftUsbDevice *self, AkmaSoftEvent event, const char *text);
void akma_soft_usb_device_restart(AkmaSoftUsbDevice *self); /* as after power on */
/* Functions that a program on the host listens to. */
unsigned akma_soft_usb_device_count_clients(const AkmaSoftUsbDevice *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaSoftUsbDevice, akma_soft_usb_device_free)

G_END_DECLS
