/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * psk-exchange: one exchange of the PSK profile. It lives in its connection and ends with it.
 *
 *   ASKING --the anchor answered--> SHAKING --PSK used--> OPEN --GET--> TAKEN --> ENDED
 */
#include <openssl/crypto.h>
#include <string.h>

#include "keyserver/delivery.h"
#include "keyserver/psk-face.h"
#include "keyserver/psk-offer.h"

typedef enum {
    ASKING,
    SHAKING,
    OPEN,
    TAKEN,
    ENDED,
} State;

typedef struct {
    unsigned refs; /* the connection's, and one for each thing that will call back */
    State state;
    AkmaPskFace *face;
    AkmaH2Conn *conn;     /* until ENDED */
    AkmaH2Stream *stream; /* TAKEN: waits for its answer; NULL: given up */
    AkmaAnchorCall *call; /* ASKING */
    AkmaPseudonyms *pseudonyms;
    AkmaDelivery *delivery; /* TAKEN */
    AkmaCause cause;        /* why the handshake is meant to fail; NONE: it is not */
    int64_t expiry;         /* of the first key */
    unsigned kind;          /* AkmaAnchorKind or AKMA_KIND_UNKNOWN */
    char *terminal;
    char *address;
    uint64_t begun_ns;
    bool counted;
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
    if (--self->refs > 0)
        return;

    g_free(self->address);
    g_free(self);
}

static void
audit(const Exchange *self, const char *event, AkmaCause cause)
{
    const AkmaAuditEvent line = {
        .event = event,
        .terminal = self->terminal,
        .cause = akma_cause_get_name(cause),
        .address = self->address,
    };

    akma_audit_write(self->face->front->audit, &line);
}

/* Each one is counted once, by what became of it. */
static void
count(Exchange *self, unsigned result)
{
    AkmaFigures *figures = self->face->front->figures;

    if (self->counted)
        return;

    self->counted = true;
    akma_figures_count_exchange(figures, self->kind, AKMA_PROFILE_PSK, result);
    if (result == AKMA_CAUSE_NONE)
        akma_figures_time_exchange(figures, (uv_hrtime() - self->begun_ns) / 1000);
}

static void
forget_terminal(Exchange *self)
{
    if (self->terminal)
        OPENSSL_cleanse(self->terminal, strlen(self->terminal));
    g_clear_pointer(&self->terminal, g_free);
    g_clear_pointer(&self->pseudonyms, akma_pseudonyms_unref);
}

/*
 * M5: nothing of the subscriber is left after this. The first key went with the handshake, and what
 * TLS made of it goes with the connection, which ends when the last answer is out.
 */
static void
end(Exchange *self)
{
    if (self->state == ENDED)
        return;

    count(self, AKMA_RESULT_UNFINISHED);
    if (self->call)
        akma_anchor_call_cancel(g_steal_pointer(&self->call));
    if (self->delivery)
        akma_delivery_cancel(g_steal_pointer(&self->delivery));
    self->state = ENDED;
    self->conn = NULL;
    self->stream = NULL;
    self->face->front->sessions--;
    akma_secret_scrub_stack();
    if (self->terminal)
        g_info("terminal %s: exchange over, first key deleted", self->terminal);
    forget_terminal(self);
}

/* The connection goes. A handshake that went on and came to nothing was one without the key. */
static void
drop(void *data)
{
    Exchange *self = data;

    if (self->state == SHAKING) {
        if (self->cause == AKMA_CAUSE_NONE)
            self->cause = AKMA_CAUSE_NOT_AUTHENTIC;
        forget_terminal(self); /* it is the one that was named, not who asked */
        audit(self, "refused", self->cause);
        count(self, self->cause);
    }
    end(self);
    exchange_unref(self);
}

/* --- the handshake --- */

/* @key: NULL to fail as with a wrong one. */
static void
go_on(Exchange *self, AkmaSecret *key)
{
    self->state = SHAKING;
    akma_h2_conn_set_psk(self->conn, key);
}

