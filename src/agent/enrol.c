/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "agent/enrol-private.h"
#include "agent/timer.h"
#include "base/error.h"
#include "base/redact.h"

#define ANSWER_MAX (64 * 1024)

/* The session is over: nothing of the first key stays, and its connection is closed. */
void
akma_enrol_end_session(AkmaEnrolRun *run)
{
    bool had_key = run->session || run->naf || run->first_key;

    g_clear_pointer(&run->session, akma_terminal_session_free);
    g_clear_pointer(&run->naf, akma_naf_free);
    g_clear_pointer(&run->first_key, akma_secret_unref);
    g_clear_pointer(&run->keys, akma_key_set_free);
    g_clear_object(&run->client);
    g_clear_pointer(&run->second_request, g_bytes_unref);
    g_clear_pointer(&run->second_path, g_free);
    akma_secret_scrub_stack();
    if (had_key)
        g_info("server %s: first key deleted", run->server->name);
}

static void
run_free(gpointer data)
{
    AkmaEnrolRun *run = data;

    akma_enrol_end_session(run);
    g_clear_pointer(&run->anchor, akma_anchor_unref);
    g_clear_object(&run->modem);
    g_strfreev(run->key_ids);
    akma_gba_cache_unref(run->cache);
    akma_cards_unref(run->cards);
    akma_config_unref(run->config);
    g_free(run);
}

/* Ends a lap: adds what it took to @sum_ms. */
double
akma_enrol_lap_ms(AkmaEnrolRun *run, double *sum_ms)
{
    int64_t now_us = g_get_monotonic_time();
    double took_ms = (double)(now_us - run->mark_us) / 1000.0;

    run->mark_us = now_us;
    *sum_ms += took_ms;

    return took_ms;
}

static AkmaEnrolStep
get_first_step(AkmaUaProfile profile)
{
    switch (profile) {
    case AKMA_UA_MESSAGE:
        return AKMA_ENROL_FIRST_REQUEST;
    case AKMA_UA_PSK:
        return AKMA_ENROL_ASK_PSK;
    case AKMA_UA_DIGEST:
        return AKMA_ENROL_ASK_NAF;
    }

    g_return_val_if_reached(AKMA_ENROL_FIRST_REQUEST);
}

/* What the machine wants next. Takes the task; @keys: (transfer full), with DONE only. */
void
akma_enrol_act(GTask *owned, AkmaEnrolmentAction action, AkmaKeySet *keys)
{
    g_autoptr(GTask) task = owned;
    AkmaEnrolRun *run = g_task_get_task_data(task);

    switch (action) {
    case AKMA_ENROLMENT_READ_ANCHOR:
        akma_enrol_begin(g_steal_pointer(&task), AKMA_ENROL_READ_CARD);
        return;

    case AKMA_ENROLMENT_OPEN_SESSION:
        akma_enrol_begin(g_steal_pointer(&task), get_first_step(run->server->profile));
        return;

    case AKMA_ENROLMENT_DONE:
        g_clear_pointer(&run->anchor, akma_anchor_unref);
        g_task_return_pointer(task, keys, (GDestroyNotify)akma_key_set_free);
        return;

    case AKMA_ENROLMENT_FAILED:
        g_clear_pointer(&run->anchor, akma_anchor_unref);
        g_task_return_error(task, g_error_copy(akma_enrolment_get_error(run->machine)));
        return;
    }
}

/* For those who ask what the key file of the card is worth: akmactl modem probe. */
static void
note_kid(AkmaEnrolRun *run, bool is_known)
{
    const char *kind = run->anchor ? akma_anchor_get_kind(run->anchor) : "";

    if (run->cards && run->modem && g_str_equal(kind, "akma"))
        akma_cards_note_kid(run->cards,
                            akma_modem_get_sim_id(run->modem),
                            akma_anchor_get_kid(run->anchor),
                            is_known);
}

