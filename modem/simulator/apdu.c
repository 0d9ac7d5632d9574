/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/simulator/apdu.h"

#include <openssl/crypto.h>

#define HEADER_LEN 4

void
akma_soft_response_clear(AkmaSoftResponse *self)
{
    OPENSSL_cleanse(self, sizeof *self);
}

/*= TS 102 221 10.1.1: class 0X and 8X carry channels 0 to 3, 4X and CX channels 4 to 19 */
static bool
parse_class(uint8_t cla, AkmaSoftApdu *ret)
{
    ret->proprietary = (cla & 0x80) != 0;
    if ((cla & 0x40) != 0) {
        ret->channel = 4u + (cla & 0x0f);
        return (cla & 0x30) == 0; /* no secure messaging */
    }
    ret->channel = cla & 0x03;

    return (cla & 0x3c) == 0;
}

uint16_t
akma_soft_apdu_parse(const uint8_t *bytes, size_t len, AkmaSoftApdu *ret)
{
    AkmaSoftApdu apdu = {.le = 256};
    size_t body = len - HEADER_LEN;

    if (len < HEADER_LEN)
        return AKMA_SOFT_SW_WRONG_LENGTH;
    if (!parse_class(bytes[0], &apdu))
        return AKMA_SOFT_SW_CLA;

    apdu.ins = bytes[1];
    apdu.p1 = bytes[2];
    apdu.p2 = bytes[3];
    if (body > 1) {
        apdu.data_len = bytes[HEADER_LEN];
        apdu.data = bytes + HEADER_LEN + 1;
        apdu.has_le = body == apdu.data_len + 2;
        if (apdu.data_len == 0 || (!apdu.has_le && body != apdu.data_len + 1))
            return AKMA_SOFT_SW_WRONG_LENGTH;
    } else {
        apdu.has_le = body == 1;
    }
    if (apdu.has_le && bytes[len - 1] != 0)
        apdu.le = bytes[len - 1];
    *ret = apdu;

    return AKMA_SOFT_SW_OK;
}
