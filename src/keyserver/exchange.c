/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/exchange.h"

#include <openssl/rand.h>

#include "keyserver/delivery.h"
#include "keyserver/tally.h"

#define MARGIN_MS 1000 /* for the answer to be sent */

typedef struct {
    unsigned refs; /* the connection's, and one for each thing that will call back */
    AkmaFront *front;
    AkmaServerSession *session; /* NULL once it has ended */
    AkmaH2Stream *stream;       /* waits for its answer */
    AkmaAnchorCall *call;       /* under way */
    AkmaDelivery *delivery;     /* under way */
    AkmaPseudonyms *pseudonyms; /* once the anchor has named the terminal */
    AkmaSecret *first_key;      /* from the anchor's answer to the first response */
    int64_t first_key_expiry;
    uv_timer_t *timer;
    AkmaTally tally; /* until it has ended */
} Exchange;

static Exchange *
exchange_ref(Exchange *self)
{
    self->refs++;

    return self;
}

static void
exchange_unref(Exchange *self)
{
    if (--self->refs == 0)
        g_free(self);
}

static void
refuse(Exchange *self, const AkmaRefusal *refusal, unsigned retry_after_s)
{
    AkmaH2Stream *stream = g_steal_pointer(&self->stream);

    akma_tally_audit(&self->tally, "refused", NULL, refusal->cause);
    if (stream)
        akma_front_refuse(stream, refusal, retry_after_s);
}

/* M5: nothing of the first key, the keys from it or the subscriber is left after this. */
static void
end(Exchange *self)
{
    const AkmaRefusal gone = {AKMA_CAUSE_SESSION_UNKNOWN, "the session has ended"};

    if (!self->session)
        return;

    if (self->call)
        akma_anchor_call_cancel(g_steal_pointer(&self->call));
    if (self->delivery)
        akma_delivery_cancel(g_steal_pointer(&self->delivery));
    g_clear_pointer(&self->pseudonyms, akma_pseudonyms_unref);
    if (self->timer) {
        uv_close((uv_handle_t *)g_steal_pointer(&self->timer), (uv_close_cb)g_free);
        exchange_unref(self); /* never the last: the caller holds one */
    }
    akma_server_session_end(self->session);
    g_clear_pointer(&self->session, akma_server_session_free);
    g_clear_pointer(&self->first_key, akma_secret_unref);
    akma_secret_scrub_stack();
    if (self->stream)
        refuse(self, &gone, 0);
    akma_tally_close(&self->tally);
}

/* The connection's data goes: its exchange ends and the reference is dropped. */
static void
drop(void *data)
{
    Exchange *self = data;

    end(self);
    exchange_unref(self);
}

void
akma_exchange_end_on(AkmaH2Conn *conn)
{
    Exchange *self = akma_h2_conn_get_data(conn);

    if (!self)
        return;

    exchange_ref(self);
    end(self);
    exchange_unref(self);
}

void
akma_exchange_stream_closed(AkmaH2Stream *stream)
{
    Exchange *self = akma_h2_conn_get_data(akma_h2_stream_get_conn(stream));

    if (self && self->stream == stream)
        self->stream = NULL;
}

static void
fail(Exchange *self, const AkmaRefusal *refusal, unsigned retry_after_s)
{
    akma_tally_count(&self->tally, refusal->cause);
    refuse(self, refusal, retry_after_s);
    end(self);
}

static void
on_time(uv_timer_t *timer)
{
    Exchange *self = exchange_ref(timer->data);

    end(self);
    exchange_unref(self);
}

/* --- first response --- */

static void
start_timer(Exchange *self, unsigned lifetime_s)
{
    self->timer = g_new0(uv_timer_t, 1);
    self->timer->data = exchange_ref(self);
    uv_timer_init(self->front->loop, self->timer);
    uv_timer_start(self->timer, on_time, (uint64_t)lifetime_s * 1000, 0);
}

