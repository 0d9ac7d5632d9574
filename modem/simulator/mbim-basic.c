/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* mbim-basic: the service Basic Connect: the device, its subscriber, its connections (none). */
#include <string.h>

#include "modem/simulator/contents.h"
#include "modem/simulator/mbim-private.h"

enum {
    DEVICE_CAPS = 1,
    SUBSCRIBER_READY_STATUS = 2,
    RADIO_STATE = 3,
    PIN = 4,
    PIN_LIST = 5,
    HOME_PROVIDER = 6,
    REGISTER_STATE = 9,
    PACKET_SERVICE = 10,
    SIGNAL_STATE = 11,
    CONNECT = 12,
    PROVISIONED_CONTEXTS = 13,
    IP_CONFIGURATION = 15,
    DEVICE_SERVICES = 16,
    DEVICE_SERVICE_SUBSCRIBE_LIST = 19,
    NETWORK_IDLE_HINT = 21,
};

enum {
    READY_INITIALIZED = 1,
    READY_SIM_NOT_INSERTED = 2,
    READY_DEVICE_LOCKED = 6,
};

/* The service of what the control socket has the modem say unasked: nobody knows it. */
static const uint8_t unknown_service[16] = {
    0xb9, 0xbb, 0x2d, 0xd9, 0xa9, 0x3a, 0x40, 0xe8, 0x9f, 0xaa, 0xb1, 0x28, 0x2a, 0xd1, 0x4a, 0x42};

static uint32_t
device_caps(AkmaSoftMbim *self, AkmaSoftMbimReader *in, AkmaSoftMbimWriter *out)
{
    (void)self;
    (void)in;
    akma_soft_mbim_writer_begin(out, 64);
    akma_soft_mbim_writer_u32(out, 2);      /* device: removable */
    akma_soft_mbim_writer_u32(out, 1);      /* cellular class: GSM */
    akma_soft_mbim_writer_u32(out, 1);      /* voice: none */
    akma_soft_mbim_writer_u32(out, 2);      /* SIM: removable */
    akma_soft_mbim_writer_u32(out, 1 << 7); /* data: 5G, stand-alone */
    akma_soft_mbim_writer_u32(out, 0);      /* short messages: none */
    akma_soft_mbim_writer_u32(out, 1);      /* control: may choose the network */
    akma_soft_mbim_writer_u32(out, 1);      /* sessions */
    akma_soft_mbim_writer_text(out, "");    /* custom data class */
    akma_soft_mbim_writer_text(out, AKMA_SOFT_IMEI);
    akma_soft_mbim_writer_text(out, PACKAGE_VERSION);
    akma_soft_mbim_writer_text(out, AKMA_SOFT_MODEL);

    return MBIM_STATUS_SUCCESS;
}

static uint32_t
ready_state(AkmaSoftModem *modem)
{
    switch (akma_soft_modem_get_sim_state(modem)) {
    case AKMA_SOFT_SIM_ABSENT:
        return READY_SIM_NOT_INSERTED;
    case AKMA_SOFT_SIM_PIN:
    case AKMA_SOFT_SIM_PUK:
        return READY_DEVICE_LOCKED;
    case AKMA_SOFT_SIM_READY:
        return READY_INITIALIZED;
    }

    g_return_val_if_reached(READY_SIM_NOT_INSERTED);
}

static uint32_t
subscriber_ready(AkmaSoftMbim *self, AkmaSoftMbimReader *in, AkmaSoftMbimWriter *out)
{
    AkmaSoftUicc *card = akma_soft_modem_get_card(self->modem);
    AkmaSoftFile *root = card ? akma_soft_uicc_get_root(card) : NULL;
    const uint32_t state = ready_state(self->modem);
    char imsi[AKMA_SOFT_IMSI_MAX + 1] = "";
    char iccid[AKMA_SOFT_ICCID_MAX + 1] = "";

    (void)in;
    if (root)
        akma_soft_read_iccid(root, iccid);
    if (root && state == READY_INITIALIZED && !akma_soft_read_imsi(root, imsi))
        imsi[0] = '\0';
    akma_soft_mbim_writer_begin(out, 28);
    akma_soft_mbim_writer_u32(out, state);
    akma_soft_mbim_writer_text(out, imsi);
    akma_soft_mbim_writer_text(out, iccid);
    akma_soft_mbim_writer_u32(out, 0); /* the identity needs no protection */
    akma_soft_mbim_writer_u32(out, 0); /* telephone numbers */

    return MBIM_STATUS_SUCCESS;
}

