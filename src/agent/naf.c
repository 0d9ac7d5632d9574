/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "agent/naf.h"

#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "proto/problem.h"

#define KEY_LEN 32

struct _AkmaNaf {
    bool is_gba;
    char *kid;
    char *realm;
    AkmaSecret *password; /* base64 of the first key */
    AkmaDigestChallenge challenge;
    char cnonce[AKMA_HEX_LEN(AKMA_DIGEST_CNONCE_LEN) + 1];
    bool had_stale; /* for this key: once is enough */
    AkmaCause cause;
    unsigned retry_after_s;
};

/*= TS 24.109 5.2.2: the realm is 3GPP-bootstrapping@ and the FQDN of the NAF */
/*= TS 33.535 B.1.2: with AKMA it is 3GPP-bootstrapping-akma@ */
AkmaNaf *
akma_naf_new(const AkmaAnchor *anchor,
             const char *fqdn,
             const AkmaSecret *first_key,
             GError **error)
{
    g_autoptr(AkmaNaf) self = g_new0(AkmaNaf, 1);
    size_t len;
    const uint8_t *key = akma_secret_peek(first_key, &len);
    g_autoptr(AkmaSecret) text = NULL;
    uint8_t *bytes;

    g_return_val_if_fail(len == KEY_LEN, NULL);

    self->is_gba = g_str_equal(akma_anchor_get_kind(anchor), "gba");
    self->kid = g_strdup(akma_anchor_get_kid(anchor));
    self->realm =
        g_strconcat(self->is_gba ? "3GPP-bootstrapping@" : "3GPP-bootstrapping-akma@", fqdn, NULL);
    /* the encoder ends with a NUL, the password does not */
    text = akma_secret_new_blank(AKMA_BASE64_LEN(KEY_LEN) + 1, &bytes, error);
    if (!text)
        return NULL;
    akma_base64_encode(key, KEY_LEN, (char *)bytes);
    self->password = akma_secret_new(bytes, AKMA_BASE64_LEN(KEY_LEN), error);

    return self->password ? g_steal_pointer(&self) : NULL;
}

void
akma_naf_free(AkmaNaf *self)
{
    if (!self)
        return;

    akma_secret_unref(self->password);
    akma_digest_challenge_clear(&self->challenge);
    g_free(self->realm);
    g_free(self->kid);
    g_free(self);
}

const char *
akma_naf_get_token(const AkmaNaf *self)
{
    return self->is_gba ? "3gpp-gba" : "3gpp-akma";
}

AkmaCause
akma_naf_get_cause(const AkmaNaf *self)
{
    return self->cause;
}

unsigned
akma_naf_get_retry_after_s(const AkmaNaf *self)
{
    return self->retry_after_s;
}

static bool
has_type(const AkmaNafAnswer *answer, const char *type)
{
    return g_strcmp0(answer->content_type, type) == 0;
}

/* An answer that refuses the whole exchange. */
static void
refused(AkmaNaf *self, const AkmaNafAnswer *answer, GError **error)
{
    self->cause = akma_problem_to_error(answer->status,
                                        has_type(answer, "application/problem+json"),
                                        answer->body,
                                        answer->len,
                                        error);
    self->retry_after_s = answer->retry_after_s;
}

/* The challenge for our anchor, among those for others. */
static bool
take_challenge(AkmaNaf *self, const AkmaNafAnswer *answer, GError **error)
{
    const char *prefix = self->is_gba ? "3GPP-bootstrapping@" : "3GPP-bootstrapping-akma@";
    bool other = false;

    for (const char *const *field = answer->challenges; field && *field; field++) {
        akma_digest_challenge_clear(&self->challenge);
        if (!akma_digest_parse_challenge(*field, &self->challenge, NULL) ||
            self->challenge.algorithm == AKMA_DIGEST_AKAV1_MD5)
            continue;
        if (g_ascii_strcasecmp(self->challenge.realm, self->realm) == 0)
            return true;
        other = other || g_str_has_prefix(self->challenge.realm, prefix);
    }
    akma_digest_challenge_clear(&self->challenge);

    /*= TS 33.535 B.1.2: the FQDN in the realm is that of the TLS peer, else the UE ends */
    if (other)
        g_set_error_literal(error,
                            AKMA_ERROR,
                            AKMA_ERROR_SERVER_NOT_AUTHENTIC,
                            "the realm of the challenge names another server");
    else
        g_set_error(error,
                    AKMA_ERROR,
                    AKMA_ERROR_SERVER_REFUSED,
                    "the server does not challenge for %s",
                    self->is_gba ? "GBA" : "AKMA");

    return false;
}

