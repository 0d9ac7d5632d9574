/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* qmi-nas: the network access service: where the modem is registered. */
#include <stdlib.h>
#include <string.h>

#include "modem/simulator/qmi-private.h"

#define SERVING_SYSTEM         0x0024
#define SYSTEM_INFO            0x004d
#define SYSTEM_INFO_INDICATION 0x004e

/* What Register Indications asks for. */
enum {
    WANT_SERVING = 1 << 0,
    WANT_SYSTEM = 1 << 1,
};

#define MCC_LEN 3

/* TLVs that have one number in the answer and another in the indication. */
typedef struct {
    uint8_t pcs;     /* of serving system: how long the network code is */
    uint8_t service; /* of system info: 5G */
    uint8_t system;
} Numbers;

static const Numbers in_answer = {0x27, 0x4a, 0x4b};
static const Numbers in_indication = {0x29, 0x4c, 0x4d};

#define INTERFACE_NONE 0
#define INTERFACE_5GNR 12
#define NETWORK_3GPP   2
#define NETWORK_NONE   0
#define ATTACHED       1
#define DETACHED       2
#define ROAMING        0
#define NOT_ROAMING    1

/* System info: of 5G only. */
#define SERVICE_NONE      0
#define SERVICE_AVAILABLE 2
#define DOMAIN_PACKET     2
#define TRACKING_AREA     1
#define CELL              1
#define MNC_LEN           3

static uint8_t
wire_state(AkmaSoftRegistrationState state)
{
    switch (state) {
    case AKMA_SOFT_REGISTRATION_IDLE:
        return 0;
    case AKMA_SOFT_REGISTRATION_HOME:
    case AKMA_SOFT_REGISTRATION_ROAMING:
        return 1;
    case AKMA_SOFT_REGISTRATION_SEARCHING:
        return 2;
    case AKMA_SOFT_REGISTRATION_DENIED:
        return 3;
    }

    g_return_val_if_reached(0);
}

static void
put_plmn(QmiWriter *writer, const char *plmn)
{
    char mcc[MCC_LEN + 1];

    g_strlcpy(mcc, plmn, sizeof mcc);
    akma_soft_qmi_put_u16(writer, (uint16_t)strtoul(mcc, NULL, 10));
    akma_soft_qmi_put_u16(writer, (uint16_t)strtoul(plmn + MCC_LEN, NULL, 10));
}

static void
put_serving_system(QmiWriter *writer, AkmaSoftModem *modem, const Numbers *numbers)
{
    AkmaSoftRegistrationState state = akma_soft_modem_get_registration(modem);
    AkmaSoftUicc *card = akma_soft_modem_get_card(modem);
    bool registered = card && wire_state(state) == 1;
    const char *plmn = registered ? akma_soft_uicc_get_profile(card)->plmn : NULL;

    akma_soft_qmi_put_tlv(writer, 0x01);
    akma_soft_qmi_put_u8(writer, wire_state(state));
    akma_soft_qmi_put_u8(writer, DETACHED); /* no circuit switching in 5G */
    akma_soft_qmi_put_u8(writer, registered ? ATTACHED : DETACHED);
    akma_soft_qmi_put_u8(writer, registered ? NETWORK_3GPP : NETWORK_NONE);
    akma_soft_qmi_put_u8(writer, 1); /* radio interfaces */
    akma_soft_qmi_put_u8(writer, registered ? INTERFACE_5GNR : INTERFACE_NONE);
    if (!plmn)
        return;

    akma_soft_qmi_put_tlv(writer, 0x10);
    akma_soft_qmi_put_u8(writer, state == AKMA_SOFT_REGISTRATION_ROAMING ? ROAMING : NOT_ROAMING);
    akma_soft_qmi_put_tlv(writer, 0x12);
    put_plmn(writer, plmn);
    akma_soft_qmi_put_u8(writer, (uint8_t)strlen(plmn)); /* its name */
    akma_soft_qmi_put_bytes(writer, plmn, strlen(plmn));
    akma_soft_qmi_put_tlv(writer, numbers->pcs);
    put_plmn(writer, plmn);
    akma_soft_qmi_put_u8(writer, strlen(plmn) == MCC_LEN + MNC_LEN);
}

static void
put_valid(QmiWriter *writer, uint8_t value)
{
    akma_soft_qmi_put_u8(writer, 1);
    akma_soft_qmi_put_u8(writer, value);
}

