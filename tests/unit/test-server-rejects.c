/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "session/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "proto/jwe.h"
#include "proto/problem.h"
#include "tests/fakes/exchange.h"

static bool
first_request(TestExchange *e, const char *body)
{
    return akma_server_session_first_request(
        e->server, (const uint8_t *)body, strlen(body), &e->refusal);
}

static bool
second_request(TestExchange *e, const char *session, const char *jwe)
{
    return akma_server_session_second_request(
        e->server, session, (const uint8_t *)jwe, strlen(jwe), &e->refusal);
}

/* The second request @jwe is refused with @cause, and the session is over. */
static void
assert_second_refused(TestExchange *e, const char *jwe, AkmaCause cause)
{
    test_exchange_run(e, 2);
    assert_false(second_request(e, e->session, jwe));
    assert_int_equal(e->refusal.cause, cause);
    assert_true(akma_server_session_is_ended(e->server));
    akma_terminal_session_end(e->terminal);
    test_exchange_assert_wiped(e);
}

static void
reject_first_key_that_has_ended_or_has_another_length(void **state G_GNUC_UNUSED)
{
    for (unsigned i = 0; i < 2; i++) {
        g_autoptr(TestExchange) e = test_exchange_new("akma");
        g_autoptr(AkmaSecret) shorter = akma_secret_new("0123456789abcdef", 16, NULL);
        AkmaFirstResponseRandom random = {0};

        assert_true(first_request(e, test_exchange_vector(e, "first_request_body")));
        assert_null(akma_server_session_first_response(e->server,
                                                       i == 0 ? shorter : e->first_key,
                                                       NULL,
                                                       NULL,
                                                       i == 0 ? 60 : 0,
                                                       &random,
                                                       &e->refusal));
        assert_int_equal(e->refusal.cause, AKMA_CAUSE_ANCHOR_REFUSED);
        assert_true(akma_server_session_is_ended(e->server));
    }
}

static void
reject_second_request_truncated(void **state G_GNUC_UNUSED)
{
    g_autoptr(TestExchange) e = test_exchange_new("akma");
    g_autofree char *jwe = g_strdup(test_exchange_vector(e, "second_request.jwe"));

    jwe[strlen(jwe) - 1] = '\0';
    assert_second_refused(e, jwe, AKMA_CAUSE_MALFORMED);
}

static void
reject_second_request_tampered(void **state G_GNUC_UNUSED)
{
    g_autoptr(TestExchange) e = test_exchange_new("akma");
    g_autofree char *jwe = g_strdup(test_exchange_vector(e, "second_request.jwe"));
    char *byte = strrchr(jwe, '.') - 10;

    *byte = *byte == 'A' ? 'B' : 'A';
    assert_second_refused(e, jwe, AKMA_CAUSE_NOT_AUTHENTIC);
}

static void
reject_second_request_under_another_first_key(void **state G_GNUC_UNUSED)
{
    g_autoptr(TestExchange) e = test_exchange_new("akma");
    uint8_t other[32] = {0};

    g_clear_pointer(&e->first_key, akma_secret_unref);
    e->first_key = akma_secret_new(other, sizeof other, NULL);
    assert_second_refused(
        e, test_exchange_vector(e, "second_request.jwe"), AKMA_CAUSE_NOT_AUTHENTIC);
}

static void
reject_second_request_in_the_wrong_direction(void **state G_GNUC_UNUSED)
{
    g_autoptr(TestExchange) e = test_exchange_new("akma");
    g_autofree char *jwe =
        test_exchange_seal(e, true, AKMA_JWE_SECOND_REQUEST, "{\"key_ids\":[\"mqtt\"]}");

    assert_second_refused(e, jwe, AKMA_CAUSE_NOT_AUTHENTIC);
}

static void
reject_second_request_of_another_type(void **state G_GNUC_UNUSED)
{
    g_autoptr(TestExchange) e = test_exchange_new("akma");
    g_autofree char *jwe =
        test_exchange_seal(e, false, AKMA_JWE_SECOND_RESPONSE, "{\"key_ids\":[\"mqtt\"]}");

    assert_second_refused(e, jwe, AKMA_CAUSE_MALFORMED);
}

static const char seventeen[] = "{\"key_ids\":[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\",\"h\","
                                "\"i\",\"j\",\"k\",\"l\",\"m\",\"n\",\"o\",\"p\",\"q\"]}";

