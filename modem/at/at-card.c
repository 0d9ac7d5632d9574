/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/at/at-card.h"

#include <string.h>

#include "base/error.h"
#include "base/wiping.h"
#include "modem/at/at-private.h"
#include "modem/at/tty.h"

#define BUSY_FIRST_MS 50u
#define BUSY_TRIES    6 /* 50 ms, doubled each time: 3 s in all */

const char *const akma_at_systems[AKMA_AT_SYSTEMS] = {"+C5GREG", "+CEREG", "+CREG"};

static void card_iface_init(AkmaCardInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE(AkmaAtCard,
                              akma_at_card,
                              G_TYPE_OBJECT,
                              G_IMPLEMENT_INTERFACE(AKMA_TYPE_CARD, card_iface_init))

/* A command and how often it was sent. */
typedef struct {
    AkmaAtCard *card;
    char *command; /* wiped */
    unsigned tries;
    AkmaAtTake take;
    AkmaAtDone done;
    gpointer user_data;
} Try;

static void
try_free(Try *try)
{
    g_clear_object(&try->card);
    akma_wiping_free(try->command);
    g_free(try);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Try, try_free)

static bool
try_take(const char *line, size_t len, gpointer user_data)
{
    Try *try = user_data;

    return try->take && try->take(line, len, try->user_data);
}

static void try_done(bool ok, int code, const GError *error, gpointer user_data);

static gboolean
try_again(gpointer user_data)
{
    Try *try = user_data;

    akma_at_port_send(try->card->port, try->command, try_take, try_done, try);

    return G_SOURCE_REMOVE;
}

/*= TS 27.007 9.2.2.1: 14 is "SIM busy"; modems say 13, "SIM failure", of a card that starts */
static bool
is_busy(int code)
{
    return code == AKMA_CME_SIM_BUSY || code == AKMA_CME_SIM_FAILURE;
}

static void
try_done(bool ok, int code, const GError *error, gpointer user_data)
{
    g_autoptr(Try) try = user_data;
    g_autoptr(GSource) later = NULL;

    if (!error && !ok && is_busy(code) && try->tries < BUSY_TRIES) {
        later = g_timeout_source_new(BUSY_FIRST_MS << try->tries++);
        g_source_set_callback(later, try_again, g_steal_pointer(&try), NULL);
        g_source_attach(later, g_main_context_get_thread_default());
        return;
    }

    try->done(ok, code, error, try->user_data);
}

void
akma_at_card_send(
    AkmaAtCard *self, const char *command, AkmaAtTake take, AkmaAtDone done, gpointer user_data)
{
    Try *try = g_new0(Try, 1);

    try->card = g_object_ref(self);
    try->command = akma_wiping_strdup(command);
    try->take = take;
    try->done = done;
    try->user_data = user_data;
    akma_at_port_send(self->port, command, try_take, try_done, try);
}

GError *
akma_at_card_error_new(const char *what, int code)
{
    switch (code) {
    case AKMA_CME_SIM_ABSENT:
        return g_error_new(AKMA_ERROR, AKMA_ERROR_NO_SIM, "%s: no card in the modem", what);
    case AKMA_CME_PIN_REQUIRED:
        return g_error_new(
            AKMA_ERROR, AKMA_ERROR_PIN_REQUIRED, "%s: the card waits for its PIN", what);
    case AKMA_CME_PUK_REQUIRED:
        return g_error_new(
            AKMA_ERROR, AKMA_ERROR_SIM_BLOCKED, "%s: the PIN of the card is blocked", what);
    case AKMA_CME_NOT_FOUND:
        return g_error_new(AKMA_ERROR,
                           AKMA_ERROR_ANCHOR_UNSUPPORTED,
                           "%s: the modem does not find it on the card",
                           what);
    case AKMA_AT_NO_CODE:
        return g_error_new(AKMA_ERROR, AKMA_ERROR_MODEM_FAILED, "%s: the modem refuses", what);
    default:
        return g_error_new(
            AKMA_ERROR, AKMA_ERROR_MODEM_FAILED, "%s: the modem refuses (CME %d)", what, code);
    }
}

void
akma_at_card_take_news(AkmaAtCard *self)
{
    self->is_kept = false;
    akma_at_leftovers_clear(self->leftovers);
    akma_card_emit_card_changed(AKMA_CARD(self));
}

static void
unsolicited(const char *line, gpointer user_data)
{
    /*= TS 27.007 8.3: +CPIN; the others are what modems send when the card goes or comes */
    static const char *const card_news[] = {"+CPIN:", "+QUSIM:", "^SIMST:", "+SIMSTATUS:"};
    AkmaAtCard *self = user_data;
    int session;

    if (g_str_has_prefix(line, "+CCHO:") && akma_at_parse_session(line, &session)) {
        akma_at_card_close_late(self, session);
        return;
    }
    if (self->is_number_late && g_str_has_prefix(line, "+CSIM:")) {
        akma_at_card_take_late_channel(self, line);
        return;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(card_news); i++) {
        if (g_str_has_prefix(line, card_news[i])) {
            akma_at_card_take_news(self);
            return;
        }
    }
    for (size_t i = 0; i < AKMA_AT_SYSTEMS; i++) {
        if (g_str_has_prefix(line, akma_at_systems[i])) {
            akma_card_emit_registration_changed(AKMA_CARD(self));
            return;
        }
    }
}

static void
gone(gpointer user_data)
{
    AkmaAtCard *self = user_data;

    akma_at_leftovers_end(self->leftovers, self->opening);
    akma_card_emit_gone(AKMA_CARD(self));
}

/*
 *   open: the port finds its step --> each of first_commands in turn --> done
 *
 * A modem that refuses one of them is used as it is.
 */
static const char *const first_commands[] = {
    "AT+CMEE=1", "AT+CGMI", "AT+CGMM", "AT+C5GREG=1", "AT+CEREG=1", "AT+CREG=1"};

enum { FIRST_CMEE, FIRST_CGMI, FIRST_CGMM, FIRST_SYSTEMS };

typedef struct {
    AkmaAtCard *card;
    size_t index;
} Opening;

static void
opening_free(Opening *opening)
{
    g_clear_object(&opening->card);
    g_free(opening);
}

static void begin_first(GTask *owned);

static bool
first_take(const char *line, size_t len G_GNUC_UNUSED, gpointer user_data)
{
    Opening *opening = g_task_get_task_data(user_data);
    char **to = opening->index == FIRST_CGMI   ? &opening->card->manufacturer
                : opening->index == FIRST_CGMM ? &opening->card->model
                                               : NULL;

    if (!to || strchr("+^%*", *line) || **to != '\0' || !g_utf8_validate(line, -1, NULL))
        return false;
    g_free(*to);
    *to = g_strdup(line);

    return true;
}

static void
first_done(bool ok, int code G_GNUC_UNUSED, const GError *error, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    Opening *opening = g_task_get_task_data(task);

    if (error || g_task_return_error_if_cancelled(task)) {
        if (error)
            g_task_return_error(task, g_error_copy(error));
        return;
    }
    if (opening->index >= FIRST_SYSTEMS)
        opening->card->lacks_registration[opening->index - FIRST_SYSTEMS] = !ok;

    opening->index++;
    if (opening->index < G_N_ELEMENTS(first_commands)) {
        begin_first(g_steal_pointer(&task));
        return;
    }
    akma_at_port_set_token(opening->card->port, opening->card->manufacturer);
    g_task_return_pointer(task, g_steal_pointer(&opening->card), g_object_unref);
}

static void
begin_first(GTask *owned)
{
    const Opening *opening = g_task_get_task_data(owned);

    akma_at_card_send(opening->card, first_commands[opening->index], first_take, first_done, owned);
}

void
akma_at_card_open_async(int fd,
                        const char *device,
                        unsigned timeout_ms,
                        bool is_guess,
                        GCancellable *cancellable,
                        GAsyncReadyCallback callback,
                        gpointer user_data)
{
    static const AkmaAtPortEvents events = {unsolicited, gone};
    g_autoptr(GTask) task = g_task_new(NULL, cancellable, callback, user_data);
    Opening *opening = g_new0(Opening, 1);
    GError *error = NULL;

    g_task_set_source_tag(task, akma_at_card_open_async);
    g_task_set_task_data(task, opening, (GDestroyNotify)opening_free);
    opening->card = g_object_new(AKMA_TYPE_AT_CARD, NULL);
    opening->card->timeout_ms = timeout_ms;
    opening->card->leftovers = akma_at_leftovers_get(device);
    opening->card->opening = akma_at_leftovers_begin(opening->card->leftovers);
    opening->card->port = akma_at_port_new(fd, timeout_ms, &events, opening->card, &error);
    if (!opening->card->port) {
        g_task_return_error(task, error);
        return;
    }
    if (is_guess)
        akma_at_port_be_brief(opening->card->port);
    begin_first(g_steal_pointer(&task));
}

AkmaCard *
akma_at_card_open_finish(GAsyncResult *res, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(res, NULL), NULL);

    return g_task_propagate_pointer(G_TASK(res), error);
}

