/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* qmi-uim: the user identity module service: state of the card and of the slot, indications. */
#include "modem/simulator/qmi-private.h"

#define CARD_STATUS_INDICATION 0x0032
#define SLOT_STATUS_INDICATION 0x0048

/* Bits of the registration mask that this modem has. */
enum {
    EVENT_CARD_STATUS = 1 << 0,
    EVENT_SLOT_STATUS = 1 << 4,
};

#define NO_SESSION       0xffff
#define PRIMARY_GW_FIRST 0x0000 /* slot 0, application 0 */
#define CARD_ABSENT      0
#define CARD_PRESENT     1
#define ERROR_UNKNOWN    0
#define TYPE_USIM        2
#define PERSO_READY      2
#define PERSO_UNKNOWN    0
#define FEATURE_UNKNOWN  11
#define PIN2_TRIES       3
#define PUK2_TRIES       10
#define PHYSICAL_ABSENT  1
#define PHYSICAL_PRESENT 2
#define SLOT_ACTIVE      1
#define LOGICAL_SLOT     1
#define PROTOCOL_UNKNOWN 0
#define PROTOCOL_UICC    2
#define SESSION_PRIMARY  0
#define ICCID_LEN        10

enum {
    APPLICATION_PIN_REQUIRED = 2,
    APPLICATION_PUK_REQUIRED = 3,
    APPLICATION_BLOCKED = 5,
    APPLICATION_READY = 7,
};

static uint8_t
application_state(const AkmaSoftPin *pin)
{
    switch (akma_soft_qmi_pin_get_state(pin)) {
    case QMI_PIN_NOT_VERIFIED:
        return APPLICATION_PIN_REQUIRED;
    case QMI_PIN_VERIFIED:
    case QMI_PIN_DISABLED:
        return APPLICATION_READY;
    case QMI_PIN_IS_BLOCKED:
        return APPLICATION_PUK_REQUIRED;
    case QMI_PIN_IS_ALWAYS_BLOCKED:
        return APPLICATION_BLOCKED;
    }

    g_return_val_if_reached(APPLICATION_BLOCKED);
}

static void
put_application(QmiWriter *writer, AkmaSoftUicc *card)
{
    const AkmaSoftProfile *profile = akma_soft_uicc_get_profile(card);
    const AkmaSoftPin *pin = akma_soft_uicc_get_pin(card);
    const uint8_t state = application_state(pin);

    akma_soft_qmi_put_u8(writer, TYPE_USIM);
    akma_soft_qmi_put_u8(writer, state);
    akma_soft_qmi_put_u8(writer, state == APPLICATION_READY ? PERSO_READY : PERSO_UNKNOWN);
    akma_soft_qmi_put_u8(writer, FEATURE_UNKNOWN);
    akma_soft_qmi_put_u8(writer, 0); /* tries of a personalisation that is not there */
    akma_soft_qmi_put_u8(writer, 0);
    akma_soft_qmi_put_u8(writer, (uint8_t)profile->aid_len);
    akma_soft_qmi_put_bytes(writer, profile->aid, profile->aid_len);
    akma_soft_qmi_put_u8(writer, 0); /* the universal PIN does not replace PIN1 */
    akma_soft_qmi_put_u8(writer, (uint8_t)akma_soft_qmi_pin_get_state(pin));
    akma_soft_qmi_put_u8(writer, pin->pin_tries);
    akma_soft_qmi_put_u8(writer, pin->puk_tries);
    akma_soft_qmi_put_u8(writer, QMI_PIN_NOT_VERIFIED); /* PIN2 */
    akma_soft_qmi_put_u8(writer, PIN2_TRIES);
    akma_soft_qmi_put_u8(writer, PUK2_TRIES);
}

static void
put_card_status(QmiWriter *writer, AkmaSoftUicc *card)
{
    akma_soft_qmi_put_tlv(writer, 0x10);
    akma_soft_qmi_put_u16(writer, card ? PRIMARY_GW_FIRST : NO_SESSION);
    akma_soft_qmi_put_u16(writer, NO_SESSION);
    akma_soft_qmi_put_u16(writer, NO_SESSION);
    akma_soft_qmi_put_u16(writer, NO_SESSION);
    akma_soft_qmi_put_u8(writer, 1); /* slots */
    akma_soft_qmi_put_u8(writer, card ? CARD_PRESENT : CARD_ABSENT);
    akma_soft_qmi_put_u8(writer, 0); /* no universal PIN: state, tries, tries to unblock */
    akma_soft_qmi_put_u8(writer, 0);
    akma_soft_qmi_put_u8(writer, 0);
    akma_soft_qmi_put_u8(writer, ERROR_UNKNOWN);
    akma_soft_qmi_put_u8(writer, card ? 1 : 0); /* applications */
    if (card)
        put_application(writer, card);
}

static uint16_t
get_card_status(const QmiCall *call)
{
    put_card_status(call->answer, akma_soft_modem_get_card(call->modem));

    return QMI_OK;
}

