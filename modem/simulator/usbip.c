/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/simulator/usbip.h"

#include <errno.h>
#include <string.h>

#define CMD_SUBMIT 1
#define CMD_UNLINK 2
#define RET_SUBMIT 3
#define RET_UNLINK 4

#define ENDPOINT_MAX 15
#define NO_PACKETS   0xffffffff /* what the document wants, the kernel sends 0 */

static uint32_t
load(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static void
store(uint8_t *to, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> (24 - 8 * i));
}

static AkmaSoftUsbipKind
parse_submit(const uint8_t *bytes, size_t len, AkmaSoftUsbTransfer *ret, size_t *ret_used)
{
    const uint32_t direction = load(bytes + 12);
    const uint32_t endpoint = load(bytes + 16);
    const uint32_t length = load(bytes + 24);
    const uint32_t packets = load(bytes + 32);

    if (direction > 1 || endpoint > ENDPOINT_MAX || length > INT32_MAX ||
        (packets != 0 && packets != NO_PACKETS)) /* isochronous: sound and pictures */
        return AKMA_SOFT_USBIP_BAD;
    if (direction == 0 && length > AKMA_SOFT_USBIP_DATA_MAX)
        return AKMA_SOFT_USBIP_BAD;
    if (direction == 0 && len - AKMA_SOFT_USBIP_HEADER_LEN < length)
        return AKMA_SOFT_USBIP_MORE;

    *ret = (AkmaSoftUsbTransfer){
        .seqnum = load(bytes + 4),
        .endpoint = (uint8_t)endpoint,
        .in = direction == 1,
        .len = length,
        .data = direction == 0 ? bytes + AKMA_SOFT_USBIP_HEADER_LEN : NULL,
    };
    memcpy(ret->setup, bytes + 40, sizeof ret->setup);
    *ret_used = AKMA_SOFT_USBIP_HEADER_LEN + (direction == 0 ? length : 0);

    return AKMA_SOFT_USBIP_SUBMIT;
}

AkmaSoftUsbipKind
akma_soft_usbip_parse(const uint8_t *bytes,
                      size_t len,
                      AkmaSoftUsbTransfer *ret_transfer,
                      uint32_t *ret_unlink,
                      size_t *ret_used)
{
    if (len < AKMA_SOFT_USBIP_HEADER_LEN)
        return AKMA_SOFT_USBIP_MORE;

    switch (load(bytes)) {
    case CMD_SUBMIT:
        return parse_submit(bytes, len, ret_transfer, ret_used);
    case CMD_UNLINK:
        *ret_transfer = (AkmaSoftUsbTransfer){.seqnum = load(bytes + 4)};
        *ret_unlink = load(bytes + 20);
        *ret_used = AKMA_SOFT_USBIP_HEADER_LEN;
        return AKMA_SOFT_USBIP_UNLINK;
    default:
        return AKMA_SOFT_USBIP_BAD;
    }
}

/* Device, direction and endpoint are 0 in all that a device says. */
static void
put(uint8_t *ret, uint32_t command, uint32_t seqnum, int32_t status)
{
    memset(ret, 0, AKMA_SOFT_USBIP_HEADER_LEN);
    store(ret, command);
    store(ret + 4, seqnum);
    store(ret + 20, (uint32_t)status);
}

void
akma_soft_usbip_put_submitted(uint8_t ret[static AKMA_SOFT_USBIP_HEADER_LEN],
                              uint32_t seqnum,
                              int32_t status,
                              uint32_t actual_len)
{
    put(ret, RET_SUBMIT, seqnum, status);
    store(ret + 24, actual_len);
}

void
akma_soft_usbip_put_unlinked(uint8_t ret[static AKMA_SOFT_USBIP_HEADER_LEN],
                             uint32_t seqnum,
                             bool found)
{
    put(ret, RET_UNLINK, seqnum, found ? -ECONNRESET : 0);
}
