/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* enrol-message: the two requests of the message profile. */
#include <openssl/rand.h>

#include "agent/enrol-private.h"
#include "base/error.h"

/* The terminal's half of a new session, with a first key that only it holds. */
static AkmaTerminalSession *
new_session(const AkmaEnrolRun *run, GError **error)
{
    g_autoptr(AkmaSecret) first_key =
        akma_anchor_derive_first_key(run->anchor, &run->server->af_id, error);
    AkmaTerminalParameters parameters = {
        .anchor = akma_anchor_get_kind(run->anchor),
        .kid = akma_anchor_get_kid(run->anchor),
        .fqdn = run->server->fqdn,
        .af_id = &run->server->af_id,
        .first_key = first_key,
        .key_ids = (const char *const *)run->key_ids,
    };

    if (!first_key)
        return NULL;
    if (RAND_bytes(parameters.nonce, sizeof parameters.nonce) != 1) {
        g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "no random numbers");
        return NULL;
    }

    return akma_terminal_session_new(&parameters);
}

static AkmaAnswer
to_answer(const AkmaHttpResponse *response)
{
    return (AkmaAnswer){
        .status = response->status,
        .content_type = response->content_type,
        .body = response->body->data,
        .len = response->body->len,
        .retry_after_s = response->retry_after_s,
    };
}

static void
first_response(GObject *client, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(AkmaHttpResponse) response =
        akma_http_client_send_finish(AKMA_HTTP_CLIENT(client), res, &error);
    AkmaEnrolRun *run = g_task_get_task_data(task);
    double took_ms = akma_enrol_lap_ms(run, &run->network_ms);
    uint8_t iv[12];

    if (response && RAND_bytes(iv, sizeof iv) != 1) {
        g_set_error_literal(&error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "no random numbers");
    } else if (response) {
        const AkmaAnswer answer = to_answer(response);

        run->second_request = akma_terminal_session_first_response(
            run->session, &answer, iv, &run->second_path, &error);
    }
    if (!run->second_request) {
        akma_enrol_failed(g_steal_pointer(&task), g_steal_pointer(&error));
        return;
    }

    g_info("server %s: first response, it has the first key too (%.1f ms)",
           run->server->name,
           took_ms);
    akma_enrol_lap_ms(run, &run->crypto_ms);
    akma_enrol_begin(g_steal_pointer(&task), AKMA_ENROL_SECOND_REQUEST);
}

void
akma_enrol_begin_first_request(GTask *owned)
{
    g_autoptr(GTask) task = owned;
    g_autoptr(GBytes) body = NULL;
    g_autoptr(GError) error = NULL;
    AkmaEnrolRun *run = g_task_get_task_data(task);

    if (akma_enrol_is_expired(task))
        return;
    run->session = new_session(run, &error);
    if (run->session)
        body = akma_terminal_session_first_request(run->session, &error);
    if (!body) {
        akma_enrol_failed(g_steal_pointer(&task), g_steal_pointer(&error));
        return;
    }

    akma_enrol_lap_ms(run, &run->crypto_ms);
    g_info("server %s: first request sent", run->server->name);
    run->client = akma_enrol_new_client(run, AKMA_HTTP_2, NULL);
    akma_http_client_send_async(run->client,
                                "POST",
                                "/v1/sessions",
                                "application/json",
                                body,
                                false,
                                g_task_get_cancellable(task),
                                first_response,
                                g_object_ref(task));
}

static void
second_response(GObject *client, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(AkmaHttpResponse) response =
        akma_http_client_send_finish(AKMA_HTTP_CLIENT(client), res, &error);
    g_autoptr(AkmaKeySet) keys = NULL;
    AkmaEnrolRun *run = g_task_get_task_data(task);
    double took_ms = akma_enrol_lap_ms(run, &run->network_ms);

    if (response) {
        const AkmaAnswer answer = to_answer(response);

        keys = akma_terminal_session_second_response(run->session, &answer, &error);
    }
    if (!keys) {
        akma_enrol_failed(g_steal_pointer(&task), g_steal_pointer(&error));
        return;
    }

    g_info("server %s: second response, %u keys, %u refused (%.1f ms)",
           run->server->name,
           keys->keys->len,
           keys->errors->len,
           took_ms);
    akma_enrol_succeeded(g_steal_pointer(&task), g_steal_pointer(&keys));
}

void
akma_enrol_begin_second_request(GTask *owned)
{
    g_autoptr(GTask) task = owned;
    AkmaEnrolRun *run = g_task_get_task_data(task);

    if (akma_enrol_is_expired(task))
        return;
    g_info("server %s: second request sent", run->server->name);
    akma_http_client_send_async(run->client,
                                "POST",
                                run->second_path,
                                "application/jose",
                                run->second_request,
                                true,
                                g_task_get_cancellable(task),
                                second_response,
                                g_object_ref(task));
}