/* The state of a session that never is: there is no user plane behind this modem. */
static uint32_t
put_session(AkmaSoftMbimReader *in, AkmaSoftMbimWriter *out, uint32_t status)
{
    static const uint8_t no_context[16] = {0xb4,
                                           0x3f,
                                           0x75,
                                           0x8c,
                                           0xa5,
                                           0x60,
                                           0x4b,
                                           0x46,
                                           0xb3,
                                           0x5e,
                                           0xc5,
                                           0x86,
                                           0x96,
                                           0x41,
                                           0xfb,
                                           0x54};
    uint32_t session = akma_soft_mbim_reader_u32(in);

    if (in->bad || session != 0)
        return MBIM_STATUS_INVALID_PARAMETERS;
    akma_soft_mbim_writer_begin(out, 36);
    akma_soft_mbim_writer_u32(out, session);
    akma_soft_mbim_writer_u32(out, 3); /* deactivated */
    akma_soft_mbim_writer_u32(out, 0); /* no voice call */
    akma_soft_mbim_writer_u32(out, 0); /* default IP type */
    akma_soft_mbim_writer_put(out, no_context, sizeof no_context);
    akma_soft_mbim_writer_u32(out, 0);

    return status;
}

static uint32_t
get_connect(AkmaSoftMbim *self, AkmaSoftMbimReader *in, AkmaSoftMbimWriter *out)
{
    (void)self;

    return put_session(in, out, MBIM_STATUS_SUCCESS);
}

static uint32_t
set_connect(AkmaSoftMbim *self, AkmaSoftMbimReader *in, AkmaSoftMbimWriter *out)
{
    AkmaSoftMbimReader ahead = *in;
    uint32_t activate;

    (void)self;
    akma_soft_mbim_reader_u32(&ahead);
    activate = akma_soft_mbim_reader_u32(&ahead);
    if (ahead.bad || activate > 1)
        return MBIM_STATUS_INVALID_PARAMETERS;

    return put_session(
        in, out, activate ? MBIM_STATUS_OPERATION_NOT_ALLOWED : MBIM_STATUS_CONTEXT_NOT_ACTIVATED);
}

static uint32_t
provisioned_contexts(AkmaSoftMbim *self, AkmaSoftMbimReader *in, AkmaSoftMbimWriter *out)
{
    (void)self;
    (void)in;
    akma_soft_mbim_writer_begin(out, 4);
    akma_soft_mbim_writer_u32(out, 0);

    return MBIM_STATUS_SUCCESS;
}

static uint32_t
ip_configuration(AkmaSoftMbim *self, AkmaSoftMbimReader *in, AkmaSoftMbimWriter *out)
{
    (void)self;
    (void)in;
    (void)out;

    return MBIM_STATUS_CONTEXT_NOT_ACTIVATED;
}

static uint32_t
get_idle_hint(AkmaSoftMbim *self, AkmaSoftMbimReader *in, AkmaSoftMbimWriter *out)
{
    (void)in;
    akma_soft_mbim_writer_begin(out, 4);
    akma_soft_mbim_writer_u32(out, self->idle_hint ? 1 : 0);

    return MBIM_STATUS_SUCCESS;
}

static uint32_t
set_idle_hint(AkmaSoftMbim *self, AkmaSoftMbimReader *in, AkmaSoftMbimWriter *out)
{
    uint32_t hint = akma_soft_mbim_reader_u32(in);

    if (in->bad || hint > 1)
        return MBIM_STATUS_INVALID_PARAMETERS;
    self->idle_hint = hint == 1;

    return get_idle_hint(self, in, out);
}

