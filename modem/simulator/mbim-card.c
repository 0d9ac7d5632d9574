/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* mbim-card: low-level UICC access: ATR, channels, commands to the card, reset. */
#include <openssl/crypto.h>
#include <string.h>

#include "modem/simulator/atr.h"
#include "modem/simulator/mbim-private.h"

#define APDU_MAX 261 /* header, Lc, 255 bytes, Le */
#define AID_MAX  32  /* of the host; the card has less */

enum {
    ATR = 1,
    OPEN_CHANNEL = 2,
    CLOSE_CHANNEL = 3,
    APDU = 4,
    TERMINAL_CAPABILITY = 5,
    RESET = 6,
    APPLICATION_LIST = 7,
    FILE_STATUS = 8,
    READ_BINARY = 9,
    READ_RECORD = 10,
};

enum {
    CLASS_INTER_INDUSTRY,
    CLASS_EXTENDED,
};

void
akma_soft_mbim_exchange_raw(
    AkmaSoftMbim *self, bool own, const uint8_t *apdu, size_t len, AkmaSoftResponse *ret)
{
    akma_soft_modem_transmit(self->modem, own, apdu, len, ret, &self->fault);
}

void
akma_soft_mbim_exchange(
    AkmaSoftMbim *self, bool own, const uint8_t *apdu, size_t len, AkmaSoftResponse *ret)
{
    akma_soft_mbim_exchange_raw(self, own, apdu, len, ret);
    for (int i = 0; i < 2 && (ret->sw & 0xff00) == AKMA_SOFT_SW_MORE; i++) {
        g_auto(AkmaSoftResponse) rest = {.sw = 0};
        const uint8_t more[] = {
            (uint8_t)(apdu[0] & ~0x80), AKMA_SOFT_INS_GET_RESPONSE, 0, 0, (uint8_t)ret->sw};

        akma_soft_mbim_exchange_raw(self, own, more, sizeof more, &rest);
        if (rest.len <= sizeof ret->data - ret->len) {
            memcpy(ret->data + ret->len, rest.data, rest.len);
            ret->len += rest.len;
        }
        ret->sw = rest.sw;
    }
}

/* SW1 and SW2 in this order; a number to some, so that they come the other way round. */
uint32_t
akma_soft_mbim_put_sw(const AkmaSoftMbim *self, uint16_t sw)
{
    return self->dialect->mbim_sw_be ? sw : (uint32_t)(sw >> 8 | (sw & 0xff) << 8);
}

static uint32_t
get_atr(AkmaSoftMbim *self, AkmaSoftMbimReader *in, AkmaSoftMbimWriter *out)
{
    AkmaSoftUicc *card = akma_soft_modem_get_card(self->modem);
    uint8_t atr[AKMA_SOFT_ATR_MAX];
    size_t len = akma_soft_atr_write(akma_soft_uicc_get_profile(card), atr);

    (void)in;
    akma_soft_mbim_writer_begin(out, 8);
    akma_soft_mbim_writer_ref(out, AKMA_SOFT_MBIM_SIZE_OFFSET, atr, len);

    return MBIM_STATUS_SUCCESS;
}

/*= TS 102 221 10.1.1: the modem makes the class byte, with the channel in it */
static uint8_t
make_class(unsigned channel, bool extended, bool secure)
{
    const unsigned kind = extended ? 0x80 : 0x00;

    if (channel < 4)
        return (uint8_t)(kind | (secure ? 0x08 : 0x00) | channel);

    return (uint8_t)(kind | 0x40 | (secure ? 0x20 : 0x00) | (channel - 4));
}

static uint16_t
close_channel(AkmaSoftMbim *self, unsigned channel)
{
    const uint8_t apdu[] = {0x00, AKMA_SOFT_INS_MANAGE_CHANNEL, 0x80, (uint8_t)channel};
    AkmaSoftResponse response = {.sw = 0};

    self->channels[channel].open = false;
    akma_soft_mbim_exchange(self, false, apdu, sizeof apdu, &response);

    return response.sw;
}

