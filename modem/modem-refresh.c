/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* modem-refresh: asks the modem, and the card where the modem does not know. */
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/error.h"
#include "base/text.h"
#include "modem/modem-private.h"

#define P2_GLOBAL_PIN_1 0x01

/*
 *   QUERY --> done
 *     | there is a card, and it or its tries are not known
 *     +--> OPEN --> ICCID --> TRIES --> done      (each only if not known)
 *
 * A card that is there but does not answer now is not an error: what it did not say stays unknown
 * and the next refresh asks again. Refreshes may overlap: what changed is what differs from the
 * last word, not from what was there when this one began.
 */
typedef struct {
    AkmaModem *modem;
    AkmaChannel *channel;
} Refresh;

static void
refresh_free(Refresh *refresh)
{
    g_clear_object(&refresh->channel);
    g_clear_object(&refresh->modem);
    g_free(refresh);
}

/* The channel goes first: who is told may ask the card for more. */
static void
finish_refresh(GTask *task)
{
    Refresh *refresh = g_task_get_task_data(task);
    AkmaModem *self = refresh->modem;

    g_clear_object(&refresh->channel);
    if (self->is_gone) {
        g_task_return_new_error(task, AKMA_ERROR, AKMA_ERROR_NO_MODEM, "the modem is gone");
        return;
    }
    if (self->state.sim != AKMA_SIM_PIN_REQUIRED)
        g_clear_pointer(&self->pin_note, g_free);
    akma_modem_tell_changes(self);
    g_task_return_boolean(task, TRUE);
}

/*= TS 102 221 11.1.9: VERIFY PIN without data tells the tries that are left, and costs none */
static void
tries_told(GObject *source, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    g_autoptr(GError) error = NULL;
    Refresh *refresh = g_task_get_task_data(task);
    g_autoptr(AkmaResponse) response = akma_uicc_send_finish(AKMA_CHANNEL(source), res, &error);

    if (!response)
        g_debug("asking for the tries of the PIN: %s", error->message);
    else if (response->sw >> 4 == 0x63c)
        refresh->modem->state.pin_tries = response->sw & 0xf;
    finish_refresh(task);
}

static void
begin_tries(GTask *owned)
{
    g_autoptr(GTask) task = owned;
    GCancellable *cancellable = g_task_get_cancellable(task);
    const Refresh *refresh = g_task_get_task_data(task);
    const AkmaCardState *state = &refresh->modem->state;
    AkmaCommand command;

    if (state->sim != AKMA_SIM_PIN_REQUIRED || state->pin_tries != AKMA_PIN_TRIES_UNKNOWN) {
        finish_refresh(task);
        return;
    }

    akma_command_init(&command, AKMA_INS_VERIFY, 0, P2_GLOBAL_PIN_1, NULL, 0, AKMA_NO_LE);
    akma_uicc_send_async(
        refresh->channel, &command, cancellable, tries_told, g_steal_pointer(&task));
}

static void
take_iccid(AkmaModem *self, const AkmaResponse *iccid)
{
    uint8_t mac[EVP_MAX_MD_SIZE];
    unsigned mac_len;
    size_t key_len;
    const uint8_t *key = akma_secret_peek(self->sim_id_key, &key_len);
    g_autoptr(GError) error = NULL;

    if (!akma_usim_check_iccid(iccid->bytes, iccid->len, &error)) {
        g_debug("%s", error->message);
        return;
    }
    if (!HMAC(EVP_sha256(), key, (int)key_len, iccid->bytes, iccid->len, mac, &mac_len))
        return;

    akma_hex_encode(mac, AKMA_SIM_ID_LEN, self->sim_id);
    self->is_doubted = false;
}

static void
iccid_read(GObject *source, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    g_autoptr(GError) error = NULL;
    const Refresh *refresh = g_task_get_task_data(task);
    g_autoptr(AkmaResponse) iccid = akma_uicc_read_finish(AKMA_CHANNEL(source), res, &error);

    if (iccid)
        take_iccid(refresh->modem, iccid);
    else
        g_debug("%s", error->message);
    begin_tries(g_steal_pointer(&task));
}

