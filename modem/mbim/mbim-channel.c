/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* mbim-channel: the transactions of the contract: open, transmit, close. */
#include <openssl/crypto.h>
#include <string.h>

#include "base/error.h"
#include "modem/mbim/mbim-private.h"

typedef struct {
    AkmaCommand command;
    unsigned n; /* of the way that is tried */
    AkmaMbimWay way;
    AkmaResponse *refusal; /* the first answer that may mean another way */
    GError *error;         /* the same, of the modem */
} Call;

static void
call_free(Call *call)
{
    akma_response_free(call->refusal);
    g_clear_error(&call->error);
    OPENSSL_cleanse(&call->command, sizeof call->command);
    g_free(call);
}

static GTask *
call_new(AkmaCard *card, gpointer tag, GAsyncReadyCallback callback, gpointer user_data)
{
    GTask *task = g_task_new(card, NULL, callback, user_data);

    g_task_set_source_tag(task, tag);
    g_task_set_task_data(task, g_new0(Call, 1), (GDestroyNotify)call_free);

    return task;
}

bool
akma_mbim_card_check_session(AkmaMbimCard *self, int number, GTask *task)
{
    if (number > 0 && number == self->session.number)
        return true;
    g_task_return_new_error(
        task, AKMA_ERROR, AKMA_ERROR_MODEM_FAILED, "the channel is closed: the modem was lost");

    return false;
}

/*
 *   open: APPLICATIONS --> it is there: a session, and no channel yet --> done
 *              | the modem has no such list
 *              +--> CHANNEL --> done
 */
static void
begin_session(AkmaMbimCard *self, const uint8_t *aid, size_t aid_len)
{
    if (self->session.channel > 0) /* somebody forgot it */
        self->may_leak = true;
    self->last_number = self->last_number % G_MAXINT + 1;
    self->session = (AkmaMbimSession){.number = self->last_number, .aid_len = aid_len};
    memcpy(self->session.aid, aid, aid_len);
}

static void
channel_opened(const GError *error, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    AkmaMbimCard *self = g_task_get_source_object(task);

    if (error) {
        self->session.number = 0;
        g_task_return_error(task, g_error_copy(error));
        return;
    }

    g_task_return_int(task, self->session.number);
}

static void
begin_channel(GTask *owned)
{
    g_autoptr(GTask) task = owned;
    AkmaMbimCard *self = g_task_get_source_object(task);

    if (self->services.has_channels) {
        akma_mbim_session_open(self, channel_opened, g_steal_pointer(&task));
        return;
    }
    self->session.number = 0;
    g_task_return_new_error(task,
                            AKMA_ERROR,
                            AKMA_ERROR_MODEM_FAILED,
                            "the modem gives no access to its card over MBIM");
}

static void
find_application(GTask *owned)
{
    g_autoptr(GTask) task = owned;
    AkmaMbimCard *self = g_task_get_source_object(task);
    const AkmaMbimSession *session = &self->session;

    if (akma_mbim_applications_find(&self->applications, session->aid, session->aid_len) >= 0) {
        g_task_return_int(task, session->number);
        return;
    }
    self->session.number = 0;
    g_task_return_new_error(
        task, AKMA_ERROR, AKMA_ERROR_ANCHOR_UNSUPPORTED, "the card does not have the application");
}

static void
applications_listed(const AkmaMbimAnswer *answer, const GError *error, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    AkmaMbimCard *self = g_task_get_source_object(task);
    GError *own = NULL;

    if (!answer) {
        own = g_error_copy(error);
    } else if (akma_mbim_status_is_refusal(answer->status)) {
        self->services.has_applications = false; /* it only says that it has the list */
        begin_channel(g_steal_pointer(&task));
        return;
    } else if (answer->status != AKMA_MBIM_STATUS_DONE) {
        own = akma_mbim_status_error_new("listing the applications of the card", answer->status);
    } else {
        akma_mbim_take_applications(answer, &self->applications, &own);
    }
    if (own) {
        self->session.number = 0;
        g_task_return_error(task, own);
        return;
    }

    self->knows_applications = true;
    find_application(g_steal_pointer(&task));
}

