/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/provider-face.h"

#include <string.h>

#include "proto/provider-request.h"

#define STREAMS 32 /* that a consumer may have at once on a connection */

/* Under way in a worker, of all consumers: their keys share the secure heap with terminals. */
#define ASKS_MAX 256

/* One request that the store is asked for; it lives in its stream and in the operation. */
typedef struct {
    unsigned refs;
    AkmaFront *front;
    AkmaH2Stream *stream; /* NULL: gone */
    char *consumer;
    char *terminal; /* CONSUMER/ID */
    char *address;
} Ask;

static void
ask_unref(Ask *self)
{
    if (--self->refs > 0)
        return;

    self->front->asks--;
    g_free(self->consumer);
    g_free(self->terminal);
    g_free(self->address);
    g_free(self);
}

static void
drop(void *data)
{
    Ask *self = data;

    self->stream = NULL;
    ask_unref(self);
}

/* --- the answer --- */

/* Counts it, and says it as often as the log has room for. @consumer NULL: a stranger. */
static void
note_refusal(AkmaFront *front,
             const char *consumer,
             const char *terminal,
             const char *address,
             const AkmaRefusal *refusal)
{
    g_autofree char *actor = g_strconcat("consumer", consumer ? ":" : "", consumer, NULL);
    const AkmaAuditEvent line = {
        .event = "refused",
        .terminal = terminal,
        .cause = akma_cause_get_name(refusal->cause),
        .address = address,
        .actor = actor,
    };
    unsigned wait_s;

    akma_figures_count_consumer(front->figures, consumer, refusal->cause);
    if (!akma_rate_table_take(front->lines, actor, strlen(actor), uv_now(front->loop), &wait_s))
        return;

    akma_audit_write(front->audit, &line);
    if (consumer)
        g_info("consumer %s: refused: %s", consumer, refusal->detail);
}

static void
refuse_ask(const Ask *self, const char *detail)
{
    const AkmaRefusal refusal = {AKMA_CAUSE_STORE_UNAVAILABLE, detail};

    note_refusal(self->front, self->consumer, self->terminal, self->address, &refusal);
    akma_front_refuse(self->stream, &refusal, 0);
}

static void
respond(Ask *self, const AkmaKeySet *set)
{
    const AkmaH2Header headers[] = {{"cache-control", "no-store"}};
    g_autofree char *actor = g_strconcat("consumer:", self->consumer, NULL);
    const AkmaAuditEvent event = {
        .terminal = self->terminal, .address = self->address, .actor = actor};
    g_autoptr(AkmaSecret) json = akma_key_set_to_json(set, NULL);
    const uint8_t *bytes;
    size_t len;

    if (!json) {
        refuse_ask(self, "no room left for keys");
        return;
    }

    akma_figures_count_consumer(self->front->figures, self->consumer, AKMA_CAUSE_NONE);
    akma_audit_write_answer(self->front->audit, &event, set);
    g_info("consumer %s: %u keys, %u refused", self->consumer, set->keys->len, set->errors->len);
    bytes = akma_secret_peek(json, &len);
    akma_h2_respond(self->stream,
                    200,
                    AKMA_KEY_SET_MEDIA_TYPE,
                    headers,
                    G_N_ELEMENTS(headers),
                    bytes,
                    len,
                    NULL,
                    NULL);
}

static void
on_delivered(AkmaKsOp *op, const GError *error, void *user_data)
{
    g_autoptr(AkmaKsOp) owned = op;
    Ask *self = user_data;

    if (error)
        g_warning("%s", error->message);
    if (!self->stream)
        akma_figures_count_consumer(self->front->figures, self->consumer, AKMA_RESULT_UNFINISHED);
    else if (error)
        refuse_ask(self, "the store is not available");
    else
        respond(self, owned->set);
    ask_unref(self);
}

/* --- the question --- */

