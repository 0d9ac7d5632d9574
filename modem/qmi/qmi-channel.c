/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* qmi-channel: an application of the card: its files by the modem's own means, or APDUs. */
#include <openssl/crypto.h>
#include <string.h>

#include "base/error.h"
#include "modem/qmi/qmi-private.h"
#include "modem/qmi/uim.h"

typedef struct {
    uint8_t aid[AKMA_AID_MAX];
    size_t aid_len;
} Wanted;

static AkmaQmiSession *
get_session(AkmaQmiCard *self, int number)
{
    return self->session.is_taken && self->session.number == number ? &self->session : NULL;
}

static void
return_no_session(GTask *task)
{
    g_task_return_new_error(task, AKMA_ERROR, AKMA_ERROR_MODEM_FAILED, "the channel is closed");
}

/* Why no application of the card can be used now; NULL: it can. */
static GError *
check_card(const AkmaQmiCardStatus *status)
{
    int pin_tries;

    switch (akma_qmi_card_status_get_sim(status, &pin_tries)) {
    case AKMA_SIM_ABSENT:
        return g_error_new_literal(AKMA_ERROR, AKMA_ERROR_NO_SIM, "no card in the modem");
    case AKMA_SIM_PIN_REQUIRED:
        return g_error_new_literal(
            AKMA_ERROR, AKMA_ERROR_PIN_REQUIRED, "the card waits for its PIN");
    case AKMA_SIM_BLOCKED:
        return g_error_new_literal(
            AKMA_ERROR, AKMA_ERROR_SIM_BLOCKED, "the PIN of the card is blocked");
    case AKMA_SIM_UNKNOWN:
    case AKMA_SIM_READY:
        break;
    }
    if (status->n_apps == 0)
        return g_error_new_literal(
            AKMA_ERROR, AKMA_ERROR_MODEM_FAILED, "the card is not ready yet");

    return NULL;
}

static void
open_asked(const AkmaQmiCardStatus *status, const GError *failure, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    AkmaQmiCard *self = g_task_get_source_object(task);
    const Wanted *wanted = g_task_get_task_data(task);
    AkmaQmiSession *session = &self->session;
    const AkmaQmiApp *app = NULL;
    GError *error = failure ? g_error_copy(failure) : check_card(status);

    if (!error && wanted->aid_len > 0) {
        app = akma_qmi_card_status_find(status, wanted->aid, wanted->aid_len);
        if (!app)
            error = g_error_new_literal(
                AKMA_ERROR, AKMA_ERROR_ANCHOR_UNSUPPORTED, "the card has no such application");
    }
    if (error) {
        session->is_taken = false;
        g_task_return_error(task, error);
        return;
    }

    if (app)
        session->app = *app;
    session->has_app = app != NULL;
    session->channel = 0;
    g_task_return_int(task, ++session->number);
}

void
akma_qmi_card_open_channel(AkmaCard *card,
                           const uint8_t *aid,
                           size_t aid_len,
                           GAsyncReadyCallback callback,
                           gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(card, NULL, callback, user_data);
    AkmaQmiCard *self = AKMA_QMI_CARD(card);
    Wanted *wanted = g_new0(Wanted, 1);

    g_task_set_source_tag(task, akma_qmi_card_open_channel);
    g_task_set_task_data(task, wanted, g_free);
    if (aid_len > 0)
        memcpy(wanted->aid, aid, aid_len);
    wanted->aid_len = aid_len;
    if (self->session.is_taken) {
        g_task_return_new_error(task, AKMA_ERROR, AKMA_ERROR_MODEM_FAILED, "the card is in use");
        return;
    }

    self->session.is_taken = true;
    akma_qmi_card_ask(self, open_asked, g_steal_pointer(&task));
}

/*
 *   transmit: (no channel yet) STALE --> OPEN --> APDU --> done
 *
 * STALE closes what could not be closed before, and is left out if there is nothing.
 */
typedef struct {
    int number;
    AkmaCommand command;
} Transmit;

static void
transmit_free(Transmit *transmit)
{
    OPENSSL_cleanse(transmit, sizeof *transmit);
    g_free(transmit);
}

