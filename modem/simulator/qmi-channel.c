/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* qmi-channel: UIM logical channels, Send APDU and Authenticate. */
#include <openssl/crypto.h>
#include <string.h>

#include "modem/simulator/qmi-private.h"

#define SLOT1     1
#define APDU_MAX  261 /* header, Lc, 255 bytes, Le */
#define NO_DATA   0   /* file control information that is asked for */
#define SKIP_PROC 1   /* procedure bytes: the modem deals with 61xx and 6Cxx */

/* Contexts of Authenticate, and P2 of AUTHENTICATE that says the same. */
static const struct {
    uint8_t context;
    uint8_t p2;
} contexts[] = {
    {3, 0x81}, /* 3G */
    {5, 0x84}, /* GBA, bootstrapping */
    {6, 0x84}, /* GBA, NAF derivation */
};

static uint16_t
check_slot(const QmiCall *call)
{
    QmiReader reader;
    uint8_t slot;

    if (akma_soft_qmi_need(call, 0x01, &reader) != QMI_OK)
        return QMI_MISSING_ARGUMENT;
    slot = akma_soft_qmi_get_u8(&reader);
    if (!akma_soft_qmi_is_done(&reader))
        return QMI_MALFORMED_MESSAGE;

    return slot == SLOT1 ? QMI_OK : QMI_INVALID_ARGUMENT;
}

/*= TS 102 221 10.1.1: the modem puts the channel into the class byte */
static uint8_t
put_channel(uint8_t cla, unsigned channel)
{
    if ((cla & 0x60) == 0x20 || cla == 0xa0)
        return cla; /* no class of this kind: the card refuses it */
    if (channel < 4)
        return (uint8_t)((cla & 0xbc) | channel);

    return (uint8_t)((cla & 0xb0) | 0x40 | (channel - 4));
}

static void
manage(const QmiCall *call, unsigned close, AkmaSoftResponse *ret)
{
    const uint8_t open_apdu[] = {0x00, AKMA_SOFT_INS_MANAGE_CHANNEL, 0x00, 0x00, 0x01};
    const uint8_t close_apdu[] = {0x00, AKMA_SOFT_INS_MANAGE_CHANNEL, 0x80, (uint8_t)close};

    if (close == 0)
        akma_soft_qmi_exchange(call, false, false, open_apdu, sizeof open_apdu, ret);
    else
        akma_soft_qmi_exchange(call, false, false, close_apdu, sizeof close_apdu, ret);
}

/* SELECT by name on @channel, without a name nothing. */
static void
select_application(
    const QmiCall *call, unsigned channel, QmiReader *aid, bool data, AkmaSoftResponse *ret)
{
    uint8_t apdu[5 + AKMA_SOFT_AID_MAX] = {put_channel(0x00, channel),
                                           AKMA_SOFT_INS_SELECT,
                                           0x04,
                                           data ? 0x00 : 0x0c,
                                           (uint8_t)aid->left};

    ret->sw = AKMA_SOFT_SW_OK;
    ret->len = 0;
    if (aid->left == 0)
        return;
    memcpy(apdu + 5, aid->bytes, aid->left);
    akma_soft_qmi_exchange(call, false, true, apdu, (size_t)5 + apdu[4], ret);
}

/* The name in TLV 10 in @ret, which is empty if there is none. */
static uint16_t
get_aid(const QmiCall *call, QmiReader *ret)
{
    if (!akma_soft_qmi_find(call->request, 0x10, ret)) {
        *ret = (QmiReader){0};
        return QMI_OK;
    }
    if (akma_soft_qmi_get_u8(ret) != ret->left)
        return QMI_MALFORMED_MESSAGE;

    return ret->left <= AKMA_SOFT_AID_MAX ? QMI_OK : QMI_ARGUMENT_TOO_LONG;
}