/* Nobody is told more than the message profile tells: who is not known, and what may be later. */
static void
refuse_handshake(Exchange *self, AkmaCause cause)
{
    AkmaH2Conn *conn = self->conn;

    self->cause = cause;
    if (cause == AKMA_CAUSE_MALFORMED || cause == AKMA_CAUSE_ANCHOR_KEY_UNKNOWN) {
        go_on(self, NULL);
        return;
    }
    audit(self, "refused", cause);
    count(self, cause);
    end(self);
    akma_h2_conn_refuse_psk(conn);
}

static void
on_anchor(const AkmaAnchorResult *result, const AkmaRefusal *refusal, void *user_data)
{
    Exchange *self = user_data;

    self->call = NULL;
    if (refusal) {
        refuse_handshake(self, refusal->cause);
        return;
    }

    self->expiry = result->expiry;
    self->terminal = g_strdup(result->terminal);
    self->pseudonyms = akma_pseudonyms_ref(result->pseudonyms);
    go_on(self, result->first_key);
}

/* What speaks against asking the anchor about @kid. */
static bool
take_rates(Exchange *self, const char *kid)
{
    AkmaFront *front = self->face->front;
    unsigned wait_s;

    return akma_front_take_request_of(front, self->address, &wait_s) &&
           (!kid || akma_front_take_kid(front, self->address, kid, &wait_s));
}

static void
ask_anchor(Exchange *self, const uint8_t *offer, size_t len)
{
    AkmaPskIdentity identity;
    AkmaRefusal refusal = {AKMA_CAUSE_MALFORMED, NULL};
    bool found = akma_psk_offer_find(offer, len, &identity);

    if (!take_rates(self, found ? identity.kid : NULL)) {
        refuse_handshake(self, AKMA_CAUSE_RATE_LIMITED);
        return;
    }
    if (found) {
        self->kind = identity.kind;
        akma_h2_conn_choose_psk(self->conn, identity.identity, identity.len);
        self->call = akma_anchors_ask(self->face->front->anchors,
                                      identity.kind,
                                      &self->face->af_id,
                                      strchr(identity.kid, '@') + 1,
                                      identity.kid,
                                      on_anchor,
                                      self,
                                      &refusal);
    }
    OPENSSL_cleanse(&identity, sizeof identity);
    if (!self->call)
        refuse_handshake(self, refusal.cause);
}

void
akma_psk_exchange_begin(AkmaPskFace *face, AkmaH2Conn *conn, const uint8_t *offer, size_t len)
{
    AkmaFront *front = face->front;
    Exchange *self;

    if (front->sessions >= front->sessions_max) {
        akma_figures_count_exchange(
            front->figures, AKMA_KIND_UNKNOWN, AKMA_PROFILE_PSK, AKMA_CAUSE_STORE_UNAVAILABLE);
        akma_h2_conn_refuse_psk(conn);
        return;
    }

    self = g_new0(Exchange, 1);
    self->refs = 1;
    self->face = face;
    self->conn = conn;
    self->kind = AKMA_KIND_UNKNOWN;
    self->begun_ns = uv_hrtime();
    self->address = g_strdup(akma_h2_conn_get_peer(conn));
    front->sessions++;
    akma_h2_conn_set_data(conn, self, drop);
    ask_anchor(self, offer, len);
}

void
akma_psk_exchange_opened(AkmaH2Conn *conn)
{
    Exchange *self = akma_h2_conn_get_data(conn);

    g_return_if_fail(self && self->state == SHAKING);

    self->state = OPEN;
    audit(self, "session", AKMA_CAUSE_NONE);
}

/* --- the request --- */

/* Answers and ends: nothing comes after it on this connection. */
static void
fail(Exchange *self, const AkmaRefusal *refusal)
{
    AkmaH2Stream *stream = self->stream;
    AkmaH2Conn *conn = self->conn;

    audit(self, "refused", refusal->cause);
    count(self, refusal->cause);
    end(self);
    akma_front_refuse(stream, refusal, 0);
    akma_h2_conn_close(conn);
}