static void
usim_opened(GObject *source, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    GCancellable *cancellable = g_task_get_cancellable(task);
    g_autoptr(GError) error = NULL;
    Refresh *refresh = g_task_get_task_data(task);

    refresh->channel = akma_usim_open_finish(AKMA_CARD_QUEUE(source), res, &error);
    if (!refresh->channel) {
        g_debug("opening the USIM: %s", error->message);
        finish_refresh(task);
    } else if (!refresh->modem->is_doubted) {
        begin_tries(g_steal_pointer(&task));
    } else {
        akma_uicc_read_async(refresh->channel,
                             &akma_uicc_iccid,
                             AKMA_ICCID_LEN,
                             cancellable,
                             iccid_read,
                             g_steal_pointer(&task));
    }
}

/* EF_ICCID is free to read and the tries are free to ask: the PIN is not needed for either. */
static bool
is_card_there(AkmaSimState sim)
{
    return sim == AKMA_SIM_READY || sim == AKMA_SIM_PIN_REQUIRED || sim == AKMA_SIM_BLOCKED;
}

static void
queried(GObject *source, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    GCancellable *cancellable = g_task_get_cancellable(task);
    g_autoptr(GError) error = NULL;
    const Refresh *refresh = g_task_get_task_data(task);
    AkmaModem *self = refresh->modem;
    AkmaRegistration before = self->state.registration;

    if (!akma_card_query_finish(AKMA_CARD(source), res, &self->state, &error)) {
        g_task_return_error(task, g_steal_pointer(&error));
        return;
    }
    if (!is_card_there(self->state.sim) || self->is_doubted) {
        akma_modem_forget_card(self);
        self->sim_id[0] = '\0';
    }
    if (self->state.registration != before)
        akma_modem_forget_facts(self); /* a new routing indicator comes with a registration */

    if (is_card_there(self->state.sim) &&
        (self->is_doubted || (self->state.sim == AKMA_SIM_PIN_REQUIRED &&
                              self->state.pin_tries == AKMA_PIN_TRIES_UNKNOWN)))
        akma_usim_open_async(self->queue, cancellable, usim_opened, g_steal_pointer(&task));
    else
        finish_refresh(task);
}

void
akma_modem_refresh_async(AkmaModem *self,
                         GCancellable *cancellable,
                         GAsyncReadyCallback callback,
                         gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(self, cancellable, callback, user_data);
    Refresh *refresh = g_new0(Refresh, 1);

    g_task_set_source_tag(task, akma_modem_refresh_async);
    g_task_set_task_data(task, refresh, (GDestroyNotify)refresh_free);
    refresh->modem = g_object_ref(self);

    if (self->is_gone)
        finish_refresh(task);
    else
        akma_card_query_async(self->card, queried, g_steal_pointer(&task));
}

bool
akma_modem_refresh_finish(AkmaModem *self, GAsyncResult *res, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(res, self), false);

    return g_task_propagate_boolean(G_TASK(res), error);
}

static void
verified(GObject *source, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    AkmaModem *self = g_task_get_source_object(task);
    GError *error = NULL;
    bool ok = akma_card_verify_pin_finish(AKMA_CARD(source), res, &error);

    akma_modem_doubt_card(self);
    if (ok)
        g_task_return_boolean(task, TRUE);
    else
        g_task_return_error(task, error);
}

void
akma_modem_verify_pin_async(AkmaModem *self,
                            AkmaSecret *pin,
                            GAsyncReadyCallback callback,
                            gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(self, NULL, callback, user_data);

    g_task_set_source_tag(task, akma_modem_verify_pin_async);
    if (self->is_gone)
        g_task_return_new_error(task, AKMA_ERROR, AKMA_ERROR_NO_MODEM, "the modem is gone");
    else
        akma_card_verify_pin_async(self->card, pin, verified, g_steal_pointer(&task));
}

bool
akma_modem_verify_pin_finish(AkmaModem *self, GAsyncResult *res, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(res, self), false);

    return g_task_propagate_boolean(G_TASK(res), error);
}