static void
transport_open_async(const AkmaPortConfig *config,
                     GCancellable *cancellable,
                     GAsyncReadyCallback callback,
                     gpointer user_data)
{
    g_autoptr(GTask) task = NULL;
    GError *error = NULL;
    int fd = -1;

    if (config->slot > 1) /* TS 27.007 has no command that chooses one */
        g_set_error(&error,
                    AKMA_ERROR,
                    AKMA_ERROR_CONFIG_INVALID,
                    "slot=%u: AT commands reach slot 1 only; use a port with protocol mbim or qmi",
                    config->slot);
    else
        fd = akma_at_tty_open(config->device, &error);
    if (fd >= 0) {
        akma_at_card_open_async(fd,
                                config->device,
                                config->timeout_ms,
                                config->is_guess,
                                cancellable,
                                callback,
                                user_data);
        return;
    }
    task = g_task_new(NULL, cancellable, callback, user_data);
    g_task_set_source_tag(task, transport_open_async);
    g_task_return_error(task, error);
}

const AkmaTransport akma_transport_at = {
    "at",
    NULL,
    transport_open_async,
    akma_at_card_open_finish,
};

static const char *
get_manufacturer(AkmaCard *card)
{
    return AKMA_AT_CARD(card)->manufacturer;
}

static const char *
get_model(AkmaCard *card)
{
    return AKMA_AT_CARD(card)->model;
}

