/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* mbim-network: Basic Connect: radio, home network, registration, signal. */
#include <string.h>

#include "modem/simulator/contents.h"
#include "modem/simulator/mbim-private.h"

#define CELLULAR_GSM    1
#define DATA_5G_SA      (1 << 7)
#define RSSI            20 /* of 31 */
#define UNKNOWN         99
#define NETWORK_NAME    "Test network"
#define PROVIDER_HOME   1
#define PROVIDER_ID_MAX 6

enum {
    REGISTER_DEREGISTERED = 1,
    REGISTER_SEARCHING = 2,
    REGISTER_HOME = 3,
    REGISTER_ROAMING = 4,
    REGISTER_DENIED = 6,
};

enum {
    PACKET_ATTACHED = 2,
    PACKET_DETACHED = 4,
};

uint32_t
akma_soft_mbim_get_radio(AkmaSoftMbim *self, AkmaSoftMbimReader *in, AkmaSoftMbimWriter *out)
{
    (void)in;
    akma_soft_mbim_writer_begin(out, 8);
    akma_soft_mbim_writer_u32(out, 1); /* there is no switch to turn it off */
    akma_soft_mbim_writer_u32(out, akma_soft_modem_is_radio_on(self->modem) ? 1 : 0);

    return MBIM_STATUS_SUCCESS;
}

uint32_t
akma_soft_mbim_set_radio(AkmaSoftMbim *self, AkmaSoftMbimReader *in, AkmaSoftMbimWriter *out)
{
    uint32_t on = akma_soft_mbim_reader_u32(in);

    if (in->bad || on > 1)
        return MBIM_STATUS_INVALID_PARAMETERS;
    akma_soft_modem_set_radio(self->modem, on == 1);

    return akma_soft_mbim_get_radio(self, in, out);
}

uint32_t
akma_soft_mbim_home(AkmaSoftMbim *self, AkmaSoftMbimReader *in, AkmaSoftMbimWriter *out)
{
    AkmaSoftUicc *card = akma_soft_modem_get_card(self->modem);
    char id[AKMA_SOFT_IMSI_MAX + 1];

    (void)in;
    if (akma_soft_modem_get_sim_state(self->modem) != AKMA_SOFT_SIM_READY)
        return MBIM_STATUS_PIN_REQUIRED;
    if (!akma_soft_read_imsi(akma_soft_uicc_get_root(card), id))
        return MBIM_STATUS_BAD_SIM;
    id[3 + akma_soft_uicc_get_profile(card)->mnc_len] = '\0';

    akma_soft_mbim_writer_begin(out, 32);
    akma_soft_mbim_writer_text(out, id);
    akma_soft_mbim_writer_u32(out, PROVIDER_HOME);
    akma_soft_mbim_writer_text(out, NETWORK_NAME);
    akma_soft_mbim_writer_u32(out, CELLULAR_GSM);
    akma_soft_mbim_writer_u32(out, UNKNOWN);
    akma_soft_mbim_writer_u32(out, UNKNOWN);

    return MBIM_STATUS_SUCCESS;
}

static uint32_t
register_state(AkmaSoftModem *modem)
{
    switch (akma_soft_modem_get_registration(modem)) {
    case AKMA_SOFT_REGISTRATION_IDLE:
        return REGISTER_DEREGISTERED;
    case AKMA_SOFT_REGISTRATION_HOME:
        return REGISTER_HOME;
    case AKMA_SOFT_REGISTRATION_SEARCHING:
        return REGISTER_SEARCHING;
    case AKMA_SOFT_REGISTRATION_DENIED:
        return REGISTER_DENIED;
    case AKMA_SOFT_REGISTRATION_ROAMING:
        return REGISTER_ROAMING;
    }

    g_return_val_if_reached(REGISTER_DEREGISTERED);
}

/* The network that the modem is registered with; NULL: with none. */
static const char *
get_network(AkmaSoftModem *modem)
{
    AkmaSoftUicc *card = akma_soft_modem_get_card(modem);
    uint32_t state = register_state(modem);

    return card && (state == REGISTER_HOME || state == REGISTER_ROAMING)
               ? akma_soft_uicc_get_profile(card)->plmn
               : NULL;
}

