/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* uicc-send: one command with the rounds that T=0 cards and some modems need for its answer. */
#include "modem/uicc.h"

#include <string.h>

#include "base/error.h"

#define ROUNDS_MAX 8 /* a card that announces for ever is broken */

typedef struct {
    AkmaCommand command;
    AkmaResponse *sum; /* what came in the rounds before */
    unsigned rounds;
    bool wants_data;
    bool repeated;
} Send;

static void
send_free(Send *send)
{
    akma_response_free(send->sum);
    g_free(send);
}

static void round_done(GObject *source, GAsyncResult *res, gpointer user_data);

static void
begin_round(GTask *owned, const AkmaCommand *command)
{
    g_autoptr(GTask) task = owned;
    GCancellable *cancellable = g_task_get_cancellable(task);
    AkmaChannel *channel = g_task_get_source_object(task);
    Send *send = g_task_get_task_data(task);

    if (++send->rounds > ROUNDS_MAX) {
        g_task_return_new_error(
            task, AKMA_ERROR, AKMA_ERROR_MODEM_FAILED, "the card's answer never ends");
        return;
    }

    akma_channel_transmit_async(channel, command, cancellable, round_done, g_steal_pointer(&task));
}

/* Puts what @response brings behind what there is. */
static bool
add(Send *send, AkmaResponse **response, GError **error)
{
    AkmaResponse *more = *response;

    if (!send->sum) {
        send->sum = g_steal_pointer(response);
        return true;
    }
    if (send->sum->len + more->len > AKMA_RESPONSE_DATA_MAX) {
        g_set_error_literal(
            error, AKMA_ERROR, AKMA_ERROR_MODEM_FAILED, "the card's answer is too long");
        return false;
    }

    memcpy(send->sum->bytes + send->sum->len, more->bytes, more->len);
    send->sum->len += more->len;
    send->sum->sw = more->sw;

    return true;
}

/*= TS 102 221 7.3.1.1: 61xx announces xx bytes, 6Cxx names the right length */
/*= TS 51.011 9.4.1: 9Fxx of a GSM answer announces as 61xx does */
static void
round_done(GObject *source, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    g_autoptr(GError) error = NULL;
    Send *send = g_task_get_task_data(task);
    g_autoptr(AkmaResponse) response =
        akma_channel_transmit_finish(AKMA_CHANNEL(source), res, &error);
    uint16_t sw = response ? response->sw : 0;

    if (!response || (sw >> 8 != 0x6c && !add(send, &response, &error))) {
        g_task_return_error(task, g_steal_pointer(&error));
        return;
    }

    if (sw >> 8 == 0x6c && !send->repeated) {
        send->repeated = true;
        akma_command_set_le(&send->command, (uint8_t)sw);
        begin_round(g_steal_pointer(&task), &send->command);
        return;
    }
    if ((sw >> 8 == 0x61 || sw >> 8 == 0x9f) && send->wants_data) {
        AkmaCommand more;

        akma_command_init(&more, AKMA_INS_GET_RESPONSE, 0, 0, NULL, 0, (uint8_t)sw);
        begin_round(g_steal_pointer(&task), &more);
        return;
    }

    if (sw >> 8 == 0x6c) { /* for the second time: the caller sees it */
        akma_response_free(send->sum);
        send->sum = g_steal_pointer(&response);
    }
    g_task_return_pointer(task, g_steal_pointer(&send->sum), (GDestroyNotify)akma_response_free);
}

void
akma_uicc_send_async(AkmaChannel *channel,
                     const AkmaCommand *command,
                     GCancellable *cancellable,
                     GAsyncReadyCallback callback,
                     gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(channel, cancellable, callback, user_data);
    Send *send = g_new0(Send, 1);

    g_task_set_source_tag(task, akma_uicc_send_async);
    g_task_set_task_data(task, send, (GDestroyNotify)send_free);
    send->command = *command;
    send->wants_data = akma_command_wants_data(command);
    begin_round(g_steal_pointer(&task), command);
}

AkmaResponse *
akma_uicc_send_finish(AkmaChannel *channel, GAsyncResult *res, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(res, channel), NULL);

    return g_task_propagate_pointer(G_TASK(res), error);
}
