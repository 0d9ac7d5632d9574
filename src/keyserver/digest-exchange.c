/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * digest-exchange: one request with credentials. It lives in its stream and ends with it.
 *
 *   begin --> ask the anchor --> compare --> deliver from the store --> respond --> end
 */
#include <openssl/crypto.h>
#include <string.h>

#include "base/text.h"
#include "keyserver/delivery.h"
#include "keyserver/digest-face.h"
#include "keyserver/tally.h"

#define INFO_SIZE 1024

typedef struct {
    unsigned refs; /* the stream's, and one for each thing that will call back */
    AkmaDigestFace *face;
    AkmaH2Stream *stream; /* NULL: answered, or gone */
    const AkmaH2Request *request;
    AkmaDigestCredentials credentials;
    AkmaAnchorKind kind;
    char *key_id;
    AkmaAnchorCall *call;   /* under way */
    AkmaDelivery *delivery; /* under way */
    AkmaSecret *first_key;  /* from the anchor's answer to ours */
    AkmaTally tally;        /* until it has ended */
    bool ended;
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

    g_free(self->key_id);
    g_free(self);
}

/* M5: nothing of the first key or the subscriber is left after this. */
static void
end(Exchange *self)
{
    if (self->ended)
        return;

    self->ended = true;
    self->stream = NULL;
    if (self->call)
        akma_anchor_call_cancel(g_steal_pointer(&self->call));
    if (self->delivery)
        akma_delivery_cancel(g_steal_pointer(&self->delivery));
    g_clear_pointer(&self->first_key, akma_secret_unref);
    akma_digest_credentials_clear(&self->credentials);
    akma_secret_scrub_stack();
    akma_tally_close(&self->tally);
}

/* The stream goes, answered or not. */
static void
drop(void *data)
{
    Exchange *self = data;

    end(self);
    exchange_unref(self);
}

static void
fail(Exchange *self, const AkmaRefusal *refusal, unsigned retry_after_s)
{
    AkmaH2Stream *stream = g_steal_pointer(&self->stream);

    /* of one that is not proven nobody's word is written down */
    akma_tally_audit(
        &self->tally, "refused", self->tally.terminal ? self->key_id : NULL, refusal->cause);
    akma_tally_count(&self->tally, refusal->cause);
    end(self);
    akma_front_refuse(stream, refusal, retry_after_s);
}

/* --- the answer --- */

/*= RFC 7616 3.5: Authentication-Info proves that the server has the key as well */
static bool
write_info(const Exchange *self, const uint8_t *body, size_t len, char ret[static INFO_SIZE])
{
    const AkmaDigestMessage message = {"", body, len};
    const AkmaDigestCredentials *c = &self->credentials;
    char password[AKMA_DIGEST_PASSWORD_SIZE];
    char text[AKMA_DIGEST_HEX + 1];
    uint8_t digest[AKMA_DIGEST_LEN];
    bool ok;

    akma_digest_password(self->first_key, password);
    ok = akma_digest_compute(c, password, &message, digest);
    OPENSSL_cleanse(password, sizeof password);
    if (!ok)
        return false;

    akma_hex_encode(digest, sizeof digest, text);

    return g_snprintf(ret,
                      INFO_SIZE,
                      "rspauth=\"%s\", cnonce=\"%s\", nc=%s, qop=%s",
                      text,
                      c->cnonce,
                      c->nc,
                      c->auth_int ? "auth-int" : "auth") < INFO_SIZE;
}

static void
respond(Exchange *self, const AkmaKeySet *set)
{
    const AkmaRefusal failed = {AKMA_CAUSE_STORE_UNAVAILABLE, "no room left for keys"};
    g_autoptr(AkmaSecret) jwk = akma_key_to_jwk(set->keys->pdata[0], NULL);
    AkmaH2Stream *stream = self->stream;
    char info[INFO_SIZE];
    const AkmaH2Header headers[] = {{"cache-control", "no-store"}, {"authentication-info", info}};
    const uint8_t *bytes = NULL;
    size_t len = 0;

    if (jwk)
        bytes = akma_secret_peek(jwk, &len);
    if (!jwk || !write_info(self, bytes, len, info)) {
        fail(self, &failed, 0);
        return;
    }

    akma_tally_answer(&self->tally, set);
    end(self);
    akma_h2_respond(stream,
                    200,
                    "application/jwk+json",
                    headers,
                    G_N_ELEMENTS(headers),
                    bytes,
                    len,
                    NULL,
                    NULL);
}

static void
refuse_key(Exchange *self, const AkmaKeySet *set)
{
    AkmaH2Stream *stream = self->stream;
    AkmaCause cause = ((const AkmaKeyError *)set->errors->pdata[0])->cause;

    akma_tally_answer(&self->tally, set);
    end(self);
    akma_digest_face_refuse_key(stream, cause);
}