static uint32_t
answer_open(AkmaSoftMbim *self,
            AkmaSoftMbimWriter *out,
            uint32_t status,
            unsigned channel,
            const AkmaSoftResponse *response)
{
    const bool fine = status == MBIM_STATUS_SUCCESS;

    akma_soft_mbim_writer_begin(out, 16);
    akma_soft_mbim_writer_u32(out, akma_soft_mbim_put_sw(self, response->sw));
    akma_soft_mbim_writer_u32(out, fine ? channel : 0);
    akma_soft_mbim_writer_ref(
        out, AKMA_SOFT_MBIM_SIZE_OFFSET, response->data, fine ? response->len : 0);

    return status;
}

/* MANAGE CHANNEL, then SELECT by name with the host's P2. */
static uint32_t
open_channel(AkmaSoftMbim *self, AkmaSoftMbimReader *in, AkmaSoftMbimWriter *out)
{
    static const uint8_t open[] = {0x00, AKMA_SOFT_INS_MANAGE_CHANNEL, 0x00, 0x00, 0x01};
    uint8_t apdu[5 + AID_MAX] = {0x00, AKMA_SOFT_INS_SELECT, 0x04};
    g_auto(AkmaSoftResponse) response = {.sw = 0};
    size_t len;
    const uint8_t *aid = akma_soft_mbim_reader_ref(in, AKMA_SOFT_MBIM_SIZE_OFFSET, &len);
    uint32_t p2 = akma_soft_mbim_reader_u32(in);
    uint32_t group = akma_soft_mbim_reader_u32(in);
    unsigned channel;

    if (in->bad || !aid || len > AID_MAX || p2 > 0xff)
        return MBIM_STATUS_INVALID_PARAMETERS;
    akma_soft_mbim_exchange(self, false, open, sizeof open, &response);
    if (response.sw != AKMA_SOFT_SW_OK || response.len != 1)
        return answer_open(self, out, MBIM_STATUS_MS_NO_LOGICAL_CHANNELS, 0, &response);

    channel = response.data[0];
    apdu[0] = make_class(channel, false, false);
    apdu[3] = (uint8_t)p2;
    apdu[4] = (uint8_t)len;
    memcpy(apdu + 5, aid, len);
    if (self->dialect->mbim_p2_0c && p2 != 0x0c) /* no card is asked */
        response = (AkmaSoftResponse){.sw = AKMA_SOFT_SW_WRONG_P1P2};
    else
        akma_soft_mbim_exchange(self, false, apdu, 5 + len, &response);
    if (response.sw != AKMA_SOFT_SW_OK) {
        close_channel(self, channel);
        return answer_open(self, out, MBIM_STATUS_MS_SELECT_FAILED, 0, &response);
    }
    self->channels[channel] = (AkmaSoftMbimChannel){.open = true, .group = group};

    return answer_open(self, out, MBIM_STATUS_SUCCESS, channel, &response);
}

/* Opened here, and not closed since by a reset of the card or on another port. */
static bool
is_ours(AkmaSoftMbim *self, uint32_t channel)
{
    AkmaSoftUicc *card = akma_soft_modem_get_card(self->modem);

    if (channel == 0 || channel >= AKMA_SOFT_CHANNELS_MAX)
        return false;
    if (!akma_soft_uicc_is_open(card, channel))
        self->channels[channel].open = false;

    return self->channels[channel].open;
}

static uint32_t
close_channels(AkmaSoftMbim *self, AkmaSoftMbimReader *in, AkmaSoftMbimWriter *out)
{
    uint32_t channel = akma_soft_mbim_reader_u32(in);
    uint32_t group = akma_soft_mbim_reader_u32(in);
    uint16_t sw = AKMA_SOFT_SW_OK;

    if (in->bad)
        return MBIM_STATUS_INVALID_PARAMETERS;
    if (channel != 0 && !is_ours(self, channel))
        return MBIM_STATUS_MS_INVALID_LOGICAL_CHANNEL;
    if (channel != 0)
        sw = close_channel(self, channel);
    for (unsigned i = 1; i < AKMA_SOFT_CHANNELS_MAX && channel == 0; i++) {
        if (is_ours(self, i) && self->channels[i].group == group)
            sw = close_channel(self, i);
    }
    akma_soft_mbim_writer_begin(out, 4);
    akma_soft_mbim_writer_u32(out, akma_soft_mbim_put_sw(self, sw));

    return MBIM_STATUS_SUCCESS;
}

