/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/modem.h"

#include "base/error.h"
#include "modem/modem-private.h"

enum { CHANGED, GONE, N_SIGNALS };

static unsigned signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE(AkmaModem, akma_modem, G_TYPE_OBJECT)

void
akma_modem_forget_facts(AkmaModem *self)
{
    self->facts = (AkmaUsimFacts){.version = self->facts.version + 1};
}

void
akma_modem_forget_card(AkmaModem *self)
{
    self->is_doubted = true;
    akma_modem_forget_facts(self);
}

void
akma_modem_tell_changes(AkmaModem *self)
{
    const AkmaCardState *told = &self->told_state;

    if (told->sim == self->state.sim && told->registration == self->state.registration &&
        told->pin_tries == self->state.pin_tries && g_str_equal(self->told_sim_id, self->sim_id))
        return;

    self->told_state = self->state;
    g_strlcpy(self->told_sim_id, self->sim_id, sizeof self->told_sim_id);
    g_signal_emit(self, signals[CHANGED], 0);
}

static void
refreshed_soon(GObject *source, GAsyncResult *res, gpointer user_data G_GNUC_UNUSED)
{
    g_autoptr(GError) error = NULL;

    akma_modem_refresh_finish(AKMA_MODEM(source), res, &error);
    if (error)
        g_debug("asking the modem again: %s", error->message);
}

static gboolean
refresh_now(gpointer user_data)
{
    AkmaModem *self = user_data;

    g_clear_pointer(&self->refresh_soon, g_source_unref);
    akma_modem_refresh_async(self, self->stop, refreshed_soon, NULL);

    return G_SOURCE_REMOVE;
}

/* Several reasons at once make one question. */
static void
refresh_soon(AkmaModem *self)
{
    if (self->refresh_soon || self->is_gone)
        return;

    self->refresh_soon = g_idle_source_new();
    g_source_set_callback(self->refresh_soon, refresh_now, self, NULL);
    g_source_attach(self->refresh_soon, g_main_context_get_thread_default());
}

void
akma_modem_doubt_card(AkmaModem *self)
{
    akma_modem_forget_card(self);
    refresh_soon(self);
}

static void
become_gone(AkmaModem *self)
{
    self->is_gone = true;
    self->state = (AkmaCardState){.pin_tries = AKMA_PIN_TRIES_UNKNOWN};
    self->sim_id[0] = '\0';
    akma_modem_forget_card(self);
    g_cancellable_cancel(self->stop);
    if (self->refresh_soon) {
        g_source_destroy(self->refresh_soon);
        g_clear_pointer(&self->refresh_soon, g_source_unref);
    }
}

static void
card_gone(AkmaModem *self)
{
    if (self->is_gone)
        return;

    become_gone(self);
    g_signal_emit(self, signals[GONE], 0);
}

AkmaModem *
akma_modem_new(const AkmaModemConfig *config)
{
    AkmaModem *self = g_object_new(AKMA_TYPE_MODEM, NULL);

    self->device = g_strdup(config->device);
    self->sim_id_key = akma_secret_ref(config->sim_id_key);

    return self;
}

void
akma_modem_attach(AkmaModem *self, AkmaCard *card)
{
    g_return_if_fail(!self->card);

    self->card = g_object_ref(card);
    self->queue = akma_card_queue_new(card);
    g_signal_connect_object(
        card, "card-changed", G_CALLBACK(akma_modem_doubt_card), self, G_CONNECT_SWAPPED);
    g_signal_connect_object(
        card, "registration-changed", G_CALLBACK(refresh_soon), self, G_CONNECT_SWAPPED);
    g_signal_connect_object(card, "gone", G_CALLBACK(card_gone), self, G_CONNECT_SWAPPED);
}

const char *
akma_modem_get_device(AkmaModem *self)
{
    return self->device;
}

const char *
akma_modem_get_protocol(AkmaModem *self)
{
    return akma_card_get_protocol(self->card);
}