void
akma_mbim_card_open_channel(AkmaCard *card,
                            const uint8_t *aid,
                            size_t aid_len,
                            GAsyncReadyCallback callback,
                            gpointer user_data)
{
    AkmaMbimCard *self = AKMA_MBIM_CARD(card);
    g_autoptr(GTask) task = call_new(card, akma_mbim_card_open_channel, callback, user_data);

    if (aid_len == 0) { /* MBIM opens channels for applications only */
        g_task_return_new_error(task,
                                AKMA_ERROR,
                                AKMA_ERROR_ANCHOR_UNSUPPORTED,
                                "the card does not have the application");
        return;
    }

    begin_session(self, aid, aid_len);
    if (!self->services.has_applications)
        begin_channel(g_steal_pointer(&task));
    else if (self->knows_applications)
        find_application(g_steal_pointer(&task));
    else
        akma_mbim_send(self,
                       mbim_message_ms_uicc_low_level_access_application_list_query_new(NULL),
                       applications_listed,
                       g_steal_pointer(&task));
}

/*
 *   transmit: (CHANNEL) --> APDU the known way --> done
 *                             |            ^
 *                             +- refused --+ the next way, while none is known
 */
static void begin_apdu(GTask *owned);

/*= TS 102 221 10.2.1.5: 6700 wrong length, 6E00 class not supported, 6881 no such channel */
static bool
may_want_another_way(uint16_t sw)
{
    return sw == 0x6700 || sw == 0x6881 || sw >> 8 == 0x6e;
}

static void
take_apdu(GTask *task, const AkmaMbimAnswer *answer)
{
    AkmaMbimCard *self = g_task_get_source_object(task);
    Call *call = g_task_get_task_data(task);
    g_autoptr(AkmaResponse) response = NULL;
    GError *error = NULL;

    response = akma_response_new(&error);
    if (!response || !akma_mbim_take_apdu(answer, self->habits, response, &error)) {
        g_task_return_error(task, error);
        return;
    }
    if (!may_want_another_way(response->sw)) {
        akma_mbim_habits_learn_way(self->habits, &call->command, &call->way);
        g_task_return_pointer(task, g_steal_pointer(&response), (GDestroyNotify)akma_response_free);
        return;
    }

    if (!call->refusal && !call->error)
        call->refusal = g_steal_pointer(&response);
    call->n++;
    begin_apdu(g_object_ref(task));
}

static void
apdu_done(const AkmaMbimAnswer *answer, const GError *error, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    AkmaMbimCard *self = g_task_get_source_object(task);
    Call *call = g_task_get_task_data(task);
    GError *failure;

    if (!answer) {
        g_task_return_error(task, g_error_copy(error));
        return;
    }
    if (answer->status == AKMA_MBIM_STATUS_DONE) {
        take_apdu(task, answer);
        return;
    }

    failure = akma_mbim_status_error_new("sending to the card", answer->status);
    if (answer->status == AKMA_MBIM_STATUS_INVALID_CHANNEL)
        self->session.channel = 0;
    if (!akma_mbim_status_is_refusal(answer->status)) {
        g_task_return_error(task, failure);
        return;
    }
    if (call->refusal || call->error)
        g_error_free(failure);
    else
        call->error = failure;
    call->n++;
    begin_apdu(g_steal_pointer(&task));
}