static void
audit_answer(const Exchange *self, const AkmaKeySet *set)
{
    AkmaAuditEvent event = {.terminal = self->terminal, .address = self->address};

    event.event = "delivered";
    for (guint i = 0; i < set->keys->len; i++) {
        const AkmaKey *key = set->keys->pdata[i];

        event.application = key->key_id;
        event.kid = key->kid;
        akma_audit_write(self->face->front->audit, &event);
        akma_figures_count_key(self->face->front->figures, AKMA_CAUSE_NONE);
    }
    event.event = "refused";
    event.kid = NULL;
    for (guint i = 0; i < set->errors->len; i++) {
        const AkmaKeyError *error = set->errors->pdata[i];

        event.application = error->key_id;
        event.cause = akma_cause_get_name(error->cause);
        akma_audit_write(self->face->front->audit, &event);
        akma_figures_count_key(self->face->front->figures, error->cause);
    }
}

static void
respond(Exchange *self, const AkmaKeySet *set)
{
    const AkmaRefusal failed = {AKMA_CAUSE_STORE_UNAVAILABLE, "no room left for keys"};
    const AkmaH2Header headers[] = {{"cache-control", "no-store"}};
    g_autoptr(AkmaSecret) json = akma_key_set_to_json(set, NULL);
    AkmaH2Stream *stream = self->stream;
    AkmaH2Conn *conn = self->conn;
    const uint8_t *bytes;
    size_t len;

    if (!json) {
        fail(self, &failed);
        return;
    }

    audit_answer(self, set);
    count(self, AKMA_CAUSE_NONE);
    end(self);
    bytes = akma_secret_peek(json, &len);
    akma_h2_respond(stream,
                    200,
                    "application/jwk-set+json",
                    headers,
                    G_N_ELEMENTS(headers),
                    bytes,
                    len,
                    NULL,
                    NULL);
    akma_h2_conn_close(conn);
}

static void
on_delivered(const AkmaKeySet *set, const GError *error, void *user_data)
{
    const AkmaRefusal refusal = {AKMA_CAUSE_STORE_UNAVAILABLE, "the store is not available"};
    Exchange *self = exchange_ref(user_data);

    self->delivery = NULL;
    if (error) {
        g_warning("%s", error->message);
        fail(self, &refusal);
    } else {
        respond(self, set);
    }
    exchange_unref(self);
}

static void
deliver(Exchange *self, const char *key_id)
{
    const AkmaRefusal refusal = {AKMA_CAUSE_STORE_UNAVAILABLE, "the store is too busy"};
    const char *const ids[] = {key_id, NULL};
    const AkmaDeliveryRequest request = {
        .terminal = self->terminal,
        .pseudonyms = self->pseudonyms,
        .key_ids = ids,
        .time_ms = self->face->front->exchange_ms / 2,
    };

    self->delivery = akma_delivery_begin(self->face->front, &request, on_delivered, self);
    if (!self->delivery)
        fail(self, &refusal);
}

void
akma_psk_exchange_continue(AkmaH2Stream *stream, const char *key_id)
{
    const AkmaRefusal used = {AKMA_CAUSE_SESSION_USED, "one connection is good for one key"};
    const AkmaRefusal late = {AKMA_CAUSE_SESSION_UNKNOWN, "the first key has come to its end"};
    Exchange *self = akma_h2_conn_get_data(akma_h2_stream_get_conn(stream));

    if (self->state != OPEN) {
        akma_front_refuse(stream, &used, 0);
        return;
    }

    self->state = TAKEN;
    self->stream = stream;
    if (self->expiry <= g_get_real_time() / G_USEC_PER_SEC)
        fail(self, &late);
    else
        deliver(self, key_id);
}

void
akma_psk_exchange_stream_closed(AkmaH2Stream *stream)
{
    AkmaH2Conn *conn = akma_h2_stream_get_conn(stream);
    Exchange *self = akma_h2_conn_get_data(conn);

    if (!self || self->stream != stream)
        return;

    end(self);
    akma_h2_conn_close(conn);
}
