/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* mbim-session: a logical channel for the application that the caller has open. */
#include <string.h>

#include "base/error.h"
#include "modem/mbim/mbim-private.h"

/*
 *   OPEN with P2 04 --> done
 *     |   | refused, and the P2 of this model is not known: OPEN with P2 0C
 *     |   | the AID of the list is refused: it may be another card's; OPEN with the caller's
 *     | no channel left: SWEEP what may be left of ours, once --> OPEN
 */
typedef struct {
    AkmaMbimCard *card;
    unsigned n_p2; /* how many were tried */
    uint8_t p2;
    bool is_swept;
    bool is_listed; /* the AID is the one of the list */
    GError *error;  /* the best reason so far */
    AkmaMbimOpened done;
    gpointer user_data;
} Open;

static void begin_open(Open *open);

/* What failed may have opened a channel all the same: nobody waits until that is closed. */
static void
finish(Open *open, GError *owned_error)
{
    g_autoptr(GError) error = owned_error;

    if (error && open->card->may_leak)
        akma_mbim_sweep(open->card);
    open->done(error, open->user_data);
    g_clear_error(&open->error);
    g_object_unref(open->card);
    g_free(open);
}

MbimMessage *
akma_mbim_close_request_new(unsigned channel)
{
    return mbim_message_ms_uicc_low_level_access_close_channel_set_new(
        channel, AKMA_MBIM_CHANNEL_GROUP, NULL);
}

static void
swept(const AkmaMbimAnswer *answer, const GError *error G_GNUC_UNUSED, gpointer user_data)
{
    g_autoptr(AkmaMbimCard) self = user_data;

    if (answer && answer->status == AKMA_MBIM_STATUS_DONE)
        self->may_leak = false;
    else
        g_debug("a channel that nobody has may stay open, ignoring");
}

void
akma_mbim_sweep(AkmaMbimCard *self)
{
    akma_mbim_send(self, akma_mbim_close_request_new(0), swept, g_object_ref(self));
}

static void
swept_for_open(const AkmaMbimAnswer *answer G_GNUC_UNUSED, const GError *error, gpointer user_data)
{
    Open *open = user_data;

    if (error)
        finish(open, g_error_copy(error));
    else
        begin_open(open);
}

/* "Not on this card" is a better reason than what another P2 brought. */
static void
keep_reason(Open *open, GError *error)
{
    if (g_error_matches(open->error, AKMA_ERROR, AKMA_ERROR_ANCHOR_UNSUPPORTED)) {
        g_error_free(error);
        return;
    }
    g_clear_error(&open->error);
    open->error = error;
}

static void
begin_other(Open *open, GError *owned_error)
{
    uint8_t unused;

    keep_reason(open, owned_error);
    open->n_p2++;
    if (akma_mbim_habits_get_p2(open->card->habits, open->n_p2, &unused)) {
        begin_open(open);
    } else if (open->is_listed) {
        akma_mbim_card_forget_card(open->card);
        open->n_p2 = 0;
        begin_open(open);
    } else {
        finish(open, g_steal_pointer(&open->error));
    }
}

/*= TS 102 221 11.1.1: 6A82, and 6A80, 6A86 of cards that dislike P2 */
static GError *
select_error_new(Open *open, const AkmaMbimAnswer *answer)
{
    unsigned channel;
    uint16_t sw = 0;
    GError *error = NULL;

    if (answer->status == AKMA_MBIM_STATUS_SELECT_FAILED &&
        !akma_mbim_take_channel(answer, open->card->habits, &channel, &sw, NULL))
        return g_error_new_literal(
            AKMA_ERROR, AKMA_ERROR_ANCHOR_UNSUPPORTED, "the card does not have the application");
    if (sw == 0)
        return akma_mbim_status_error_new("opening a channel to the card", answer->status);
    akma_sw_set_error(sw, "selecting the application", &error);

    return error;
}

static void
take_channel(Open *open, const AkmaMbimAnswer *answer)
{
    AkmaMbimCard *self = open->card;
    GError *error = NULL;
    unsigned channel;
    uint16_t sw;

    if (!akma_mbim_take_channel(answer, self->habits, &channel, &sw, &error)) {
        self->may_leak = true;
        finish(open, error);
        return;
    }
    if (channel == 0 || !akma_sw_is_done(sw)) {
        self->may_leak |= channel > 0;
        akma_sw_set_error(sw, "opening a channel to the card", &error);
        begin_other(open, error);
        return;
    }

    akma_mbim_habits_learn_p2(self->habits, open->p2);
    self->session.channel = channel;
    finish(open, NULL);
}

static void
opened(const AkmaMbimAnswer *answer, const GError *error, gpointer user_data)
{
    Open *open = user_data;
    AkmaMbimCard *self = open->card;

    self->is_opening = false;
    if (!answer) {
        self->may_leak = true;
        finish(open, g_error_copy(error));
        return;
    }

    if (answer->status == AKMA_MBIM_STATUS_DONE) {
        take_channel(open, answer);
    } else if (answer->status == AKMA_MBIM_STATUS_NO_CHANNEL && !open->is_swept) {
        open->is_swept = true;
        akma_mbim_send(self, akma_mbim_close_request_new(0), swept_for_open, open);
    } else if (akma_mbim_status_is_refusal(answer->status)) {
        self->may_leak |= answer->status == AKMA_MBIM_STATUS_FAILURE;
        begin_other(open, select_error_new(open, answer));
    } else {
        finish(open, akma_mbim_status_error_new("opening a channel to the card", answer->status));
    }
}

static void
begin_open(Open *open)
{
    AkmaMbimCard *self = open->card;
    const uint8_t *aid = self->session.aid;
    size_t len = self->session.aid_len;
    int row = -1;

    if (self->knows_applications)
        row = akma_mbim_applications_find(&self->applications, aid, len);
    open->is_listed = row >= 0;
    if (row >= 0) {
        aid = self->applications.rows[row].aid;
        len = self->applications.rows[row].len;
    }
    if (!akma_mbim_habits_get_p2(self->habits, open->n_p2, &open->p2)) {
        finish(open, g_steal_pointer(&open->error));
        return;
    }

    self->is_opening = true;
    akma_mbim_send(self,
                   mbim_message_ms_uicc_low_level_access_open_channel_set_new(
                       (uint32_t)len, aid, open->p2, AKMA_MBIM_CHANNEL_GROUP, NULL),
                   opened,
                   open);
}

void
akma_mbim_session_open(AkmaMbimCard *self, AkmaMbimOpened done, gpointer user_data)
{
    Open *open = g_new0(Open, 1);

    open->card = g_object_ref(self);
    open->done = done;
    open->user_data = user_data;
    if (self->may_leak)
        akma_mbim_sweep(self);
    begin_open(open);
}