static void
reject_second_request_with_bad_plaintext(void **state G_GNUC_UNUSED)
{
    static const char *const plaintexts[] = {
        "{}",
        "[]",
        "{\"key_ids\":[]}",
        "{\"key_ids\":\"mqtt\"}",
        "{\"key_ids\":[\"mqtt\",\"mqtt\"]}",
        "{\"key_ids\":[\"Mqtt\"]}",
        "{\"key_ids\":[1]}",
        "{\"key_ids\":[\"mqtt\"],\"key_ids\":[\"vpn\"]}",
        "{\"key_ids\":[\"mqtt\"]} x",
        "{\"key_ids\":[\"mqtt\"],\"x\":1.5}",
        "{\"key_ids\":[\"mq\\u0000tt\"]}",
        "{\"key_ids\":[\"mqtt\"],\"x\":\"\xff\"}",
        seventeen,
    };

    for (size_t i = 0; i < G_N_ELEMENTS(plaintexts); i++) {
        g_autoptr(TestExchange) e = test_exchange_new("akma");
        g_autofree char *jwe = test_exchange_seal(e, false, AKMA_JWE_SECOND_REQUEST, plaintexts[i]);

        assert_second_refused(e, jwe, AKMA_CAUSE_MALFORMED);
    }
}

static void
reject_second_request_oversized(void **state G_GNUC_UNUSED)
{
    g_autoptr(TestExchange) e = test_exchange_new("akma");
    g_autofree char *jwe = g_strnfill(AKMA_REQUEST_MAX + 1, 'A');

    assert_second_refused(e, jwe, AKMA_CAUSE_TOO_LARGE);
}

static void
reject_second_request_for_another_session(void **state G_GNUC_UNUSED)
{
    g_autoptr(TestExchange) e = test_exchange_new("akma");

    test_exchange_run(e, 2);
    assert_false(
        second_request(e, "AAAAAAAAAAAAAAAAAAAAAA", test_exchange_vector(e, "second_request.jwe")));
    assert_int_equal(e->refusal.cause, AKMA_CAUSE_SESSION_UNKNOWN);
    assert_true(akma_server_session_is_ended(e->server));
}

static void
reject_second_request_of_another_exchange(void **state G_GNUC_UNUSED)
{
    g_autoptr(TestExchange) e = test_exchange_new("akma");
    g_autoptr(TestExchange) gba = test_exchange_new("gba");
    g_autofree char *jwe = g_strdup(test_exchange_vector(gba, "second_request.jwe"));

    g_clear_pointer(&gba, test_exchange_free);
    assert_second_refused(e, jwe, AKMA_CAUSE_MALFORMED);
}

static void
reject_second_request_twice(void **state G_GNUC_UNUSED)
{
    g_autoptr(TestExchange) e = test_exchange_new("akma");
    g_autoptr(AkmaKeySet) answer = NULL;
    static const uint8_t iv[12];

    test_exchange_run(e, 2);
    assert_true(second_request(e, e->session, test_exchange_vector(e, "second_request.jwe")));
    assert_false(second_request(e, e->session, test_exchange_vector(e, "second_request.jwe")));
    assert_int_equal(e->refusal.cause, AKMA_CAUSE_SESSION_USED);
    assert_false(akma_server_session_is_ended(e->server));

    /* the first one is still answered */
    answer = test_exchange_answer(e);
    e->messages[4] = akma_server_session_second_response(e->server, answer, iv, &e->refusal);
    assert_non_null(e->messages[4]);
}

static void
reject_second_request_replayed_after_the_answer(void **state G_GNUC_UNUSED)
{
    g_autoptr(TestExchange) e = test_exchange_new("akma");

    test_exchange_run(e, 4);
    akma_server_session_end(e->server);
    assert_false(second_request(e, e->session, test_exchange_vector(e, "second_request.jwe")));
    assert_int_equal(e->refusal.cause, AKMA_CAUSE_SESSION_UNKNOWN);
}

/* The shell's timer ends it; what comes late meets no session. */
static void
reject_second_request_late(void **state G_GNUC_UNUSED)
{
    g_autoptr(TestExchange) e = test_exchange_new("akma");

    test_exchange_run(e, 2);
    akma_server_session_end(e->server);
    assert_false(second_request(e, e->session, test_exchange_vector(e, "second_request.jwe")));
    assert_int_equal(e->refusal.cause, AKMA_CAUSE_SESSION_UNKNOWN);
    akma_terminal_session_end(e->terminal);
    test_exchange_assert_wiped(e);
}

