/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "session/terminal.h"

#include <openssl/crypto.h>
#include <string.h>

#include "base/text.h"
#include "base/wiping.h"
#include "proto/jwe.h"
#include "proto/problem.h"
#include "proto/schedule.h"
#include "proto/second-request.h"

typedef enum {
    STATE_NEW,
    STATE_ASKED,
    STATE_PROVEN,
    STATE_ENDED,
} State;

struct _AkmaTerminalSession {
    State state;
    AkmaFirstRequest *request;
    uint8_t body_digest[AKMA_DIGEST_LEN];
    char *fqdn;
    AkmaAfId af_id;
    AkmaSecret *first_key;
    AkmaSchedule *keys;
    GStrv key_ids;
    char id[AKMA_BASE64URL_LEN(AKMA_SESSION_ID_LEN) + 1];
    AkmaOffer offer;
    AkmaCause cause;
    unsigned retry_after_s;
};

AkmaTerminalSession *
akma_terminal_session_new(const AkmaTerminalParameters *parameters)
{
    AkmaTerminalSession *self;
    AkmaAnchorKind anchor;

    g_return_val_if_fail(akma_anchor_kind_from_name(parameters->anchor, &anchor), NULL);
    g_return_val_if_fail(akma_secret_get_length(parameters->first_key) == AKMA_FIRST_KEY_LEN, NULL);

    self = g_new0(AkmaTerminalSession, 1);
    self->request =
        akma_first_request_new(anchor,
                               parameters->kid,
                               parameters->nonce,
                               parameters->hints ? parameters->hints : parameters->key_ids);
    self->fqdn = g_ascii_strdown(parameters->fqdn, -1);
    self->af_id = *parameters->af_id;
    self->first_key = akma_secret_ref(parameters->first_key);
    self->key_ids = g_strdupv((char **)parameters->key_ids);

    return self;
}

void
akma_terminal_session_free(AkmaTerminalSession *self)
{
    if (!self)
        return;

    akma_terminal_session_end(self);
    akma_offer_clear(&self->offer);
    g_strfreev(self->key_ids);
    g_free(self->fqdn);
    g_free(self);
}

/* The offer stays: it says nothing about the first key. */
void
akma_terminal_session_end(AkmaTerminalSession *self)
{
    if (self->state == STATE_ENDED)
        return;

    self->state = STATE_ENDED;
    g_clear_pointer(&self->request, akma_first_request_free);
    g_clear_pointer(&self->first_key, akma_secret_unref);
    g_clear_pointer(&self->keys, akma_schedule_free);
    OPENSSL_cleanse(self->body_digest, sizeof self->body_digest);
    OPENSSL_cleanse(self->id, sizeof self->id);
    akma_secret_scrub_stack();
}

bool
akma_terminal_session_is_ended(const AkmaTerminalSession *self)
{
    return self->state == STATE_ENDED;
}

/* Returns: NULL, always, so that a step can end with it. */
static void *
fail(AkmaTerminalSession *self, GError **error, AkmaError code, const char *message)
{
    akma_terminal_session_end(self);
    g_set_error_literal(error, AKMA_ERROR, (int)code, message);

    return NULL;
}

GBytes *
akma_terminal_session_first_request(AkmaTerminalSession *self, GError **error)
{
    g_autoptr(GBytes) body = NULL;
    const void *bytes;
    gsize len;

    if (self->state != STATE_NEW)
        return fail(self, error, AKMA_ERROR_INTERNAL, "the first request was made already");

    body = akma_first_request_to_json(self->request);
    bytes = body ? g_bytes_get_data(body, &len) : NULL;
    if (!bytes || !akma_schedule_digest_body(bytes, len, self->body_digest))
        return fail(self, error, AKMA_ERROR_INTERNAL, "cannot make the first request");

    self->state = STATE_ASKED;

    return g_steal_pointer(&body);
}

static bool
has_media_type(const AkmaAnswer *answer, const char *type)
{
    size_t len = strlen(type);

    return answer->content_type && g_ascii_strncasecmp(answer->content_type, type, len) == 0 &&
           (answer->content_type[len] == '\0' || strchr("; \t", answer->content_type[len]));
}

/* The answer refuses; its error says why. */
static void
refused(AkmaTerminalSession *self, const AkmaAnswer *answer, GError **error)
{
    self->cause = akma_problem_to_error(answer->status,
                                        has_media_type(answer, "application/problem+json"),
                                        answer->body,
                                        answer->len,
                                        error);
    self->retry_after_s = answer->retry_after_s;
    akma_terminal_session_end(self);
}

/* True if @answer is the expected one; else the session has ended with @error. */
static bool
check_answer(AkmaTerminalSession *self,
             const AkmaAnswer *answer,
             unsigned status,
             const char *media_type,
             GError **error)
{
    if (answer->status >= 400 && answer->status < 600) {
        refused(self, answer, error);
        return false;
    }
    if (answer->status == status && has_media_type(answer, media_type) &&
        answer->len <= AKMA_RESPONSE_MAX)
        return true;

    akma_terminal_session_end(self);
    g_set_error(error,
                AKMA_ERROR,
                AKMA_ERROR_SERVER_REFUSED,
                "the server answered %u with %zu bytes of %s, not %u with %s",
                answer->status,
                answer->len,
                has_media_type(answer, media_type) ? media_type : "another type",
                status,
                media_type);

    return false;
}

