/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* usb-private: what the files of the USB device share. */
#pragma once

#include "modem/simulator/usb-device.h"
#include "modem/simulator/usb-pipe.h"

G_BEGIN_DECLS

#define AKMA_SOFT_USB_WAITING_MAX 256   /* transfers that the device keeps */
#define AKMA_SOFT_USB_NTB_SIZE    16384 /* the most bytes of a frame of the network */

/* One function and what stands behind it. */
typedef struct {
    AkmaSoftUsbDevice *owner;
    const AkmaSoftUsbFunction *facts;
    AkmaSoftUsbPipe *pipe;
    unsigned untold; /* messages that the host was not notified of; of a WDM function */
} AkmaSoftUsbPort;

/* A transfer to the host that waits for something to carry. */
typedef struct {
    uint32_t seqnum;
    uint32_t len;
    uint8_t endpoint;
} AkmaSoftUsbWaiting;

struct _AkmaSoftUsbDevice {
    const AkmaSoftUsbModel *model;
    AkmaSoftUsbWire wire;
    void *user_data;
    uint8_t configuration; /* the number that the host chose */
    uint8_t alternates[AKMA_SOFT_USB_FUNCTIONS_MAX];
    uint32_t ntb_size; /* what the host wants frames of the network to be */
    AkmaSoftUsbPort ports[AKMA_SOFT_USB_FUNCTIONS_MAX];
    GArray *waiting; /* of AkmaSoftUsbWaiting, the oldest first */
};

/* Endpoint 0: a whole request is there. Ends the transfer. */
void akma_soft_usb_control(AkmaSoftUsbDevice *self, const AkmaSoftUsbTransfer *transfer);

G_END_DECLS