static void
close_card(AkmaCard *card)
{
    AkmaAtCard *self = AKMA_AT_CARD(card);

    akma_at_port_close(self->port);
    akma_at_leftovers_end(self->leftovers, self->opening);
}

static void
card_iface_init(AkmaCardInterface *iface)
{
    iface->protocol = "at";
    iface->open_channel_async = akma_at_card_open_channel;
    iface->transmit_async = akma_at_card_transmit;
    iface->close_channel_async = akma_at_card_close_channel;
    iface->query_async = akma_at_card_query;
    iface->verify_pin_async = akma_at_card_verify_pin;
    iface->channel_ends_with_card = akma_at_card_channel_ends_with_card;
    iface->get_manufacturer = get_manufacturer;
    iface->get_model = get_model;
    iface->close = close_card;
}

static void
akma_at_card_finalize(GObject *object)
{
    AkmaAtCard *self = AKMA_AT_CARD(object);

    if (self->port)
        close_card(AKMA_CARD(self));
    akma_at_port_unref(self->port);
    g_free(self->manufacturer);
    g_free(self->model);

    G_OBJECT_CLASS(akma_at_card_parent_class)->finalize(object);
}

static void
akma_at_card_class_init(AkmaAtCardClass *klass)
{
    G_OBJECT_CLASS(klass)->finalize = akma_at_card_finalize;
}

static void
akma_at_card_init(AkmaAtCard *self)
{
    self->manufacturer = g_strdup("");
    self->model = g_strdup("");
    self->session = -1;
    self->given_back = -1;
}