static void
respond_first(Exchange *self, const char *const *key_ids)
{
    int64_t left = self->first_key_expiry - g_get_real_time() / G_USEC_PER_SEC;
    unsigned lifetime_s = (unsigned)CLAMP(left, 1, AKMA_SESSION_LIFETIME_S);
    AkmaFirstResponseRandom random;
    g_autoptr(GBytes) body = NULL;
    g_autofree char *location = NULL;
    AkmaRefusal refusal = {AKMA_CAUSE_STORE_UNAVAILABLE, "no random numbers"};
    AkmaH2Header headers[] = {{"cache-control", "no-store"}, {"location", NULL}};
    const void *bytes;
    gsize len;

    if (RAND_bytes((uint8_t *)&random, sizeof random) == 1)
        body = akma_server_session_first_response(self->session,
                                                  self->first_key,
                                                  self->tally.terminal,
                                                  key_ids,
                                                  lifetime_s,
                                                  &random,
                                                  &refusal);
    /* the session holds its own reference, and wipes it */
    g_clear_pointer(&self->first_key, akma_secret_unref);
    if (!body) {
        fail(self, &refusal, 0);
        return;
    }

    location = g_strdup_printf("/v1/sessions/%s", akma_server_session_get_id(self->session));
    headers[1].value = location;
    bytes = g_bytes_get_data(body, &len);
    start_timer(self, lifetime_s);
    akma_tally_audit(&self->tally, "session", NULL, AKMA_CAUSE_NONE);
    akma_h2_respond(g_steal_pointer(&self->stream),
                    201,
                    "application/json",
                    headers,
                    G_N_ELEMENTS(headers),
                    bytes,
                    len,
                    NULL,
                    NULL);
}

/* The early key_ids come from somebody unproven: they open a connection, and ask for nothing. */
static void
warm_providers(Exchange *self, const AkmaKsOp *op)
{
    for (guint i = 0; i < op->upstream->len; i++) {
        const AkmaKsUpstream *upstream = op->upstream->pdata[i];

        akma_providers_warm(self->front->providers, upstream->provider);
    }
}

static void
on_entitled(AkmaKsOp *op, const GError *error, void *user_data)
{
    const AkmaRefusal refusal = {AKMA_CAUSE_STORE_UNAVAILABLE, "the store is not available"};
    g_autoptr(AkmaKsOp) owned = op;
    Exchange *self = user_data;

    if (error)
        g_warning("%s", error->message);
    /* while the store was asked, the exchange may have ended, or its request been given up */
    if (self->session && !self->stream) {
        end(self);
    } else if (self->session && error) {
        fail(self, &refusal, 0);
    } else if (self->session) {
        warm_providers(self, owned);
        respond_first(self, (const char *const *)owned->ids);
    }
    exchange_unref(self);
}

static void
ask_what_is_allowed(Exchange *self)
{
    const AkmaRefusal refusal = {AKMA_CAUSE_STORE_UNAVAILABLE, "the store is too busy"};
    const char *const *hints = akma_server_session_get_hints(self->session);
    AkmaKsOp *op = akma_ks_op_new(AKMA_KS_ENTITLED);

    op->terminal = g_strdup(self->tally.terminal);
    if (hints && !akma_providers_is_empty(self->front->providers))
        op->hints = g_strdupv((GStrv)hints);
    if (akma_front_submit(self->front, op, on_entitled, exchange_ref(self)))
        return;

    fail(self, &refusal, 0);
    exchange_unref(self);
}

static void
on_anchor(const AkmaAnchorResult *result, const AkmaRefusal *refusal, void *user_data)
{
    Exchange *self = exchange_ref(user_data);

    self->call = NULL;
    if (refusal) {
        fail(self, refusal, 0);
    } else {
        self->first_key = akma_secret_ref(result->first_key);
        self->first_key_expiry = result->expiry;
        self->tally.terminal = g_strdup(result->terminal);
        self->pseudonyms = akma_pseudonyms_ref(result->pseudonyms);
        ask_what_is_allowed(self);
    }
    exchange_unref(self);
}

/* --- first request --- */

static void
ask_anchor(Exchange *self, const AkmaH2Request *request)
{
    AkmaServerSession *session = self->session;
    AkmaRefusal refusal;
    unsigned wait_s = 0;

    if (!akma_server_session_first_request(session, request->body, request->body_len, &refusal)) {
        fail(self, &refusal, 0);
        return;
    }
    self->tally.kind = akma_server_session_get_anchor(session);
    if (!akma_front_take_kid(
            self->front, self->tally.address, akma_server_session_get_kid(session), &wait_s)) {
        akma_refuse(&refusal, AKMA_CAUSE_RATE_LIMITED, "too many first requests with this kid");
        fail(self, &refusal, wait_s);
        return;
    }

    self->call = akma_anchors_ask(self->front->anchors,
                                  akma_server_session_get_anchor(session),
                                  &self->front->af_id,
                                  akma_server_session_get_realm(session),
                                  akma_server_session_get_kid(session),
                                  on_anchor,
                                  self,
                                  &refusal);
    if (!self->call)
        fail(self, &refusal, 0);
}

