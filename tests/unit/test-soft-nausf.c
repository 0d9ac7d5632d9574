/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/simulator/nausf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"

#define VECTOR                                                                                     \
    "\"5gAuthData\":{\"rand\":\"23553cbe9637a89d218ae64dae47bf35\","                               \
    "\"autn\":\"55f328b43577b9b94a9ffac354dfafb3\","                                               \
    "\"hxresStar\":\"000102030405060708090a0b0c0d0e0f\"}"
#define CHALLENGE(type, vector, href)                                                              \
    "{\"authType\":\"" type "\"," vector ",\"_links\":{\"5g-aka\":{\"href\":" href "}}}"
#define GOOD   CHALLENGE("5G_AKA", VECTOR, "\"/a/5g-aka-confirmation\"")
#define K_SEAF "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

static bool
parse(const char *body, size_t len, AkmaSoftChallenge *ret)
{
    g_autoptr(GError) error = NULL;
    bool fine = akma_soft_nausf_parse_challenge(body, len, ret, &error);

    assert_true(fine == !error);
    if (error)
        assert_int_equal(error->code, AKMA_ERROR_SERVER_REFUSED);

    return fine;
}

static void
assert_path(const char *href, const char *expected)
{
    g_autofree char *body = g_strdup_printf(CHALLENGE("5G_AKA", VECTOR, "\"%s\""), href);
    AkmaSoftChallenge challenge = {.confirmation = NULL};
    bool fine = parse(body, strlen(body), &challenge);

    assert_true(fine == (expected != NULL));
    if (expected)
        assert_string_equal(challenge.confirmation, expected);
    g_free(challenge.confirmation);
}

/*= TS 29.509 6.1.6.2.3: UEAuthenticationCtx with Av5gAka and the link to confirm at */
static void
a_challenge_has_its_vector_and_its_link(void **state G_GNUC_UNUSED)
{
    AkmaSoftChallenge challenge;

    assert_true(parse(GOOD, strlen(GOOD), &challenge));
    assert_int_equal(challenge.rand[0], 0x23);
    assert_int_equal(challenge.autn[15], 0xb3);
    assert_int_equal(challenge.hxres_star[15], 0x0f);
    assert_string_equal(challenge.confirmation, "/a/5g-aka-confirmation");
    g_free(challenge.confirmation);
}

static void
a_link_may_be_absolute(void **state G_GNUC_UNUSED)
{
    assert_path("http://core:7777/a/b", "/a/b");
    assert_path("https://[::1]/a", "/a");
    assert_path("/a?next=http://other/b", "/a?next=http://other/b");
}

static void
reject_links_that_are_no_path(void **state G_GNUC_UNUSED)
{
    g_autofree char *long_path = g_strnfill(1025, '/');

    assert_path("", NULL);
    assert_path("a/b", NULL);
    assert_path("http://core", NULL);
    assert_path("/a b", NULL);
    assert_path("/a\\r\\nX: y", NULL);
    assert_path("/a#b", NULL);
    assert_path("/\xc3\xa9", NULL);
    assert_path(long_path, NULL);
}

static void
reject_a_challenge_cut_at_any_byte(void **state G_GNUC_UNUSED)
{
    AkmaSoftChallenge untouched = {.confirmation = NULL};

    for (size_t len = 0; len < strlen(GOOD); len++) {
        g_autofree char *cut = g_strndup(GOOD, len);

        assert_false(parse(cut, len, &untouched));
        assert_null(untouched.confirmation);
    }
}

static void
reject_malformed_challenges(void **state G_GNUC_UNUSED)
{
    static const char *const bodies[] = {
        "[]",
        "null",
        "\"text\"",
        GOOD "x",
        "{}",
        CHALLENGE("EAP_AKA_PRIME", VECTOR, "\"/a\""),
        CHALLENGE("5G_AKA", VECTOR, "7"),
        CHALLENGE("5G_AKA", "\"5gAuthData\":[]", "\"/a\""),
        CHALLENGE("5G_AKA", "\"5gAuthData\":{\"rand\":\"00\"}", "\"/a\""),
        CHALLENGE("5G_AKA", VECTOR "," VECTOR, "\"/a\""),
        "{\"authType\":1," VECTOR "}",
        "{\"authType\":\"5G_AKA\"," VECTOR ",\"_links\":[]}",
        "{\"authType\":\"5G_AKA\"," VECTOR ",\"_links\":{\"5g-aka\":[{\"href\":\"/a\"}]}}",
    };
    AkmaSoftChallenge untouched = {.confirmation = NULL};

    for (size_t i = 0; i < G_N_ELEMENTS(bodies); i++) {
        assert_false(parse(bodies[i], strlen(bodies[i]), &untouched));
        assert_null(untouched.confirmation);
    }
}

static int
confirm(const char *body, bool *ret_has_k_seaf)
{
    g_autoptr(GError) error = NULL;
    uint8_t k_seaf[32];

    if (akma_soft_nausf_parse_confirmation(body, strlen(body), k_seaf, ret_has_k_seaf, &error))
        return -1;

    return error->code;
}

static void
a_confirmation_says_how_it_went(void **state G_GNUC_UNUSED)
{
    bool has_k_seaf = false;

    assert_int_equal(confirm("{\"authResult\":\"AUTHENTICATION_SUCCESS\",\"kseaf\":\"" K_SEAF "\"}",
                             &has_k_seaf),
                     -1);
    assert_true(has_k_seaf);
    assert_int_equal(confirm("{\"authResult\":\"AUTHENTICATION_SUCCESS\"}", &has_k_seaf), -1);
    assert_false(has_k_seaf);
    assert_int_equal(confirm("{\"authResult\":\"AUTHENTICATION_FAILURE\"}", &has_k_seaf),
                     AKMA_ERROR_ANCHOR_REJECTED);
}

static void
reject_malformed_confirmations(void **state G_GNUC_UNUSED)
{
    static const char *const bodies[] = {
        "",
        "[]",
        "{}",
        "{\"authResult\":true}",
        "{\"authResult\":\"AUTHENTICATION_SUCCESS\"",
        "{\"authResult\":\"AUTHENTICATION_SUCCESS\",\"kseaf\":\"00\"}",
        "{\"authResult\":\"AUTHENTICATION_SUCCESS\",\"kseaf\":7}",
        "{\"authResult\":\"AUTHENTICATION_SUCCESS\",\"authResult\":\"AUTHENTICATION_SUCCESS\"}",
    };
    bool has_k_seaf;

    for (size_t i = 0; i < G_N_ELEMENTS(bodies); i++)
        assert_int_equal(confirm(bodies[i], &has_k_seaf), AKMA_ERROR_SERVER_REFUSED);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_challenge_has_its_vector_and_its_link),
        cmocka_unit_test(a_link_may_be_absolute),
        cmocka_unit_test(reject_links_that_are_no_path),
        cmocka_unit_test(reject_a_challenge_cut_at_any_byte),
        cmocka_unit_test(reject_malformed_challenges),
        cmocka_unit_test(a_confirmation_says_how_it_went),
        cmocka_unit_test(reject_malformed_confirmations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