static void
reject_wrong_order(void **state G_GNUC_UNUSED)
{
    g_autoptr(TestExchange) early = test_exchange_new("akma");
    g_autoptr(TestExchange) twice = test_exchange_new("akma");
    g_autoptr(TestExchange) unasked = test_exchange_new("akma");
    g_autoptr(AkmaKeySet) answer = test_exchange_answer(unasked);
    const char *body = test_exchange_vector(twice, "first_request_body");
    AkmaFirstResponseRandom random = {0};

    assert_false(second_request(early, "", test_exchange_vector(early, "second_request.jwe")));
    assert_int_equal(early->refusal.cause, AKMA_CAUSE_SESSION_UNKNOWN);

    assert_true(first_request(twice, body));
    assert_false(first_request(twice, body));
    assert_int_equal(twice->refusal.cause, AKMA_CAUSE_MALFORMED);
    assert_null(akma_server_session_first_response(
        twice->server, twice->first_key, NULL, NULL, 60, &random, &twice->refusal));
    assert_int_equal(twice->refusal.cause, AKMA_CAUSE_SESSION_UNKNOWN);

    test_exchange_run(unasked, 2);
    assert_null(
        akma_server_session_second_response(unasked->server, answer, random.iv, &unasked->refusal));
    assert_int_equal(unasked->refusal.cause, AKMA_CAUSE_SESSION_UNKNOWN);
}

/* A terminal refuses more than 64 KiB, so it is not sent. */
static void
reject_answer_that_is_oversized(void **state G_GNUC_UNUSED)
{
    g_autoptr(TestExchange) e = test_exchange_new("akma");
    g_autoptr(AkmaKeySet) answer = test_exchange_answer(e);
    AkmaKey *key = g_ptr_array_index(answer->keys, 0);
    static const uint8_t iv[TEST_IV_LEN];

    key->identity = g_strnfill(60000, 'A');
    test_exchange_run(e, 2);
    assert_true(second_request(e, e->session, test_exchange_vector(e, "second_request.jwe")));

    assert_null(akma_server_session_second_response(e->server, answer, iv, &e->refusal));
    assert_int_equal(e->refusal.cause, AKMA_CAUSE_STORE_UNAVAILABLE);
    assert_true(akma_server_session_is_ended(e->server));
}

static void
reject_answer_that_was_not_asked_for(void **state G_GNUC_UNUSED)
{
    g_autoptr(TestExchange) e = test_exchange_new("akma");
    g_autoptr(AkmaKeySet) answer = akma_key_set_new(1793836900);
    static const uint8_t iv[12];

    akma_key_set_add_error(answer, "mqtt", AKMA_CAUSE_NOT_ENTITLED);
    test_exchange_run(e, 3);
    assert_true(second_request(e, e->session, test_exchange_vector(e, "second_request.jwe")));
    assert_null(akma_server_session_second_response(e->server, answer, iv, &e->refusal));
    assert_int_equal(e->refusal.cause, AKMA_CAUSE_STORE_UNAVAILABLE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reject_first_key_that_has_ended_or_has_another_length),
        cmocka_unit_test(reject_second_request_truncated),
        cmocka_unit_test(reject_second_request_tampered),
        cmocka_unit_test(reject_second_request_under_another_first_key),
        cmocka_unit_test(reject_second_request_in_the_wrong_direction),
        cmocka_unit_test(reject_second_request_of_another_type),
        cmocka_unit_test(reject_second_request_with_bad_plaintext),
        cmocka_unit_test(reject_second_request_oversized),
        cmocka_unit_test(reject_second_request_for_another_session),
        cmocka_unit_test(reject_second_request_of_another_exchange),
        cmocka_unit_test(reject_second_request_twice),
        cmocka_unit_test(reject_second_request_replayed_after_the_answer),
        cmocka_unit_test(reject_second_request_late),
        cmocka_unit_test(reject_wrong_order),
        cmocka_unit_test(reject_answer_that_is_oversized),
        cmocka_unit_test(reject_answer_that_was_not_asked_for),
    };

    return cmocka_run_group_tests(tests, test_exchange_setup, NULL);
}