/* The step failed; takes the task and @error. */
void
akma_enrol_failed(GTask *owned, GError *taken)
{
    g_autoptr(GTask) task = owned;
    g_autoptr(GError) error = taken;
    AkmaEnrolRun *run = g_task_get_task_data(task);
    AkmaCause cause = run->first_key ? run->cause : AKMA_CAUSE_NONE;
    bool was_gba = akma_enrolment_is_gba(run->machine);
    unsigned retry_after_s = run->retry_after_s;
    AkmaEnrolmentAction action;

    if (run->session) {
        cause = akma_terminal_session_get_cause(run->session);
        retry_after_s = akma_terminal_session_get_retry_after_s(run->session);
    } else if (run->naf) {
        cause = akma_naf_get_cause(run->naf);
        retry_after_s = akma_naf_get_retry_after_s(run->naf);
    }
    akma_enrol_end_session(run);
    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
        g_clear_pointer(&run->anchor, akma_anchor_unref);
        g_task_return_error(task, g_steal_pointer(&error));
        return;
    }

    if (cause == AKMA_CAUSE_ANCHOR_KEY_UNKNOWN && !akma_enrolment_is_gba(run->machine)) {
        if (run->server->profile != AKMA_UA_PSK) /* a handshake that fails is nobody's word */
            note_kid(run, false);
        run->reader.forget(run->modem);
    }
    action = akma_enrolment_failed(run->machine, error, cause, retry_after_s, g_random_int());
    if (action != AKMA_ENROLMENT_FAILED)
        g_info("server %s: %s; trying %s",
               run->server->name,
               error->message,
               was_gba == akma_enrolment_is_gba(run->machine) ? "once more" : "with GBA");
    akma_enrol_act(g_steal_pointer(&task), action, NULL);
}

static void
card_read(GObject *source, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    g_autoptr(GError) error = NULL;
    g_autofree char *kid = NULL;
    AkmaEnrolRun *run = g_task_get_task_data(task);

    (void)source;
    run->anchor = run->reader.read_finish(res, &run->retry_after_s, &error);
    akma_secret_scrub_stack();
    if (!run->anchor) {
        akma_enrol_failed(g_steal_pointer(&task), g_steal_pointer(&error));
        return;
    }

    kid = akma_log_redact(akma_anchor_get_kid(run->anchor));
    g_info("server %s: card read, %s identifier %s (%.1f ms)",
           run->server->name,
           akma_anchor_get_kind(run->anchor),
           kid,
           akma_enrol_lap_ms(run, &run->card_ms));
    akma_enrol_act(g_steal_pointer(&task),
                   akma_enrolment_anchor_read(run->machine,
                                              akma_anchor_get_kid(run->anchor),
                                              akma_anchor_is_new(run->anchor)),
                   NULL);
}

/* The lifetime of Ks may end at any moment: true, and the task goes on by another way. */
bool
akma_enrol_is_expired(GTask *task)
{
    AkmaEnrolRun *run = g_task_get_task_data(task);
    g_autoptr(GError) error = NULL;

    if (!akma_anchor_is_expired(run->anchor, akma_boottime_ms()))
        return false;
    error = g_error_new_literal(AKMA_ERROR,
                                AKMA_ERROR_ANCHOR_NOT_READY,
                                "the lifetime of the bootstrapping ended during the exchange");
    akma_enrol_end_session(run);
    g_info("server %s: %s", run->server->name, error->message);
    akma_enrol_act(g_object_ref(task),
                   akma_enrolment_anchor_expired(run->machine, error, g_random_int()),
                   NULL);

    return true;
}

void
akma_enrol_succeeded(GTask *owned, AkmaKeySet *keys)
{
    AkmaEnrolRun *run = g_task_get_task_data(owned);

    akma_enrol_end_session(run);
    note_kid(run, true);
    akma_enrol_lap_ms(run, &run->crypto_ms);
    g_info("server %s: enrolled: card %.1f ms, network and server %.1f ms, crypto %.1f ms",
           run->server->name,
           run->card_ms,
           run->network_ms,
           run->crypto_ms);
    akma_enrol_act(owned, akma_enrolment_succeeded(run->machine), keys);
}

static AkmaEnrolmentChoice
to_choice(const AkmaConfigServer *server)
{
    switch (server->anchor) {
    case AKMA_ANCHOR_AUTO:
        return server->profile == AKMA_UA_PSK ? AKMA_ENROLMENT_AUTO_BY_CARD : AKMA_ENROLMENT_AUTO;
    case AKMA_ANCHOR_AKMA:
        return AKMA_ENROLMENT_AKMA;
    case AKMA_ANCHOR_GBA:
    case AKMA_ANCHOR_GBA_U:
        return AKMA_ENROLMENT_GBA;
    }

    return AKMA_ENROLMENT_AUTO;
}

