/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * enrol-digest: the requests of the HTTP Digest profile: for each key one that is challenged and
 * one with the proof, on one connection.
 *
 *   ASK_NAF --> ANSWER_NAF --> (the next key) ASK_NAF ... --> done
 */
#include <openssl/rand.h>

#include "agent/enrol-private.h"
#include "agent/timer.h"
#include "base/error.h"

static char *
get_path(const AkmaEnrolRun *run)
{
    return g_strconcat("/v1/keys/", run->key_ids[run->n_asked], NULL);
}

static AkmaNafAnswer
to_answer(const AkmaHttpResponse *response)
{
    return (AkmaNafAnswer){
        .status = response->status,
        .content_type = response->content_type,
        .challenges = (const char *const *)response->challenges,
        .authentication_info = response->authentication_info,
        .body = response->body->data,
        .len = response->body->len,
        .retry_after_s = response->retry_after_s,
    };
}

/* Takes the task. @same: only on the connection that the challenge came on. */
static void
get(GTask *owned, const char *authorization, bool same, GAsyncReadyCallback done)
{
    g_autoptr(GTask) task = owned;
    AkmaEnrolRun *run = g_task_get_task_data(task);
    g_autofree char *path = get_path(run);

    akma_http_client_set_authorization(run->client, authorization);
    akma_http_client_send_async(run->client,
                                "GET",
                                path,
                                NULL,
                                NULL,
                                same,
                                g_task_get_cancellable(task),
                                done,
                                g_object_ref(task));
}

static void
challenged(GObject *client, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(AkmaHttpResponse) response =
        akma_http_client_send_finish(AKMA_HTTP_CLIENT(client), res, &error);
    AkmaEnrolRun *run = g_task_get_task_data(task);

    akma_enrol_lap_ms(run, &run->network_ms);
    if (response) {
        const AkmaNafAnswer answer = to_answer(response);

        akma_naf_challenged(run->naf, &answer, &error);
    }
    if (error)
        akma_enrol_failed(g_steal_pointer(&task), g_steal_pointer(&error));
    else
        akma_enrol_begin(g_steal_pointer(&task), AKMA_ENROL_ANSWER_NAF);
}

/* The proof, with a first key that only this session holds. */
static bool
begin_session(AkmaEnrolRun *run, GError **error)
{
    g_autoptr(AkmaSecret) first_key =
        akma_anchor_derive_first_key(run->anchor, &run->server->af_id, error);
    g_autofree char *user_agent = NULL;

    run->naf = first_key ? akma_naf_new(run->anchor, run->server->fqdn, first_key, error) : NULL;
    if (!run->naf)
        return false;
    user_agent =
        g_strconcat(PACKAGE_NAME "/" PACKAGE_VERSION " ", akma_naf_get_token(run->naf), NULL);
    run->client = akma_enrol_new_client(run, AKMA_HTTP_1_1, user_agent);
    run->keys = akma_key_set_new(run->now);
    run->n_asked = 0;

    return true;
}

void
akma_enrol_begin_ask_naf(GTask *owned)
{
    g_autoptr(GTask) task = owned;
    GError *error = NULL;
    AkmaEnrolRun *run = g_task_get_task_data(task);

    if (akma_enrol_is_expired(task))
        return;
    if (!run->naf && !begin_session(run, &error)) {
        akma_enrol_failed(g_steal_pointer(&task), error);
        return;
    }
    g_info("server %s: asked for key %zu", run->server->name, run->n_asked + 1);
    get(g_steal_pointer(&task), NULL, false, challenged);
}

/* One key is done: the next, or the end. Takes the task. */
static void
go_on(GTask *owned)
{
    AkmaEnrolRun *run = g_task_get_task_data(owned);

    run->n_asked++;
    if (run->key_ids[run->n_asked])
        akma_enrol_begin(owned, AKMA_ENROL_ASK_NAF);
    else
        akma_enrol_succeeded(owned, g_steal_pointer(&run->keys));
}

static AkmaNafResult
take_answer(AkmaEnrolRun *run, const AkmaHttpResponse *response, GError **error)
{
    const AkmaNafAnswer answer = to_answer(response);
    const char *key_id = run->key_ids[run->n_asked];
    g_autofree char *path = get_path(run);
    AkmaCause cause = AKMA_CAUSE_NONE;
    AkmaKey *key = NULL;
    AkmaNafResult result =
        akma_naf_answered(run->naf, &answer, path, key_id, run->now, &key, &cause, error);

    if (result == AKMA_NAF_KEY)
        g_ptr_array_add(run->keys->keys, key);
    else if (result == AKMA_NAF_REFUSED)
        akma_key_set_add_error(run->keys, key_id, cause);

    return result;
}

static void
answered(GObject *client, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    GError *error = NULL;
    g_autoptr(AkmaHttpResponse) response =
        akma_http_client_send_finish(AKMA_HTTP_CLIENT(client), res, &error);
    AkmaEnrolRun *run = g_task_get_task_data(task);
    AkmaNafResult result = response ? take_answer(run, response, &error) : AKMA_NAF_FAILED;

    akma_enrol_lap_ms(run, &run->network_ms);
    switch (result) {
    case AKMA_NAF_FAILED:
        akma_enrol_failed(g_steal_pointer(&task), error);
        return;
    case AKMA_NAF_AGAIN:
        akma_enrol_begin(g_steal_pointer(&task), AKMA_ENROL_ANSWER_NAF);
        return;
    case AKMA_NAF_KEY:
    case AKMA_NAF_REFUSED:
        go_on(g_steal_pointer(&task));
        return;
    }
}

void
akma_enrol_begin_answer_naf(GTask *owned)
{
    g_autoptr(GTask) task = owned;
    GError *error = NULL;
    AkmaEnrolRun *run = g_task_get_task_data(task);
    g_autofree char *path = get_path(run);
    g_autofree char *authorization = NULL;
    uint8_t cnonce[AKMA_DIGEST_CNONCE_LEN];

    if (akma_enrol_is_expired(task))
        return;
    if (RAND_bytes(cnonce, sizeof cnonce) != 1)
        g_set_error_literal(&error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "no random numbers");
    else
        authorization = akma_naf_authorize(run->naf, path, cnonce, &error);
    if (!authorization) {
        akma_enrol_failed(g_steal_pointer(&task), error);
        return;
    }
    get(g_steal_pointer(&task), authorization, true, answered);
}
