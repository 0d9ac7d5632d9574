/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* gba-bootstrap: the middle of a run of gba-usim: requests to the BSF, AUTHENTICATE between them.
 */
#include "anchor/gba-tmpi.h"
#include "anchor/gba-usim-private.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <string.h>

#include "base/error.h"

#define USER_AGENT PACKAGE_NAME "/" PACKAGE_VERSION

bool
akma_gba_run_take_owner(GTask *task, GAsyncResult *res)
{
    AkmaGbaRun *run = g_task_get_task_data(task);
    GError *error = NULL;

    run->visit = akma_visit_finish(res, &error);
    if (run->visit &&
        CRYPTO_memcmp(run->visit->facts.imsi_digest, run->imsi_digest, sizeof run->imsi_digest) !=
            0)
        g_set_error_literal(&error,
                            AKMA_ERROR,
                            AKMA_ERROR_MODEM_FAILED,
                            "the card became another one during the bootstrapping");
    if (!error)
        return true;
    akma_gba_run_fail_card(task, error);

    return false;
}

void
akma_gba_run_forget_authorization(AkmaGbaRun *run)
{
    if (run->authorization)
        OPENSSL_cleanse(run->authorization, strlen(run->authorization));
    g_clear_pointer(&run->authorization, g_free);
}

static AkmaUbAnswer
to_answer(const AkmaHttpResponse *response)
{
    return (AkmaUbAnswer){
        .status = response->status,
        .content_type = response->content_type,
        .challenges = (const char *const *)response->challenges,
        .authentication_info = response->authentication_info,
        .body = response->body->data,
        .len = response->body->len,
    };
}