/* Opens a channel; @fci is the TLV that says what SELECT is to give back. */
static uint16_t
open_channel(const QmiCall *call, uint8_t fci)
{
    g_auto(AkmaSoftResponse) response = {.sw = 0};
    QmiReader reader;
    QmiReader aid;
    bool data = true;
    unsigned channel;
    uint16_t error = get_aid(call, &aid);

    if (error != QMI_OK)
        return error;
    if (akma_soft_qmi_find(call->request, fci, &reader))
        data = akma_soft_qmi_get_u8(&reader) != NO_DATA;
    if (call->self->dialect->qmi_denied)
        return QMI_ACCESS_DENIED;

    manage(call, 0, &response);
    if (response.sw == AKMA_SOFT_SW_OK && response.len == 1) {
        channel = response.data[0];
        select_application(call, channel, &aid, data, &response);
        if (akma_soft_qmi_error_of(response.sw) == QMI_OK) {
            akma_soft_qmi_put_tlv(call->answer, 0x10);
            akma_soft_qmi_put_u8(call->answer, (uint8_t)channel);
            akma_soft_qmi_put_card_result(call, 0x11, response.sw);
            akma_soft_qmi_put_tlv(call->answer, 0x12);
            akma_soft_qmi_put_u8(call->answer, (uint8_t)response.len);
            akma_soft_qmi_put_bytes(call->answer, response.data, response.len);
            return QMI_OK;
        }
        error = response.sw;
        manage(call, channel, &response);
        response.sw = error;
    }
    akma_soft_qmi_put_card_result(call, 0x11, response.sw);
    error = akma_soft_qmi_error_of(response.sw);

    return error != QMI_OK ? error : QMI_INTERNAL;
}

uint16_t
akma_soft_qmi_open_channel(const QmiCall *call)
{
    uint16_t error = check_slot(call);

    return error != QMI_OK ? error : open_channel(call, 0x11);
}

static uint16_t
close_channel(const QmiCall *call, QmiReader *reader)
{
    AkmaSoftUicc *card = akma_soft_modem_get_card(call->modem);
    AkmaSoftResponse response = {.sw = 0};
    uint8_t channel = akma_soft_qmi_get_u8(reader);
    uint16_t error;

    if (!akma_soft_qmi_is_done(reader))
        return QMI_MALFORMED_MESSAGE;
    if (channel == 0 || !akma_soft_uicc_is_open(card, channel))
        return QMI_INVALID_ARGUMENT;
    manage(call, channel, &response);
    error = akma_soft_qmi_error_of(response.sw);
    akma_soft_qmi_put_card_result(call, 0x11, response.sw);

    return error;
}

/* The older message for both: with a channel it closes, else it opens. */
uint16_t
akma_soft_qmi_logical_channel(const QmiCall *call)
{
    QmiReader reader;
    uint16_t error = check_slot(call);

    if (error != QMI_OK)
        return error;
    if (akma_soft_qmi_find(call->request, 0x11, &reader))
        return close_channel(call, &reader);
    if (!akma_soft_qmi_find(call->request, 0x10, &reader))
        return QMI_MISSING_ARGUMENT;

    return open_channel(call, 0x12);
}

static uint16_t
get_channel(const QmiCall *call, uint8_t *ret)
{
    AkmaSoftUicc *card = akma_soft_modem_get_card(call->modem);
    QmiReader reader;

    *ret = 0;
    if (!akma_soft_qmi_find(call->request, 0x10, &reader))
        return QMI_OK;
    *ret = akma_soft_qmi_get_u8(&reader);
    if (!akma_soft_qmi_is_done(&reader))
        return QMI_MALFORMED_MESSAGE;

    return akma_soft_uicc_is_open(card, *ret) ? QMI_OK : QMI_INVALID_ARGUMENT;
}

/* The command in TLV 02. */
static uint16_t
get_apdu(const QmiCall *call, uint8_t ret[static APDU_MAX], size_t *ret_len)
{
    QmiReader reader;

    if (akma_soft_qmi_need(call, 0x02, &reader) != QMI_OK)
        return QMI_MISSING_ARGUMENT;
    if (akma_soft_qmi_get_u16(&reader) != reader.left)
        return QMI_MALFORMED_MESSAGE;
    if (reader.left > APDU_MAX)
        return QMI_ARGUMENT_TOO_LONG;
    if (reader.left < 4)
        return QMI_INVALID_ARGUMENT;
    memcpy(ret, reader.bytes, reader.left);
    *ret_len = reader.left;

    return QMI_OK;
}

