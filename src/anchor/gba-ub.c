/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "anchor/gba-ub.h"

#include <openssl/crypto.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"

#define MEDIA_TYPE "application/vnd.3gpp.bsf+xml"
#define NONCE_MIN  32 /* RAND and AUTN */
#define NONCE_MAX  512
#define RES_MAX    16

typedef enum {
    STATE_NEW,
    STATE_ASKED,
    STATE_CHALLENGED,
    STATE_ANSWERED,
    STATE_ENDED,
} State;

struct _AkmaUb {
    State state;
    const AkmaGbaNames *names;
    char *username;
    AkmaDigestChallenge challenge;
    char cnonce[AKMA_HEX_LEN(AKMA_DIGEST_CNONCE_LEN) + 1];
    uint8_t res[RES_MAX];
    size_t res_len;
    bool resynchronised;
};

AkmaUb *
akma_ub_new(const AkmaGbaNames *names, const char *username)
{
    AkmaUb *self = g_new0(AkmaUb, 1);

    self->names = names;
    self->username = g_strdup(username);

    return self;
}

void
akma_ub_free(AkmaUb *self)
{
    if (!self)
        return;

    OPENSSL_cleanse(self->username, strlen(self->username));
    g_free(self->username);
    akma_digest_challenge_clear(&self->challenge);
    OPENSSL_cleanse(self->res, sizeof self->res);
    g_free(self);
}

static bool
fail(AkmaUb *self, GError **error, AkmaError code, const char *message)
{
    self->state = STATE_ENDED;
    g_set_error(error, AKMA_ERROR, (int)code, "BSF: %s", message);

    return false;
}

/* Moves on if it is @from now; else it is our own mistake. */
static bool
move(AkmaUb *self, State from, State to, GError **error)
{
    if (self->state != from)
        return fail(self, error, AKMA_ERROR_INTERNAL, "a step of the bootstrapping out of order");
    self->state = to;

    return true;
}

char *
akma_ub_begin(AkmaUb *self, GError **error)
{
    if (!move(self, STATE_NEW, STATE_ASKED, error))
        return NULL;

    return akma_digest_first_authorization(self->username, self->names->host, AKMA_UB_URI);
}

static AkmaError
to_error(unsigned status)
{
    if (status >= 500)
        return AKMA_ERROR_SERVER_UNREACHABLE;
    if (status == 429)
        return AKMA_ERROR_RATE_LIMITED;

    return status >= 400 ? AKMA_ERROR_ANCHOR_REJECTED : AKMA_ERROR_SERVER_REFUSED;
}

/* An answer that is not the wanted one: who refuses, and what it means. */
static bool
refused(AkmaUb *self, const AkmaUbAnswer *answer, GError **error)
{
    self->state = STATE_ENDED;
    g_set_error(
        error, AKMA_ERROR, (int)to_error(answer->status), "BSF: it answered %u", answer->status);

    return false;
}

/* The first challenge of AKA; others are for other clients. */
static bool
take_challenge(AkmaUb *self, const AkmaUbAnswer *answer, GError **error)
{
    g_autoptr(GError) why = NULL;
    const char *const *field = answer->challenges;

    akma_digest_challenge_clear(&self->challenge);
    for (; field && *field; field++) {
        g_auto(AkmaDigestChallenge) challenge = {0};

        g_clear_error(&why);
        if (!akma_digest_parse_challenge(*field, &challenge, &why) ||
            challenge.algorithm != AKMA_DIGEST_AKAV1_MD5)
            continue;
        self->challenge = challenge;
        challenge = (AkmaDigestChallenge){0};
        return true;
    }

    return fail(self,
                error,
                AKMA_ERROR_SERVER_REFUSED,
                why ? why->message : "it does not ask for AKAv1-MD5");
}

/*= RFC 3310 3.2: nonce = base64(RAND || AUTN || server data) */
static bool
take_nonce(AkmaUb *self, uint8_t *ret_rand, uint8_t *ret_autn, GError **error)
{
    const char *nonce = self->challenge.nonce;
    uint8_t bytes[NONCE_MAX];
    size_t len;

    if (!akma_base64_decode(nonce, strlen(nonce), bytes, sizeof bytes, &len) || len < NONCE_MIN)
        return fail(self, error, AKMA_ERROR_SERVER_REFUSED, "its nonce is not RAND and AUTN");
    memcpy(ret_rand, bytes, 16);
    memcpy(ret_autn, bytes + 16, 16);

    return true;
}

