/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * usb-link: the USB device at one end of a stream socket, whose other end the virtual controller of
 * a host holds.
 */
#pragma once

#include "modem/simulator/usb-device.h"

G_BEGIN_DECLS

typedef struct _AkmaSoftUsbLink AkmaSoftUsbLink;

/* The link ended: the host let go, or said what is no USB/IP (@message). It may be freed here. */
typedef void (*AkmaSoftUsbLinkEnded)(const char *message, void *user_data);

/* Borrows @fd and @device. NULL: no memory. */
AkmaSoftUsbLink *akma_soft_usb_link_new(int fd,
                                        AkmaSoftUsbDevice *device,
                                        AkmaSoftUsbLinkEnded ended,
                                        void *user_data);
void akma_soft_usb_link_free(AkmaSoftUsbLink *self); /* NULL is fine */

/* To be called by the wire of the device, as its ended(). */
void akma_soft_usb_link_send(
    AkmaSoftUsbLink *self, uint32_t seqnum, int32_t status, const uint8_t *data, size_t len);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaSoftUsbLink, akma_soft_usb_link_free)

G_END_DECLS