static void
ask_store(AkmaFront *front,
          AkmaH2Stream *stream,
          const AkmaConsumer *consumer,
          AkmaProviderRequest *request)
{
    Ask *self = g_new0(Ask, 1);
    AkmaKsOp *op = akma_ks_op_new(AKMA_KS_DELIVER);

    self->refs = 2;
    self->front = front;
    front->asks++;
    self->stream = stream;
    self->consumer = g_strdup(consumer->name);
    self->terminal = g_strconcat(consumer->name, "/", request->terminal, NULL);
    self->address = g_strdup(akma_h2_conn_get_peer(akma_h2_stream_get_conn(stream)));
    akma_h2_stream_set_data(stream, self, drop);

    op->terminal = g_strdup(self->terminal);
    op->ids = g_steal_pointer(&request->key_ids);
    op->granted = g_strdupv(consumer->applications);
    if (akma_front_submit(front, op, on_delivered, self))
        return;

    refuse_ask(self, "the store is too busy");
    ask_unref(self);
}

/* A stranger: its address is counted as for a first request. */
static void
refuse_stranger(AkmaFront *front, AkmaH2Stream *stream)
{
    const AkmaH2Header bearer = {"www-authenticate", "Bearer"};
    const char *address = akma_h2_conn_get_peer(akma_h2_stream_get_conn(stream));
    AkmaRefusal refusal = {AKMA_CAUSE_NOT_AUTHENTIC, "neither certificate nor token of a consumer"};
    unsigned wait_s = 0;

    if (!akma_front_take_request(front, stream, &wait_s)) {
        akma_refuse(&refusal, AKMA_CAUSE_RATE_LIMITED, "too many requests");
        akma_figures_count_consumer(front->figures, NULL, refusal.cause);
        akma_front_refuse(stream, &refusal, wait_s);
        return;
    }

    note_refusal(front, NULL, NULL, address, &refusal);
    /*= RFC 6750 3: a request without a good token is answered with WWW-Authenticate: Bearer */
    akma_front_refuse_plain(stream, 401, refusal.detail, AKMA_CAUSE_NONE, &bearer, 1);
}

void
akma_provider_face_request(AkmaFront *front, AkmaH2Stream *stream, const AkmaH2Request *request)
{
    AkmaH2Conn *conn = akma_h2_stream_get_conn(stream);
    X509 *certificate = akma_h2_conn_get_peer_certificate(conn);
    const char *address = akma_h2_conn_get_peer(conn);
    g_auto(AkmaProviderRequest) parsed = {0};
    AkmaRefusal refusal;
    AkmaConsumer *consumer;
    unsigned wait_s = 0;

    if (!akma_front_is_for(request->authority, front->name)) {
        akma_refuse(&refusal, AKMA_CAUSE_WRONG_SERVER, "this server has another name");
        note_refusal(front, NULL, NULL, address, &refusal);
        akma_front_refuse(stream, &refusal, 0);
        return;
    }
    consumer = akma_consumers_find(front->consumers, certificate, request->authorization);
    if (!consumer) {
        refuse_stranger(front, stream);
        return;
    }

    akma_h2_conn_trust(conn, STREAMS);
    if (!akma_bucket_take(&consumer->bucket, &front->total_flow, uv_now(front->loop), &wait_s)) {
        akma_refuse(&refusal, AKMA_CAUSE_RATE_LIMITED, "too many requests of this consumer");
    } else if (front->asks >= ASKS_MAX) {
        akma_figures_count_full(front->figures, AKMA_ROOM_CONSUMERS);
        akma_refuse(&refusal, AKMA_CAUSE_STORE_UNAVAILABLE, "too many requests of consumers");
    } else if (akma_front_check_envelope(front, request, "application/json", &refusal) &&
               akma_provider_request_from_json(
                   request->body, request->body_len, &parsed, &refusal)) {
        ask_store(front, stream, consumer, &parsed);
        return;
    }
    note_refusal(front, consumer->name, NULL, address, &refusal);
    akma_front_refuse(stream, &refusal, wait_s);
}
