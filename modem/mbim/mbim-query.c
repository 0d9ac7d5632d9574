/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* mbim-query: the state of card, PIN and registration; and the PIN given to the card. */
#include <openssl/crypto.h>
#include <string.h>

#include "base/error.h"
#include "modem/mbim/mbim-private.h"

/*
 *   query: READY --> (not ready, not absent) PIN --> REGISTRATION --> done
 */
static void
registration_told(const AkmaMbimAnswer *answer, const GError *error, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    AkmaMbimCard *self = g_task_get_source_object(task);
    AkmaCardState *state = g_task_get_task_data(task);
    GError *own = error ? g_error_copy(error) : NULL;

    /* a modem that does not say it, says "unknown" */
    if (own || (answer->status == AKMA_MBIM_STATUS_DONE &&
                !akma_mbim_take_registration(answer, state, &own)))
        g_task_return_error(task, own);
    else
        g_task_return_pointer(task, g_memdup2(state, sizeof *state), g_free);
    akma_mbim_cover_secrets(self);
}

static void
begin_registration(GTask *owned)
{
    akma_mbim_send(g_task_get_source_object(owned),
                   mbim_message_register_state_query_new(NULL),
                   registration_told,
                   owned);
}

static void
pin_told(const AkmaMbimAnswer *answer, const GError *error, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    AkmaCardState *state = g_task_get_task_data(task);
    GError *own = error ? g_error_copy(error) : NULL;

    if (own ||
        (answer->status == AKMA_MBIM_STATUS_DONE && !akma_mbim_take_pin(answer, state, &own)))
        g_task_return_error(task, own);
    else
        begin_registration(g_steal_pointer(&task));
}

/* The state where the modem answers with a status instead. */
static void
take_status(AkmaCardState *state, uint32_t status)
{
    g_autoptr(GError) error = akma_mbim_status_error_new("", status);

    if (g_error_matches(error, AKMA_ERROR, AKMA_ERROR_NO_SIM))
        state->sim = AKMA_SIM_ABSENT;
}

static void
ready_told(const AkmaMbimAnswer *answer, const GError *error, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    AkmaMbimCard *self = g_task_get_source_object(task);
    AkmaCardState *state = g_task_get_task_data(task);
    GError *own = error ? g_error_copy(error) : NULL;

    if (!own && answer->status != AKMA_MBIM_STATUS_DONE)
        take_status(state, answer->status);
    else if (!own)
        akma_mbim_take_ready(answer, state, &own);
    if (own) {
        g_task_return_error(task, own);
        return;
    }

    if (state->sim == AKMA_SIM_UNKNOWN)
        akma_mbim_send(self, mbim_message_pin_query_new(NULL), pin_told, g_steal_pointer(&task));
    else
        begin_registration(g_steal_pointer(&task));
}

void
akma_mbim_card_query(AkmaCard *card, GAsyncReadyCallback callback, gpointer user_data)
{
    AkmaMbimCard *self = AKMA_MBIM_CARD(card);
    GTask *task = g_task_new(card, NULL, callback, user_data);
    AkmaCardState *state = g_new0(AkmaCardState, 1);

    g_task_set_source_tag(task, akma_mbim_card_query);
    state->pin_tries = AKMA_PIN_TRIES_UNKNOWN;
    g_task_set_task_data(task, state, g_free);
    self->holds_secrets = true; /* the IMSI */
    akma_mbim_send(self, mbim_message_subscriber_ready_status_query_new(NULL), ready_told, task);
}

static void
pin_given(const AkmaMbimAnswer *answer, const GError *error, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    AkmaCardState state = {.sim = AKMA_SIM_UNKNOWN};
    GError *own = error ? g_error_copy(error) : NULL;

    if (own) {
        g_task_return_error(task, own);
        return;
    }
    if (answer->status == AKMA_MBIM_STATUS_DONE ||
        answer->status == AKMA_MBIM_STATUS_PIN_DISABLED) {
        g_task_return_boolean(task, TRUE);
        return;
    }

    /* with a wrong PIN the modem says, too, what it waits for now */
    akma_mbim_take_pin(answer, &state, NULL);
    if (state.sim == AKMA_SIM_BLOCKED)
        own = g_error_new_literal(
            AKMA_ERROR, AKMA_ERROR_SIM_BLOCKED, "the PIN was wrong, and is blocked now");
    else if (state.sim == AKMA_SIM_PIN_REQUIRED)
        own = g_error_new_literal(AKMA_ERROR, AKMA_ERROR_PIN_REQUIRED, "the PIN is wrong");
    else
        own = akma_mbim_status_error_new("giving the PIN to the card", answer->status);
    g_task_return_error(task, own);
}

static void
put_u32(uint8_t *bytes, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        bytes[i] = (uint8_t)(value >> (8 * i));
}

/*
 * Made here, in one buffer that is wiped: libmbim's own function leaves copies of the PIN.
 */
/*= MBIM 1.0 10.5.4: type, operation, offset and size of PIN and new PIN; strings in UTF-16 */
static MbimMessage *
pin_request_new(const uint8_t *digits, size_t len)
{
    uint8_t info[24 + 2 * AKMA_PIN_MAX] = {0};
    MbimMessage *message = mbim_message_command_new(
        0, MBIM_SERVICE_BASIC_CONNECT, MBIM_CID_BASIC_CONNECT_PIN, MBIM_MESSAGE_COMMAND_TYPE_SET);

    put_u32(info, MBIM_PIN_TYPE_PIN1);
    put_u32(info + 4, MBIM_PIN_OPERATION_ENTER);
    put_u32(info + 8, 24);
    put_u32(info + 12, (uint32_t)(2 * len));
    for (size_t i = 0; i < len; i++)
        info[24 + 2 * i] = digits[i];
    mbim_message_command_append(message, info, (uint32_t)(24 + (2 * len + 3) / 4 * 4));
    OPENSSL_cleanse(info, sizeof info);

    return message;
}

void
akma_mbim_card_verify_pin(AkmaCard *card,
                          AkmaSecret *pin,
                          GAsyncReadyCallback callback,
                          gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(card, NULL, callback, user_data);
    size_t len;
    const uint8_t *digits = akma_secret_peek(pin, &len);

    g_task_set_source_tag(task, akma_mbim_card_verify_pin);
    if (len < AKMA_PIN_MIN || len > AKMA_PIN_MAX) {
        g_task_return_new_error(
            task, AKMA_ERROR, AKMA_ERROR_INVALID_ARGUMENT, "a PIN has 4 to 8 digits");
        return;
    }

    akma_mbim_send(
        AKMA_MBIM_CARD(card), pin_request_new(digits, len), pin_given, g_steal_pointer(&task));
}
