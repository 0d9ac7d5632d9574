/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/simulator/uicc.h"

#include <openssl/crypto.h>

#include "base/error.h"
#include "base/wiping.h"
#include "modem/simulator/uicc-private.h"

#define PIN1_GLOBAL   0x01 /* key reference */
#define CONTEXT_3G    0x81
#define CONTEXT_GBA   0x84
#define SERVICE_GBA   68
#define RAND_LEN      16
#define AUTN_LEN      16
#define CHALLENGE_LEN (1 + RAND_LEN + 1 + AUTN_LEN)

static void
handle_pin(AkmaSoftUicc *self,
           AkmaSoftChannel *channel,
           const AkmaSoftApdu *apdu,
           AkmaSoftResponse *ret)
{
    (void)channel;
    if (apdu->p1 != 0) {
        ret->sw = AKMA_SOFT_SW_WRONG_P1P2;
        return;
    }
    if (apdu->p2 != PIN1_GLOBAL) {
        ret->sw = AKMA_SOFT_SW_NO_REFERENCE;
        return;
    }
    if (apdu->data_len == 0 && apdu->has_le && apdu->le != AKMA_SOFT_RESPONSE_MAX) {
        ret->sw = AKMA_SOFT_SW_WRONG_LENGTH; /* P3 says how much data is missing */
        return;
    }

    switch (apdu->ins) {
    case AKMA_SOFT_INS_VERIFY:
        ret->sw = akma_soft_pin_verify(&self->pin, apdu->data, apdu->data_len);
        break;
    case AKMA_SOFT_INS_CHANGE_PIN:
        ret->sw = akma_soft_pin_change(&self->pin, apdu->data, apdu->data_len);
        break;
    case AKMA_SOFT_INS_DISABLE_PIN:
        ret->sw = akma_soft_pin_disable(&self->pin, apdu->data, apdu->data_len);
        break;
    case AKMA_SOFT_INS_ENABLE_PIN:
        ret->sw = akma_soft_pin_enable(&self->pin, apdu->data, apdu->data_len);
        break;
    default:
        ret->sw = akma_soft_pin_unblock(&self->pin, apdu->data, apdu->data_len);
        break;
    }
}

static void
authenticate_3g(AkmaSoftUicc *self, const AkmaSoftApdu *apdu, AkmaSoftResponse *ret)
{
    if (apdu->data_len != CHALLENGE_LEN)
        ret->sw = AKMA_SOFT_SW_WRONG_LENGTH;
    else if (apdu->data[0] != RAND_LEN || apdu->data[1 + RAND_LEN] != AUTN_LEN)
        ret->sw = AKMA_SOFT_SW_WRONG_DATA;
    else
        akma_soft_authenticate(&self->profile->milenage,
                               &self->sqn,
                               apdu->data + 1,
                               apdu->data + 1 + RAND_LEN + 1,
                               ret);
}

/*= TS 31.102 7.1.2: AUTHENTICATE in the 3G or GBA context, of the USIM, after PIN verification */
static void
handle_authenticate(AkmaSoftUicc *self,
                    AkmaSoftChannel *channel,
                    const AkmaSoftApdu *apdu,
                    AkmaSoftResponse *ret)
{
    bool gba = apdu->p2 == CONTEXT_GBA && self->profile->services[SERVICE_GBA];

    if (apdu->p1 != 0 || (apdu->p2 != CONTEXT_3G && !gba))
        ret->sw = AKMA_SOFT_SW_WRONG_P1P2;
    else if (apdu->data_len == 0)
        ret->sw = AKMA_SOFT_SW_WRONG_LENGTH;
    else if (!channel->application)
        ret->sw = AKMA_SOFT_SW_CONDITIONS;
    else if (!akma_soft_pin_is_satisfied(&self->pin))
        ret->sw = AKMA_SOFT_SW_SECURITY;
    if (ret->sw != AKMA_SOFT_SW_OK)
        return;

    if (gba)
        akma_soft_authenticate_gba(self, apdu, ret);
    else
        authenticate_3g(self, apdu, ret);
    if (ret->len != 0)
        akma_soft_channel_deliver(self, channel, apdu, ret);
}

static const struct {
    uint8_t ins;
    bool proprietary; /* class 8X */
    AkmaSoftHandler handle;
} commands[] = {
    {AKMA_SOFT_INS_VERIFY, false, handle_pin},
    {AKMA_SOFT_INS_CHANGE_PIN, false, handle_pin},
    {AKMA_SOFT_INS_DISABLE_PIN, false, handle_pin},
    {AKMA_SOFT_INS_ENABLE_PIN, false, handle_pin},
    {AKMA_SOFT_INS_UNBLOCK_PIN, false, handle_pin},
    {AKMA_SOFT_INS_MANAGE_CHANNEL, false, akma_soft_channel_manage},
    {AKMA_SOFT_INS_AUTHENTICATE, false, handle_authenticate},
    {AKMA_SOFT_INS_SELECT, false, akma_soft_select},
    {AKMA_SOFT_INS_READ_BINARY, false, akma_soft_read_binary},
    {AKMA_SOFT_INS_READ_RECORD, false, akma_soft_read_record},
    {AKMA_SOFT_INS_GET_RESPONSE, false, akma_soft_channel_get_response},
    {AKMA_SOFT_INS_UPDATE_BINARY, false, akma_soft_update_binary},
    {AKMA_SOFT_INS_UPDATE_RECORD, false, akma_soft_update_record},
    {AKMA_SOFT_INS_STATUS, true, akma_soft_status},
};

