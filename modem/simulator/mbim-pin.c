/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* mbim-pin: Basic Connect: PIN1 and PUK1. */
#include <openssl/crypto.h>
#include <string.h>

#include "modem/simulator/mbim-private.h"

#define TEXT_SIZE    17 /* a PIN may be given in 16 characters */
#define PIN_LEN_MIN  4
#define PINS_IN_LIST 10

enum {
    TYPE_PIN1 = 2,
    TYPE_PUK1 = 11,
};

enum {
    OPERATION_ENTER,
    OPERATION_ENABLE,
    OPERATION_DISABLE,
    OPERATION_CHANGE,
};

/* What is to be entered next, whether the card waits for it, tries that are left. */
static void
put_state(AkmaSoftMbim *self, AkmaSoftMbimWriter *out)
{
    AkmaSoftUicc *card = akma_soft_modem_get_card(self->modem);
    const AkmaSoftPin *pin = akma_soft_uicc_get_pin(card);
    bool blocked = akma_soft_pin_is_blocked(pin);

    akma_soft_mbim_writer_begin(out, 12);
    akma_soft_mbim_writer_u32(out, blocked ? TYPE_PUK1 : TYPE_PIN1);
    akma_soft_mbim_writer_u32(out, blocked || !akma_soft_pin_is_satisfied(pin) ? 1 : 0);
    akma_soft_mbim_writer_u32(out, blocked ? pin->puk_tries : pin->pin_tries);
}

uint32_t
akma_soft_mbim_get_pin(AkmaSoftMbim *self, AkmaSoftMbimReader *in, AkmaSoftMbimWriter *out)
{
    (void)in;
    put_state(self, out);

    return MBIM_STATUS_SUCCESS;
}

/* The instruction that does it; 0: there is none. */
static uint8_t
find_instruction(uint32_t type, uint32_t operation)
{
    if (type == TYPE_PUK1)
        return operation == OPERATION_ENTER ? AKMA_SOFT_INS_UNBLOCK_PIN : 0;
    if (type != TYPE_PIN1)
        return 0;

    switch (operation) {
    case OPERATION_ENTER:
        return AKMA_SOFT_INS_VERIFY;
    case OPERATION_ENABLE:
        return AKMA_SOFT_INS_ENABLE_PIN;
    case OPERATION_DISABLE:
        return AKMA_SOFT_INS_DISABLE_PIN;
    case OPERATION_CHANGE:
        return AKMA_SOFT_INS_CHANGE_PIN;
    default:
        return 0;
    }
}

static uint32_t
send_pin(AkmaSoftMbim *self, uint8_t ins, const char *pin, const char *fresh)
{
    bool two = ins == AKMA_SOFT_INS_UNBLOCK_PIN || ins == AKMA_SOFT_INS_CHANGE_PIN;
    uint8_t apdu[5 + 2 * AKMA_SOFT_PIN_LEN] = {
        0x00, ins, 0x00, 0x01, two ? 2 * AKMA_SOFT_PIN_LEN : AKMA_SOFT_PIN_LEN};
    AkmaSoftResponse response = {.sw = 0};

    if (!akma_soft_pin_encode(pin, strlen(pin), apdu + 5) ||
        (two && !akma_soft_pin_encode(fresh, strlen(fresh), apdu + 5 + AKMA_SOFT_PIN_LEN))) {
        OPENSSL_cleanse(apdu, sizeof apdu);
        return MBIM_STATUS_INVALID_PARAMETERS;
    }
    akma_soft_mbim_exchange(self, true, apdu, (size_t)5 + apdu[4], &response);
    OPENSSL_cleanse(apdu, sizeof apdu);

    if (response.sw == AKMA_SOFT_SW_OK)
        return MBIM_STATUS_SUCCESS;

    return response.sw == AKMA_SOFT_SW_INVALIDATED ? MBIM_STATUS_PIN_DISABLED : MBIM_STATUS_FAILURE;
}

uint32_t
akma_soft_mbim_set_pin(AkmaSoftMbim *self, AkmaSoftMbimReader *in, AkmaSoftMbimWriter *out)
{
    uint32_t type = akma_soft_mbim_reader_u32(in);
    uint32_t operation = akma_soft_mbim_reader_u32(in);
    uint8_t ins = find_instruction(type, operation);
    char pin[TEXT_SIZE];
    char fresh[TEXT_SIZE];
    uint32_t status;

    akma_soft_mbim_reader_text(in, pin, sizeof pin);
    akma_soft_mbim_reader_text(in, fresh, sizeof fresh);
    status = in->bad    ? MBIM_STATUS_INVALID_PARAMETERS
             : ins == 0 ? MBIM_STATUS_NO_DEVICE_SUPPORT
                        : send_pin(self, ins, pin, fresh);
    OPENSSL_cleanse(pin, sizeof pin);
    OPENSSL_cleanse(fresh, sizeof fresh);
    if (status == MBIM_STATUS_SUCCESS || status == MBIM_STATUS_FAILURE)
        put_state(self, out);

    return status;
}

/* PIN1 is the first of ten; the others are not there. */
uint32_t
akma_soft_mbim_pin_list(AkmaSoftMbim *self, AkmaSoftMbimReader *in, AkmaSoftMbimWriter *out)
{
    AkmaSoftUicc *card = akma_soft_modem_get_card(self->modem);

    (void)in;
    akma_soft_mbim_writer_begin(out, PINS_IN_LIST * 16);
    akma_soft_mbim_writer_u32(out, akma_soft_uicc_get_pin(card)->enabled ? 1 : 2);
    akma_soft_mbim_writer_u32(out, 1); /* digits */
    akma_soft_mbim_writer_u32(out, PIN_LEN_MIN);
    akma_soft_mbim_writer_u32(out, AKMA_SOFT_PIN_LEN);

    return MBIM_STATUS_SUCCESS;
}
