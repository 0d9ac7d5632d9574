/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * enrol-psk: the requests of the PSK profile: for each key one connection, whose handshake has the
 * first key as PSK, and one GET in it.
 *
 *   ASK_PSK --> (the next key) ASK_PSK ... --> done
 */
#include <string.h>

#include "agent/enrol-private.h"
#include "base/error.h"
#include "proto/problem.h"

static AkmaHttpClient *
new_client(const AkmaEnrolRun *run)
{
    bool is_gba = g_str_equal(akma_anchor_get_kind(run->anchor), "gba");
    /*= TS 33.535 B.1.3.2.2: the identity is 3GPP-AKMA and the A-KID */
    /*= TS 33.222 5.4: with GBA it is 3GPP-bootstrapping; and the B-TID */
    g_autofree char *identity = g_strconcat(
        is_gba ? "3GPP-bootstrapping;" : "3GPP-AKMA;", akma_anchor_get_kid(run->anchor), NULL);
    AkmaHttpConfig config = akma_enrol_get_http_config(run, AKMA_HTTP_2);

    config.psk = run->first_key;
    config.psk_identity = identity;

    return akma_http_client_new(&config);
}

/* An answer that refuses the whole exchange. */
static void
refused(AkmaEnrolRun *run, const AkmaHttpResponse *response, GError **error)
{
    run->cause =
        akma_problem_to_error(response->status,
                              g_strcmp0(response->content_type, "application/problem+json") == 0,
                              response->body->data,
                              response->body->len,
                              error);
    run->retry_after_s = response->retry_after_s;
}

static AkmaKeySet *
read_answer(AkmaEnrolRun *run, const AkmaHttpResponse *response, GError **error)
{
    const char *const asked[] = {run->key_ids[run->n_asked], NULL};

    if (response->status >= 400) {
        refused(run, response, error);
        return NULL;
    }
    if (response->status != 200 ||
        g_strcmp0(response->content_type, "application/jwk-set+json") != 0) {
        g_set_error(error,
                    AKMA_ERROR,
                    AKMA_ERROR_SERVER_REFUSED,
                    "the server answered %u without a JWK Set",
                    response->status);
        return NULL;
    }

    return akma_key_set_from_json(response->body->data, response->body->len, asked, error);
}

static void
move_all(GPtrArray *from, GPtrArray *to)
{
    while (from->len > 0)
        g_ptr_array_add(to, g_ptr_array_steal_index(from, 0));
}

static void
add(AkmaKeySet *keys, AkmaKeySet *more)
{
    keys->now = more->now;
    akma_key_set_ask_again(keys, more->ask_again_s);
    move_all(more->keys, keys->keys);
    move_all(more->errors, keys->errors);
}

static void
answered(GObject *client, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    GError *error = NULL;
    g_autoptr(AkmaHttpResponse) response =
        akma_http_client_send_finish(AKMA_HTTP_CLIENT(client), res, &error);
    g_autoptr(AkmaKeySet) set = NULL;
    AkmaEnrolRun *run = g_task_get_task_data(task);

    akma_enrol_lap_ms(run, &run->network_ms);
    if (response)
        set = read_answer(run, response, &error);
    /* one connection, one exchange */
    g_clear_object(&run->client);
    if (!set) {
        /* a handshake that was refused: by whoever is between us and the server, perhaps */
        if (g_error_matches(error, AKMA_ERROR, AKMA_ERROR_ANCHOR_KEY_UNKNOWN))
            run->cause = AKMA_CAUSE_ANCHOR_KEY_UNKNOWN;
        akma_enrol_failed(g_steal_pointer(&task), error);
        return;
    }

    add(run->keys, set);
    run->n_asked++;
    if (run->key_ids[run->n_asked])
        akma_enrol_begin(g_steal_pointer(&task), AKMA_ENROL_ASK_PSK);
    else
        akma_enrol_succeeded(g_steal_pointer(&task), g_steal_pointer(&run->keys));
}

static bool
begin_session(AkmaEnrolRun *run, GError **error)
{
    run->first_key = akma_anchor_derive_first_key(run->anchor, &run->server->af_id, error);
    if (!run->first_key)
        return false;
    run->keys = akma_key_set_new(run->now);
    run->n_asked = 0;

    return true;
}

void
akma_enrol_begin_ask_psk(GTask *owned)
{
    g_autoptr(GTask) task = owned;
    GError *error = NULL;
    AkmaEnrolRun *run = g_task_get_task_data(task);
    g_autofree char *path = NULL;

    if (akma_enrol_is_expired(task))
        return;
    run->cause = AKMA_CAUSE_NONE;
    run->retry_after_s = 0;
    if (!run->first_key && !begin_session(run, &error)) {
        akma_enrol_failed(g_steal_pointer(&task), error);
        return;
    }

    g_info("server %s: asked for key %zu", run->server->name, run->n_asked + 1);
    path = g_strconcat("/v1/keys/", run->key_ids[run->n_asked], NULL);
    run->client = new_client(run);
    akma_http_client_send_async(run->client,
                                "GET",
                                path,
                                NULL,
                                NULL,
                                false,
                                g_task_get_cancellable(task),
                                answered,
                                g_object_ref(task));
}