/* Each value comes behind a flag that says whether it is one. */
static void
put_system_info(QmiWriter *writer, AkmaSoftModem *modem, const Numbers *numbers)
{
    AkmaSoftRegistrationState state = akma_soft_modem_get_registration(modem);
    AkmaSoftUicc *card = akma_soft_modem_get_card(modem);
    bool registered = card && wire_state(state) == 1;
    char plmn[MCC_LEN + MNC_LEN];

    akma_soft_qmi_put_tlv(writer, numbers->service);
    akma_soft_qmi_put_u8(writer, registered ? SERVICE_AVAILABLE : SERVICE_NONE);
    akma_soft_qmi_put_u8(writer, registered ? SERVICE_AVAILABLE : SERVICE_NONE);
    akma_soft_qmi_put_u8(writer, registered); /* the preferred data path */
    if (!registered)
        return;

    memset(plmn, 0xff, sizeof plmn); /* a short network code ends in FF */
    memcpy(plmn,
           akma_soft_uicc_get_profile(card)->plmn,
           MIN(strlen(akma_soft_uicc_get_profile(card)->plmn), sizeof plmn));
    akma_soft_qmi_put_tlv(writer, numbers->system);
    put_valid(writer, DOMAIN_PACKET);
    put_valid(writer, DOMAIN_PACKET); /* what it is capable of */
    put_valid(writer, state == AKMA_SOFT_REGISTRATION_ROAMING);
    put_valid(writer, 0);            /* not forbidden */
    akma_soft_qmi_put_u8(writer, 0); /* no location area */
    akma_soft_qmi_put_u16(writer, 0);
    akma_soft_qmi_put_u8(writer, 1);
    akma_soft_qmi_put_u32(writer, CELL);
    akma_soft_qmi_put_u8(writer, 0); /* not rejected: domain, cause */
    akma_soft_qmi_put_u16(writer, 0);
    akma_soft_qmi_put_u8(writer, 1);
    akma_soft_qmi_put_bytes(writer, plmn, sizeof plmn);
    akma_soft_qmi_put_u8(writer, 1);
    akma_soft_qmi_put_u16(writer, TRACKING_AREA);
}

static uint16_t
get_system_info(const QmiCall *call)
{
    put_system_info(call->answer, call->modem, &in_answer);

    return QMI_OK;
}

static uint16_t
get_serving_system(const QmiCall *call)
{
    put_serving_system(call->answer, call->modem, &in_answer);

    return QMI_OK;
}

static uint16_t
get_home_network(const QmiCall *call)
{
    AkmaSoftUicc *card = akma_soft_modem_get_card(call->modem);
    const AkmaSoftProfile *profile = akma_soft_uicc_get_profile(card);
    char plmn[MCC_LEN + MNC_LEN + 1];

    if (akma_soft_modem_get_sim_state(call->modem) != AKMA_SOFT_SIM_READY)
        return QMI_ACCESS_DENIED;
    g_strlcpy(plmn, profile->imsi, MIN(sizeof plmn, MCC_LEN + profile->mnc_len + 1));
    akma_soft_qmi_put_tlv(call->answer, 0x01);
    put_plmn(call->answer, plmn);
    akma_soft_qmi_put_u8(call->answer, 0); /* no name */
    akma_soft_qmi_put_tlv(call->answer, 0x12);
    akma_soft_qmi_put_u8(call->answer, 1); /* of 3GPP */
    akma_soft_qmi_put_u8(call->answer, profile->mnc_len == 3);

    return QMI_OK;
}

static uint16_t
register_indications(const QmiCall *call)
{
    bool fine =
        akma_soft_qmi_want(call, 0x13, WANT_SERVING) && akma_soft_qmi_want(call, 0x18, WANT_SYSTEM);

    return fine ? QMI_OK : QMI_MALFORMED_MESSAGE;
}

static void
tell(AkmaSoftQmi *self, AkmaSoftEvent event)
{
    if (event != AKMA_SOFT_EVENT_REGISTRATION)
        return;
    akma_soft_qmi_indicate(self, QMI_NAS, SERVING_SYSTEM);
    put_serving_system(&self->indication, self->modem, &in_indication);
    akma_soft_qmi_send_indication(self, QMI_NAS, WANT_SERVING);
    akma_soft_qmi_indicate(self, QMI_NAS, SYSTEM_INFO_INDICATION);
    put_system_info(&self->indication, self->modem, &in_indication);
    akma_soft_qmi_send_indication(self, QMI_NAS, WANT_SYSTEM);
}

static const QmiCommand commands[] = {
    {0x0000, QMI_ALWAYS, akma_soft_qmi_reset},
    {0x0003, QMI_ALWAYS, register_indications},
    {0x001e, QMI_ALWAYS, akma_soft_qmi_list_commands},
    {SERVING_SYSTEM, QMI_ALWAYS, get_serving_system},
    {0x0025, QMI_CARD, get_home_network},
    {SYSTEM_INFO, QMI_ALWAYS, get_system_info},
    {0, QMI_ALWAYS, NULL},
};

const QmiService akma_soft_qmi_nas = {QMI_NAS, 1, 25, commands, tell};
