/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "tests/fakes/fake-http-client.h"

#include <string.h>

#include "proto/problem.h"

struct _AkmaHttpClient {
    GObject parent;
};

G_DEFINE_FINAL_TYPE(AkmaHttpClient, akma_http_client, G_TYPE_OBJECT)

FakePeer fake_peer;

static void
akma_http_client_init(AkmaHttpClient *self)
{
    (void)self;
}

/* One client is one connection, and a session ends with it. */
static void
finalize(GObject *object)
{
    if (fake_peer.client == object)
        g_clear_pointer(&fake_peer.session, akma_server_session_free);
    G_OBJECT_CLASS(akma_http_client_parent_class)->finalize(object);
}

static void
akma_http_client_class_init(AkmaHttpClientClass *klass)
{
    G_OBJECT_CLASS(klass)->finalize = finalize;
}

AkmaHttpClient *
akma_http_client_new(const AkmaHttpConfig *config)
{
    (void)config;

    return g_object_new(AKMA_TYPE_HTTP_CLIENT, NULL);
}

void
akma_http_client_set_authorization(AkmaHttpClient *self, const char *value)
{
    (void)self, (void)value;
}

void
akma_http_response_free(AkmaHttpResponse *self)
{
    if (!self)
        return;

    g_free(self->content_type);
    g_free(self->location);
    g_byte_array_unref(self->body);
    g_free(self);
}

static AkmaHttpResponse *
answer(unsigned status, const char *content_type, GBytes *taken)
{
    AkmaHttpResponse *response = g_new0(AkmaHttpResponse, 1);

    response->status = status;
    response->content_type = g_strdup(content_type);
    response->body = g_bytes_unref_to_array(taken);

    return response;
}

static AkmaHttpResponse *
refuse(AkmaCause cause)
{
    const AkmaRefusal refusal = {cause, "as the test wants"};

    return answer(
        akma_cause_get_status(cause), "application/problem+json", akma_problem_to_json(&refusal));
}

static AkmaCause
take_refusal(void)
{
    AkmaCause cause = fake_peer.refuse[0];

    memmove(fake_peer.refuse,
            fake_peer.refuse + 1,
            sizeof fake_peer.refuse - sizeof fake_peer.refuse[0]);
    fake_peer.refuse[G_N_ELEMENTS(fake_peer.refuse) - 1] = AKMA_CAUSE_NONE;

    return cause;
}

static AkmaHttpResponse *
first(gpointer client, const uint8_t *body, size_t len)
{
    static const char *const offered[] = {"mqtt", NULL};
    static const AkmaFirstResponseRandom random = {{1}, {2}, {3}};
    g_autoptr(AkmaSecret) first_key = NULL;
    g_autoptr(AkmaAnchor) anchor = NULL;
    AkmaRefusal refusal = {AKMA_CAUSE_NONE, NULL};
    AkmaCause cause = take_refusal();
    AkmaAfId af_id;
    const char *kid;
    GBytes *sealed;

    fake_peer.first_requests++;
    if (cause != AKMA_CAUSE_NONE)
        return refuse(cause);

    akma_af_id_init(&af_id, FAKE_FQDN, AKMA_UA_MESSAGE, NULL);
    g_clear_pointer(&fake_peer.session, akma_server_session_free);
    fake_peer.client = client;
    fake_peer.session = akma_server_session_new(FAKE_FQDN, &af_id);
    if (!akma_server_session_first_request(fake_peer.session, body, len, &refusal))
        return refuse(refusal.cause);
    kid = akma_server_session_get_kid(fake_peer.session);
    g_usleep(fake_peer.first_ms * 1000);
    if (fake_peer.gba_kid && g_str_equal(kid, fake_peer.gba_kid))
        anchor = akma_anchor_new_gba(kid, &af_id, fake_peer.ks_naf, 0, true);
    else if (fake_peer.known_kid && !g_str_equal(kid, fake_peer.known_kid))
        return refuse(AKMA_CAUSE_ANCHOR_KEY_UNKNOWN);
    else
        anchor = akma_anchor_new("akma", kid, fake_peer.k_akma);
    first_key = akma_anchor_derive_first_key(anchor, &af_id, NULL);
    sealed = akma_server_session_first_response(
        fake_peer.session, first_key, "terminal", offered, 60, &random, &refusal);

    return sealed ? answer(201, "application/json", sealed) : refuse(refusal.cause);
}

static AkmaKey *
new_key(const char *key_id)
{
    AkmaKey *key = akma_key_new();

    key->key_id = g_strdup(key_id);
    key->kid = g_strconcat(key_id, ":1", NULL);
    key->kty = g_strdup("oct");
    key->iat = 100;
    key->secret = akma_secret_new("kkkkkkkkkkkkkkkk", 16, NULL);

    return key;
}

static AkmaHttpResponse *
second(const char *path, const uint8_t *body, size_t len)
{
    static const uint8_t iv[12] = {9};
    g_auto(GStrv) parts = g_strsplit(path, "/", -1);
    g_autoptr(AkmaKeySet) set = akma_key_set_new(1000);
    AkmaRefusal refusal = {AKMA_CAUSE_NONE, NULL};
    const char *const *asked;
    GBytes *sealed;

    fake_peer.second_requests++;
    if (!akma_server_session_second_request(fake_peer.session, parts[3], body, len, &refusal))
        return refuse(refusal.cause);
    for (asked = akma_server_session_get_asked(fake_peer.session); *asked; asked++) {
        if (g_str_equal(*asked, "mqtt"))
            g_ptr_array_add(set->keys, new_key(*asked));
        else
            akma_key_set_add_error(set, *asked, AKMA_CAUSE_NOT_ENTITLED);
    }
    sealed = akma_server_session_second_response(fake_peer.session, set, iv, &refusal);
    akma_server_session_end(fake_peer.session);

    return sealed ? answer(200, "application/jose", sealed) : refuse(refusal.cause);
}

static void
cancelled(GCancellable *cancellable, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;

    g_signal_handlers_disconnect_by_data(cancellable, task);
    g_task_return_error_if_cancelled(task);
}

void
akma_http_client_send_async(AkmaHttpClient *self,
                            const char *method,
                            const char *path,
                            const char *content_type,
                            GBytes *body,
                            bool same_connection,
                            GCancellable *cancellable,
                            GAsyncReadyCallback callback,
                            gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(self, cancellable, callback, user_data);
    gsize len;
    const uint8_t *bytes = g_bytes_get_data(body, &len);

    (void)method, (void)content_type;
    if (fake_peer.hang) {
        fake_peer.first_requests++;
        g_signal_connect(cancellable, "cancelled", G_CALLBACK(cancelled), g_object_ref(task));
    } else if (same_connection && fake_peer.lose_second) {
        g_task_return_new_error(
            task, AKMA_ERROR, AKMA_ERROR_SERVER_UNREACHABLE, "the connection is lost");
    } else {
        g_task_return_pointer(task,
                              same_connection ? second(path, bytes, len) : first(self, bytes, len),
                              (GDestroyNotify)akma_http_response_free);
    }
}

AkmaHttpResponse *
akma_http_client_send_finish(AkmaHttpClient *self, GAsyncResult *res, GError **error)
{
    (void)self;

    return g_task_propagate_pointer(G_TASK(res), error);
}

void
fake_peer_clear(void)
{
    g_clear_pointer(&fake_peer.session, akma_server_session_free);
    g_clear_pointer(&fake_peer.k_akma, akma_secret_unref);
    g_clear_pointer(&fake_peer.ks_naf, akma_secret_unref);
    fake_peer = (FakePeer){0};
}
