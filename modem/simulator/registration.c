/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/simulator/registration.h"

#include <openssl/crypto.h>
#include <string.h>

#include "base/error.h"
#include "base/wiping.h"
#include "http/client.h"
#include "kdf/fiveg.h"
#include "modem/simulator/contents.h"
#include "modem/simulator/phone.h"

#define TIMEOUT_MS     5000
#define ANSWER_MAX     (64 * 1024)
#define BACK_OFF_MS    250
#define BACK_OFF_TOP   30000
#define MEDIA_TYPE     "application/json"
#define STATUS_CREATED 201
#define STATUS_OK      200

/*
 *   ask --> challenge --> confirm --> registered
 *    ^          | sync failure, once
 *    +----------+
 */
typedef struct {
    AkmaSoftRegistration *owner; /* NULL: overtaken by another run, nobody waits */
    AkmaHttpClient *client;
    GCancellable *cancellable;
    char imsi[AKMA_SOFT_IMSI_MAX + 1];
    char *sn;
    AkmaSoftChallenge challenge;
    AkmaSoftPhoneKeys keys;
    bool resynchronised;
} Run;

typedef struct {
    AkmaSoftRegistrationDone done;
    void *user_data;
} Waiter;

struct _AkmaSoftRegistration {
    AkmaSoftModem *modem;
    char *url;
    char *ca_file;
    Run *run; /* NULL: none */
    guint retry;
    unsigned back_off_ms;
    bool away; /* left the network on purpose */
    GArray *waiters;
    void (*settled)(void *user_data);
    void *user_data;
};

static void begin(AkmaSoftRegistration *self);

static void
run_free(Run *run)
{
    g_object_unref(run->client);
    g_object_unref(run->cancellable);
    g_free(run->sn);
    g_free(run->challenge.confirmation);
    akma_wiping_free(run);
}

/* What is under way ends without a word. */
static void
stop(AkmaSoftRegistration *self)
{
    Run *run = g_steal_pointer(&self->run);

    g_clear_handle_id(&self->retry, g_source_remove);
    if (!run)
        return;
    run->owner = NULL;
    g_cancellable_cancel(run->cancellable);
}

static void
tell_waiters(AkmaSoftRegistration *self, const GError *error)
{
    g_autoptr(GArray) waiters = self->waiters;

    self->waiters = g_array_new(FALSE, FALSE, sizeof(Waiter));
    for (guint i = 0; i < waiters->len; i++) {
        const Waiter *waiter = &g_array_index(waiters, Waiter, i);

        waiter->done(error, waiter->user_data);
    }
}

static void
settle(AkmaSoftRegistration *self)
{
    if (self->settled)
        self->settled(self->user_data);
}

static gboolean
on_retry(gpointer user_data)
{
    AkmaSoftRegistration *self = user_data;

    self->retry = 0;
    begin(self);

    return G_SOURCE_REMOVE;
}

/* The run ends badly: once more, later. Takes @run and @error. */
static void
fail(Run *run, GError *error)
{
    g_autoptr(GError) owned = error;
    AkmaSoftRegistration *self = run->owner;

    if (!self) {
        run_free(run);
        return;
    }
    self->run = NULL;
    run_free(run);

    g_warning("cannot register: %s, trying again in %u ms", owned->message, self->back_off_ms);
    self->retry = g_timeout_add(self->back_off_ms, on_retry, self);
    self->back_off_ms = MIN(2 * self->back_off_ms, BACK_OFF_TOP);
    akma_soft_modem_set_registration(self->modem,
                                     g_error_matches(owned, AKMA_ERROR, AKMA_ERROR_ANCHOR_REJECTED)
                                         ? AKMA_SOFT_REGISTRATION_DENIED
                                         : AKMA_SOFT_REGISTRATION_SEARCHING);
    tell_waiters(self, owned);
}

/* The answer to a request of this run; NULL: the run has ended. */
static AkmaHttpResponse *
take_answer(Run *run, GAsyncResult *res, unsigned expected)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(AkmaHttpResponse) answer = akma_http_client_send_finish(run->client, res, &error);

    if (!run->owner) {
        run_free(run);
        return NULL;
    }
    if (answer && answer->status != expected)
        g_set_error(&error,
                    AKMA_ERROR,
                    answer->status == 403 || answer->status == 404 ? AKMA_ERROR_ANCHOR_REJECTED
                                                                   : AKMA_ERROR_SERVER_REFUSED,
                    "the core answers %u",
                    answer->status);
    if (error) {
        fail(run, g_steal_pointer(&error));
        return NULL;
    }

    return g_steal_pointer(&answer);
}