/* An error of the network says whom it could not reach. */
static AkmaHttpResponse *
take_response(GObject *client, GAsyncResult *res, GError **error)
{
    AkmaHttpResponse *response = akma_http_client_send_finish(AKMA_HTTP_CLIENT(client), res, error);

    if (!response && !g_error_matches(*error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        g_prefix_error(error, "BSF: ");

    return response;
}

/* Ends it with @error (taken), and with the time that @response (or NULL) asks for. */
static void
fail_bsf(GTask *task, const AkmaHttpResponse *response, GError *error)
{
    AkmaGbaRun *run = g_task_get_task_data(task);

    if (response)
        run->retry_after_s = MIN(response->retry_after_s, AKMA_GBA_RETRY_AFTER_MAX_S);
    akma_gba_run_fail(task, error);
}

/* GET / with the authorization that is next. */
static void
send(GTask *owned, GAsyncReadyCallback done)
{
    g_autoptr(GTask) task = owned;
    AkmaGbaRun *run = g_task_get_task_data(task);

    akma_http_client_set_authorization(run->client, run->authorization);
    akma_gba_run_forget_authorization(run);
    akma_http_client_send_async(run->client,
                                "GET",
                                AKMA_UB_URI,
                                NULL,
                                NULL,
                                false,
                                g_task_get_cancellable(task),
                                done,
                                g_object_ref(task));
}

static void
set_tmpi(AkmaGbaRun *run, const char *tmpi)
{
    akma_gba_cache_set_tmpi(run->cache, run->sim_id, run->impi_digest, run->names.url, tmpi);
}

/* The BSF has forgotten the TMPI: once more, by the IMPI. */
static void
ask_by_impi(GTask *owned)
{
    AkmaGbaRun *run = g_task_get_task_data(owned);

    g_info("the BSF does not know the temporary identity any more");
    set_tmpi(run, NULL);
    g_clear_pointer(&run->ub, akma_ub_free);
    g_clear_object(&run->client);
    akma_gba_run_begin(owned, AKMA_GBA_STEP_ASK);
}

static void
challenged(GObject *client, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    GError *error = NULL;
    AkmaGbaRun *run = g_task_get_task_data(task);
    g_autoptr(AkmaHttpResponse) response = take_response(client, res, &error);

    if (response) {
        const AkmaUbAnswer answer = to_answer(response);

        akma_ub_challenged(run->ub, &answer, run->rand, run->autn, &error);
    }
    if (run->by_tmpi && g_error_matches(error, AKMA_ERROR, AKMA_ERROR_ANCHOR_REJECTED)) {
        g_clear_error(&error);
        ask_by_impi(g_steal_pointer(&task));
    } else if (error) {
        fail_bsf(task, response, error);
    } else {
        akma_gba_run_begin(g_steal_pointer(&task), AKMA_GBA_STEP_AUTHENTICATE);
    }
}

static AkmaHttpClient *
new_client(const AkmaGbaRun *run)
{
    const AkmaHttpConfig http = {
        .version = AKMA_HTTP_1_1,
        .url = run->names.url,
        .ca_file = run->config.ca_file,
        .interface = run->config.interface,
        .https_proxy = run->config.https_proxy,
        .user_agent = run->config.kind == AKMA_GBA_ME ? USER_AGENT " " AKMA_TMPI_TOKEN : USER_AGENT,
        .time_seen = run->config.time_seen,
        .timeout_ms = run->config.timeout_ms,
        .body_bytes = AKMA_GBA_INFO_MAX,
    };

    return akma_http_client_new(&http);
}

/* The first request; after a sync failure the one with AUTS, which is prepared already. */
void
akma_gba_run_begin_ask(GTask *owned)
{
    g_autoptr(GTask) task = owned;
    GError *error = NULL;
    AkmaGbaRun *run = g_task_get_task_data(task);

    g_clear_pointer(&run->visit, akma_visit_free);
    if (!run->ub) {
        const char *tmpi =
            run->config.kind == AKMA_GBA_ME
                ? akma_gba_cache_get_tmpi(run->cache, run->sim_id, run->impi_digest, run->names.url)
                : NULL;

        run->by_tmpi = tmpi != NULL;
        run->ub = akma_ub_new(&run->names, tmpi ? tmpi : run->names.impi);
        run->client = new_client(run);
        run->authorization = akma_ub_begin(run->ub, &error);
    }
    if (error)
        akma_gba_run_fail(task, error);
    else
        send(g_steal_pointer(&task), challenged);
}

/* What the card said goes into the next request. */
static void
prepare_answer(GTask *owned)
{
    g_autoptr(GTask) task = owned;
    GError *error = NULL;
    AkmaGbaRun *run = g_task_get_task_data(task);
    const AkmaAkaResult *aka = &run->aka;
    AkmaGbaStep next = AKMA_GBA_STEP_ANSWER;
    uint8_t cnonce[AKMA_DIGEST_CNONCE_LEN];

    g_clear_pointer(&run->visit, akma_visit_free);
    if (RAND_bytes(cnonce, sizeof cnonce) != 1) {
        g_set_error_literal(&error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "no random numbers");
    } else if (aka->outcome == AKMA_AKA_OK) {
        run->authorization = akma_ub_answer(run->ub, aka->res, aka->res_len, cnonce, &error);
    } else {
        g_info("the card asks the operator to resynchronise");
        run->authorization = akma_ub_resynchronise(run->ub, aka->auts, cnonce, &error);
        next = AKMA_GBA_STEP_ASK;
    }
    if (error)
        akma_gba_run_fail(task, error);
    else
        akma_gba_run_begin(g_steal_pointer(&task), next);
}

static void
authenticated(GObject *source, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    GError *error = NULL;
    AkmaGbaRun *run = g_task_get_task_data(task);
    AkmaChannel *channel = AKMA_CHANNEL(source);
    bool ok = run->config.kind == AKMA_GBA_U
                  ? akma_usim_gba_bootstrap_finish(channel, res, &run->aka, &error)
                  : akma_usim_authenticate_finish(channel, res, &run->aka, &error);

    if (ok) {
        prepare_answer(g_steal_pointer(&task));
        return;
    }
    if (g_error_matches(error, AKMA_ERROR, AKMA_ERROR_ANCHOR_REJECTED))
        g_prefix_error(&error, "the challenge of the BSF: ");
    akma_gba_run_fail_card(task, error);
}

static void
visited(GObject *source G_GNUC_UNUSED, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    AkmaGbaRun *run = g_task_get_task_data(task);
    GCancellable *cancellable = g_task_get_cancellable(task);

    if (!akma_gba_run_take_owner(task, res))
        return;
    if (run->config.kind == AKMA_GBA_U)
        akma_usim_gba_bootstrap_async(run->visit->channel,
                                      run->rand,
                                      run->autn,
                                      cancellable,
                                      authenticated,
                                      g_steal_pointer(&task));
    else
        akma_usim_authenticate_async(run->visit->channel,
                                     run->rand,
                                     run->autn,
                                     cancellable,
                                     authenticated,
                                     g_steal_pointer(&task));
}

void
akma_gba_run_begin_authenticate(GTask *owned)
{
    AkmaGbaRun *run = g_task_get_task_data(owned);

    akma_visit_async(
        run->modem, AKMA_VISIT_OWNER, 0, g_task_get_cancellable(owned), visited, owned);
}

/*= TS 33.220 4.5.2: Ks = CK || IK, with RAND, B-TID and lifetime a bootstrapping */
static AkmaBootstrapping *
new_bootstrapping(AkmaGbaRun *run, GError **error)
{
    g_autoptr(AkmaBootstrapping) made = g_new0(AkmaBootstrapping, 1);
    int64_t left_s = akma_gba_info_get_left_s(&run->info, run->config.now);
    uint8_t *ks;

    if (run->config.kind == AKMA_GBA_ME) {
        made->ks = akma_secret_new_blank(32, &ks, error);
        if (!made->ks)
            return NULL;
        memcpy(ks, run->aka.ck.bytes, sizeof run->aka.ck.bytes);
        memcpy(ks + sizeof run->aka.ck.bytes, run->aka.ik.bytes, sizeof run->aka.ik.bytes);
    }
    made->kind = run->config.kind;
    made->sim_id = g_strdup(run->sim_id);
    made->url = g_strdup(run->names.url);
    made->b_tid = g_strdup(run->info.b_tid);
    made->expires_ms = run->config.now_ms + left_s * 1000;
    memcpy(made->rand, run->rand, sizeof made->rand);
    memcpy(made->impi_digest, run->impi_digest, sizeof made->impi_digest);
    memcpy(made->imsi_digest, run->imsi_digest, sizeof made->imsi_digest);

    return g_steal_pointer(&made);
}

/* What the next bootstrapping goes by. */
static void
take_tmpi(AkmaGbaRun *run, const char *server)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *tmpi = NULL;

    if (run->made->ks && akma_gba_tmpi_is_known(server)) {
        tmpi = akma_gba_dup_tmpi(run->made, run->names.impi, &error);
        if (error)
            g_info("no temporary identity: %s", error->message);
    }
    set_tmpi(run, tmpi);
}

static void
answered(GObject *client, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    GError *error = NULL;
    AkmaGbaRun *run = g_task_get_task_data(task);
    g_autoptr(AkmaHttpResponse) response = take_response(client, res, &error);

    if (response) {
        const AkmaUbAnswer answer = to_answer(response);

        if (akma_ub_bootstrapped(run->ub, &answer, run->config.now, &run->info, &error))
            run->made = new_bootstrapping(run, &error);
        if (run->made)
            take_tmpi(run, response->server);
    }
    akma_aka_result_clear(&run->aka);
    g_clear_object(&run->client);
    if (error)
        fail_bsf(task, response, error);
    else
        akma_gba_run_begin(g_steal_pointer(&task),
                           run->config.kind == AKMA_GBA_U ? AKMA_GBA_STEP_WRITE
                                                          : AKMA_GBA_STEP_DERIVE);
}

void
akma_gba_run_begin_answer(GTask *owned)
{
    send(owned, answered);
}
