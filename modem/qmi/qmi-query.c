/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* qmi-query: the state of slot, card, PIN and network. */
#include "base/error.h"
#include "modem/qmi/general.h"
#include "modem/qmi/qmi-private.h"
#include "modem/qmi/uim.h"

/*
 *   ask: (slot not known) SLOT --> STATUS --> done
 *
 * A modem that does not tell of its slots has them numbered as the user does.
 */
typedef struct {
    AkmaQmiCard *card;
    AkmaQmiAsked done;
    gpointer user_data;
} Ask;

static void
ask_free(Ask *ask)
{
    g_clear_object(&ask->card);
    g_free(ask);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Ask, ask_free)

static void
fail_ask(Ask *ask, GError *owned)
{
    g_autoptr(GError) error = owned;

    ask->done(NULL, error, ask->user_data);
}

static void
status_done(const AkmaQmiAnswer *answer, const GError *failure, gpointer user_data)
{
    g_autoptr(Ask) ask = user_data;
    AkmaQmiCard *self = ask->card;
    AkmaQmiCardStatus status;
    AkmaReader value;
    GError *error = NULL;

    if (failure) {
        ask->done(NULL, failure, ask->user_data);
        return;
    }
    if (!akma_qmi_answer_check(answer, "asking for the card", &error)) {
        fail_ask(ask, error);
        return;
    }
    if (!akma_qmi_answer_find(answer, AKMA_QMI_UIM_TLV_STATUS, &value) ||
        !akma_qmi_parse_card_status(value, self->logical_slot, &status)) {
        fail_ask(ask,
                 g_error_new_literal(
                     AKMA_ERROR, AKMA_ERROR_MODEM_FAILED, "the state of the card came broken"));
        return;
    }

    self->status = status;
    ask->done(&self->status, NULL, ask->user_data);
}

static void
begin_status(Ask *owned)
{
    AkmaQmiRequest request;

    akma_qmi_request_init(&request, AKMA_QMI_UIM, AKMA_QMI_UIM_CARD_STATUS);
    akma_qmi_card_send(owned->card, &request, status_done, owned);
}

static GError *
take_slot(AkmaQmiCard *self, const AkmaQmiAnswer *answer)
{
    AkmaReader value;
    uint8_t logical = (uint8_t)MIN(self->slot, AKMA_QMI_SLOT_MAX + 1);

    if (akma_qmi_answer_check(answer, "", NULL) &&
        akma_qmi_answer_find(answer, AKMA_QMI_UIM_TLV_STATUS, &value)) {
        switch (akma_qmi_parse_slot_status(value, self->slot, &logical)) {
        case AKMA_QMI_SLOT_OK:
            break;
        case AKMA_QMI_SLOT_MISSING:
            return g_error_new(
                AKMA_ERROR, AKMA_ERROR_MODEM_FAILED, "the modem has no slot %u", self->slot);
        case AKMA_QMI_SLOT_INACTIVE:
            return g_error_new(
                AKMA_ERROR, AKMA_ERROR_MODEM_FAILED, "slot %u is not active", self->slot);
        case AKMA_QMI_SLOT_BROKEN:
            return g_error_new_literal(
                AKMA_ERROR, AKMA_ERROR_MODEM_FAILED, "the state of the slots came broken");
        }
    }
    if (logical > AKMA_QMI_SLOT_MAX)
        return g_error_new(
            AKMA_ERROR, AKMA_ERROR_MODEM_FAILED, "the modem has no slot %u", self->slot);

    self->logical_slot = logical;
    self->is_slot_old = false;

    return NULL;
}

static void
slot_done(const AkmaQmiAnswer *answer, const GError *failure, gpointer user_data)
{
    g_autoptr(Ask) ask = user_data;
    GError *error = failure ? g_error_copy(failure) : take_slot(ask->card, answer);

    if (error)
        fail_ask(ask, error);
    else
        begin_status(g_steal_pointer(&ask));
}