const char *
akma_modem_get_manufacturer(AkmaModem *self)
{
    return akma_card_get_manufacturer(self->card);
}

const char *
akma_modem_get_model(AkmaModem *self)
{
    return akma_card_get_model(self->card);
}

AkmaSimState
akma_modem_get_sim_state(AkmaModem *self)
{
    return self->state.sim;
}

int
akma_modem_get_pin_tries(AkmaModem *self)
{
    return self->state.pin_tries;
}

void
akma_modem_explain_pin(AkmaModem *self, const char *why)
{
    g_free(self->pin_note);
    self->pin_note = g_strdup(why);
}

const char *
akma_modem_get_registration(AkmaModem *self)
{
    return akma_registration_get_name(self->state.registration);
}

const char *
akma_modem_get_sim_id(AkmaModem *self)
{
    return self->sim_id;
}

AkmaCard *
akma_modem_get_card(AkmaModem *self)
{
    return self->card;
}

AkmaCardQueue *
akma_modem_get_queue(AkmaModem *self)
{
    return self->queue;
}

const AkmaUsimFacts *
akma_modem_get_facts(AkmaModem *self)
{
    return &self->facts;
}

void
akma_modem_set_facts(AkmaModem *self, const AkmaUsimFacts *facts)
{
    if (facts->version == self->facts.version)
        self->facts = *facts;
}

bool
akma_modem_check_card(AkmaModem *self, GError **error)
{
    int code = 0;
    const char *text = "";

    switch (self->state.sim) {
    case AKMA_SIM_UNKNOWN:
    case AKMA_SIM_READY:
        break;
    case AKMA_SIM_ABSENT:
        code = AKMA_ERROR_NO_SIM;
        text = "no card in the modem";
        break;
    case AKMA_SIM_PIN_REQUIRED:
        code = AKMA_ERROR_PIN_REQUIRED;
        text = self->pin_note ? self->pin_note : "the card waits for its PIN";
        break;
    case AKMA_SIM_BLOCKED:
        code = AKMA_ERROR_SIM_BLOCKED;
        text = "the PIN of the card is blocked";
        break;
    }
    if (self->is_gone) {
        code = AKMA_ERROR_NO_MODEM;
        text = "the modem is gone";
    }
    if (code != 0)
        g_set_error_literal(error, AKMA_ERROR, code, text);

    return code == 0;
}

void
akma_modem_close(AkmaModem *self)
{
    if (self->is_gone)
        return;

    become_gone(self);
    if (self->card)
        akma_card_close(self->card);
}

static void
akma_modem_finalize(GObject *object)
{
    AkmaModem *self = AKMA_MODEM(object);

    akma_modem_close(self);
    g_clear_object(&self->queue);
    g_clear_object(&self->card);
    g_clear_object(&self->stop);
    g_clear_pointer(&self->device, g_free);
    g_clear_pointer(&self->pin_note, g_free);
    akma_secret_unref(self->sim_id_key);

    G_OBJECT_CLASS(akma_modem_parent_class)->finalize(object);
}

static void
akma_modem_class_init(AkmaModemClass *klass)
{
    static const char *const names[N_SIGNALS] = {"changed", "gone"};

    G_OBJECT_CLASS(klass)->finalize = akma_modem_finalize;
    for (size_t i = 0; i < N_SIGNALS; i++)
        signals[i] = g_signal_new(names[i],
                                  AKMA_TYPE_MODEM,
                                  G_SIGNAL_RUN_LAST,
                                  0,
                                  NULL,
                                  NULL,
                                  g_cclosure_marshal_VOID__VOID,
                                  G_TYPE_NONE,
                                  0);
}

static void
akma_modem_init(AkmaModem *self)
{
    self->stop = g_cancellable_new();
    self->is_doubted = true;
    self->state.pin_tries = AKMA_PIN_TRIES_UNKNOWN;
}