/* An envelope that does not open is not from the server; what is in it may be just wrong. */
static void *
fail_refused(AkmaTerminalSession *self, GError **error, const AkmaRefusal *refusal, AkmaError code)
{
    if (refusal->cause == AKMA_CAUSE_STORE_UNAVAILABLE)
        code = AKMA_ERROR_INTERNAL;

    return fail(self, error, code, refusal->detail);
}

static bool
derive(AkmaTerminalSession *self, const AkmaFirstResponse *response, GError **error)
{
    AkmaScheduleInput input = {
        .body_digest = self->body_digest,
        .session = response->session,
        .nonce_terminal = self->request->nonce,
        .nonce_server = response->nonce,
        .af_id = &self->af_id,
        .first_key = self->first_key,
    };

    self->keys = akma_schedule_new(&input, error);
    akma_base64url_encode(response->session, AKMA_SESSION_ID_LEN, self->id);
    if (!self->keys)
        akma_terminal_session_end(self);

    return self->keys;
}

/* M7: that `sealed` opens is the server's proof that it has the first key. */
static bool
open_offer(AkmaTerminalSession *self, const char *sealed, GError **error)
{
    AkmaRefusal refusal;
    g_autoptr(AkmaSecret) plaintext = akma_jwe_open(
        &self->keys->server, AKMA_JWE_FIRST_RESPONSE, self->id, sealed, strlen(sealed), &refusal);

    if (!plaintext) {
        fail_refused(self, error, &refusal, AKMA_ERROR_SERVER_NOT_AUTHENTIC);
        g_prefix_error(error, "first response: ");
        return false;
    }
    if (!akma_offer_from_json(plaintext, &self->offer, &refusal)) {
        fail_refused(self, error, &refusal, AKMA_ERROR_SERVER_REFUSED);
        g_prefix_error(error, "first response: ");
        return false;
    }
    if (strcmp(self->offer.server, self->fqdn) != 0) {
        akma_offer_clear(&self->offer);
        fail(self, error, AKMA_ERROR_SERVER_NOT_AUTHENTIC, "the server has another name");
        return false;
    }

    return true;
}

GBytes *
akma_terminal_session_first_response(AkmaTerminalSession *self,
                                     const AkmaAnswer *answer,
                                     const uint8_t iv[static 12],
                                     char **ret_path,
                                     GError **error)
{
    g_auto(AkmaFirstResponse) response = {0};
    g_autoptr(AkmaSecret) plaintext = NULL;
    AkmaRefusal refusal;
    GBytes *jwe;

    if (self->state != STATE_ASKED)
        return fail(self, error, AKMA_ERROR_INTERNAL, "no first request was made");
    if (!check_answer(self, answer, 201, "application/json", error))
        return NULL;
    if (!akma_first_response_from_json(answer->body, answer->len, &response, &refusal)) {
        fail_refused(self, error, &refusal, AKMA_ERROR_SERVER_REFUSED);
        g_prefix_error(error, "first response: ");
        return NULL;
    }
    if (!derive(self, &response, error) || !open_offer(self, response.sealed, error))
        return NULL;

    plaintext = akma_second_request_to_json((const char *const *)self->key_ids, NULL);
    jwe = plaintext ? akma_jwe_seal(
                          &self->keys->term, AKMA_JWE_SECOND_REQUEST, self->id, iv, plaintext, NULL)
                    : NULL;
    if (!jwe)
        return fail(self, error, AKMA_ERROR_INTERNAL, "no room left for keys");

    self->state = STATE_PROVEN;
    *ret_path = g_strdup_printf("/v1/sessions/%s/keys", self->id);

    return jwe;
}

const char *const *
akma_terminal_session_get_offered(const AkmaTerminalSession *self)
{
    return (const char *const *)self->offer.key_ids;
}

const char *
akma_terminal_session_get_terminal(const AkmaTerminalSession *self)
{
    return self->offer.terminal;
}

/* M4, M9 */
static AkmaKeySet *
open_keys(AkmaTerminalSession *self, const AkmaAnswer *answer, GError **error)
{
    AkmaRefusal refusal;
    g_autoptr(AkmaSecret) plaintext = akma_jwe_open(&self->keys->server,
                                                    AKMA_JWE_SECOND_RESPONSE,
                                                    self->id,
                                                    answer->body,
                                                    answer->len,
                                                    &refusal);
    const uint8_t *bytes;
    size_t len;

    if (!plaintext)
        return fail_refused(self, error, &refusal, AKMA_ERROR_SERVER_NOT_AUTHENTIC);

    bytes = akma_secret_peek(plaintext, &len);

    return akma_key_set_from_json(bytes, len, (const char *const *)self->key_ids, error);
}

AkmaKeySet *
akma_terminal_session_second_response(AkmaTerminalSession *self,
                                      const AkmaAnswer *answer,
                                      GError **error)
{
    AkmaKeySet *keys;

    if (self->state != STATE_PROVEN)
        return fail(self, error, AKMA_ERROR_INTERNAL, "no second request was made");
    if (!check_answer(self, answer, 200, "application/jose", error))
        return NULL;

    keys = open_keys(self, answer, error);
    if (!keys)
        g_prefix_error(error, "second response: ");
    akma_terminal_session_end(self);

    return keys;
}

AkmaCause
akma_terminal_session_get_cause(const AkmaTerminalSession *self)
{
    return self->cause;
}

unsigned
akma_terminal_session_get_retry_after_s(const AkmaTerminalSession *self)
{
    return self->retry_after_s;
}