void
akma_qmi_card_ask(AkmaQmiCard *self, AkmaQmiAsked done, gpointer user_data)
{
    Ask *ask = g_new0(Ask, 1);
    AkmaQmiRequest request;

    ask->card = g_object_ref(self);
    ask->done = done;
    ask->user_data = user_data;
    if (self->logical_slot > 0 && !self->is_slot_old) {
        begin_status(ask);
        return;
    }

    akma_qmi_request_init(&request, AKMA_QMI_UIM, AKMA_QMI_UIM_SLOT_STATUS);
    akma_qmi_card_send(self, &request, slot_done, ask);
}

/* query: CARD --> NETWORK --> done */
static void
network_done(const AkmaQmiAnswer *answer, const GError *error, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    AkmaCardState *state = g_task_get_task_data(task);

    if (error) {
        g_task_return_error(task, g_error_copy(error));
        return;
    }

    if (akma_qmi_answer_check(answer, "", NULL))
        state->registration = akma_qmi_parse_registration(answer);
    g_task_return_pointer(task, g_memdup2(state, sizeof *state), g_free);
}

static void
card_asked(const AkmaQmiCardStatus *status, const GError *error, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    AkmaQmiCard *self = g_task_get_source_object(task);
    AkmaCardState *state = g_task_get_task_data(task);
    AkmaQmiRequest request;

    if (error) {
        g_task_return_error(task, g_error_copy(error));
        return;
    }
    state->sim = akma_qmi_card_status_get_sim(status, &state->pin_tries);
    if (!akma_qmi_port_has(self->port, AKMA_QMI_NAS)) {
        g_task_return_pointer(task, g_memdup2(state, sizeof *state), g_free);
        return;
    }

    akma_qmi_request_init(&request, AKMA_QMI_NAS, AKMA_QMI_NAS_SERVING_SYSTEM);
    akma_qmi_card_send(self, &request, network_done, g_steal_pointer(&task));
}

void
akma_qmi_card_query(AkmaCard *card, GAsyncReadyCallback callback, gpointer user_data)
{
    GTask *task = g_task_new(card, NULL, callback, user_data);

    g_task_set_source_tag(task, akma_qmi_card_query);
    g_task_set_task_data(task, g_new0(AkmaCardState, 1), g_free);
    akma_qmi_card_ask(AKMA_QMI_CARD(card), card_asked, task);
}

/* verify: CARD --> PIN --> done. The card is asked first: its application stands in the request. */
static void
pin_done(const AkmaQmiAnswer *answer, const GError *failure, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    GError *error = failure ? g_error_copy(failure) : NULL;

    if (!error && akma_qmi_answer_check(answer, "verifying the PIN", &error))
        g_task_return_boolean(task, TRUE);
    else
        g_task_return_error(task, error);
}

static void
pin_asked(const AkmaQmiCardStatus *status, const GError *failure, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    AkmaQmiCard *self = g_task_get_source_object(task);
    g_auto(AkmaQmiRequest) request = {0};
    const AkmaQmiApp *app = status ? akma_qmi_card_status_get_usim(status) : NULL;
    const uint8_t *pin;
    size_t len;

    if (failure) {
        g_task_return_error(task, g_error_copy(failure));
        return;
    }
    if (!status || !status->is_present || !app) {
        g_task_return_new_error(task, AKMA_ERROR, AKMA_ERROR_NO_SIM, "no card in the modem");
        return;
    }

    pin = akma_secret_peek(g_task_get_task_data(task), &len);
    if (len < AKMA_PIN_MIN || len > AKMA_PIN_MAX) {
        g_task_return_new_error(
            task, AKMA_ERROR, AKMA_ERROR_INVALID_ARGUMENT, "a PIN has 4 to 8 digits");
        return;
    }
    akma_qmi_build_verify_pin(&request, self->logical_slot, app, pin, len);
    akma_qmi_card_send(self, &request, pin_done, g_steal_pointer(&task));
}

void
akma_qmi_card_verify_pin(AkmaCard *card,
                         AkmaSecret *pin,
                         GAsyncReadyCallback callback,
                         gpointer user_data)
{
    GTask *task = g_task_new(card, NULL, callback, user_data);

    g_task_set_source_tag(task, akma_qmi_card_verify_pin);
    g_task_set_task_data(task, akma_secret_ref(pin), (GDestroyNotify)akma_secret_unref);
    akma_qmi_card_ask(AKMA_QMI_CARD(card), pin_asked, task);
}