static void
on_delivered(const AkmaKeySet *set, const GError *error, void *user_data)
{
    const AkmaRefusal refusal = {AKMA_CAUSE_STORE_UNAVAILABLE, "the store is not available"};
    Exchange *self = exchange_ref(user_data);

    self->delivery = NULL;
    if (error)
        g_warning("%s", error->message);
    if (error)
        fail(self, &refusal, 0);
    else if (set->keys->len == 1)
        respond(self, set);
    else
        refuse_key(self, set);
    exchange_unref(self);
}

static void
deliver(Exchange *self, AkmaPseudonyms *pseudonyms)
{
    const AkmaRefusal refusal = {AKMA_CAUSE_STORE_UNAVAILABLE, "the store is too busy"};
    const char *const ids[] = {self->key_id, NULL};
    const AkmaDeliveryRequest request = {
        .terminal = self->tally.terminal,
        .pseudonyms = pseudonyms,
        .key_ids = ids,
        .time_ms = self->face->front->exchange_ms / 2,
    };

    self->delivery = akma_delivery_begin(self->face->front, &request, on_delivered, self);
    if (!self->delivery)
        fail(self, &refusal, 0);
}

/* --- the question --- */

static bool
is_right(const Exchange *self)
{
    const AkmaH2Request *request = self->request;
    const AkmaDigestMessage message = {request->method, request->body, request->body_len};
    char password[AKMA_DIGEST_PASSWORD_SIZE];
    uint8_t expected[AKMA_DIGEST_LEN];
    bool ok;

    akma_digest_password(self->first_key, password);
    ok = akma_digest_compute(&self->credentials, password, &message, expected) &&
         CRYPTO_memcmp(expected, self->credentials.response, sizeof expected) == 0;
    OPENSSL_cleanse(password, sizeof password);
    OPENSSL_cleanse(expected, sizeof expected);

    return ok;
}

static void
on_anchor(const AkmaAnchorResult *result, const AkmaRefusal *refusal, void *user_data)
{
    Exchange *self = exchange_ref(user_data);

    self->call = NULL;
    if (refusal) {
        fail(self, refusal, 0);
        exchange_unref(self);
        return;
    }

    self->first_key = akma_secret_ref(result->first_key);
    if (is_right(self)) {
        self->tally.terminal = g_strdup(result->terminal);
        deliver(self, result->pseudonyms);
    } else {
        AkmaH2Stream *stream = self->stream;

        akma_tally_audit(&self->tally, "refused", NULL, AKMA_CAUSE_NOT_AUTHENTIC);
        akma_tally_count(&self->tally, AKMA_CAUSE_NOT_AUTHENTIC);
        end(self);
        akma_digest_face_challenge(self->face, stream, AKMA_DIGEST_KIND(self->kind), false);
    }
    exchange_unref(self);
}

static void
ask_anchor(Exchange *self)
{
    AkmaFront *front = self->face->front;
    const char *kid = self->credentials.username;
    AkmaRefusal refusal;
    unsigned wait_s = 0;

    if (!akma_anchor_kid_is_valid(kid)) {
        akma_refuse(&refusal, AKMA_CAUSE_ANCHOR_KEY_UNKNOWN, "the username is no A-KID or B-TID");
        fail(self, &refusal, 0);
        return;
    }
    if (!akma_front_take_kid(front, self->tally.address, kid, &wait_s)) {
        akma_refuse(&refusal, AKMA_CAUSE_RATE_LIMITED, "too many requests with this username");
        fail(self, &refusal, wait_s);
        return;
    }

    self->call = akma_anchors_ask(front->anchors,
                                  self->kind,
                                  &self->face->af_id,
                                  strchr(kid, '@') + 1,
                                  kid,
                                  on_anchor,
                                  self,
                                  &refusal);
    if (!self->call)
        fail(self, &refusal, 0);
}

void
akma_digest_exchange_begin(AkmaDigestFace *face,
                           AkmaH2Stream *stream,
                           const AkmaH2Request *request,
                           AkmaAnchorKind kind,
                           const char *key_id,
                           AkmaDigestCredentials *credentials)
{
    const AkmaRefusal full = {AKMA_CAUSE_STORE_UNAVAILABLE, "too many sessions are open"};
    AkmaFront *front = face->front;
    Exchange *self;

    if (akma_tally_is_full(front, AKMA_PROFILE_DIGEST, kind)) {
        akma_front_refuse(stream, &full, 0);
        return;
    }

    self = g_new0(Exchange, 1);
    self->refs = 1;
    self->face = face;
    self->stream = stream;
    self->request = request;
    self->credentials = *credentials;
    *credentials = (AkmaDigestCredentials){0};
    self->kind = kind;
    self->key_id = g_strdup(key_id);
    akma_tally_open(&self->tally,
                    front,
                    AKMA_PROFILE_DIGEST,
                    kind,
                    akma_h2_conn_get_peer(akma_h2_stream_get_conn(stream)));
    akma_h2_stream_set_data(stream, self, drop);
    ask_anchor(self);
}