void
akma_exchange_begin(AkmaFront *front, AkmaH2Stream *stream, const AkmaH2Request *request)
{
    const AkmaRefusal full = {AKMA_CAUSE_STORE_UNAVAILABLE, "too many sessions are open"};
    AkmaH2Conn *conn = akma_h2_stream_get_conn(stream);
    Exchange *before = akma_h2_conn_get_data(conn);
    Exchange *self;

    if (before) {
        akma_h2_conn_set_data(conn, NULL, NULL);
        drop(before);
    }
    if (akma_tally_is_full(front, AKMA_PROFILE_MESSAGE, AKMA_KIND_UNKNOWN)) {
        akma_front_refuse(stream, &full, 0);
        return;
    }

    self = g_new0(Exchange, 1);
    self->refs = 1;
    self->front = front;
    self->stream = stream;
    self->session = akma_server_session_new(front->name, &front->af_id);
    akma_tally_open(
        &self->tally, front, AKMA_PROFILE_MESSAGE, AKMA_KIND_UNKNOWN, akma_h2_conn_get_peer(conn));
    akma_h2_conn_set_data(conn, self, drop);
    ask_anchor(self, request);
}

/* --- second response --- */

/* The second response was handed to TLS, or nobody waits for it any more. */
static void
on_sent(void *user_data)
{
    Exchange *self = user_data;

    end(self);
    exchange_unref(self);
}

static void
respond_second(Exchange *self, const AkmaKeySet *set)
{
    const AkmaH2Header headers[] = {{"cache-control", "no-store"}};
    AkmaRefusal refusal = {AKMA_CAUSE_STORE_UNAVAILABLE, "no random numbers"};
    g_autoptr(GBytes) body = NULL;
    const void *bytes;
    uint8_t iv[12];
    gsize len;

    if (RAND_bytes(iv, sizeof iv) == 1)
        body = akma_server_session_second_response(self->session, set, iv, &refusal);
    if (!body) {
        fail(self, &refusal, 0);
        return;
    }

    akma_tally_answer(&self->tally, set);
    bytes = g_bytes_get_data(body, &len);
    akma_h2_respond(g_steal_pointer(&self->stream),
                    200,
                    "application/jose",
                    headers,
                    G_N_ELEMENTS(headers),
                    bytes,
                    len,
                    on_sent,
                    exchange_ref(self));
}

static void
on_delivered(const AkmaKeySet *set, const GError *error, void *user_data)
{
    const AkmaRefusal refusal = {AKMA_CAUSE_STORE_UNAVAILABLE, "the store is not available"};
    Exchange *self = exchange_ref(user_data);

    self->delivery = NULL;
    if (error)
        g_warning("%s", error->message);
    if (!self->stream)
        end(self);
    else if (error)
        fail(self, &refusal, 0);
    else
        respond_second(self, set);
    exchange_unref(self);
}

/* A provider that is silent must leave time to tell so: on this session, on this connection. */
static unsigned
get_time_left_ms(const Exchange *self)
{
    uint64_t elapsed_ms = (uv_hrtime() - self->tally.begun_ns) / 1000000;
    uint64_t session_ms = uv_timer_get_due_in(self->timer);
    uint64_t left_ms =
        self->front->exchange_ms > elapsed_ms ? self->front->exchange_ms - elapsed_ms : 0;

    left_ms = MIN(left_ms, session_ms);

    return (unsigned)(left_ms > 2 * MARGIN_MS ? left_ms - MARGIN_MS : left_ms / 2);
}

static void
deliver(Exchange *self)
{
    const AkmaRefusal refusal = {AKMA_CAUSE_STORE_UNAVAILABLE, "the store is too busy"};
    const AkmaDeliveryRequest request = {
        .terminal = self->tally.terminal,
        .pseudonyms = self->pseudonyms,
        .key_ids = akma_server_session_get_asked(self->session),
        .time_ms = get_time_left_ms(self),
    };

    self->delivery = akma_delivery_begin(self->front, &request, on_delivered, self);
    if (!self->delivery)
        fail(self, &refusal, 0);
}

void
akma_exchange_continue(AkmaH2Stream *stream, const AkmaH2Request *request, const char *session)
{
    Exchange *self = akma_h2_conn_get_data(akma_h2_stream_get_conn(stream));
    AkmaRefusal refusal = {AKMA_CAUSE_SESSION_UNKNOWN, "there is no such session"};

    if (!self || !self->session) {
        akma_front_refuse(stream, &refusal, 0);
        return;
    }
    if (!akma_server_session_second_request(
            self->session, session, request->body, request->body_len, &refusal)) {
        akma_front_refuse(stream, &refusal, 0);
        /* one that is being answered already goes on */
        if (refusal.cause == AKMA_CAUSE_SESSION_USED)
            return;
        akma_tally_count(&self->tally, refusal.cause);
        akma_exchange_end_on(akma_h2_stream_get_conn(stream));
        return;
    }

    self->stream = stream;
    exchange_ref(self);
    deliver(self);
    exchange_unref(self);
}
