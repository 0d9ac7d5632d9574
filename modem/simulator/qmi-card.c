/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* qmi-card: how the QMI face reaches the card, and what it makes of status words. */
#include <openssl/crypto.h>
#include <string.h>

#include "modem/simulator/qmi-private.h"

/* Session types that this modem has: it has one slot. */
#define SESSION_PRIMARY_GW     0
#define SESSION_NON_PROVISION1 4
#define SESSION_CARD_SLOT1     6
#define SESSION_LAST           24

static void
get_response(const QmiCall *call, bool own, uint8_t cla, AkmaSoftResponse *ret)
{
    g_auto(AkmaSoftResponse) rest = {.sw = 0};
    const uint8_t apdu[] = {
        (uint8_t)(cla & ~0x80), AKMA_SOFT_INS_GET_RESPONSE, 0, 0, (uint8_t)ret->sw};

    akma_soft_modem_transmit(call->modem, own, apdu, sizeof apdu, &rest, call->fault);
    if (rest.len <= sizeof ret->data - ret->len) {
        memcpy(ret->data + ret->len, rest.data, rest.len);
        ret->len += rest.len;
    }
    ret->sw = rest.sw;
}

void
akma_soft_qmi_exchange(const QmiCall *call,
                       bool own,
                       bool resolve,
                       const uint8_t *apdu,
                       size_t len,
                       AkmaSoftResponse *ret)
{
    uint8_t again[5];

    akma_soft_modem_transmit(call->modem, own, apdu, len, ret, call->fault);
    if (!resolve || len < 4)
        return;
    if ((ret->sw & 0xff00) == AKMA_SOFT_SW_WRONG_LE && len <= sizeof again) {
        memcpy(again, apdu, 4);
        again[4] = (uint8_t)ret->sw;
        akma_soft_modem_transmit(call->modem, own, again, sizeof again, ret, call->fault);
    }
    for (int i = 0; i < 2 && (ret->sw & 0xff00) == AKMA_SOFT_SW_MORE; i++)
        get_response(call, own, apdu[0], ret);
}

uint16_t
akma_soft_qmi_error_of(uint16_t sw)
{
    switch (sw) {
    case AKMA_SOFT_SW_OK:
        return QMI_OK;
    case AKMA_SOFT_SW_NO_FILE:
    case AKMA_SOFT_SW_NO_RECORD:
        return QMI_SIM_FILE_NOT_FOUND;
    case AKMA_SOFT_SW_SECURITY:
        return QMI_ACCESS_DENIED;
    case AKMA_SOFT_SW_BLOCKED:
        return QMI_PIN_BLOCKED;
    case AKMA_SOFT_SW_NOT_SUPPORTED:
        return QMI_INSUFFICIENT_RESOURCES;
    default:
        return (sw & 0xff00) == 0x9100 || (sw & 0xff00) == 0x6200 ? QMI_OK : QMI_INTERNAL;
    }
}

void
akma_soft_qmi_put_card_result(const QmiCall *call, uint8_t type, uint16_t sw)
{
    akma_soft_qmi_put_tlv(call->answer, type);
    akma_soft_qmi_put_u8(call->answer, (uint8_t)(sw >> 8));
    akma_soft_qmi_put_u8(call->answer, (uint8_t)sw);
}

uint16_t
akma_soft_qmi_get_session(const QmiCall *call, bool *ret_application)
{
    const AkmaSoftProfile *profile =
        akma_soft_uicc_get_profile(akma_soft_modem_get_card(call->modem));
    const uint8_t *aid;
    QmiReader reader;
    uint8_t type;
    size_t len;

    if (akma_soft_qmi_need(call, 0x01, &reader) != QMI_OK)
        return QMI_MISSING_ARGUMENT;
    type = akma_soft_qmi_get_u8(&reader);
    len = akma_soft_qmi_get_u8(&reader);
    aid = akma_soft_qmi_get_bytes(&reader, len);
    if (!akma_soft_qmi_is_done(&reader))
        return QMI_MALFORMED_MESSAGE;

    if (type == SESSION_NON_PROVISION1) {
        if (len == 0 || len > profile->aid_len || CRYPTO_memcmp(aid, profile->aid, len) != 0)
            return QMI_NOT_PROVISIONED;
    } else if (type != SESSION_PRIMARY_GW && type != SESSION_CARD_SLOT1) {
        return type <= SESSION_LAST ? QMI_INVALID_SESSION_TYPE : QMI_INVALID_ARGUMENT;
    }
    *ret_application = type != SESSION_CARD_SLOT1;

    return QMI_OK;
}
