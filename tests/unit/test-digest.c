/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "anchor/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"

static AkmaDigestChallenge
parse(const char *field)
{
    AkmaDigestChallenge challenge;
    g_autoptr(GError) error = NULL;

    assert_true(akma_digest_parse_challenge(field, &challenge, &error));

    return challenge;
}

static AkmaDigestInput
to_input(const AkmaDigestChallenge *challenge, const char *password, const char *cnonce)
{
    return (AkmaDigestInput){
        .challenge = challenge,
        .username = "Mufasa",
        .password = (const uint8_t *)password,
        .password_len = strlen(password),
        .method = "GET",
        .uri = "/dir/index.html",
        .cnonce = cnonce,
    };
}

static void
assert_authorization(const AkmaDigestInput *input, const char *words)
{
    g_autofree char *field = akma_digest_authorization(input, NULL, 0, NULL, NULL);

    assert_non_null(field);
    assert_non_null(strstr(field, words));
}

/*= RFC 2617 3.2.1: a Digest field is a list of name=token and name="text" */
/*= RFC 2617 3.2.1: without algorithm it is MD5 */
/*= RFC 2617 3.2.2: response = H(H(A1):nonce:nc:cnonce:qop:H(A2)) */
static void
example_of_rfc_2617_gives_its_response(void **state G_GNUC_UNUSED)
{
    g_auto(AkmaDigestChallenge) challenge =
        parse("Digest realm=\"testrealm@host.com\", qop=\"auth,auth-int\", "
              "nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", "
              "opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"");
    AkmaDigestInput input = to_input(&challenge, "Circle Of Life", "0a4f113b");

    assert_true(challenge.has_auth && challenge.has_auth_int && !challenge.is_stale);
    assert_int_equal(challenge.algorithm, AKMA_DIGEST_MD5);
    assert_authorization(&input, "response=\"6629fae49393a05397450978507c4ef1\"");
    assert_authorization(&input, "opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"");
    assert_authorization(&input, "qop=auth, nc=00000001, cnonce=\"0a4f113b\"");
}

static void
examples_of_rfc_7616_give_their_responses(void **state G_GNUC_UNUSED)
{
    static const struct {
        const char *algorithm, *response;
    } rows[] = {
        {"MD5", "8ca523f5e9506fed4657c9700eebdbec"},
        {"SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *field =
            g_strdup_printf("digest realm=\"http-auth@example.org\",qop=\"auth, auth-int\","
                            "algorithm=%s,nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\"",
                            rows[i].algorithm);
        g_auto(AkmaDigestChallenge) challenge = parse(field);
        AkmaDigestInput input =
            to_input(&challenge, "Circle of Life", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ");

        assert_authorization(&input, rows[i].response);
    }
}

static void
reject_a_challenge_that_is_not_one(void **state G_GNUC_UNUSED)
{
    static const char *const fields[] = {
        "",
        "Basic realm=\"a\"",
        "Digest",
        "Digest ",
        "Digest realm=\"a\"",                                            /* no nonce */
        "Digest nonce=\"n\", qop=auth",                                  /* no realm */
        "Digest realm=\"a\", nonce=\"n\"",                               /* no qop */
        "Digest realm=\"a\", nonce=\"\", qop=auth",                      /* an empty one */
        "Digest realm=\"a\", nonce=\"n\", qop=other",                    /* unknown */
        "Digest realm=\"a\", nonce=\"n\", qop=auth, algorithm=MD5-sess", /* not ours */
        "Digest realm=\"a\", realm=\"a\", nonce=\"n\", qop=auth",        /* twice */
        "Digest realm=\"a\", nonce=\"n\", qop=auth, NONCE=\"m\"",        /* twice */
        "Digest realm=\"a, nonce=\"n\", qop=auth",                       /* not closed */
        "Digest realm=\"a\\\"\", nonce=\"n\", qop=auth",                 /* an escape */
        "Digest realm=\"a\x01\", nonce=\"n\", qop=auth",
        "Digest realm=\"\xc3\xa4\", nonce=\"n\", qop=auth",
        "Digest realm=\"a\" nonce=\"n\" qop=auth",           /* no commas */
        "Digest realm=\"a\", nonce=\"n\", qop=auth,",        /* one too many */
        "Digest realm=\"a\", nonce=\"n\", qop=auth, x",      /* no value */
        "Digest realm=\"a\", nonce=\"n\", qop=auth, x=",     /* no value */
        "Digest realm=\"a\", nonce=\"n\", qop=auth, =\"x\"", /* no name */
        "Digest realm=\"a\", nonce=\"n\", qop=auth, Basic realm=\"b\"",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(fields); i++) {
        AkmaDigestChallenge challenge;
        g_autoptr(GError) error = NULL;

        assert_false(akma_digest_parse_challenge(fields[i], &challenge, &error));
        assert_true(g_error_matches(error, AKMA_ERROR, AKMA_ERROR_SERVER_REFUSED));
    }
}

static void
reject_a_field_that_is_too_long(void **state G_GNUC_UNUSED)
{
    g_autofree char *long_value = g_strnfill(2049, 'x');
    g_autofree char *one =
        g_strdup_printf("Digest realm=\"a\", nonce=\"n\", qop=auth, x=\"%s\"", long_value);
    g_autoptr(GString) many = g_string_new("Digest realm=\"a\", nonce=\"n\", qop=auth");
    AkmaDigestChallenge challenge;

    for (unsigned i = 0; i < 14; i++)
        g_string_append_printf(many, ", x%u=y", i);

    assert_false(akma_digest_parse_challenge(one, &challenge, NULL));
    assert_false(akma_digest_parse_challenge(many->str, &challenge, NULL));
}

static void
reject_a_username_that_would_end_its_quotes(void **state G_GNUC_UNUSED)
{
    g_auto(AkmaDigestChallenge) challenge = parse("Digest realm=\"a\", nonce=\"n\", qop=auth");
    AkmaDigestInput input = to_input(&challenge, "p", "c");
    g_autoptr(GError) error = NULL;

    input.username = "a\", uri=\"/b";
    assert_null(akma_digest_authorization(&input, NULL, 0, NULL, &error));
    assert_non_null(error);
}

/* md5 of Python's hashlib over RFC 2617 3.2.3 for the exchange of RFC 2617 3.5, no body */
#define RSPAUTH "376602cfd2f4e8e5e78b948a85263e85"

/*= RFC 2617 3.2.3: rspauth is made with an empty method */
static void
answer_proves_that_the_server_knows_the_password(void **state G_GNUC_UNUSED)
{
    g_auto(AkmaDigestChallenge) challenge =
        parse("Digest realm=\"testrealm@host.com\", qop=\"auth\", "
              "nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\"");
    AkmaDigestInput input = to_input(&challenge, "Circle Of Life", "0a4f113b");
    g_autoptr(GError) error = NULL;

    assert_true(akma_digest_check_answer(&input,
                                         "qop=auth, rspauth=\"" RSPAUTH
                                         "\", cnonce=\"0a4f113b\", nc=00000001",
                                         NULL,
                                         0,
                                         &error));
    assert_true(akma_digest_check_answer(&input, "rspauth=\"" RSPAUTH "\"", NULL, 0, &error));
}

static void
reject_an_answer_without_that_proof(void **state G_GNUC_UNUSED)
{
    static const char *const fields[] = {
        NULL,
        "nextnonce=\"x\"",
        "rspauth=\"\"",
        "rspauth=\"076602cfd2f4e8e5e78b948a85263e85\"",
        "rspauth=\"" RSPAUTH "0\"",
        "rspauth=\"" RSPAUTH "\", cnonce=\"0a4f113c\"", /* of another request */
        "rspauth=\"" RSPAUTH "\", nc=00000002",
        "rspauth=\"" RSPAUTH "\", qop=auth-int",
    };
    g_auto(AkmaDigestChallenge) challenge =
        parse("Digest realm=\"testrealm@host.com\", qop=\"auth\", "
              "nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\"");
    AkmaDigestInput input = to_input(&challenge, "Circle Of Life", "0a4f113b");

    for (size_t i = 0; i < G_N_ELEMENTS(fields); i++) {
        g_autoptr(GError) error = NULL;

        assert_false(akma_digest_check_answer(&input, fields[i], NULL, 0, &error));
        assert_true(g_error_matches(error, AKMA_ERROR, AKMA_ERROR_SERVER_NOT_AUTHENTIC));
    }
}

static void
reject_a_malformed_authentication_info(void **state G_GNUC_UNUSED)
{
    g_auto(AkmaDigestChallenge) challenge = parse("Digest realm=\"a\", nonce=\"n\", qop=auth");
    AkmaDigestInput input = to_input(&challenge, "p", "c");
    g_autoptr(GError) error = NULL;

    assert_false(akma_digest_check_answer(&input, "rspauth=\"" RSPAUTH, NULL, 0, &error));
    assert_true(g_error_matches(error, AKMA_ERROR, AKMA_ERROR_SERVER_REFUSED));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(example_of_rfc_2617_gives_its_response),
        cmocka_unit_test(examples_of_rfc_7616_give_their_responses),
        cmocka_unit_test(reject_a_challenge_that_is_not_one),
        cmocka_unit_test(reject_a_field_that_is_too_long),
        cmocka_unit_test(reject_a_username_that_would_end_its_quotes),
        cmocka_unit_test(answer_proves_that_the_server_knows_the_password),
        cmocka_unit_test(reject_an_answer_without_that_proof),
        cmocka_unit_test(reject_a_malformed_authentication_info),
    };

    return cmocka_run_group_tests_name("digest", tests, NULL, NULL);
}
