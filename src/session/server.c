/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "session/server.h"

#include <openssl/crypto.h>
#include <string.h>

#include "base/text.h"
#include "base/wiping.h"
#include "proto/jwe.h"
#include "proto/schedule.h"
#include "proto/second-request.h"

typedef enum {
    STATE_NEW,
    STATE_ASKED,
    STATE_OPEN,
    STATE_TAKEN,
    STATE_ANSWERED,
    STATE_ENDED,
} State;

struct _AkmaServerSession {
    State state;
    char *fqdn;
    AkmaAfId af_id;
    AkmaFirstRequest *request;
    uint8_t body_digest[AKMA_DIGEST_LEN];
    char id[AKMA_BASE64URL_LEN(AKMA_SESSION_ID_LEN) + 1];
    char *terminal;
    GStrv asked;
    AkmaSecret *first_key;
    AkmaSchedule *keys;
};

AkmaServerSession *
akma_server_session_new(const char *fqdn, const AkmaAfId *af_id)
{
    AkmaServerSession *self = g_new0(AkmaServerSession, 1);

    self->fqdn = g_ascii_strdown(fqdn, -1);
    self->af_id = *af_id;

    return self;
}

void
akma_server_session_free(AkmaServerSession *self)
{
    if (!self)
        return;

    akma_server_session_end(self);
    g_free(self->fqdn);
    g_free(self);
}

static void
wipe(AkmaServerSession *self)
{
    g_clear_pointer(&self->request, akma_first_request_free);
    g_clear_pointer(&self->terminal, akma_wiping_free);
    g_clear_pointer(&self->asked, g_strfreev);
    g_clear_pointer(&self->first_key, akma_secret_unref);
    g_clear_pointer(&self->keys, akma_schedule_free);
    OPENSSL_cleanse(self->body_digest, sizeof self->body_digest);
    OPENSSL_cleanse(self->id, sizeof self->id);
}

void
akma_server_session_end(AkmaServerSession *self)
{
    if (self->state == STATE_ENDED)
        return;

    self->state = STATE_ENDED;
    wipe(self);
    akma_secret_scrub_stack();
}

bool
akma_server_session_is_ended(const AkmaServerSession *self)
{
    return self->state == STATE_ENDED;
}

static bool
fail(AkmaServerSession *self, AkmaRefusal *ret_refusal, AkmaCause cause, const char *detail)
{
    akma_server_session_end(self);

    return akma_refuse(ret_refusal, cause, detail);
}

bool
akma_server_session_first_request(AkmaServerSession *self,
                                  const uint8_t *body,
                                  size_t len,
                                  AkmaRefusal *ret_refusal)
{
    if (self->state != STATE_NEW)
        return fail(self, ret_refusal, AKMA_CAUSE_MALFORMED, "a second first request");

    self->request = akma_first_request_from_json(body, len, ret_refusal);
    if (!self->request) {
        akma_server_session_end(self);
        return false;
    }
    if (!akma_schedule_digest_body(body, len, self->body_digest))
        return fail(self, ret_refusal, AKMA_CAUSE_STORE_UNAVAILABLE, "out of memory");

    self->state = STATE_ASKED;

    return true;
}

AkmaAnchorKind
akma_server_session_get_anchor(const AkmaServerSession *self)
{
    return self->request ? self->request->anchor : AKMA_ANCHOR_KIND_AKMA;
}

const char *
akma_server_session_get_kid(const AkmaServerSession *self)
{
    return self->request ? self->request->kid : NULL;
}

const char *
akma_server_session_get_realm(const AkmaServerSession *self)
{
    return self->request ? strchr(self->request->kid, '@') + 1 : NULL;
}

const char *const *
akma_server_session_get_hints(const AkmaServerSession *self)
{
    return self->request ? (const char *const *)self->request->key_ids : NULL;
}

static GBytes *
seal_offer(const AkmaServerSession *self,
           const char *const *key_ids,
           const uint8_t iv[static AKMA_JWE_IV_LEN])
{
    g_autoptr(AkmaSecret) offer = akma_offer_to_json(self->fqdn, self->terminal, key_ids, NULL);

    return offer ? akma_jwe_seal(
                       &self->keys->server, AKMA_JWE_FIRST_RESPONSE, self->id, iv, offer, NULL)
                 : NULL;
}

/* Keys of the session from the first key; @self->keys stays NULL if there is no room. */
static void
derive(AkmaServerSession *self, const AkmaFirstResponseRandom *random)
{
    AkmaScheduleInput input = {
        .body_digest = self->body_digest,
        .session = random->session,
        .nonce_terminal = self->request->nonce,
        .nonce_server = random->nonce,
        .af_id = &self->af_id,
        .first_key = self->first_key,
    };

    self->keys = akma_schedule_new(&input, NULL);
}