static const AkmaSoftMbimCid cids[] = {
    {DEVICE_CAPS, AKMA_SOFT_MBIM_NO_CARD, device_caps, NULL},
    {SUBSCRIBER_READY_STATUS, AKMA_SOFT_MBIM_ASKS_CARD, subscriber_ready, NULL},
    {RADIO_STATE, AKMA_SOFT_MBIM_NO_CARD, akma_soft_mbim_get_radio, akma_soft_mbim_set_radio},
    {PIN, AKMA_SOFT_MBIM_NEEDS_CARD, akma_soft_mbim_get_pin, akma_soft_mbim_set_pin},
    {PIN_LIST, AKMA_SOFT_MBIM_NEEDS_CARD, akma_soft_mbim_pin_list, NULL},
    {HOME_PROVIDER, AKMA_SOFT_MBIM_NEEDS_CARD, akma_soft_mbim_home, NULL},
    {REGISTER_STATE,
     AKMA_SOFT_MBIM_NO_CARD,
     akma_soft_mbim_get_registration,
     akma_soft_mbim_set_registration},
    {PACKET_SERVICE,
     AKMA_SOFT_MBIM_NO_CARD,
     akma_soft_mbim_get_packet_service,
     akma_soft_mbim_set_packet_service},
    {SIGNAL_STATE, AKMA_SOFT_MBIM_NO_CARD, akma_soft_mbim_get_signal, akma_soft_mbim_set_signal},
    {CONNECT, AKMA_SOFT_MBIM_NO_CARD, get_connect, set_connect},
    {PROVISIONED_CONTEXTS, AKMA_SOFT_MBIM_NO_CARD, provisioned_contexts, NULL},
    {IP_CONFIGURATION, AKMA_SOFT_MBIM_NO_CARD, ip_configuration, NULL},
    {DEVICE_SERVICES, AKMA_SOFT_MBIM_NO_CARD, akma_soft_mbim_device_services, NULL},
    {DEVICE_SERVICE_SUBSCRIBE_LIST, AKMA_SOFT_MBIM_NO_CARD, NULL, akma_soft_mbim_subscribe},
    {NETWORK_IDLE_HINT, AKMA_SOFT_MBIM_NO_CARD, get_idle_hint, set_idle_hint},
};

const AkmaSoftMbimService akma_soft_mbim_basic = {
    {0xa2,
     0x89,
     0xcc,
     0x33,
     0xbc,
     0xbb,
     0x8b,
     0x4f,
     0xb6,
     0xb0,
     0x13,
     0x3e,
     0xc2,
     0xaa,
     0xe6,
     0xdf},
    cids,
    G_N_ELEMENTS(cids),
    NULL,
};

/* An indication carries what the answer to a query does. */
static void
tell_of(AkmaSoftMbim *self, uint32_t cid, AkmaSoftMbimHandler query)
{
    uint8_t info[256] = {0};
    AkmaSoftMbimReader in = akma_soft_mbim_reader_init(info, 0);
    AkmaSoftMbimWriter out = akma_soft_mbim_writer_init(info, sizeof info);

    if (!akma_soft_mbim_is_wanted(self, &akma_soft_mbim_basic, cid))
        return;
    query(self, &in, &out);
    g_return_if_fail(!out.bad);
    akma_soft_mbim_indicate(self, akma_soft_mbim_basic.uuid, cid, info, out.len);
}

void
akma_soft_mbim_tell(AkmaSoftMbim *self, AkmaSoftEvent event, const char *text)
{
    if (!self->open)
        return;

    switch (event) {
    case AKMA_SOFT_EVENT_SIM:
        tell_of(self, SUBSCRIBER_READY_STATUS, subscriber_ready);
        break;
    case AKMA_SOFT_EVENT_REGISTRATION:
        tell_of(self, REGISTER_STATE, akma_soft_mbim_get_registration);
        tell_of(self, PACKET_SERVICE, akma_soft_mbim_get_packet_service);
        break;
    case AKMA_SOFT_EVENT_RADIO:
        tell_of(self, RADIO_STATE, akma_soft_mbim_get_radio);
        break;
    case AKMA_SOFT_EVENT_UNSOLICITED:
        akma_soft_mbim_indicate(self, unknown_service, 1, (const uint8_t *)text, strlen(text));
        break;
    case AKMA_SOFT_EVENT_PLUG:
        break;
    }
}
