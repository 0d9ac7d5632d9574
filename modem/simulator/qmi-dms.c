/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* qmi-dms: the device management service: who the modem is, its radio, and the card. */
#include <string.h>

#include "modem/simulator/contents.h"
#include "modem/simulator/qmi-private.h"

#define EVENT_REPORT 0x0001

/* What Set Event Report asks for. */
enum {
    REPORT_PIN = 1 << 0,
    REPORT_MODE = 1 << 1,
    REPORT_UIM = 1 << 2,
};

#define RATE_MAX       1000000000 /* bit/s */
#define DATA_ALONE     2          /* packet service only */
#define SIM_SUPPORTED  2
#define INTERFACE_5GNR 10
#define NO_ESN         "0"

enum {
    MODE_ONLINE = 0,
    MODE_LOW_POWER = 1,
};

enum {
    UIM_COMPLETE = 0,
    UIM_LOCKED = 1,
    UIM_NOT_PRESENT = 2,
};

static void
put_text(const QmiCall *call, uint8_t type, const char *text)
{
    akma_soft_qmi_put_tlv(call->answer, type);
    akma_soft_qmi_put_bytes(call->answer, text, strlen(text));
}

static uint16_t
get_capabilities(const QmiCall *call)
{
    akma_soft_qmi_put_tlv(call->answer, 0x01);
    akma_soft_qmi_put_u32(call->answer, RATE_MAX);
    akma_soft_qmi_put_u32(call->answer, RATE_MAX);
    akma_soft_qmi_put_u8(call->answer, DATA_ALONE);
    akma_soft_qmi_put_u8(call->answer, SIM_SUPPORTED);
    akma_soft_qmi_put_u8(call->answer, 1); /* radio interfaces */
    akma_soft_qmi_put_u8(call->answer, INTERFACE_5GNR);

    return QMI_OK;
}

static uint16_t
get_manufacturer(const QmiCall *call)
{
    put_text(call, 0x01, AKMA_SOFT_MANUFACTURER);

    return QMI_OK;
}

static uint16_t
get_model(const QmiCall *call)
{
    put_text(call, 0x01, AKMA_SOFT_MODEL);

    return QMI_OK;
}

static uint16_t
get_revision(const QmiCall *call)
{
    put_text(call, 0x01, PACKAGE_VERSION);

    return QMI_OK;
}

static uint16_t
get_ids(const QmiCall *call)
{
    put_text(call, 0x10, NO_ESN);
    put_text(call, 0x11, AKMA_SOFT_IMEI);

    return QMI_OK;
}

/* EF_MSISDN is not on this card. */
static uint16_t
get_msisdn(const QmiCall *call)
{
    (void)call;

    return QMI_NOT_PROVISIONED;
}

static uint8_t
get_mode(AkmaSoftModem *modem)
{
    return akma_soft_modem_is_radio_on(modem) ? MODE_ONLINE : MODE_LOW_POWER;
}

static uint16_t
get_operating_mode(const QmiCall *call)
{
    akma_soft_qmi_put_tlv(call->answer, 0x01);
    akma_soft_qmi_put_u8(call->answer, get_mode(call->modem));

    return QMI_OK;
}

static uint16_t
set_operating_mode(const QmiCall *call)
{
    QmiReader reader;
    uint8_t mode;

    if (akma_soft_qmi_need(call, 0x01, &reader) != QMI_OK)
        return QMI_MISSING_ARGUMENT;
    mode = akma_soft_qmi_get_u8(&reader);
    if (!akma_soft_qmi_is_done(&reader))
        return QMI_MALFORMED_MESSAGE;
    if (mode != MODE_ONLINE && mode != MODE_LOW_POWER)
        return QMI_NOT_SUPPORTED;
    akma_soft_modem_set_radio(call->modem, mode == MODE_ONLINE);

    return QMI_OK;
}

static uint16_t
set_event_report(const QmiCall *call)
{
    bool fine = akma_soft_qmi_want(call, 0x12, REPORT_PIN) &&
                akma_soft_qmi_want(call, 0x14, REPORT_MODE) &&
                akma_soft_qmi_want(call, 0x15, REPORT_UIM);

    return fine ? QMI_OK : QMI_MALFORMED_MESSAGE;
}

static uint16_t
need_pin(const QmiCall *call)
{
    return akma_soft_modem_get_sim_state(call->modem) == AKMA_SOFT_SIM_READY ? QMI_OK
                                                                             : QMI_ACCESS_DENIED;
}

static uint16_t
get_imsi(const QmiCall *call)
{
    AkmaSoftUicc *card = akma_soft_modem_get_card(call->modem);
    char imsi[AKMA_SOFT_IMSI_MAX + 1];
    uint16_t error = need_pin(call);

    if (error != QMI_OK)
        return error;
    if (!akma_soft_read_imsi(akma_soft_uicc_get_root(card), imsi))
        return QMI_NOT_PROVISIONED;
    put_text(call, 0x01, imsi);

    return QMI_OK;
}