static void
begin_read_card(GTask *owned)
{
    g_autoptr(GTask) task = owned;
    AkmaEnrolRun *run = g_task_get_task_data(task);
    GCancellable *cancellable = g_task_get_cancellable(task);
    const AkmaConfigServer *server = run->server;
    int64_t now_ms = akma_boottime_ms();
    const AkmaAkmaUsimConfig usim = akma_config_get_usim(run->config);
    const AkmaGbaConfig gba = {
        .kind = server->anchor == AKMA_ANCHOR_GBA_U ? AKMA_GBA_U : AKMA_GBA_ME,
        .bsf = akma_config_get_bsf(run->config),
        .impi = akma_config_get_impi(run->config),
        .ca_file = akma_config_get_bsf_ca_file(run->config),
        .interface = server->interface,
        .https_proxy = server->https_proxy,
        .time_seen = run->time_seen,
        .timeout_ms = server->timeout_ms,
        .naf_id = &server->af_id,
        .cache = run->cache,
        .fresh = akma_enrolment_wants_new(run->machine),
        .now = run->now + (now_ms - run->began_ms) / 1000,
        .now_ms = now_ms,
    };
    const AkmaAnchorRequest request = {
        .akma = &usim,
        .gba = akma_enrolment_is_gba(run->machine) ? &gba : NULL,
    };

    g_clear_pointer(&run->anchor, akma_anchor_unref);
    run->reader.read_async(run->modem, &request, cancellable, card_read, g_steal_pointer(&task));
}

AkmaHttpConfig
akma_enrol_get_http_config(const AkmaEnrolRun *run, AkmaHttpVersion version)
{
    const AkmaConfigServer *server = run->server;

    return (AkmaHttpConfig){
        .version = version,
        .url = server->url,
        .connect = server->connect,
        .ca_file = server->ca_file,
        .interface = server->interface,
        .https_proxy = server->https_proxy,
        .time_seen = run->time_seen,
        .timeout_ms = server->timeout_ms,
        .body_bytes = ANSWER_MAX,
    };
}

AkmaHttpClient *
akma_enrol_new_client(const AkmaEnrolRun *run, AkmaHttpVersion version, const char *user_agent)
{
    AkmaHttpConfig http = akma_enrol_get_http_config(run, version);

    http.user_agent = user_agent;

    return akma_http_client_new(&http);
}

/* Takes the task: every step either completes it or hands it to the next one. */
void
akma_enrol_begin(GTask *owned, AkmaEnrolStep step)
{
    static const struct {
        const char *name;
        void (*begin)(GTask *owned);
    } steps[] = {
        [AKMA_ENROL_READ_CARD] = {"read card", begin_read_card},
        [AKMA_ENROL_FIRST_REQUEST] = {"first request", akma_enrol_begin_first_request},
        [AKMA_ENROL_SECOND_REQUEST] = {"second request", akma_enrol_begin_second_request},
        [AKMA_ENROL_ASK_NAF] = {"ask the NAF", akma_enrol_begin_ask_naf},
        [AKMA_ENROL_ANSWER_NAF] = {"answer the NAF", akma_enrol_begin_answer_naf},
        [AKMA_ENROL_ASK_PSK] = {"ask with PSK", akma_enrol_begin_ask_psk},
    };
    AkmaEnrolRun *run = g_task_get_task_data(owned);

    if (g_task_return_error_if_cancelled(owned)) {
        akma_enrol_end_session(run);
        g_clear_pointer(&run->anchor, akma_anchor_unref);
        g_object_unref(owned);
        return;
    }

    g_debug("server %s: %s", run->server->name, steps[step].name);
    run->mark_us = g_get_monotonic_time();
    steps[step].begin(owned);
}

void
akma_enrol_async(const AkmaEnrolRequest *request,
                 GCancellable *cancellable,
                 GAsyncReadyCallback callback,
                 gpointer user_data)
{
    static const AkmaCardReader usim = {
        akma_anchor_read_async, akma_anchor_read_finish, akma_akma_usim_forget};
    g_autoptr(GTask) task = g_task_new(NULL, cancellable, callback, user_data);
    AkmaEnrolRun *run = g_new0(AkmaEnrolRun, 1);

    g_task_set_source_tag(task, akma_enrol_async);
    g_task_set_task_data(task, run, run_free);
    run->config = akma_config_ref(request->config);
    run->server = request->server;
    run->modem = request->modem ? g_object_ref(request->modem) : NULL;
    run->reader = request->reader ? *request->reader : usim;
    run->key_ids = g_strdupv((GStrv)request->key_ids);
    run->machine = request->machine;
    run->cache = request->cache ? akma_gba_cache_ref(request->cache) : NULL;
    run->cards = request->cards ? akma_cards_ref(request->cards) : NULL;
    run->now = request->now;
    run->time_seen = request->time_seen;
    run->began_ms = akma_boottime_ms();

    akma_enrol_act(
        g_steal_pointer(&task), akma_enrolment_begin(run->machine, to_choice(run->server)), NULL);
}

AkmaKeySet *
akma_enrol_finish(GAsyncResult *res, GError **error)
{
    return g_task_propagate_pointer(G_TASK(res), error);
}
