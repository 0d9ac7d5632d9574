/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* at-channel: commands to the card as they are: +CCHO, +CGLA, +CCHC, +CSIM. */
#include <openssl/crypto.h>
#include <string.h>

#include "base/text.h"
#include "modem/simulator/at-private.h"

#define APDU_MAX 261 /* header, Lc, 255 bytes, Le */

/* Fetches the rest of @ret, whose status word says 61xx. */
static void
get_response(AkmaSoftAt *self, bool own, uint8_t cla, AkmaSoftResponse *ret)
{
    g_auto(AkmaSoftResponse) rest = {.sw = 0};
    const uint8_t apdu[] = {
        (uint8_t)(cla & ~0x80), AKMA_SOFT_INS_GET_RESPONSE, 0, 0, (uint8_t)ret->sw};

    akma_soft_modem_transmit(self->modem, own, apdu, sizeof apdu, &rest, &self->fault);
    if (rest.len <= sizeof ret->data - ret->len) {
        memcpy(ret->data + ret->len, rest.data, rest.len);
        ret->len += rest.len;
    }
    ret->sw = rest.sw;
}

bool
akma_soft_at_exchange(AkmaSoftAt *self,
                      bool own,
                      bool resolve,
                      const uint8_t *apdu,
                      size_t len,
                      AkmaSoftResponse *ret)
{
    uint8_t again[5];

    if (!akma_soft_modem_get_card(self->modem))
        return false;

    akma_soft_modem_transmit(self->modem, own, apdu, len, ret, &self->fault);
    if (!resolve || len < 4)
        return true;
    if ((ret->sw & 0xff00) == AKMA_SOFT_SW_WRONG_LE && len <= sizeof again) {
        memcpy(again, apdu, 4);
        again[4] = (uint8_t)ret->sw;
        akma_soft_modem_transmit(self->modem, own, again, sizeof again, ret, &self->fault);
    }
    for (int i = 0; i < 2 && (ret->sw & 0xff00) == AKMA_SOFT_SW_MORE; i++)
        get_response(self, own, apdu[0], ret);

    return true;
}