/* A command with data and the length of an answer behind them. */
static bool
has_trailing_le(const uint8_t *apdu, size_t len)
{
    return len > 5 && apdu[4] != 0 && len == (size_t)apdu[4] + 6;
}

/* The class byte of the host does not matter, unless the dialect knows one kind only. */
static uint32_t
fit_class(
    const AkmaSoftDialect *dialect, unsigned channel, uint32_t type, bool secure, uint8_t *cla)
{
    if (type > CLASS_EXTENDED || (dialect->mbim_class_inter && type != CLASS_INTER_INDUSTRY) ||
        (dialect->mbim_class_extended && type != CLASS_EXTENDED))
        return MBIM_STATUS_INVALID_PARAMETERS;
    if (dialect->mbim_class_inter || dialect->mbim_class_extended)
        *cla = make_class(channel, (*cla & 0x80) != 0, secure);
    else
        *cla = make_class(channel, type == CLASS_EXTENDED, secure);

    return MBIM_STATUS_SUCCESS;
}

static uint32_t
transmit(AkmaSoftMbim *self, AkmaSoftMbimReader *in, AkmaSoftMbimWriter *out)
{
    g_auto(AkmaSoftResponse) response = {.sw = 0};
    uint32_t channel = akma_soft_mbim_reader_u32(in);
    uint32_t secure = akma_soft_mbim_reader_u32(in);
    uint32_t type = akma_soft_mbim_reader_u32(in);
    size_t len;
    const uint8_t *command = akma_soft_mbim_reader_ref(in, AKMA_SOFT_MBIM_SIZE_OFFSET, &len);
    uint8_t apdu[APDU_MAX];

    if (in->bad || secure > 1 || len < 4 || len > sizeof apdu ||
        (self->dialect->mbim_no_le && has_trailing_le(command, len)))
        return MBIM_STATUS_INVALID_PARAMETERS;
    if (!is_ours(self, channel))
        return MBIM_STATUS_MS_INVALID_LOGICAL_CHANNEL;
    memcpy(apdu, command, len);
    if (fit_class(self->dialect, channel, type, secure == 1, apdu) != MBIM_STATUS_SUCCESS)
        return MBIM_STATUS_INVALID_PARAMETERS;

    if (self->dialect->mbim_61xx)
        akma_soft_mbim_exchange_raw(self, false, apdu, len, &response);
    else
        akma_soft_mbim_exchange(self, false, apdu, len, &response);
    OPENSSL_cleanse(apdu, sizeof apdu);
    akma_soft_mbim_writer_begin(out, 12);
    akma_soft_mbim_writer_u32(out, akma_soft_mbim_put_sw(self, response.sw));
    akma_soft_mbim_writer_ref(out, AKMA_SOFT_MBIM_SIZE_OFFSET, response.data, response.len);

    return MBIM_STATUS_SUCCESS;
}

static uint32_t
get_capabilities(AkmaSoftMbim *self, AkmaSoftMbimReader *in, AkmaSoftMbimWriter *out)
{
    (void)in;
    akma_soft_mbim_writer_begin(out, 4 + 8 * self->n_caps);
    akma_soft_mbim_writer_u32(out, (uint32_t)self->n_caps);
    for (size_t i = 0; i < self->n_caps; i++)
        akma_soft_mbim_writer_ref(
            out, AKMA_SOFT_MBIM_OFFSET_SIZE, self->caps[i].bytes, self->caps[i].len);

    return MBIM_STATUS_SUCCESS;
}