uint32_t
akma_soft_mbim_get_registration(AkmaSoftMbim *self, AkmaSoftMbimReader *in, AkmaSoftMbimWriter *out)
{
    const char *network = get_network(self->modem);

    (void)in;
    akma_soft_mbim_writer_begin(out, 48);
    akma_soft_mbim_writer_u32(out, 0); /* no error of the network */
    akma_soft_mbim_writer_u32(out, register_state(self->modem));
    akma_soft_mbim_writer_u32(out, 1); /* automatic */
    akma_soft_mbim_writer_u32(out, network ? DATA_5G_SA : 0);
    akma_soft_mbim_writer_u32(out, network ? CELLULAR_GSM : 0);
    akma_soft_mbim_writer_text(out, network ? network : "");
    akma_soft_mbim_writer_text(out, network ? NETWORK_NAME : "");
    akma_soft_mbim_writer_text(out, ""); /* nothing about roaming */
    akma_soft_mbim_writer_u32(out, 2);   /* attaches by itself */

    return MBIM_STATUS_SUCCESS;
}

/* The modem registers by itself, with the one network there is. */
uint32_t
akma_soft_mbim_set_registration(AkmaSoftMbim *self, AkmaSoftMbimReader *in, AkmaSoftMbimWriter *out)
{
    AkmaSoftUicc *card = akma_soft_modem_get_card(self->modem);
    char id[PROVIDER_ID_MAX + 1];
    uint32_t manual;

    akma_soft_mbim_reader_text(in, id, sizeof id);
    manual = akma_soft_mbim_reader_u32(in);
    akma_soft_mbim_reader_u32(in); /* which data classes */
    if (in->bad || manual > 1)
        return MBIM_STATUS_INVALID_PARAMETERS;
    if (!card)
        return MBIM_STATUS_SIM_NOT_INSERTED;
    if (!akma_soft_modem_is_radio_on(self->modem))
        return MBIM_STATUS_RADIO_POWER_OFF;
    if (manual == 1 && strcmp(id, akma_soft_uicc_get_profile(card)->plmn) != 0)
        return MBIM_STATUS_PROVIDER_NOT_VISIBLE;

    return akma_soft_mbim_get_registration(self, in, out);
}

uint32_t
akma_soft_mbim_get_packet_service(AkmaSoftMbim *self,
                                  AkmaSoftMbimReader *in,
                                  AkmaSoftMbimWriter *out)
{
    bool attached = get_network(self->modem) != NULL;

    (void)in;
    akma_soft_mbim_writer_begin(out, 28);
    akma_soft_mbim_writer_u32(out, 0); /* no error of the network */
    akma_soft_mbim_writer_u32(out, attached ? PACKET_ATTACHED : PACKET_DETACHED);
    akma_soft_mbim_writer_u32(out, attached ? DATA_5G_SA : 0);
    akma_soft_mbim_writer_u64(out, attached ? UINT64_C(1000000000) : 0); /* bit/s up, down */
    akma_soft_mbim_writer_u64(out, attached ? UINT64_C(1000000000) : 0);

    return MBIM_STATUS_SUCCESS;
}

uint32_t
akma_soft_mbim_set_packet_service(AkmaSoftMbim *self,
                                  AkmaSoftMbimReader *in,
                                  AkmaSoftMbimWriter *out)
{
    uint32_t detach = akma_soft_mbim_reader_u32(in);

    if (in->bad || detach > 1)
        return MBIM_STATUS_INVALID_PARAMETERS;
    if (detach == 1)
        return MBIM_STATUS_OPERATION_NOT_ALLOWED; /* in 5G who is registered is attached */
    if (!get_network(self->modem))
        return MBIM_STATUS_NOT_REGISTERED;

    return akma_soft_mbim_get_packet_service(self, in, out);
}

uint32_t
akma_soft_mbim_get_signal(AkmaSoftMbim *self, AkmaSoftMbimReader *in, AkmaSoftMbimWriter *out)
{
    (void)in;
    akma_soft_mbim_writer_begin(out, 20);
    akma_soft_mbim_writer_u32(out, get_network(self->modem) ? RSSI : UNKNOWN);
    akma_soft_mbim_writer_u32(out, UNKNOWN);
    for (size_t i = 0; i < G_N_ELEMENTS(self->signal); i++)
        akma_soft_mbim_writer_u32(out, self->signal[i]);

    return MBIM_STATUS_SUCCESS;
}

/* Interval and thresholds of indications: the signal never changes, so there are none. */
uint32_t
akma_soft_mbim_set_signal(AkmaSoftMbim *self, AkmaSoftMbimReader *in, AkmaSoftMbimWriter *out)
{
    uint32_t values[G_N_ELEMENTS(self->signal)];

    for (size_t i = 0; i < G_N_ELEMENTS(values); i++)
        values[i] = akma_soft_mbim_reader_u32(in);
    if (in->bad)
        return MBIM_STATUS_INVALID_PARAMETERS;
    memcpy(self->signal, values, sizeof values);

    return akma_soft_mbim_get_signal(self, in, out);
}