/* The bytes of "<length>,<command>" from argument @i on: the length counts characters. */
static bool
get_apdu(const AtCommand *command, unsigned i, uint8_t *ret, size_t *ret_len)
{
    unsigned length;

    return command->n_args == i + 2 &&
           akma_soft_at_get_uint(command, i, AKMA_HEX_LEN(APDU_MAX), &length) &&
           akma_soft_at_get_hex(command, i + 1, ret, APDU_MAX, ret_len) &&
           AKMA_HEX_LEN(*ret_len) == length && *ret_len >= 4;
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
answer_apdu(AkmaSoftAt *self, const char *name, const AkmaSoftResponse *response)
{
    const uint8_t sw[] = {(uint8_t)(response->sw >> 8), (uint8_t)response->sw};
    char head[32];

    g_snprintf(head, sizeof head, "%s: %zu,", name, AKMA_HEX_LEN(response->len + sizeof sw));
    akma_soft_at_info_hex(self, head, response->data, response->len, sw);
}

/* The channel behind argument 0; false: no such session. */
static bool
get_session(AkmaSoftAt *self, const AtCommand *command, unsigned *ret_channel)
{
    AkmaSoftUicc *card = akma_soft_modem_get_card(self->modem);
    unsigned id;

    if (!akma_soft_at_get_uint(command, 0, 65535, &id) || id <= self->dialect->session_base)
        return false;
    *ret_channel = id - self->dialect->session_base;

    return akma_soft_uicc_is_open(card, *ret_channel);
}

static bool
close_channel(AkmaSoftAt *self, unsigned channel)
{
    const uint8_t apdu[] = {0x00, AKMA_SOFT_INS_MANAGE_CHANNEL, 0x80, (uint8_t)channel};
    AkmaSoftResponse response;

    return akma_soft_at_exchange(self, false, false, apdu, sizeof apdu, &response) &&
           response.sw == AKMA_SOFT_SW_OK;
}

/*= TS 27.007 8.45: +CCHO opens a channel and selects the application on it */
int
akma_soft_at_ccho(AkmaSoftAt *self, const AtCommand *command)
{
    static const uint8_t open[] = {0x00, AKMA_SOFT_INS_MANAGE_CHANNEL, 0x00, 0x00, 0x01};
    uint8_t apdu[5 + AKMA_SOFT_AID_MAX] = {0x00, AKMA_SOFT_INS_SELECT, 0x04, 0x0c};
    g_auto(AkmaSoftResponse) response = {.sw = 0};
    unsigned channel;
    size_t len;

    if (command->n_args != 1 ||
        !akma_soft_at_get_hex(command, 0, apdu + 5, AKMA_SOFT_AID_MAX, &len) || len == 0)
        return CME_PARAMETERS;
    if (!akma_soft_at_exchange(self, false, false, open, sizeof open, &response))
        return CME_NO_SIM;
    if (response.sw != AKMA_SOFT_SW_OK)
        return response.sw == AKMA_SOFT_SW_NOT_SUPPORTED ? CME_MEMORY_FULL : CME_SIM_FAILURE;

    channel = response.data[0];
    apdu[0] = put_channel(0x00, channel);
    apdu[4] = (uint8_t)len;
    if (!akma_soft_at_exchange(self, false, false, apdu, 5 + len, &response))
        return CME_NO_SIM;
    if (response.sw != AKMA_SOFT_SW_OK) {
        int result = response.sw == AKMA_SOFT_SW_NO_FILE ? CME_NOT_FOUND : CME_SIM_FAILURE;

        close_channel(self, channel);
        return result;
    }
    akma_soft_at_info(self, "+CCHO: %u", channel + self->dialect->session_base);

    return AT_OK;
}

/*= TS 27.007 8.43: +CGLA passes a command on, on the channel of the session */
int
akma_soft_at_cgla(AkmaSoftAt *self, const AtCommand *command)
{
    g_auto(AkmaSoftResponse) response = {.sw = 0};
    uint8_t apdu[APDU_MAX];
    unsigned channel;
    size_t len;

    if (!get_apdu(command, 1, apdu, &len))
        return CME_PARAMETERS;
    if (!get_session(self, command, &channel))
        return CME_INDEX;
    if (apdu[1] == AKMA_SOFT_INS_MANAGE_CHANNEL)
        return CME_NOT_ALLOWED; /* sessions belong to +CCHO and +CCHC */

    apdu[0] = put_channel(apdu[0], channel);
    akma_soft_at_exchange(self, false, self->dialect->inline_data, apdu, len, &response);
    OPENSSL_cleanse(apdu, sizeof apdu);
    answer_apdu(self, "+CGLA", &response);

    return AT_OK;
}

/*= TS 27.007 8.46: +CCHC closes the channel of the session */
int
akma_soft_at_cchc(AkmaSoftAt *self, const AtCommand *command)
{
    unsigned channel;

    if (command->n_args != 1 || !get_session(self, command, &channel))
        return CME_INDEX;

    return close_channel(self, channel) ? AT_OK : CME_SIM_FAILURE;
}

/*= TS 27.007 8.17: +CSIM passes a command on as it is */
int
akma_soft_at_csim(AkmaSoftAt *self, const AtCommand *command)
{
    g_auto(AkmaSoftResponse) response = {.sw = 0};
    uint8_t apdu[APDU_MAX];
    size_t len;

    if (!get_apdu(command, 0, apdu, &len))
        return CME_PARAMETERS;

    akma_soft_at_exchange(self, false, self->dialect->inline_data, apdu, len, &response);
    OPENSSL_cleanse(apdu, sizeof apdu);
    answer_apdu(self, "+CSIM", &response);

    return AT_OK;
}
