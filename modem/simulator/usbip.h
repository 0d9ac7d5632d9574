/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * usbip: the messages between the virtual USB controller of a host and a device on its wire.
 * Pure. Linux, Documentation/usb/usbip_protocol.rst.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

G_BEGIN_DECLS

#define AKMA_SOFT_USBIP_HEADER_LEN 48
#define AKMA_SOFT_USBIP_DATA_MAX   (64 * 1024) /* of one transfer to the device */
#define AKMA_SOFT_USBIP_MAX        (AKMA_SOFT_USBIP_HEADER_LEN + AKMA_SOFT_USBIP_DATA_MAX)

/* A transfer that the host wants. */
typedef struct {
    uint32_t seqnum; /* its name in the answer */
    uint8_t endpoint;
    bool in;
    uint32_t len;        /* bytes of @data, or the most that the host takes */
    uint8_t setup[8];    /* of endpoint 0 */
    const uint8_t *data; /* to the device, within the message; NULL: @in */
} AkmaSoftUsbTransfer;

typedef enum {
    AKMA_SOFT_USBIP_MORE,   /* the message is not complete */
    AKMA_SOFT_USBIP_SUBMIT, /* a transfer */
    AKMA_SOFT_USBIP_UNLINK, /* the host gives up the transfer of that seqnum */
    AKMA_SOFT_USBIP_BAD,    /* no message, or one that no driver of a modem sends */
} AkmaSoftUsbipKind;

/*
 * The first message of @bytes. @ret_transfer is set with SUBMIT; with UNLINK its seqnum is the
 * name of the message, and @ret_unlink that of the transfer. @ret_used: bytes of the message.
 */
AkmaSoftUsbipKind akma_soft_usbip_parse(const uint8_t *bytes,
                                        size_t len,
                                        AkmaSoftUsbTransfer *ret_transfer,
                                        uint32_t *ret_unlink,
                                        size_t *ret_used);

/* The end of a transfer; data of the device follow it. @status: 0 or a negative errno. */
void akma_soft_usbip_put_submitted(uint8_t ret[static AKMA_SOFT_USBIP_HEADER_LEN],
                                   uint32_t seqnum,
                                   int32_t status,
                                   uint32_t actual_len);
/* The answer to UNLINK. @found: else the transfer had ended. */
void akma_soft_usbip_put_unlinked(uint8_t ret[static AKMA_SOFT_USBIP_HEADER_LEN],
                                  uint32_t seqnum,
                                  bool found);

G_END_DECLS
