/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "agent/naf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"

#define B_TID     "AAECAwQFBgcICQoLDA0ODw==@bsf.example"
#define PATH      "/v1/keys/mqtt"
#define REALM     "3GPP-bootstrapping@naf.example"
#define CHALLENGE "Digest realm=\"" REALM "\", nonce=\"n1\", qop=\"auth,auth-int\""
#define JWK                                                                                        \
    "{\"kty\":\"oct\",\"kid\":\"mqtt:1\",\"key_id\":\"mqtt\",\"k\":\"a2tra2tra2tra2tra2traw\","    \
    "\"iat\":100}"
/* made with Python's hashlib: the first key is 00 01 .. 1F, its base64 the password */
#define RESPONSE "f8e5b259c927d44828f012f9b9f5aba0"
#define RSPAUTH  "rspauth=\"d6f757f968ddf88695bb137b1f9b4549\""

static const uint8_t cnonce[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

typedef struct {
    AkmaNaf *naf;
    AkmaKey *key;
    AkmaCause cause;
    GError *error;
} Fixture;

static AkmaNaf *
new_naf(const char *kind)
{
    uint8_t bytes[32];
    g_autoptr(AkmaSecret) key = NULL;
    g_autoptr(AkmaAnchor) anchor = NULL;
    AkmaAfId naf_id;

    for (uint8_t i = 0; i < sizeof bytes; i++)
        bytes[i] = i;
    key = akma_secret_new(bytes, sizeof bytes, NULL);
    assert_true(akma_af_id_init(&naf_id, "naf.example", AKMA_UA_DIGEST, NULL));
    anchor = g_str_equal(kind, "gba") ? akma_anchor_new_gba(B_TID, &naf_id, key, 0, true)
                                      : akma_anchor_new("akma", "0.x@5gc.example", key);

    return akma_naf_new(anchor, "naf.example", key, NULL);
}

static int
setup(void **state)
{
    Fixture *f = g_new0(Fixture, 1);

    f->naf = new_naf("gba");
    *state = f;

    return 0;
}

static int
teardown(void **state)
{
    Fixture *f = *state;

    akma_naf_free(f->naf);
    akma_key_free(f->key);
    g_clear_error(&f->error);
    g_free(f);

    return 0;
}

static bool
challenge(Fixture *f, unsigned status, const char *field)
{
    const char *const fields[] = {"Basic realm=\"x\"", field, NULL};
    const AkmaNafAnswer answer = {.status = status, .challenges = fields};

    g_clear_error(&f->error);

    return akma_naf_challenged(f->naf, &answer, &f->error);
}

static AkmaNafResult
answer(Fixture *f, unsigned status, const char *type, const char *body, const char *info)
{
    static const char *const stale[] = {CHALLENGE ", stale=true", NULL};
    const AkmaNafAnswer got = {
        .status = status,
        .content_type = type,
        .challenges = stale,
        .authentication_info = info,
        .body = (const uint8_t *)body,
        .len = strlen(body),
        .retry_after_s = 7,
    };

    g_clear_error(&f->error);
    g_clear_pointer(&f->key, akma_key_free);

    return akma_naf_answered(f->naf, &got, PATH, "mqtt", 200, &f->key, &f->cause, &f->error);
}

static void
authorize(Fixture *f)
{
    g_autofree char *field = akma_naf_authorize(f->naf, PATH, cnonce, &f->error);

    assert_non_null(strstr(field, "username=\"" B_TID "\""));
    assert_non_null(strstr(field, "response=\"" RESPONSE "\""));
}

static void
assert_failed(Fixture *f, AkmaError code)
{
    assert_true(g_error_matches(f->error, AKMA_ERROR, (int)code));
    assert_null(strstr(f->error->message, "AAEC"));
}

/*= TS 24.109 5.2.2: the realm is 3GPP-bootstrapping@ and the FQDN of the NAF */
static void
proof_and_answer_are_those_of_the_key(void **state)
{
    Fixture *f = *state;

    assert_string_equal(akma_naf_get_token(f->naf), "3gpp-gba");
    assert_true(challenge(f, 401, CHALLENGE));
    authorize(f);
    assert_int_equal(answer(f, 200, "application/jwk+json", JWK, RSPAUTH), AKMA_NAF_KEY);
    assert_string_equal(f->key->kid, "mqtt:1");
    assert_int_equal(akma_secret_get_length(f->key->secret), 16);
}

/*= TS 33.535 B.1.2: with AKMA it is 3GPP-bootstrapping-akma@ */
/*= TS 33.535 B.1.2: the FQDN in the realm is that of the TLS peer, else the UE ends */
static void
akma_has_a_realm_and_a_token_of_its_own(void **state)
{
    Fixture *f = *state;

    akma_naf_free(f->naf);
    f->naf = new_naf("akma");
    assert_string_equal(akma_naf_get_token(f->naf), "3gpp-akma");
    assert_true(challenge(
        f, 401, "Digest realm=\"3GPP-bootstrapping-akma@naf.example\", nonce=\"n\", qop=auth"));
    assert_false(challenge(f, 401, CHALLENGE));
    assert_failed(f, AKMA_ERROR_SERVER_REFUSED);
    assert_false(challenge(
        f, 401, "Digest realm=\"3GPP-bootstrapping-akma@evil.example\", nonce=\"n\", qop=auth"));
    assert_failed(f, AKMA_ERROR_SERVER_NOT_AUTHENTIC);
}

static void
reject_a_challenge_of_somebody_else(void **state)
{
    Fixture *f = *state;

    assert_false(challenge(
        f, 401, "Digest realm=\"3GPP-bootstrapping@naf.example.evil\", nonce=\"n\", qop=auth"));
    assert_failed(f, AKMA_ERROR_SERVER_NOT_AUTHENTIC);
    assert_false(challenge(f, 401, "Digest realm=\"x\", nonce=\"n\", qop=auth"));
    assert_failed(f, AKMA_ERROR_SERVER_REFUSED);
    assert_false(challenge(
        f, 401, "Digest realm=\"" REALM "\", nonce=\"n\", qop=auth, algorithm=AKAv1-MD5"));
    assert_failed(f, AKMA_ERROR_SERVER_REFUSED);
    assert_false(challenge(f, 401, NULL));
    assert_false(challenge(f, 200, CHALLENGE));
    assert_failed(f, AKMA_ERROR_SERVER_REFUSED);
    assert_false(challenge(f, 500, CHALLENGE));
    assert_failed(f, AKMA_ERROR_SERVER_UNREACHABLE);
}

static void
reject_an_answer_without_proof(void **state)
{
    static const char *const infos[] = {
        NULL, "rspauth=\"00000000000000000000000000000000\"", RSPAUTH ", nc=00000002"};
    Fixture *f = *state;

    assert_true(challenge(f, 401, CHALLENGE));
    authorize(f);
    for (size_t i = 0; i < G_N_ELEMENTS(infos); i++) {
        assert_int_equal(answer(f, 200, "application/jwk+json", JWK, infos[i]), AKMA_NAF_FAILED);
        assert_failed(f, AKMA_ERROR_SERVER_NOT_AUTHENTIC);
    }
    assert_int_equal(answer(f, 200, "application/jwk+json", JWK " ", RSPAUTH), AKMA_NAF_FAILED);
    assert_failed(f, AKMA_ERROR_SERVER_NOT_AUTHENTIC);
    assert_int_equal(answer(f, 200, "text/plain", JWK, RSPAUTH), AKMA_NAF_FAILED);
    assert_failed(f, AKMA_ERROR_SERVER_REFUSED);
}

static void
an_old_nonce_is_replaced_once(void **state)
{
    Fixture *f = *state;

    assert_true(challenge(f, 401, CHALLENGE));
    authorize(f);
    assert_int_equal(answer(f, 401, NULL, "", NULL), AKMA_NAF_AGAIN);
    authorize(f);
    assert_int_equal(answer(f, 401, NULL, "", NULL), AKMA_NAF_FAILED);
    assert_int_equal(akma_naf_get_cause(f->naf), AKMA_CAUSE_NOT_AUTHENTIC);
}

static void
causes_of_one_key_are_no_failure(void **state)
{
    static const char problem[] = "application/problem+json";
    Fixture *f = *state;

    assert_true(challenge(f, 401, CHALLENGE));
    assert_int_equal(answer(f, 404, problem, "{\"cause\":\"not_entitled\"}", NULL),
                     AKMA_NAF_REFUSED);
    assert_int_equal(f->cause, AKMA_CAUSE_NOT_ENTITLED);
    assert_int_equal(answer(f, 403, problem, "{\"cause\":\"revoked\"}", NULL), AKMA_NAF_REFUSED);
    assert_int_equal(f->cause, AKMA_CAUSE_REVOKED);
    /* a status of the exchange is one */
    assert_int_equal(answer(f, 404, problem, "{\"cause\":\"anchor_key_unknown\"}", NULL),
                     AKMA_NAF_FAILED);
    assert_int_equal(akma_naf_get_cause(f->naf), AKMA_CAUSE_ANCHOR_KEY_UNKNOWN);
    assert_int_equal(akma_naf_get_retry_after_s(f->naf), 7);
    /* and without a type of ours it says nothing about the key */
    assert_int_equal(answer(f, 403, "text/plain", "{\"cause\":\"revoked\"}", NULL),
                     AKMA_NAF_FAILED);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(proof_and_answer_are_those_of_the_key),
        TEST(akma_has_a_realm_and_a_token_of_its_own),
        TEST(reject_a_challenge_of_somebody_else),
        TEST(reject_an_answer_without_proof),
        TEST(an_old_nonce_is_replaced_once),
        TEST(causes_of_one_key_are_no_failure),
    };

    if (!akma_secret_heap_init(AKMA_SECRET_HEAP_SIZE, NULL, NULL))
        return 1;

    return cmocka_run_group_tests_name("naf", tests, NULL, NULL);
}