static MbimMessage *
apdu_request_new(const AkmaMbimCard *self, const Call *call)
{
    AkmaCommand copy = call->command;
    MbimMessage *message;

    akma_command_set_channel(&copy, self->session.channel);
    message = mbim_message_ms_uicc_low_level_access_apdu_set_new(
        self->session.channel,
        MBIM_UICC_SECURE_MESSAGING_NONE,
        call->way.is_extended ? MBIM_UICC_CLASS_BYTE_TYPE_EXTENDED
                              : MBIM_UICC_CLASS_BYTE_TYPE_INTER_INDUSTRY,
        (uint32_t)(call->way.drops_le ? copy.len - 1 : copy.len),
        copy.bytes,
        NULL);
    OPENSSL_cleanse(&copy, sizeof copy);

    return message;
}

/* Tries the next way; with none left, what the first one brought is the answer. */
static void
begin_apdu(GTask *owned)
{
    g_autoptr(GTask) task = owned;
    AkmaMbimCard *self = g_task_get_source_object(task);
    Call *call = g_task_get_task_data(task);

    if (akma_mbim_habits_get_way(self->habits, &call->command, call->n, &call->way)) {
        self->holds_secrets = true;
        akma_mbim_send(self, apdu_request_new(self, call), apdu_done, g_steal_pointer(&task));
    } else if (call->error) {
        g_task_return_error(task, g_steal_pointer(&call->error));
    } else {
        g_task_return_pointer(
            task, g_steal_pointer(&call->refusal), (GDestroyNotify)akma_response_free);
    }
}

static void
channel_ready(const GError *error, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;

    if (error)
        g_task_return_error(task, g_error_copy(error));
    else
        begin_apdu(g_steal_pointer(&task));
}

void
akma_mbim_card_transmit(AkmaCard *card,
                        int channel,
                        const AkmaCommand *command,
                        GAsyncReadyCallback callback,
                        gpointer user_data)
{
    AkmaMbimCard *self = AKMA_MBIM_CARD(card);
    g_autoptr(GTask) task = call_new(card, akma_mbim_card_transmit, callback, user_data);
    Call *call = g_task_get_task_data(task);

    call->command = *command;
    if (!akma_mbim_card_check_session(self, channel, task))
        return;

    if (self->session.channel == 0)
        akma_mbim_session_open(self, channel_ready, g_steal_pointer(&task));
    else
        begin_apdu(g_steal_pointer(&task));
}

/* With its own way to files the modem needs no channel, and goes to the card that is in. */
bool
akma_mbim_card_channel_ends_with_card(AkmaCard *card, int channel G_GNUC_UNUSED)
{
    return !AKMA_MBIM_CARD(card)->services.has_files;
}

static void
closed(const AkmaMbimAnswer *answer, const GError *error, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    AkmaMbimCard *self = g_task_get_source_object(task);

    if (!answer) {
        self->may_leak = true;
        g_task_return_error(task, g_error_copy(error));
        return;
    }
    if (answer->status != AKMA_MBIM_STATUS_DONE &&
        answer->status != AKMA_MBIM_STATUS_INVALID_CHANNEL) {
        self->may_leak = true;
        g_task_return_error(task,
                            akma_mbim_status_error_new("closing the channel", answer->status));
        return;
    }

    g_task_return_boolean(task, TRUE);
}

void
akma_mbim_card_close_channel(AkmaCard *card,
                             int channel,
                             GAsyncReadyCallback callback,
                             gpointer user_data)
{
    AkmaMbimCard *self = AKMA_MBIM_CARD(card);
    g_autoptr(GTask) task = call_new(card, akma_mbim_card_close_channel, callback, user_data);
    unsigned open;

    if (!akma_mbim_card_check_session(self, channel, task))
        return;

    open = self->session.channel;
    self->session = (AkmaMbimSession){.number = 0};
    if (open > 0) {
        akma_mbim_send(self, akma_mbim_close_request_new(open), closed, g_steal_pointer(&task));
    } else {
        if (self->may_leak)
            akma_mbim_sweep(self);
        g_task_return_boolean(task, TRUE);
    }
    akma_mbim_cover_secrets(self);
}