static bool
is_home(const Run *run, const AkmaSoftProfile *profile)
{
    size_t len = 3 + profile->mnc_len;

    return strlen(profile->plmn) == len && strncmp(profile->plmn, run->imsi, len) == 0;
}

static void
on_confirmed(GObject *source, GAsyncResult *res, gpointer user_data)
{
    Run *run = user_data;
    g_autoptr(AkmaHttpResponse) answer = take_answer(run, res, STATUS_OK);
    g_auto(AkmaKey256) k_seaf = {0};
    AkmaSoftRegistration *self;
    AkmaSoftUicc *card;
    GError *error = NULL;
    bool has_k_seaf;

    (void)source;
    if (!answer)
        return;
    self = run->owner;
    if (akma_soft_nausf_parse_confirmation(
            answer->body->data, answer->body->len, k_seaf.bytes, &has_k_seaf, &error) &&
        has_k_seaf && CRYPTO_memcmp(&k_seaf, &run->keys.k_seaf, sizeof k_seaf) != 0)
        g_set_error_literal(
            &error, AKMA_ERROR, AKMA_ERROR_SERVER_REFUSED, "the core derives other keys");
    if (error) {
        fail(run, error);
        return;
    }

    card = akma_soft_modem_get_card(self->modem);
    akma_soft_phone_store(card, &run->keys);
    self->run = NULL;
    self->back_off_ms = BACK_OFF_MS;
    g_message("registered with the core");
    akma_soft_modem_set_registration(self->modem,
                                     is_home(run, akma_soft_uicc_get_profile(card))
                                         ? AKMA_SOFT_REGISTRATION_HOME
                                         : AKMA_SOFT_REGISTRATION_ROAMING);
    run_free(run);
    tell_waiters(self, NULL);
    settle(self);
}

static void
send(Run *run, const char *method, const char *path, GBytes *body, GAsyncReadyCallback callback)
{
    akma_http_client_send_async(
        run->client, method, path, MEDIA_TYPE, body, false, run->cancellable, callback, run);
    g_bytes_unref(body);
}

static void on_challenge(GObject *source, GAsyncResult *res, gpointer user_data);

static void
ask(Run *run)
{
    const uint8_t *auts = run->resynchronised ? run->keys.auts : NULL;

    send(run,
         "POST",
         AKMA_SOFT_NAUSF_PATH,
         akma_soft_nausf_write_request(run->imsi, run->sn, run->challenge.rand, auts),
         on_challenge);
}

static void
on_challenge(GObject *source, GAsyncResult *res, gpointer user_data)
{
    Run *run = user_data;
    g_autoptr(AkmaHttpResponse) answer = take_answer(run, res, STATUS_CREATED);
    GError *error = NULL;

    (void)source;
    if (!answer)
        return;
    g_clear_pointer(&run->challenge.confirmation, g_free);
    akma_soft_phone_keys_clear(&run->keys);
    if (!akma_soft_nausf_parse_challenge(
            answer->body->data, answer->body->len, &run->challenge, &error) ||
        !akma_soft_phone_authenticate(akma_soft_modem_get_card(run->owner->modem),
                                      &run->challenge,
                                      run->sn,
                                      &run->keys,
                                      &error)) {
        fail(run, error);
    } else if (!run->keys.sync_failure) {
        send(run,
             "PUT",
             run->challenge.confirmation,
             akma_soft_nausf_write_confirmation(run->keys.res_star),
             on_confirmed);
    } else if (!run->resynchronised) {
        g_message("the card asks the core to resynchronise");
        run->resynchronised = true;
        ask(run);
    } else {
        fail(run,
             g_error_new_literal(AKMA_ERROR,
                                 AKMA_ERROR_ANCHOR_REJECTED,
                                 "still out of step after resynchronisation"));
    }
}

/* NULL: nothing stands in the way. */
static const char *
find_obstacle(AkmaSoftRegistration *self)
{
    if (!akma_soft_modem_get_card(self->modem))
        return "there is no card";
    if (akma_soft_modem_get_sim_state(self->modem) != AKMA_SOFT_SIM_READY)
        return "the card waits for its PIN";

    return akma_soft_modem_is_radio_on(self->modem) ? NULL : "the radio is off";
}

