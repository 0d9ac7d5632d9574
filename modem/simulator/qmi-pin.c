/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* qmi-pin: the PIN commands of UIM and of DMS, which differ in the TLVs around them. */
#include <openssl/crypto.h>
#include <string.h>

#include "modem/simulator/qmi-private.h"

#define PIN1        1
#define RETRIES     0x10
#define CARD_RESULT 0x13 /* UIM only */
#define VALUES_MAX  2

QmiPinState
akma_soft_qmi_pin_get_state(const AkmaSoftPin *pin)
{
    if (akma_soft_pin_is_blocked(pin))
        return pin->puk_tries > 0 ? QMI_PIN_IS_BLOCKED : QMI_PIN_IS_ALWAYS_BLOCKED;
    if (!pin->enabled)
        return QMI_PIN_DISABLED;

    return pin->verified ? QMI_PIN_VERIFIED : QMI_PIN_NOT_VERIFIED;
}

/* PIN id, where @ret_flag is given a flag, then @n values with their lengths. */
static uint16_t
get_values(const QmiCall *call, unsigned n, uint8_t *ret_flag, uint8_t *ret)
{
    bool dms = call->request->service == QMI_DMS;
    QmiReader reader;
    uint8_t id;

    if (akma_soft_qmi_need(call, dms ? 0x01 : 0x02, &reader) != QMI_OK)
        return QMI_MISSING_ARGUMENT;
    id = akma_soft_qmi_get_u8(&reader);
    if (ret_flag)
        *ret_flag = akma_soft_qmi_get_u8(&reader);
    for (unsigned i = 0; i < n; i++) {
        size_t len = akma_soft_qmi_get_u8(&reader);
        const uint8_t *text = akma_soft_qmi_get_bytes(&reader, len);

        if (!text)
            return QMI_MALFORMED_MESSAGE;
        if (!akma_soft_pin_encode((const char *)text, len, ret + (size_t)i * AKMA_SOFT_PIN_LEN))
            return QMI_INVALID_ARGUMENT;
    }
    if (!akma_soft_qmi_is_done(&reader))
        return QMI_MALFORMED_MESSAGE;

    return id == PIN1 ? QMI_OK : QMI_INVALID_PIN_ID;
}

static uint16_t
error_of(uint16_t sw, bool unblock)
{
    if (sw == AKMA_SOFT_SW_BLOCKED || sw == AKMA_SOFT_SW_TRIES)
        return unblock ? QMI_PIN_ALWAYS_BLOCKED : QMI_PIN_BLOCKED;
    if ((sw & 0xfff0) == AKMA_SOFT_SW_TRIES)
        return QMI_INCORRECT_PIN;
    if (sw == AKMA_SOFT_SW_INVALIDATED || sw == AKMA_SOFT_SW_CONDITIONS)
        return QMI_NO_EFFECT; /* it is on, or off, already */

    return akma_soft_qmi_error_of(sw);
}

static uint16_t
run(const QmiCall *call, uint8_t ins, unsigned n, const uint8_t *values)
{
    const AkmaSoftPin *pin = akma_soft_uicc_get_pin(akma_soft_modem_get_card(call->modem));
    uint8_t apdu[5 + VALUES_MAX * AKMA_SOFT_PIN_LEN] = {
        0x00, ins, 0x00, 0x01, (uint8_t)(n * AKMA_SOFT_PIN_LEN)};
    g_auto(AkmaSoftResponse) response = {.sw = 0};
    uint16_t error;

    memcpy(apdu + 5, values, apdu[4]);
    akma_soft_qmi_exchange(call, true, false, apdu, (size_t)5 + apdu[4], &response);
    OPENSSL_cleanse(apdu, sizeof apdu);
    error = error_of(response.sw, ins == AKMA_SOFT_INS_UNBLOCK_PIN);

    if (error != QMI_OK) {
        akma_soft_qmi_put_tlv(call->answer, RETRIES);
        akma_soft_qmi_put_u8(call->answer, pin->pin_tries);
        akma_soft_qmi_put_u8(call->answer, pin->puk_tries);
    }
    if (call->request->service == QMI_UIM)
        akma_soft_qmi_put_card_result(call, CARD_RESULT, response.sw);

    return error;
}

/* The session in TLV 01 of the UIM messages; DMS has none, nor a token. */
static uint16_t
check_session(const QmiCall *call, uint8_t token)
{
    bool application;
    QmiReader reader;

    if (call->request->service == QMI_DMS)
        return QMI_OK;
    if (akma_soft_qmi_find(call->request, token, &reader))
        return QMI_NOT_SUPPORTED;

    return akma_soft_qmi_get_session(call, &application);
}

static uint16_t
run_with(const QmiCall *call, uint8_t ins, unsigned n)
{
    uint8_t values[VALUES_MAX * AKMA_SOFT_PIN_LEN];
    uint16_t error = check_session(call, ins == AKMA_SOFT_INS_VERIFY ? 0x12 : 0x11);

    if (error == QMI_OK)
        error = get_values(call, n, NULL, values);
    if (error == QMI_OK)
        error = run(call, ins, n, values);
    OPENSSL_cleanse(values, sizeof values);

    return error;
}

uint16_t
akma_soft_qmi_pin_verify(const QmiCall *call)
{
    return run_with(call, AKMA_SOFT_INS_VERIFY, 1);
}

uint16_t
akma_soft_qmi_pin_unblock(const QmiCall *call)
{
    return run_with(call, AKMA_SOFT_INS_UNBLOCK_PIN, 2);
}

uint16_t
akma_soft_qmi_pin_change(const QmiCall *call)
{
    return run_with(call, AKMA_SOFT_INS_CHANGE_PIN, 2);
}

uint16_t
akma_soft_qmi_pin_protect(const QmiCall *call)
{
    uint8_t value[AKMA_SOFT_PIN_LEN];
    uint8_t enable = 0;
    uint16_t error = check_session(call, 0x11);

    if (error == QMI_OK)
        error = get_values(call, 1, &enable, value);
    if (error == QMI_OK)
        error = enable > 1 ? QMI_INVALID_ARGUMENT
                           : run(call,
                                 enable ? AKMA_SOFT_INS_ENABLE_PIN : AKMA_SOFT_INS_DISABLE_PIN,
                                 1,
                                 value);
    OPENSSL_cleanse(value, sizeof value);

    return error;
}
