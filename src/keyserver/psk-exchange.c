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
#include "keyserver/tally.h"

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
    AkmaTally tally;        /* until ENDED */
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

/*
 * M5: nothing of the subscriber is left after this. The first key went with the handshake, and what
 * TLS made of it goes with the connection, which ends when the last answer is out.
 */
static void
end(Exchange *self)
{
    if (self->state == ENDED)
        return;

    if (self->call)
        akma_anchor_call_cancel(g_steal_pointer(&self->call));
    if (self->delivery)
        akma_delivery_cancel(g_steal_pointer(&self->delivery));
    self->state = ENDED;
    self->conn = NULL;
    self->stream = NULL;
    g_clear_pointer(&self->pseudonyms, akma_pseudonyms_unref);
    akma_secret_scrub_stack();
    akma_tally_close(&self->tally);
}

/* The connection goes. A handshake that went on and came to nothing was one without the key. */
static void
drop(void *data)
{
    Exchange *self = data;

    if (self->state == SHAKING) {
        if (self->cause == AKMA_CAUSE_NONE)
            self->cause = AKMA_CAUSE_NOT_AUTHENTIC;
        /* it is the one that was named, not who asked */
        akma_tally_forget_terminal(&self->tally);
        akma_tally_audit(&self->tally, "refused", NULL, self->cause);
        akma_tally_count(&self->tally, self->cause);
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

/* Counted, and told to come back later. */
static void
turn_away(Exchange *self, AkmaCause cause)
{
    AkmaH2Conn *conn = self->conn;

    akma_tally_count(&self->tally, cause);
    end(self);
    akma_h2_conn_refuse_psk(conn);
}

/* Nobody is told more than the message profile tells: who is not known, and what may be later. */
static void
refuse_handshake(Exchange *self, AkmaCause cause)
{
    self->cause = cause;
    if (cause == AKMA_CAUSE_MALFORMED || cause == AKMA_CAUSE_ANCHOR_KEY_UNKNOWN) {
        go_on(self, NULL);
        return;
    }
    akma_tally_audit(&self->tally, "refused", NULL, cause);
    turn_away(self, cause);
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
    self->tally.terminal = g_strdup(result->terminal);
    self->pseudonyms = akma_pseudonyms_ref(result->pseudonyms);
    go_on(self, result->first_key);
}

static void
ask_anchor(Exchange *self, const uint8_t *offer, size_t len)
{
    AkmaFront *front = self->face->front;
    AkmaPskIdentity identity;
    AkmaRefusal refusal = {AKMA_CAUSE_MALFORMED, NULL};
    unsigned wait_s;
    bool found;

    if (!akma_front_take_request_of(front, self->tally.address, &wait_s)) {
        turn_away(self, AKMA_CAUSE_RATE_LIMITED);
        return;
    }
    found = akma_psk_offer_find(offer, len, &identity);
    if (found && !akma_front_take_kid(front, self->tally.address, identity.kid, &wait_s)) {
        OPENSSL_cleanse(&identity, sizeof identity);
        refuse_handshake(self, AKMA_CAUSE_RATE_LIMITED);
        return;
    }
    if (found) {
        self->tally.kind = identity.kind;
        akma_h2_conn_choose_psk(self->conn, identity.identity, identity.len);
        self->call = akma_anchors_ask(front->anchors,
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

    if (akma_tally_is_full(front, AKMA_PROFILE_PSK, AKMA_KIND_UNKNOWN)) {
        akma_h2_conn_refuse_psk(conn);
        return;
    }

    self = g_new0(Exchange, 1);
    self->refs = 1;
    self->face = face;
    self->conn = conn;
    akma_tally_open(
        &self->tally, front, AKMA_PROFILE_PSK, AKMA_KIND_UNKNOWN, akma_h2_conn_get_peer(conn));
    akma_h2_conn_set_data(conn, self, drop);
    ask_anchor(self, offer, len);
}

void
akma_psk_exchange_opened(AkmaH2Conn *conn)
{
    Exchange *self = akma_h2_conn_get_data(conn);

    g_return_if_fail(self && self->state == SHAKING);

    self->state = OPEN;
    akma_tally_audit(&self->tally, "session", NULL, AKMA_CAUSE_NONE);
}

/* --- the request --- */

/* Answers and ends: nothing comes after it on this connection. */
static void
fail(Exchange *self, const AkmaRefusal *refusal)
{
    AkmaH2Stream *stream = self->stream;
    AkmaH2Conn *conn = self->conn;

    akma_tally_audit(&self->tally, "refused", NULL, refusal->cause);
    akma_tally_count(&self->tally, refusal->cause);
    end(self);
    akma_front_refuse(stream, refusal, 0);
    akma_h2_conn_close(conn);
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

    akma_tally_answer(&self->tally, set);
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
        .terminal = self->tally.terminal,
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
