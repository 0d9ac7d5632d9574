/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/modem.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/error.h"
#include "base/text.h"
#include "modem/modem-card.h"
#include "modem/modem-private.h"

#define SIM_ID_LEN 16 /* bytes of the HMAC that are shown */

struct _AkmaModem {
    GObject parent;
    AkmaCard *card;
    AkmaCardQueue *queue;
    char *device;
    AkmaSecret *sim_id_key;
    AkmaCardState state;
    char sim_id[2 * SIM_ID_LEN + 1];
    bool is_doubted; /* sim_id and facts may be of another card */
    bool is_gone;
    AkmaUsimFacts facts;
    GSource *refresh_soon;
    GCancellable *stop;
};

enum { CHANGED, GONE, N_SIGNALS };

static unsigned signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE(AkmaModem, akma_modem, G_TYPE_OBJECT)

void
akma_modem_forget_facts(AkmaModem *self)
{
    self->facts = (AkmaUsimFacts){.version = self->facts.version + 1};
}

static void
forget_card(AkmaModem *self)
{
    self->is_doubted = true;
    akma_modem_forget_facts(self);
}

/*
 * refresh: QUERY --> (card ready and not known) OPEN --> ICCID --> done
 *
 * A card that is there but does not tell its ICCID now is not an error: SimId stays empty and
 * the next refresh asks again.
 */
typedef struct {
    AkmaModem *modem;
    AkmaChannel *channel;
    AkmaCardState before;
    char sim_id_before[2 * SIM_ID_LEN + 1];
} Refresh;

static void
refresh_free(Refresh *refresh)
{
    g_clear_object(&refresh->channel);
    g_clear_object(&refresh->modem);
    g_free(refresh);
}

static void
finish_refresh(GTask *task)
{
    const Refresh *refresh = g_task_get_task_data(task);
    AkmaModem *self = refresh->modem;

    if (self->is_gone) {
        g_task_return_new_error(task, AKMA_ERROR, AKMA_ERROR_NO_MODEM, "the modem is gone");
        return;
    }
    if (refresh->before.sim != self->state.sim ||
        refresh->before.registration != self->state.registration ||
        !g_str_equal(refresh->sim_id_before, self->sim_id))
        g_signal_emit(self, signals[CHANGED], 0);
    g_task_return_boolean(task, TRUE);
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

    akma_hex_encode(mac, SIM_ID_LEN, self->sim_id);
    self->is_doubted = false;
}

static void
iccid_read(GObject *source, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    g_autoptr(GError) error = NULL;
    Refresh *refresh = g_task_get_task_data(task);
    g_autoptr(AkmaResponse) iccid = akma_uicc_read_finish(AKMA_CHANNEL(source), res, &error);

    if (iccid)
        take_iccid(refresh->modem, iccid);
    else
        g_debug("%s", error->message);

    g_clear_object(&refresh->channel);
    finish_refresh(task);
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
        return;
    }

    akma_uicc_read_async(refresh->channel,
                         &akma_uicc_iccid,
                         AKMA_ICCID_LEN,
                         cancellable,
                         iccid_read,
                         g_steal_pointer(&task));
}

static void
queried(GObject *source, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    GCancellable *cancellable = g_task_get_cancellable(task);
    g_autoptr(GError) error = NULL;
    Refresh *refresh = g_task_get_task_data(task);
    AkmaModem *self = refresh->modem;

    if (!akma_card_query_finish(AKMA_CARD(source), res, &self->state, &error)) {
        g_task_return_error(task, g_steal_pointer(&error));
        return;
    }
    if (self->state.sim != AKMA_SIM_READY || self->is_doubted) {
        forget_card(self);
        self->sim_id[0] = '\0';
    }
    if (self->state.registration != refresh->before.registration)
        akma_modem_forget_facts(self); /* a new routing indicator comes with a registration */

    if (self->state.sim == AKMA_SIM_READY && self->is_doubted)
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
    refresh->before = self->state;
    g_strlcpy(refresh->sim_id_before, self->sim_id, sizeof refresh->sim_id_before);

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
    forget_card(self);
    refresh_soon(self);
}

static void
become_gone(AkmaModem *self)
{
    self->is_gone = true;
    self->state = (AkmaCardState){0};
    self->sim_id[0] = '\0';
    forget_card(self);
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
        text = "the card waits for its PIN";
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
}