static void
run(AkmaSoftUicc *self, AkmaSoftChannel *channel, const AkmaSoftApdu *apdu, AkmaSoftResponse *ret)
{
    if (apdu->ins != AKMA_SOFT_INS_GET_RESPONSE) {
        OPENSSL_cleanse(channel->waiting, channel->waiting_len);
        channel->waiting_len = 0;
    }

    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++) {
        if (commands[i].ins != apdu->ins)
            continue;
        if (commands[i].proprietary == apdu->proprietary)
            commands[i].handle(self, channel, apdu, ret);
        else
            ret->sw = AKMA_SOFT_SW_CLA;
        return;
    }

    ret->sw = AKMA_SOFT_SW_INS;
}

static void
transmit(AkmaSoftUicc *self, bool own, const uint8_t *bytes, size_t len, AkmaSoftResponse *ret)
{
    AkmaSoftApdu apdu = {0};
    AkmaSoftChannel *channel;

    ret->len = 0;
    ret->sw = akma_soft_apdu_parse(bytes, len, &apdu);
    if (ret->sw != AKMA_SOFT_SW_OK)
        return;

    channel = &self->channels[own ? AKMA_SOFT_CHANNEL_OWN : apdu.channel];
    if (channel->open)
        run(self, channel, &apdu, ret);
    else
        ret->sw = AKMA_SOFT_SW_NO_CHANNEL;
}

void
akma_soft_uicc_transmit(AkmaSoftUicc *self, const uint8_t *apdu, size_t len, AkmaSoftResponse *ret)
{
    transmit(self, false, apdu, len, ret);
}

void
akma_soft_uicc_transmit_own(AkmaSoftUicc *self,
                            const uint8_t *apdu,
                            size_t len,
                            AkmaSoftResponse *ret)
{
    transmit(self, true, apdu, len, ret);
}

AkmaSoftUicc *
akma_soft_uicc_new(AkmaSoftProfile *profile, GError **error)
{
    g_autoptr(AkmaSoftProfile) owned = profile;
    AkmaSoftUicc *self = akma_wiping_calloc(1, sizeof *self);

    if (!self) {
        g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "no memory for a card");
        return NULL;
    }
    self->root = akma_soft_filesystem_new(owned, error);
    if (!self->root) {
        akma_wiping_free(self);
        return NULL;
    }

    self->pin = owned->pin;
    self->n_channels = owned->channels;
    akma_soft_sqn_init(&self->sqn, owned->sqn, owned->sqn_delta);
    self->profile = g_steal_pointer(&owned);
    akma_soft_uicc_reset(self);

    return self;
}

void
akma_soft_uicc_free(AkmaSoftUicc *self)
{
    if (!self)
        return;

    akma_soft_filesystem_free(self->root);
    akma_soft_profile_free(self->profile);
    akma_wiping_free(self);
}

void
akma_soft_uicc_reset(AkmaSoftUicc *self)
{
    AkmaSoftChannel *own = &self->channels[AKMA_SOFT_CHANNEL_OWN];

    for (size_t i = 0; i < G_N_ELEMENTS(self->channels); i++)
        akma_soft_channel_close(&self->channels[i]);
    akma_soft_channel_open(&self->channels[0], self->root);
    akma_soft_channel_open(own, self->root);
    own->application = akma_soft_file_get_child(self->root, AKMA_SOFT_FID_ADF);
    own->directory = own->application;
    self->pin.verified = false;
}

bool
akma_soft_uicc_is_open(const AkmaSoftUicc *self, unsigned channel)
{
    return channel < AKMA_SOFT_CHANNELS_MAX && self->channels[channel].open;
}

unsigned
akma_soft_uicc_count_open(const AkmaSoftUicc *self)
{
    unsigned n = 0;

    for (unsigned i = 0; i < AKMA_SOFT_CHANNELS_MAX; i++)
        n += self->channels[i].open ? 1 : 0;

    return n;
}

unsigned
akma_soft_uicc_get_channels(const AkmaSoftUicc *self)
{
    return self->n_channels;
}

void
akma_soft_uicc_set_channels(AkmaSoftUicc *self, unsigned n)
{
    g_return_if_fail(n >= 1 && n <= AKMA_SOFT_CHANNELS_MAX);

    self->n_channels = n;
}

AkmaSoftPin *
akma_soft_uicc_get_pin(AkmaSoftUicc *self)
{
    return &self->pin;
}

const AkmaSoftProfile *
akma_soft_uicc_get_profile(const AkmaSoftUicc *self)
{
    return self->profile;
}

AkmaSoftFile *
akma_soft_uicc_get_root(AkmaSoftUicc *self)
{
    return self->root;
}