bool
akma_naf_challenged(AkmaNaf *self, const AkmaNafAnswer *answer, GError **error)
{
    self->had_stale = false;
    if (answer->status == 401)
        return take_challenge(self, answer, error);
    if (answer->status >= 400)
        refused(self, answer, error);
    else
        g_set_error(error,
                    AKMA_ERROR,
                    AKMA_ERROR_SERVER_REFUSED,
                    "the server answered %u in place of a challenge",
                    answer->status);

    return false;
}

static AkmaDigestInput
to_input(const AkmaNaf *self, const char *path)
{
    size_t len;
    const uint8_t *password = akma_secret_peek(self->password, &len);

    return (AkmaDigestInput){
        .challenge = &self->challenge,
        .auth_int = self->challenge.has_auth_int,
        .username = self->kid,
        .password = password,
        .password_len = len,
        .method = "GET",
        .uri = path,
        .cnonce = self->cnonce,
    };
}

char *
akma_naf_authorize(AkmaNaf *self,
                   const char *path,
                   const uint8_t cnonce[static AKMA_DIGEST_CNONCE_LEN],
                   GError **error)
{
    AkmaDigestInput input;

    akma_hex_encode(cnonce, AKMA_DIGEST_CNONCE_LEN, self->cnonce);
    input = to_input(self, path);

    return akma_digest_authorization(&input, NULL, 0, NULL, error);
}

/* 401 to a proof: an old nonce, or the server has another key. */
static AkmaNafResult
refused_proof(AkmaNaf *self, const AkmaNafAnswer *answer, GError **error)
{
    if (!take_challenge(self, answer, error))
        return AKMA_NAF_FAILED;
    if (self->challenge.is_stale && !self->had_stale) {
        self->had_stale = true;
        return AKMA_NAF_AGAIN;
    }
    self->cause = AKMA_CAUSE_NOT_AUTHENTIC;
    g_set_error_literal(error,
                        AKMA_ERROR,
                        AKMA_ERROR_SERVER_REFUSED,
                        "the server does not take the first key as proof");

    return AKMA_NAF_FAILED;
}

AkmaNafResult
akma_naf_answered(AkmaNaf *self,
                  const AkmaNafAnswer *answer,
                  const char *path,
                  const char *key_id,
                  int64_t now,
                  AkmaKey **ret_key,
                  AkmaCause *ret_cause,
                  GError **error)
{
    const AkmaDigestInput input = to_input(self, path);
    AkmaCause cause = AKMA_CAUSE_NONE;

    if (answer->status == 401)
        return refused_proof(self, answer, error);
    if (has_type(answer, "application/problem+json"))
        cause = akma_problem_get_key_cause(answer->body, answer->len);
    if (answer->status >= 400 && cause != AKMA_CAUSE_NONE) {
        *ret_cause = cause;
        return AKMA_NAF_REFUSED;
    }
    if (answer->status >= 400) {
        refused(self, answer, error);
        return AKMA_NAF_FAILED;
    }

    if (answer->status != 200 || !has_type(answer, "application/jwk+json")) {
        g_set_error(error,
                    AKMA_ERROR,
                    AKMA_ERROR_SERVER_REFUSED,
                    "the server answered %u without a JWK",
                    answer->status);
        return AKMA_NAF_FAILED;
    }
    if (!akma_digest_check_answer(
            &input, answer->authentication_info, answer->body, answer->len, error))
        return AKMA_NAF_FAILED;
    *ret_key = akma_key_from_jwk(answer->body, answer->len, key_id, now, error);

    return *ret_key ? AKMA_NAF_KEY : AKMA_NAF_FAILED;
}