static uint16_t
get_iccid(const QmiCall *call)
{
    AkmaSoftUicc *card = akma_soft_modem_get_card(call->modem);
    char iccid[AKMA_SOFT_ICCID_MAX + 1];

    akma_soft_read_iccid(akma_soft_uicc_get_root(card), iccid);
    put_text(call, 0x01, iccid);

    return QMI_OK;
}

static uint8_t
uim_state(AkmaSoftModem *modem)
{
    switch (akma_soft_modem_get_sim_state(modem)) {
    case AKMA_SOFT_SIM_ABSENT:
        return UIM_NOT_PRESENT;
    case AKMA_SOFT_SIM_PIN:
    case AKMA_SOFT_SIM_PUK:
        return UIM_LOCKED;
    case AKMA_SOFT_SIM_READY:
        return UIM_COMPLETE;
    }

    g_return_val_if_reached(UIM_NOT_PRESENT);
}

static uint16_t
get_uim_state(const QmiCall *call)
{
    akma_soft_qmi_put_tlv(call->answer, 0x01);
    akma_soft_qmi_put_u8(call->answer, uim_state(call->modem));

    return QMI_OK;
}

static void
put_pin_status(QmiWriter *writer, AkmaSoftUicc *card)
{
    const AkmaSoftPin *pin = akma_soft_uicc_get_pin(card);

    akma_soft_qmi_put_tlv(writer, 0x11);
    akma_soft_qmi_put_u8(writer, (uint8_t)akma_soft_qmi_pin_get_state(pin));
    akma_soft_qmi_put_u8(writer, pin->pin_tries);
    akma_soft_qmi_put_u8(writer, pin->puk_tries);
}

static uint16_t
get_pin_status(const QmiCall *call)
{
    put_pin_status(call->answer, akma_soft_modem_get_card(call->modem));

    return QMI_OK;
}

static void
tell(AkmaSoftQmi *self, AkmaSoftEvent event)
{
    AkmaSoftUicc *card = akma_soft_modem_get_card(self->modem);

    if (event == AKMA_SOFT_EVENT_RADIO) {
        akma_soft_qmi_indicate(self, QMI_DMS, EVENT_REPORT);
        akma_soft_qmi_put_tlv(&self->indication, 0x14);
        akma_soft_qmi_put_u8(&self->indication, get_mode(self->modem));
        akma_soft_qmi_send_indication(self, QMI_DMS, REPORT_MODE);
    }
    if (event != AKMA_SOFT_EVENT_SIM || self->dialect->qmi_no_dms_uim)
        return;
    akma_soft_qmi_indicate(self, QMI_DMS, EVENT_REPORT);
    akma_soft_qmi_put_tlv(&self->indication, 0x15);
    akma_soft_qmi_put_u8(&self->indication, uim_state(self->modem));
    akma_soft_qmi_send_indication(self, QMI_DMS, REPORT_UIM);
    if (card) {
        akma_soft_qmi_indicate(self, QMI_DMS, EVENT_REPORT);
        put_pin_status(&self->indication, card);
        akma_soft_qmi_send_indication(self, QMI_DMS, REPORT_PIN);
    }
}

static const QmiCommand commands[] = {
    {0x0000, QMI_ALWAYS, akma_soft_qmi_reset},
    {0x0001, QMI_ALWAYS, set_event_report},
    {0x001e, QMI_ALWAYS, akma_soft_qmi_list_commands},
    {0x0020, QMI_ALWAYS, get_capabilities},
    {0x0021, QMI_ALWAYS, get_manufacturer},
    {0x0022, QMI_ALWAYS, get_model},
    {0x0023, QMI_ALWAYS, get_revision},
    {0x0024, QMI_ALWAYS, get_msisdn},
    {0x0025, QMI_ALWAYS, get_ids},
    {0x0027, QMI_DMS_UIM, akma_soft_qmi_pin_protect},
    {0x0028, QMI_DMS_UIM, akma_soft_qmi_pin_verify},
    {0x0029, QMI_DMS_UIM, akma_soft_qmi_pin_unblock},
    {0x002a, QMI_DMS_UIM, akma_soft_qmi_pin_change},
    {0x002b, QMI_DMS_UIM, get_pin_status},
    {0x002d, QMI_ALWAYS, get_operating_mode},
    {0x002e, QMI_ALWAYS, set_operating_mode},
    {0x003c, QMI_DMS_UIM, get_iccid},
    {0x0043, QMI_DMS_UIM, get_imsi},
    {0x0044, QMI_DMS_UIM, get_uim_state},
    {0, QMI_ALWAYS, NULL},
};

const QmiService akma_soft_qmi_dms = {QMI_DMS, 1, 14, commands, tell};