static Run *
run_new(AkmaSoftRegistration *self, GError **error)
{
    AkmaSoftUicc *card = akma_soft_modem_get_card(self->modem);
    const AkmaSoftProfile *profile = akma_soft_uicc_get_profile(card);
    g_autofree char *mcc = g_strndup(profile->plmn, 3);
    g_autofree char *sn = akma_kdf_serving_network(mcc, profile->plmn + 3, error);
    const AkmaHttpConfig config = {.url = self->url,
                                   .ca_file = self->ca_file,
                                   .timeout_ms = TIMEOUT_MS,
                                   .body_bytes = ANSWER_MAX};
    Run *run = sn ? akma_wiping_calloc(1, sizeof *run) : NULL;

    if (!run) {
        if (sn)
            g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "no memory");
        return NULL;
    }
    akma_soft_read_imsi(akma_soft_uicc_get_root(card), run->imsi);
    run->sn = g_steal_pointer(&sn);
    run->owner = self;
    run->client = akma_http_client_new(&config);
    run->cancellable = g_cancellable_new();

    return run;
}

static void
begin(AkmaSoftRegistration *self)
{
    const char *obstacle = find_obstacle(self);
    g_autoptr(GError) error = NULL;

    stop(self);
    if (obstacle)
        g_set_error(&error, AKMA_ERROR, AKMA_ERROR_NOT_READY, "%s", obstacle);
    else
        self->run = run_new(self, &error);
    if (!self->run) {
        g_message("not registering: %s", error->message);
        akma_soft_modem_set_registration(self->modem, AKMA_SOFT_REGISTRATION_IDLE);
        tell_waiters(self, error);
        settle(self);
        return;
    }

    akma_soft_modem_set_registration(self->modem, AKMA_SOFT_REGISTRATION_SEARCHING);
    ask(self->run);
}

static void
on_event(AkmaSoftEvent event, const char *text, void *user_data)
{
    AkmaSoftRegistration *self = user_data;

    (void)text;
    if (event != AKMA_SOFT_EVENT_SIM && event != AKMA_SOFT_EVENT_RADIO)
        return;
    if (event == AKMA_SOFT_EVENT_SIM)
        self->away = false;
    if (self->away)
        return;
    self->back_off_ms = BACK_OFF_MS;
    begin(self);
}

AkmaSoftRegistration *
akma_soft_registration_new(AkmaSoftModem *modem, const char *core_url, const char *ca_file)
{
    AkmaSoftRegistration *self = g_new0(AkmaSoftRegistration, 1);

    self->modem = modem;
    self->url = g_strdup(core_url);
    self->ca_file = g_strdup(ca_file);
    self->back_off_ms = BACK_OFF_MS;
    self->waiters = g_array_new(FALSE, FALSE, sizeof(Waiter));

    return self;
}

void
akma_soft_registration_free(AkmaSoftRegistration *self)
{
    g_autoptr(GError) error = NULL;

    if (!self)
        return;

    stop(self);
    error = g_error_new_literal(AKMA_ERROR, AKMA_ERROR_NOT_READY, "the simulator stops");
    tell_waiters(self, error);
    g_array_unref(self->waiters);
    g_free(self->url);
    g_free(self->ca_file);
    g_free(self);
}

void
akma_soft_registration_start(AkmaSoftRegistration *self,
                             void (*settled)(void *user_data),
                             void *user_data)
{
    self->settled = settled;
    self->user_data = user_data;
    akma_soft_modem_listen(self->modem, on_event, self);
    begin(self);
}

void
akma_soft_registration_run(AkmaSoftRegistration *self,
                           AkmaSoftRegistrationDone done,
                           void *user_data)
{
    const Waiter waiter = {done, user_data};

    g_array_append_val(self->waiters, waiter);
    self->away = false;
    self->back_off_ms = BACK_OFF_MS;
    begin(self);
}

void
akma_soft_registration_leave(AkmaSoftRegistration *self)
{
    g_autoptr(GError) error = NULL;

    stop(self);
    self->away = true;
    akma_soft_modem_leave(self->modem);
    error = g_error_new_literal(AKMA_ERROR, AKMA_ERROR_NOT_READY, "told to leave the network");
    tell_waiters(self, error);
}