static void
apdu_done(const AkmaQmiAnswer *answer, const GError *failure, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    AkmaResponse *response = NULL;
    GError *error = failure ? g_error_copy(failure) : NULL;

    if (!error)
        response = akma_qmi_parse_apdu(answer, &error);
    if (response)
        g_task_return_pointer(task, response, (GDestroyNotify)akma_response_free);
    else
        g_task_return_error(task, error);
}

static void
begin_apdu(GTask *owned)
{
    g_autoptr(GTask) task = owned;
    AkmaQmiCard *self = g_task_get_source_object(task);
    const Transmit *transmit = g_task_get_task_data(task);
    const AkmaQmiSession *session = get_session(self, transmit->number);
    g_auto(AkmaQmiRequest) request = {0};

    if (!session) {
        return_no_session(task);
        return;
    }

    akma_qmi_build_send_apdu(&request, self->logical_slot, session->channel, &transmit->command);
    akma_qmi_card_send(self, &request, apdu_done, g_steal_pointer(&task));
}

static void begin_open(GTask *owned);

static void
opened(const AkmaQmiAnswer *answer, const GError *failure, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    AkmaQmiCard *self = g_task_get_source_object(task);
    const Transmit *transmit = g_task_get_task_data(task);
    AkmaQmiSession *session = get_session(self, transmit->number);
    GError *error = NULL;
    uint8_t channel;

    if (failure) {
        g_task_return_error(task, g_error_copy(failure));
    } else if (akma_qmi_answer_is_unknown(answer) && !self->lacks_open) {
        self->lacks_open = true;
        begin_open(g_steal_pointer(&task));
    } else if (!akma_qmi_parse_channel(answer, &channel)) {
        akma_qmi_set_open_error(answer, &error);
        g_task_return_error(task, error);
    } else if (!session) {
        akma_qmi_card_drop_channel(self, channel);
        return_no_session(task);
    } else {
        session->channel = channel;
        begin_apdu(g_steal_pointer(&task));
    }
}

static void
begin_open(GTask *owned)
{
    g_autoptr(GTask) task = owned;
    AkmaQmiCard *self = g_task_get_source_object(task);
    const Transmit *transmit = g_task_get_task_data(task);
    const AkmaQmiSession *session = get_session(self, transmit->number);
    AkmaQmiRequest request;

    if (!session) {
        return_no_session(task);
        return;
    }

    akma_qmi_build_open_channel(&request,
                                self->lacks_open ? AKMA_QMI_UIM_LOGICAL_CHANNEL
                                                 : AKMA_QMI_UIM_OPEN_CHANNEL,
                                self->logical_slot,
                                session->app.aid,
                                session->has_app ? session->app.aid_len : 0);
    akma_qmi_card_send(self, &request, opened, g_steal_pointer(&task));
}

static void
stale_closed(const AkmaQmiAnswer *answer G_GNUC_UNUSED,
             const GError *error G_GNUC_UNUSED,
             gpointer user_data)
{
    begin_open(user_data);
}

static void
begin_stale(GTask *owned)
{
    AkmaQmiCard *self = g_task_get_source_object(owned);
    AkmaQmiRequest request;

    akma_qmi_build_close_channel(&request, self->logical_slot, self->stale);
    self->stale = 0;
    akma_qmi_card_send(self, &request, stale_closed, owned);
}

void
akma_qmi_card_transmit(AkmaCard *card,
                       int number,
                       const AkmaCommand *command,
                       GAsyncReadyCallback callback,
                       gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(card, NULL, callback, user_data);
    AkmaQmiCard *self = AKMA_QMI_CARD(card);
    const AkmaQmiSession *session = get_session(self, number);
    Transmit *transmit = g_new0(Transmit, 1);

    g_task_set_source_tag(task, akma_qmi_card_transmit);
    g_task_set_task_data(task, transmit, (GDestroyNotify)transmit_free);
    transmit->number = number;
    transmit->command = *command;
    if (!session)
        return_no_session(task);
    else if (session->channel > 0)
        begin_apdu(g_steal_pointer(&task));
    else if (self->stale > 0)
        begin_stale(g_steal_pointer(&task));
    else
        begin_open(g_steal_pointer(&task));
}

