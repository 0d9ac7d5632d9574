/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* channels: logical channels, and how an answer reaches the terminal on one. */
#include <openssl/crypto.h>
#include <string.h>

#include "modem/simulator/uicc-private.h"

#define OPEN  0x00
#define CLOSE 0x80

void
akma_soft_channel_open(AkmaSoftChannel *self, AkmaSoftFile *root)
{
    akma_soft_channel_close(self);
    self->open = true;
    self->directory = root;
}

void
akma_soft_channel_close(AkmaSoftChannel *self)
{
    OPENSSL_cleanse(self, sizeof *self);
}

/* The channel to open: @wanted, or with 0 the first that is free; 0 = there is none. */
static unsigned
find_free(const AkmaSoftUicc *self, unsigned wanted)
{
    if (akma_soft_uicc_count_open(self) >= self->n_channels)
        return 0;
    if (wanted != 0)
        return wanted < self->n_channels && !self->channels[wanted].open ? wanted : 0;
    for (unsigned i = 1; i < self->n_channels; i++) {
        if (!self->channels[i].open)
            return i;
    }

    return 0;
}

static void
open_channel(AkmaSoftUicc *self,
             const AkmaSoftChannel *from,
             const AkmaSoftApdu *apdu,
             AkmaSoftResponse *ret)
{
    unsigned number;
    size_t len = 0;

    if (apdu->p2 == 0 && !akma_soft_channel_agree_length(self, apdu, 1, true, &len, ret))
        return;
    number = find_free(self, apdu->p2);
    if (number == 0) {
        ret->sw = AKMA_SOFT_SW_NOT_SUPPORTED;
        return;
    }

    akma_soft_channel_open(&self->channels[number], self->root);
    /*= TS 102 221 11.1.17: opened from the basic channel: at the MF; else where that one is */
    if (from != &self->channels[0]) {
        self->channels[number].directory = from->directory;
        self->channels[number].application = from->application;
    }
    ret->data[0] = (uint8_t)number;
    ret->len = len;
}

void
akma_soft_channel_manage(AkmaSoftUicc *self,
                         AkmaSoftChannel *channel,
                         const AkmaSoftApdu *apdu,
                         AkmaSoftResponse *ret)
{
    if (apdu->data_len != 0)
        ret->sw = AKMA_SOFT_SW_WRONG_LENGTH;
    else if (apdu->p1 == OPEN && apdu->p2 < AKMA_SOFT_CHANNELS_MAX)
        open_channel(self, channel, apdu, ret);
    else if (apdu->p1 != CLOSE || apdu->p2 == 0 || apdu->p2 >= AKMA_SOFT_CHANNELS_MAX)
        ret->sw = AKMA_SOFT_SW_WRONG_P1P2;
    else if (!self->channels[apdu->p2].open)
        ret->sw = AKMA_SOFT_SW_NO_CHANNEL;
    else
        akma_soft_channel_close(&self->channels[apdu->p2]);
}

bool
akma_soft_channel_agree_length(const AkmaSoftUicc *self,
                               const AkmaSoftApdu *apdu,
                               size_t available,
                               bool exact,
                               size_t *ret_len,
                               AkmaSoftResponse *ret)
{
    /* Le 00 asks for all there is; with T=0 the card must be told the length */
    bool all = apdu->le == AKMA_SOFT_RESPONSE_MAX && !self->profile->t0;

    if (!all && (apdu->le > available || (exact && apdu->le != available))) {
        ret->sw = (uint16_t)(AKMA_SOFT_SW_WRONG_LE | (available & 0xff));
        return false;
    }
    *ret_len = MIN(apdu->le, available);

    return true;
}

void
akma_soft_channel_deliver(AkmaSoftUicc *self,
                          AkmaSoftChannel *channel,
                          const AkmaSoftApdu *apdu,
                          AkmaSoftResponse *ret)
{
    size_t now = self->profile->t0 ? 0 : MIN(apdu->le, ret->len);

    channel->waiting_len = ret->len - now;
    if (channel->waiting_len == 0)
        return;

    memcpy(channel->waiting, ret->data + now, channel->waiting_len);
    ret->len = now;
    ret->sw = (uint16_t)(AKMA_SOFT_SW_MORE | (channel->waiting_len & 0xff));
}

/*= TS 102 221 7.3.1.1.4: GET RESPONSE fetches what 61xx announced */
void
akma_soft_channel_get_response(AkmaSoftUicc *self,
                               AkmaSoftChannel *channel,
                               const AkmaSoftApdu *apdu,
                               AkmaSoftResponse *ret)
{
    size_t len;

    if (apdu->p1 != 0 || apdu->p2 != 0)
        ret->sw = AKMA_SOFT_SW_WRONG_P1P2;
    else if (apdu->data_len != 0)
        ret->sw = AKMA_SOFT_SW_WRONG_LENGTH;
    else if (channel->waiting_len == 0)
        ret->sw = AKMA_SOFT_SW_CONDITIONS;
    if (ret->sw != AKMA_SOFT_SW_OK ||
        !akma_soft_channel_agree_length(self, apdu, channel->waiting_len, false, &len, ret))
        return;

    memcpy(ret->data, channel->waiting, len);
    ret->len = len;
    channel->waiting_len -= len;
    memmove(channel->waiting, channel->waiting + len, channel->waiting_len);
    OPENSSL_cleanse(channel->waiting + channel->waiting_len,
                    sizeof channel->waiting - channel->waiting_len);
    if (channel->waiting_len != 0)
        ret->sw = (uint16_t)(AKMA_SOFT_SW_MORE | (channel->waiting_len & 0xff));
}
