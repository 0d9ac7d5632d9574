/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* at-late: answers that name a channel, and came late or never: what they opened is given back. */
#include <string.h>

#include "modem/at/at-private.h"

#define CHANNEL_MAX 19

static void
late_closed(bool ok, int code G_GNUC_UNUSED, const GError *error, gpointer user_data G_GNUC_UNUSED)
{
    if (!ok || error)
        g_debug("a channel that nobody has may stay open, ignoring");
}

static void
give_back(AkmaAtCard *self, int session)
{
    g_autofree char *text = g_strdup_printf("AT+CCHC=%d", session);

    akma_at_card_send(self, text, NULL, late_closed, NULL);
}

void
akma_at_card_close_late(AkmaAtCard *self, int session)
{
    if (session != self->given_back)
        give_back(self, session);
    self->given_back = -1;
}

/*
 * The answer that names the session was lost. A modem gives the lowest free number, and the one
 * before was given back: it is that one, or closing it does nothing.
 */
void
akma_at_card_close_lost(AkmaAtCard *self)
{
    self->given_back = self->session;
    if (self->session >= 0)
        give_back(self, self->session);
}

/*
 * Nothing else of ours is answered with one byte, and nobody else's answers come to this port: it
 * is the number of the channel that we asked for.
 */
void
akma_at_card_take_late_channel(AkmaAtCard *self, const char *line)
{
    g_autoptr(AkmaResponse) response = akma_response_new(NULL);
    AkmaAtApdu apdu = {.response = response};
    g_autofree char *text = NULL;

    self->is_number_late = false;
    if (!response || !akma_at_apdu_take(&apdu, "+CSIM:", line, strlen(line)) ||
        !akma_at_apdu_finish(&apdu, NULL) || !akma_sw_is_done(response->sw) || response->len != 1 ||
        response->bytes[0] == 0 || response->bytes[0] > CHANNEL_MAX)
        return;

    akma_at_leftovers_set_unnamed(self->leftovers, false);
    /*= TS 102 221 11.1.17: MANAGE CHANNEL, P1 80 closes channel P2; sent on the basic channel */
    text = g_strdup_printf("AT+CSIM=8,\"007080%02x\"", response->bytes[0]);
    akma_at_card_send(self, text, NULL, late_closed, NULL);
}