bool
akma_ub_challenged(AkmaUb *self,
                   const AkmaUbAnswer *answer,
                   uint8_t ret_rand[static 16],
                   uint8_t ret_autn[static 16],
                   GError **error)
{
    if (!move(self, STATE_ASKED, STATE_CHALLENGED, error))
        return false;
    if (answer->status != 401)
        return refused(self, answer, error);
    if (!take_challenge(self, answer, error))
        return false;

    /*= TS 24.109 4.2: qop is auth-int */
    if (!self->challenge.has_auth_int)
        return fail(self, error, AKMA_ERROR_SERVER_REFUSED, "it does not offer auth-int");
    if (!akma_gba_names_allow_realm(self->names, self->challenge.realm) ||
        !akma_gba_names_allow_domain(self->names, self->challenge.domain))
        return fail(self, error, AKMA_ERROR_SERVER_REFUSED, "it calls itself by another name");

    return take_nonce(self, ret_rand, ret_autn, error);
}

static AkmaDigestInput
to_input(const AkmaUb *self)
{
    return (AkmaDigestInput){
        .challenge = &self->challenge,
        .auth_int = true,
        .username = self->username,
        .password = self->res,
        .password_len = self->res_len,
        .method = "GET",
        .uri = AKMA_UB_URI,
        .cnonce = self->cnonce,
    };
}

static char *
authorize(AkmaUb *self, const uint8_t *cnonce, const uint8_t *auts, GError **error)
{
    AkmaDigestInput input;
    char *field;

    akma_hex_encode(cnonce, AKMA_DIGEST_CNONCE_LEN, self->cnonce);
    input = to_input(self);
    field = akma_digest_authorization(&input, NULL, 0, auts, error);
    if (!field)
        self->state = STATE_ENDED;

    return field;
}

char *
akma_ub_answer(AkmaUb *self,
               const uint8_t *res,
               size_t res_len,
               const uint8_t cnonce[static AKMA_DIGEST_CNONCE_LEN],
               GError **error)
{
    g_return_val_if_fail(res_len <= sizeof self->res, NULL);

    if (!move(self, STATE_CHALLENGED, STATE_ANSWERED, error))
        return NULL;
    memcpy(self->res, res, res_len);
    self->res_len = res_len;

    return authorize(self, cnonce, NULL, error);
}

/*= TS 24.109 4.5: after a synchronisation failure AUTS goes to the BSF, which challenges again */
char *
akma_ub_resynchronise(AkmaUb *self,
                      const uint8_t auts[static 14],
                      const uint8_t cnonce[static AKMA_DIGEST_CNONCE_LEN],
                      GError **error)
{
    if (!move(self, STATE_CHALLENGED, STATE_ASKED, error))
        return NULL;
    if (self->resynchronised) {
        fail(self,
             error,
             AKMA_ERROR_ANCHOR_REJECTED,
             "the card does not take its sequence number, also after AUTS");
        return NULL;
    }
    self->resynchronised = true;

    return authorize(self, cnonce, auts, error);
}

/*= TS 24.109 4.2: the UE checks rspauth, then takes B-TID and lifetime */
bool
akma_ub_bootstrapped(
    AkmaUb *self, const AkmaUbAnswer *answer, int64_t now, AkmaGbaInfo *ret, GError **error)
{
    AkmaDigestInput input;
    AkmaGbaInfo info;
    bool proven;

    if (!move(self, STATE_ANSWERED, STATE_ENDED, error))
        return false;
    input = to_input(self);
    proven = answer->status == 200 &&
             akma_digest_check_answer(
                 &input, answer->authentication_info, answer->body, answer->len, error);
    OPENSSL_cleanse(self->res, sizeof self->res);
    if (answer->status != 200)
        return refused(self, answer, error);
    if (!proven) {
        g_prefix_error(error, "BSF: ");
        return false;
    }

    if (g_strcmp0(answer->content_type, MEDIA_TYPE) != 0)
        return fail(self, error, AKMA_ERROR_SERVER_REFUSED, "its answer is not " MEDIA_TYPE);
    if (!akma_gba_info_parse(answer->body, answer->len, &info, error)) {
        g_prefix_error(error, "BSF: ");
        return false;
    }
    if (akma_gba_info_get_left_s(&info, now) == 0)
        return fail(self,
                    error,
                    AKMA_ERROR_SERVER_REFUSED,
                    "the lifetime of its key is over already; is a clock wrong?");
    *ret = info;

    return true;
}