static void
put_slot_status(QmiWriter *writer, AkmaSoftUicc *card)
{
    AkmaSoftFile *iccid =
        card ? akma_soft_filesystem_find(akma_soft_uicc_get_root(card), "2FE2") : NULL;
    size_t len = iccid ? MIN(iccid->size, ICCID_LEN) : 0;

    akma_soft_qmi_put_tlv(writer, 0x10);
    akma_soft_qmi_put_u8(writer, 1); /* slots */
    akma_soft_qmi_put_u32(writer, card ? PHYSICAL_PRESENT : PHYSICAL_ABSENT);
    akma_soft_qmi_put_u32(writer, SLOT_ACTIVE);
    akma_soft_qmi_put_u8(writer, LOGICAL_SLOT);
    akma_soft_qmi_put_u8(writer, (uint8_t)len);
    if (len > 0)
        akma_soft_qmi_put_bytes(writer, iccid->content, len);

    akma_soft_qmi_put_tlv(writer, 0x11);
    akma_soft_qmi_put_u8(writer, 1); /* slots */
    akma_soft_qmi_put_u32(writer, card ? PROTOCOL_UICC : PROTOCOL_UNKNOWN);
    akma_soft_qmi_put_u8(writer, card ? 1 : 0); /* applications */
    akma_soft_qmi_put_u8(writer, 0);            /* answer to reset: not told */
    akma_soft_qmi_put_u8(writer, 0);            /* no eUICC */
}

static uint16_t
get_slot_status(const QmiCall *call)
{
    put_slot_status(call->answer, akma_soft_modem_get_card(call->modem));

    return QMI_OK;
}

static uint16_t
register_events(const QmiCall *call)
{
    QmiReader reader;
    uint32_t mask;

    if (akma_soft_qmi_need(call, 0x01, &reader) != QMI_OK)
        return QMI_MISSING_ARGUMENT;
    mask = akma_soft_qmi_get_u32(&reader);
    if (!akma_soft_qmi_is_done(&reader))
        return QMI_MALFORMED_MESSAGE;
    call->client->wants = mask & (EVENT_CARD_STATUS | EVENT_SLOT_STATUS);
    akma_soft_qmi_put_tlv(call->answer, 0x10);
    akma_soft_qmi_put_u32(call->answer, call->client->wants);

    return QMI_OK;
}

/* The card of this modem never asks for a refresh: nothing will be indicated. */
static uint16_t
register_refresh(const QmiCall *call)
{
    QmiReader reader;

    return akma_soft_qmi_need(call, 0x02, &reader);
}

static uint16_t
change_provisioning_session(const QmiCall *call)
{
    QmiReader reader;
    uint8_t type;
    uint8_t activate;

    if (akma_soft_qmi_need(call, 0x01, &reader) != QMI_OK)
        return QMI_MISSING_ARGUMENT;
    type = akma_soft_qmi_get_u8(&reader);
    activate = akma_soft_qmi_get_u8(&reader);
    if (!akma_soft_qmi_is_done(&reader))
        return QMI_MALFORMED_MESSAGE;
    if (type != SESSION_PRIMARY)
        return QMI_INVALID_SESSION_TYPE;

    return activate ? QMI_NO_EFFECT : QMI_NOT_SUPPORTED; /* it is always active */
}

static void
tell(AkmaSoftQmi *self, AkmaSoftEvent event)
{
    AkmaSoftUicc *card = akma_soft_modem_get_card(self->modem);

    if (event != AKMA_SOFT_EVENT_SIM)
        return;
    akma_soft_qmi_indicate(self, QMI_UIM, CARD_STATUS_INDICATION);
    put_card_status(&self->indication, card);
    akma_soft_qmi_send_indication(self, QMI_UIM, EVENT_CARD_STATUS);
    akma_soft_qmi_indicate(self, QMI_UIM, SLOT_STATUS_INDICATION);
    put_slot_status(&self->indication, card);
    akma_soft_qmi_send_indication(self, QMI_UIM, EVENT_SLOT_STATUS);
}

static const QmiCommand commands[] = {
    {0x0000, QMI_ALWAYS, akma_soft_qmi_reset},
    {0x001e, QMI_ALWAYS, akma_soft_qmi_list_commands},
    {0x0020, QMI_CARD, akma_soft_qmi_read_transparent},
    {0x0021, QMI_CARD, akma_soft_qmi_read_record},
    {0x0024, QMI_CARD, akma_soft_qmi_get_file_attributes},
    {0x0025, QMI_CARD, akma_soft_qmi_pin_protect},
    {0x0026, QMI_CARD, akma_soft_qmi_pin_verify},
    {0x0027, QMI_CARD, akma_soft_qmi_pin_unblock},
    {0x0028, QMI_CARD, akma_soft_qmi_pin_change},
    {0x002a, QMI_ALWAYS, register_refresh},
    {0x002e, QMI_ALWAYS, register_events},
    {0x002f, QMI_ALWAYS, get_card_status},
    {0x0034, QMI_CARD, akma_soft_qmi_authenticate},
    {0x0038, QMI_CARD, change_provisioning_session},
    {0x003b, QMI_CHANNEL, akma_soft_qmi_send_apdu},
    {0x003f, QMI_CHANNEL, akma_soft_qmi_logical_channel},
    {0x0042, QMI_OPEN, akma_soft_qmi_open_channel},
    {0x0044, QMI_ALWAYS, register_refresh},
    {0x0047, QMI_ALWAYS, get_slot_status},
    {0, QMI_ALWAYS, NULL},
};

const QmiService akma_soft_qmi_uim = {QMI_UIM, 1, 65, commands, tell};