static void
read_done(const AkmaQmiAnswer *answer, const GError *failure, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    AkmaQmiCard *self = g_task_get_source_object(task);
    AkmaResponse *response = NULL;
    GError *error = failure ? g_error_copy(failure) : NULL;

    if (!error)
        response = akma_qmi_parse_read(answer, &error);
    if (answer && akma_qmi_answer_is_unknown(answer))
        self->lacks_read = true;
    if (response)
        g_task_return_pointer(task, response, (GDestroyNotify)akma_response_free);
    else
        g_task_return_error(task, error);
}

void
akma_qmi_card_read(AkmaCard *card,
                   int number,
                   const AkmaFile *file,
                   size_t len,
                   GAsyncReadyCallback callback,
                   gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(card, NULL, callback, user_data);
    AkmaQmiCard *self = AKMA_QMI_CARD(card);
    const AkmaQmiSession *session = get_session(self, number);
    AkmaQmiRequest request;

    g_task_set_source_tag(task, akma_qmi_card_read);
    if (!session) {
        return_no_session(task);
    } else if (!session->has_app || self->lacks_read) {
        g_task_return_new_error(
            task, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "the modem does not read this file");
    } else {
        akma_qmi_build_read(&request, self->logical_slot, &session->app, file, len);
        akma_qmi_card_send(self, &request, read_done, g_steal_pointer(&task));
    }
}

/*
 *   close: (a channel is open) CHANNEL --> FLUSH --> done
 *
 * libqmi receives into one buffer that it never wipes: what a card told last would stay there. The
 * answer to FLUSH, which is as long as any that holds keys, is written over it.
 */
typedef struct {
    uint8_t channel; /* 0: none */
    GError *failure;
} Close;

static void
close_free(Close *close)
{
    g_clear_error(&close->failure);
    g_free(close);
}

static void
flushed(const AkmaQmiCardStatus *status G_GNUC_UNUSED,
        const GError *error G_GNUC_UNUSED,
        gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    AkmaQmiCard *self = g_task_get_source_object(task);
    Close *close = g_task_get_task_data(task);

    self->session.is_taken = false;
    if (close->failure)
        g_task_return_error(task, g_steal_pointer(&close->failure));
    else
        g_task_return_boolean(task, TRUE);
}

/* A channel that may be open still is closed before another one is opened. */
static void
closed(const AkmaQmiAnswer *answer, const GError *error, gpointer user_data)
{
    GTask *task = user_data;
    AkmaQmiCard *self = g_task_get_source_object(task);
    Close *close = g_task_get_task_data(task);

    if (error)
        close->failure = g_error_copy(error);
    else
        akma_qmi_answer_check(answer, "closing the channel", &close->failure);
    if (close->failure)
        self->stale = close->channel;
    akma_qmi_card_ask(self, flushed, task);
}

void
akma_qmi_card_close_channel(AkmaCard *card,
                            int number,
                            GAsyncReadyCallback callback,
                            gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(card, NULL, callback, user_data);
    AkmaQmiCard *self = AKMA_QMI_CARD(card);
    AkmaQmiSession *session = get_session(self, number);
    Close *close = g_new0(Close, 1);
    AkmaQmiRequest request;

    g_task_set_source_tag(task, akma_qmi_card_close_channel);
    g_task_set_task_data(task, close, (GDestroyNotify)close_free);
    if (!session) {
        return_no_session(task);
    } else if (session->channel == 0) {
        akma_qmi_card_ask(self, flushed, g_steal_pointer(&task));
    } else {
        close->channel = session->channel;
        akma_qmi_build_close_channel(&request, self->logical_slot, session->channel);
        session->channel = 0;
        akma_qmi_card_send(self, &request, closed, g_steal_pointer(&task));
    }
}

static void
dropped(const AkmaQmiAnswer *answer G_GNUC_UNUSED,
        const GError *error,
        gpointer user_data G_GNUC_UNUSED)
{
    if (error)
        g_debug("giving a channel back: %s, ignoring", error->message);
}

void
akma_qmi_card_drop_channel(AkmaQmiCard *self, uint8_t channel)
{
    AkmaQmiRequest request;

    if (channel == 0 || self->logical_slot == 0)
        return;

    akma_qmi_build_close_channel(&request, self->logical_slot, channel);
    akma_qmi_card_send(self, &request, dropped, NULL);
}