uint16_t
akma_soft_qmi_send_apdu(const QmiCall *call)
{
    g_auto(AkmaSoftResponse) response = {.sw = 0};
    bool resolve = call->self->dialect->inline_data;
    uint8_t apdu[APDU_MAX];
    uint8_t channel;
    QmiReader reader;
    size_t len;
    uint16_t error = check_slot(call);

    if (error == QMI_OK)
        error = get_channel(call, &channel);
    if (error == QMI_OK)
        error = get_apdu(call, apdu, &len);
    if (error != QMI_OK)
        return error;
    if (apdu[1] == AKMA_SOFT_INS_MANAGE_CHANNEL)
        return QMI_ACCESS_DENIED; /* channels belong to the messages for them */
    if (akma_soft_qmi_find(call->request, 0x11, &reader))
        resolve = resolve || akma_soft_qmi_get_u8(&reader) == SKIP_PROC;

    apdu[0] = put_channel(apdu[0], channel);
    akma_soft_qmi_exchange(call, false, resolve, apdu, len, &response);
    OPENSSL_cleanse(apdu, sizeof apdu);
    akma_soft_qmi_put_tlv(call->answer, 0x10);
    akma_soft_qmi_put_u16(call->answer, 0);
    akma_soft_qmi_put_bytes(call->answer, response.data, response.len);
    akma_soft_qmi_put_u8(call->answer, (uint8_t)(response.sw >> 8));
    akma_soft_qmi_put_u8(call->answer, (uint8_t)response.sw);
    akma_soft_qmi_set_count(call->answer);

    return QMI_OK;
}

/* @apdu: AUTHENTICATE made of TLV 02: context, then the data of the command. */
static uint16_t
get_challenge(const QmiCall *call, uint8_t apdu[static APDU_MAX], size_t *ret_len)
{
    QmiReader reader;
    uint8_t context;
    size_t len;

    if (akma_soft_qmi_need(call, 0x02, &reader) != QMI_OK)
        return QMI_MISSING_ARGUMENT;
    context = akma_soft_qmi_get_u8(&reader);
    len = akma_soft_qmi_get_u16(&reader);
    if (len != reader.left)
        return QMI_MALFORMED_MESSAGE;
    if (len == 0 || len > 255)
        return QMI_INVALID_ARGUMENT;

    apdu[0] = 0x00;
    apdu[1] = AKMA_SOFT_INS_AUTHENTICATE;
    apdu[2] = 0x00;
    apdu[4] = (uint8_t)len;
    memcpy(apdu + 5, reader.bytes, len);
    apdu[5 + len] = 0x00; /* Le */
    *ret_len = 5 + len + 1;
    for (size_t i = 0; i < G_N_ELEMENTS(contexts); i++) {
        if (contexts[i].context != context)
            continue;
        apdu[3] = contexts[i].p2;
        return QMI_OK;
    }

    return QMI_NOT_SUPPORTED;
}

uint16_t
akma_soft_qmi_authenticate(const QmiCall *call)
{
    g_auto(AkmaSoftResponse) response = {.sw = 0};
    uint8_t apdu[APDU_MAX];
    bool application = false;
    QmiReader reader;
    size_t len;
    uint16_t error = akma_soft_qmi_get_session(call, &application);

    if (error == QMI_OK)
        error = get_challenge(call, apdu, &len);
    if (error != QMI_OK)
        return error;
    if (!application || akma_soft_qmi_find(call->request, 0x10, &reader))
        return QMI_NOT_SUPPORTED;

    akma_soft_qmi_exchange(call, true, true, apdu, len, &response);
    OPENSSL_cleanse(apdu, sizeof apdu);
    error = akma_soft_qmi_error_of(response.sw);
    akma_soft_qmi_put_card_result(call, 0x10, response.sw);
    if (error != QMI_OK)
        return error;
    akma_soft_qmi_put_tlv(call->answer, 0x11);
    akma_soft_qmi_put_u16(call->answer, (uint16_t)response.len);
    akma_soft_qmi_put_bytes(call->answer, response.data, response.len);

    return QMI_OK;
}