/* Kept for a card that asks for them after its reset; the soft card does not. */
static uint32_t
set_capabilities(AkmaSoftMbim *self, AkmaSoftMbimReader *in, AkmaSoftMbimWriter *out)
{
    AkmaSoftMbimCap caps[AKMA_SOFT_MBIM_CAPS_MAX] = {0};
    uint32_t n = akma_soft_mbim_reader_u32(in);

    if (n > G_N_ELEMENTS(caps))
        return MBIM_STATUS_INVALID_PARAMETERS;
    for (uint32_t i = 0; i < n; i++) {
        const uint8_t *bytes =
            akma_soft_mbim_reader_ref(in, AKMA_SOFT_MBIM_OFFSET_SIZE, &caps[i].len);

        if (!bytes || caps[i].len > sizeof caps[i].bytes)
            return MBIM_STATUS_INVALID_PARAMETERS;
        memcpy(caps[i].bytes, bytes, caps[i].len);
    }
    if (in->bad)
        return MBIM_STATUS_INVALID_PARAMETERS;
    memcpy(self->caps, caps, sizeof caps);
    self->n_caps = n;

    return get_capabilities(self, in, out);
}

static uint32_t
get_reset(AkmaSoftMbim *self, AkmaSoftMbimReader *in, AkmaSoftMbimWriter *out)
{
    (void)in;
    akma_soft_mbim_writer_begin(out, 4);
    akma_soft_mbim_writer_u32(out, self->pass_through ? 1 : 0);

    return MBIM_STATUS_SUCCESS;
}

static uint32_t
set_reset(AkmaSoftMbim *self, AkmaSoftMbimReader *in, AkmaSoftMbimWriter *out)
{
    uint32_t pass_through = akma_soft_mbim_reader_u32(in);

    if (in->bad || pass_through > 1)
        return MBIM_STATUS_INVALID_PARAMETERS;
    self->pass_through = pass_through == 1;
    memset(self->channels, 0, sizeof self->channels);
    akma_soft_uicc_reset(akma_soft_modem_get_card(self->modem));
    akma_soft_modem_check_sim(self->modem);

    return get_reset(self, in, out);
}

static bool
has(const AkmaSoftDialect *dialect, uint32_t cid)
{
    return cid < APPLICATION_LIST || !dialect->mbim_no_uicc_files;
}

static const AkmaSoftMbimCid cids[] = {
    {ATR, AKMA_SOFT_MBIM_NEEDS_CARD, get_atr, NULL},
    {OPEN_CHANNEL, AKMA_SOFT_MBIM_NEEDS_CARD, NULL, open_channel},
    {CLOSE_CHANNEL, AKMA_SOFT_MBIM_NEEDS_CARD, NULL, close_channels},
    {APDU, AKMA_SOFT_MBIM_NEEDS_CARD, NULL, transmit},
    {TERMINAL_CAPABILITY, AKMA_SOFT_MBIM_NO_CARD, get_capabilities, set_capabilities},
    {RESET, AKMA_SOFT_MBIM_NEEDS_CARD, get_reset, set_reset},
    {APPLICATION_LIST, AKMA_SOFT_MBIM_NEEDS_CARD, akma_soft_mbim_application_list, NULL},
    {FILE_STATUS, AKMA_SOFT_MBIM_NEEDS_CARD, akma_soft_mbim_file_status, NULL},
    {READ_BINARY, AKMA_SOFT_MBIM_NEEDS_CARD, akma_soft_mbim_read_binary, NULL},
    {READ_RECORD, AKMA_SOFT_MBIM_NEEDS_CARD, akma_soft_mbim_read_record, NULL},
};

const AkmaSoftMbimService akma_soft_mbim_uicc = {
    {0xc2,
     0xf6,
     0x58,
     0x8e,
     0xf0,
     0x37,
     0x4b,
     0xc9,
     0x86,
     0x65,
     0xf4,
     0xd4,
     0x4b,
     0xd0,
     0x93,
     0x67},
    cids,
    G_N_ELEMENTS(cids),
    has,
};
