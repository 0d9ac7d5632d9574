/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * leftover-free: closes channels that are left, when the card has no other one.
 *
 *   KNOWN: each number that was ours --> closed
 *     | none is left, and the answer to a MANAGE CHANNEL was lost
 *   LOOK at channels 1, 2, ...: STATUS --> the MF is selected --> closed
 *     | no such channel
 *   done
 *
 * Whoever opens a channel selects an application on it at once. Where the MF is still selected
 * nobody has, and that is what a lost answer of ours leaves behind.
 */
#include <string.h>

#include "base/text.h"
#include "modem/at/at-private.h"
#include "modem/tlv.h"

#define INS_STATUS   0xf2
#define CLASS_STATUS 0x80
#define P1_CLOSE     0x80
#define MF           0x3f00
#define CHANNEL_MAX  19
#define COMMAND_SIZE (32 + AKMA_HEX_LEN(AKMA_COMMAND_MAX))

typedef struct {
    AkmaAtCard *card;
    AkmaAtFreed done;
    gpointer user_data;
    unsigned channel; /* that is looked at */
    bool is_asked_again;
    AkmaAtApdu apdu;
    AkmaResponse *response;
} Free;

static void free_known(Free *self);
static void look(Free *self);

static void
finish(Free *self)
{
    self->done(self->user_data);
    akma_response_free(self->response);
    g_object_unref(self->card);
    g_free(self);
}

static bool
take(const char *line, size_t len, gpointer user_data)
{
    return akma_at_apdu_take(&((Free *)user_data)->apdu, "+CSIM:", line, len);
}

static void
send(Free *self, const AkmaCommand *command, AkmaAtDone done)
{
    char hex[AKMA_HEX_LEN(AKMA_COMMAND_MAX) + 1];
    char text[COMMAND_SIZE];

    akma_response_free(self->response);
    self->response = akma_response_new(NULL);
    if (!self->response) {
        finish(self);
        return;
    }
    self->apdu = (AkmaAtApdu){.response = self->response};
    akma_hex_encode(command->bytes, command->len, hex);
    g_snprintf(text, sizeof text, "AT+CSIM=%zu,\"%s\"", strlen(hex), hex);
    akma_at_card_send(self->card, text, take, done, self);
}

static void
known_closed(bool ok G_GNUC_UNUSED, int code G_GNUC_UNUSED, const GError *error, gpointer user_data)
{
    Free *self = user_data;

    if (error)
        finish(self);
    else
        free_known(self);
}

/*= TS 102 221 11.1.17: MANAGE CHANNEL, P1 80 closes channel P2; sent on the basic channel */
static void
close_channel(Free *self, unsigned channel, AkmaAtDone done)
{
    AkmaCommand command;

    g_message("modem: the card has no channel left, closing %u, which was ours", channel);
    akma_command_init(
        &command, AKMA_INS_MANAGE_CHANNEL, P1_CLOSE, (uint8_t)channel, NULL, 0, AKMA_NO_LE);
    send(self, &command, done);
}

static void
free_known(Free *self)
{
    AkmaAtLeftovers *leftovers = self->card->leftovers;
    int session = akma_at_leftovers_take(leftovers);
    g_autofree char *text = NULL;

    if (session > AKMA_AT_CSIM_SESSION) {
        close_channel(self, (unsigned)(session - AKMA_AT_CSIM_SESSION), known_closed);
    } else if (session >= 0) {
        g_message("modem: the card has no channel left, closing session %d, which was ours",
                  session);
        text = g_strdup_printf("AT+CCHC=%d", session);
        akma_at_card_send(self->card, text, NULL, known_closed, self);
    } else if (akma_at_leftovers_has_unnamed(leftovers)) {
        akma_at_leftovers_set_unnamed(leftovers, false);
        self->channel = 1;
        look(self);
    } else {
        finish(self);
    }
}

static void
look_at_next(bool ok G_GNUC_UNUSED, int code G_GNUC_UNUSED, const GError *error, gpointer user_data)
{
    Free *self = user_data;

    if (error || ++self->channel > CHANNEL_MAX)
        finish(self);
    else
        look(self);
}

static void status_told(bool ok, int code, const GError *error, gpointer user_data);

static void
ask(Free *self, uint8_t ins, uint8_t len, bool is_again)
{
    AkmaCommand command;

    self->is_asked_again = is_again;
    akma_command_init(&command, ins, 0, 0, NULL, 0, len);
    command.bytes[0] = ins == INS_STATUS ? CLASS_STATUS : 0;
    akma_command_set_channel(&command, self->channel);
    send(self, &command, status_told);
}

static void
status_told(bool ok, int code, const GError *error, gpointer user_data)
{
    Free *self = user_data;
    const AkmaResponse *response = self->response;
    AkmaFcp fcp;

    if (error || !ok || !akma_at_apdu_finish(&self->apdu, NULL)) {
        finish(self);
        return;
    }

    if (response->sw >> 8 == 0x6c && !self->is_asked_again)
        ask(self, INS_STATUS, (uint8_t)response->sw, true);
    else if (response->sw >> 8 == 0x61 && !self->is_asked_again)
        ask(self, AKMA_INS_GET_RESPONSE, (uint8_t)response->sw, true);
    else if (!akma_sw_is_done(response->sw)) /* 6881: there are no more */
        finish(self);
    else if (akma_fcp_parse(response->bytes, response->len, &fcp, NULL) && fcp.id == MF)
        close_channel(self, self->channel, look_at_next);
    else
        look_at_next(ok, code, NULL, self);
}

/*= TS 102 221 11.1.2: STATUS, class 8X, P1 00, P2 00: the FCP of what is selected */
static void
look(Free *self)
{
    ask(self, INS_STATUS, 0, false);
}

void
akma_at_card_free_leftovers(AkmaAtCard *card, AkmaAtFreed done, gpointer user_data)
{
    Free *self = g_new0(Free, 1);

    self->card = g_object_ref(card);
    self->done = done;
    self->user_data = user_data;
    free_known(self);
}