GBytes *
akma_server_session_first_response(AkmaServerSession *self,
                                   AkmaSecret *first_key,
                                   const char *terminal,
                                   const char *const *key_ids,
                                   unsigned lifetime_s,
                                   const AkmaFirstResponseRandom *random,
                                   AkmaRefusal *ret_refusal)
{
    g_auto(AkmaFirstResponse) response = {.expires_in_s = MIN(lifetime_s, AKMA_SESSION_LIFETIME_S)};
    g_autoptr(GBytes) sealed = NULL;
    GBytes *body;
    const char *text;
    gsize len;

    if (self->state != STATE_ASKED) {
        fail(self, ret_refusal, AKMA_CAUSE_SESSION_UNKNOWN, "no first request waits");
        return NULL;
    }
    if (akma_secret_get_length(first_key) != AKMA_FIRST_KEY_LEN || lifetime_s == 0) {
        fail(
            self, ret_refusal, AKMA_CAUSE_ANCHOR_REFUSED, "the first key is not one, or has ended");
        return NULL;
    }

    self->first_key = akma_secret_ref(first_key);
    self->terminal = terminal ? akma_wiping_strdup(terminal) : NULL;
    akma_base64url_encode(random->session, AKMA_SESSION_ID_LEN, self->id);
    derive(self, random);
    sealed = self->keys ? seal_offer(self, key_ids, random->iv) : NULL;
    if (!sealed) {
        fail(self, ret_refusal, AKMA_CAUSE_STORE_UNAVAILABLE, "no room left for keys");
        return NULL;
    }

    memcpy(response.session, random->session, sizeof response.session);
    memcpy(response.nonce, random->nonce, sizeof response.nonce);
    text = g_bytes_get_data(sealed, &len);
    response.sealed = g_strndup(text, len);
    body = akma_first_response_to_json(&response);
    if (!body) {
        fail(self, ret_refusal, AKMA_CAUSE_STORE_UNAVAILABLE, "out of memory");
        return NULL;
    }
    self->state = STATE_OPEN;

    return body;
}

const char *
akma_server_session_get_id(const AkmaServerSession *self)
{
    return self->id[0] ? self->id : NULL;
}

const char *
akma_server_session_get_terminal(const AkmaServerSession *self)
{
    return self->terminal;
}

bool
akma_server_session_second_request(AkmaServerSession *self,
                                   const char *session,
                                   const uint8_t *body,
                                   size_t len,
                                   AkmaRefusal *ret_refusal)
{
    g_autoptr(AkmaSecret) plaintext = NULL;

    if (self->state < STATE_OPEN || self->state == STATE_ENDED || strcmp(session, self->id) != 0)
        return fail(self, ret_refusal, AKMA_CAUSE_SESSION_UNKNOWN, "no such session here");
    if (self->state != STATE_OPEN)
        return akma_refuse(ret_refusal, AKMA_CAUSE_SESSION_USED, "the session is in use");
    if (len > AKMA_REQUEST_MAX)
        return fail(self, ret_refusal, AKMA_CAUSE_TOO_LARGE, "the message is too long");

    plaintext =
        akma_jwe_open(&self->keys->term, AKMA_JWE_SECOND_REQUEST, self->id, body, len, ret_refusal);
    if (!plaintext || !akma_second_request_from_json(plaintext, &self->asked, ret_refusal)) {
        akma_server_session_end(self);
        return false;
    }
    self->state = STATE_TAKEN;

    return true;
}

const char *const *
akma_server_session_get_asked(const AkmaServerSession *self)
{
    return (const char *const *)self->asked;
}

GBytes *
akma_server_session_second_response(AkmaServerSession *self,
                                    const AkmaKeySet *answer,
                                    const uint8_t iv[static 12],
                                    AkmaRefusal *ret_refusal)
{
    g_autoptr(AkmaSecret) plaintext = NULL;
    GBytes *jwe;

    if (self->state != STATE_TAKEN) {
        fail(self, ret_refusal, AKMA_CAUSE_SESSION_UNKNOWN, "no second request waits");
        return NULL;
    }
    if (!akma_key_set_answers(answer, (const char *const *)self->asked)) {
        fail(self, ret_refusal, AKMA_CAUSE_STORE_UNAVAILABLE, "the store answered something else");
        return NULL;
    }

    plaintext = akma_key_set_to_json(answer, NULL);
    jwe = plaintext
              ? akma_jwe_seal(
                    &self->keys->server, AKMA_JWE_SECOND_RESPONSE, self->id, iv, plaintext, NULL)
              : NULL;
    if (!jwe) {
        fail(self, ret_refusal, AKMA_CAUSE_STORE_UNAVAILABLE, "no room left for keys");
        return NULL;
    }
    if (g_bytes_get_size(jwe) > AKMA_RESPONSE_MAX) {
        g_bytes_unref(jwe);
        fail(self, ret_refusal, AKMA_CAUSE_STORE_UNAVAILABLE, "the keys are too long together");
        return NULL;
    }
    self->state = STATE_ANSWERED;

    return jwe;
}
