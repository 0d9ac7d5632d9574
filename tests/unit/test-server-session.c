/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "session/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "proto/jwe.h"
#include "proto/problem.h"
#include "tests/fakes/exchange.h"

static const char *const anchors[] = {"akma", "gba"};

#define FOR_EACH_ANCHOR(i) for (size_t i = 0; i < G_N_ELEMENTS(anchors); i++)

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

static void
m1_first_request_names_the_anchor_and_its_key(void **state G_GNUC_UNUSED)
{
    FOR_EACH_ANCHOR(i)
    {
        g_autoptr(TestExchange) e = test_exchange_new(anchors[i]);
        const char *kid = test_exchange_vector(e, "kid");

        assert_true(first_request(e, test_exchange_vector(e, "first_request_body")));
        assert_string_equal(akma_anchor_kind_get_name(akma_server_session_get_anchor(e->server)),
                            anchors[i]);
        assert_string_equal(akma_server_session_get_kid(e->server), kid);
        assert_string_equal(akma_server_session_get_realm(e->server), strchr(kid, '@') + 1);
    }
}

static void
m2_first_response_is_the_vector(void **state G_GNUC_UNUSED)
{
    FOR_EACH_ANCHOR(i)
    {
        g_autoptr(TestExchange) e = test_exchange_new(anchors[i]);

        test_exchange_run(e, 2);

        test_exchange_assert_message(e, 2, "first_response.body");
        assert_string_equal(akma_server_session_get_id(e->server), e->session);
    }
}

static void
m3_second_request_opens_under_the_first_key(void **state G_GNUC_UNUSED)
{
    FOR_EACH_ANCHOR(i)
    {
        g_autoptr(TestExchange) e = test_exchange_new(anchors[i]);

        test_exchange_run(e, 2);
        assert_null(akma_server_session_get_asked(e->server));
        assert_true(second_request(e, e->session, test_exchange_vector(e, "second_request.jwe")));

        assert_string_equal(akma_server_session_get_asked(e->server)[0], "mqtt");
        assert_string_equal(akma_server_session_get_asked(e->server)[1], "vpn");
        assert_null(akma_server_session_get_asked(e->server)[2]);
    }
}

static void
m4_second_response_is_the_vector(void **state G_GNUC_UNUSED)
{
    FOR_EACH_ANCHOR(i)
    {
        g_autoptr(TestExchange) e = test_exchange_new(anchors[i]);

        test_exchange_run(e, 4);

        test_exchange_assert_message(e, 4, "second_response.jwe");
    }
}

static void
m5_end_leaves_no_first_key(void **state G_GNUC_UNUSED)
{
    FOR_EACH_ANCHOR(i)
    {
        g_autoptr(TestExchange) e = test_exchange_new(anchors[i]);

        test_exchange_run(e, 4);
        akma_terminal_session_end(e->terminal);
        akma_server_session_end(e->server);

        assert_true(akma_server_session_is_ended(e->server));
        assert_null(akma_server_session_get_kid(e->server));
        assert_null(akma_server_session_get_realm(e->server));
        assert_null(akma_server_session_get_hints(e->server));
        assert_null(akma_server_session_get_terminal(e->server));
        assert_null(akma_server_session_get_asked(e->server));
        assert_null(akma_server_session_get_id(e->server));
        test_exchange_assert_wiped(e);
    }
}

/* The memory test wants to find the first key between the two requests. */
static void
m5_first_key_is_held_until_the_end(void **state G_GNUC_UNUSED)
{
    FOR_EACH_ANCHOR(i)
    {
        g_autoptr(TestExchange) e = test_exchange_new(anchors[i]);
        uint8_t bytes[32];
        const uint8_t *held;
        size_t len;

        test_exchange_run(e, 2);
        akma_terminal_session_end(e->terminal);
        held = akma_secret_peek(e->first_key, &len);
        g_clear_pointer(&e->first_key, akma_secret_unref);

        test_exchange_vector_hex(e, "first_key", bytes, sizeof bytes);
        assert_memory_equal(held, bytes, sizeof bytes);
        akma_server_session_end(e->server);
        test_exchange_assert_wiped(e);
    }
}

static char *
open_first_response(TestExchange *e)
{
    AkmaKey256 key;
    AkmaRefusal refusal;
    g_auto(AkmaFirstResponse) response = {0};
    g_autoptr(AkmaSecret) plaintext = NULL;
    gsize len;
    const void *body = g_bytes_get_data(e->messages[2], &len);
    const uint8_t *text;

    assert_true(akma_first_response_from_json(body, len, &response, &refusal));
    test_exchange_vector_hex(e, "K_server", key.bytes, sizeof key.bytes);
    plaintext = akma_jwe_open(&key,
                              AKMA_JWE_FIRST_RESPONSE,
                              e->session,
                              response.sealed,
                              strlen(response.sealed),
                              &refusal);
    assert_non_null(plaintext);
    text = akma_secret_peek(plaintext, &len);

    return g_strchomp(g_strndup((const char *)text, len));
}

static void
m7_first_response_tells_what_may_be_asked_for(void **state G_GNUC_UNUSED)
{
    FOR_EACH_ANCHOR(i)
    {
        g_autoptr(TestExchange) e = test_exchange_new(anchors[i]);
        g_autofree char *text = NULL;

        test_exchange_run(e, 2);
        text = open_first_response(e);

        assert_string_equal(text,
                            "{\"server\":\"keys.example.com\",\"key_ids\":[\"mqtt\",\"vpn\"]}");
    }
}

static void
m7_a_terminal_may_ask_for_nothing(void **state G_GNUC_UNUSED)
{
    FOR_EACH_ANCHOR(i)
    {
        g_autoptr(TestExchange) e = test_exchange_new(anchors[i]);
        AkmaFirstResponseRandom random = {0};
        g_autofree char *text = NULL;

        test_exchange_vector_hex(e, "session", random.session, sizeof random.session);
        test_exchange_vector_hex(e, "nonce_server", random.nonce, sizeof random.nonce);
        assert_true(first_request(e, test_exchange_vector(e, "first_request_body")));
        e->messages[2] = akma_server_session_first_response(
            e->server, e->first_key, "terminal-1", NULL, 60, &random, &e->refusal);
        assert_non_null(e->messages[2]);
        assert_string_equal(akma_server_session_get_terminal(e->server), "terminal-1");
        text = open_first_response(e);

        assert_string_equal(
            text, "{\"server\":\"keys.example.com\",\"terminal\":\"terminal-1\",\"key_ids\":[]}");
    }
}

static void
m8_first_request_may_name_the_identifier(void **state G_GNUC_UNUSED)
{
    FOR_EACH_ANCHOR(i)
    {
        g_autoptr(TestExchange) e = test_exchange_new(anchors[i]);
        g_autoptr(TestExchange) other = test_exchange_new(anchors[i]);

        assert_true(first_request(e, test_exchange_vector(e, "first_request_body")));
        assert_string_equal(akma_server_session_get_hints(e->server)[0], "mqtt");
        assert_null(akma_server_session_get_hints(e->server)[1]);

        assert_true(first_request(other,
                                  "{\"anchor\":\"akma\",\"kid\":\"a@b\",\"nonce\":"
                                  "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}"));
        assert_null(akma_server_session_get_hints(other->server));
    }
}

static void
m9_second_response_repeats_the_identifier(void **state G_GNUC_UNUSED)
{
    FOR_EACH_ANCHOR(i)
    {
        g_autoptr(TestExchange) e = test_exchange_new(anchors[i]);
        AkmaAnswer answer = {.status = 200, .content_type = "application/jose"};
        g_autoptr(AkmaKeySet) keys = NULL;
        const AkmaKey *key;

        test_exchange_run(e, 4);
        answer.body = g_bytes_get_data(e->messages[4], &answer.len);
        keys = akma_terminal_session_second_response(e->terminal, &answer, NULL);

        key = g_ptr_array_index(keys->keys, 0);
        assert_string_equal(key->key_id, "mqtt");
    }
}

static void
expires_in_is_what_is_left_of_the_first_key(void **state G_GNUC_UNUSED)
{
    static const unsigned lifetimes[][2] = {{1, 1}, {59, 59}, {60, 60}, {86400, 60}};

    for (size_t i = 0; i < G_N_ELEMENTS(lifetimes); i++) {
        g_autoptr(TestExchange) e = test_exchange_new("akma");
        g_auto(AkmaFirstResponse) response = {0};
        AkmaFirstResponseRandom random = {0};
        gsize len;
        const void *body;

        assert_true(first_request(e, test_exchange_vector(e, "first_request_body")));
        e->messages[2] = akma_server_session_first_response(
            e->server, e->first_key, NULL, NULL, lifetimes[i][0], &random, &e->refusal);
        body = g_bytes_get_data(e->messages[2], &len);
        assert_true(akma_first_response_from_json(body, len, &response, &e->refusal));
        assert_int_equal(response.expires_in_s, lifetimes[i][1]);
    }
}

static void
full_secure_heap_is_503(void **state G_GNUC_UNUSED)
{
    g_autoptr(TestExchange) e = test_exchange_new("akma");
    g_autoptr(GPtrArray) hoard = g_ptr_array_new_with_free_func((GDestroyNotify)akma_secret_unref);
    AkmaFirstResponseRandom random = {0};
    AkmaSecret *block;
    uint8_t *room;

    assert_true(first_request(e, test_exchange_vector(e, "first_request_body")));
    for (size_t size = 32768; size >= 16; size /= 2) {
        while ((block = akma_secret_new_blank(size, &room, NULL)))
            g_ptr_array_add(hoard, block);
    }

    assert_null(akma_server_session_first_response(
        e->server, e->first_key, NULL, NULL, 60, &random, &e->refusal));
    assert_int_equal(e->refusal.cause, AKMA_CAUSE_STORE_UNAVAILABLE);
    assert_int_equal(akma_cause_get_status(e->refusal.cause), 503);
    assert_true(akma_server_session_is_ended(e->server));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(m1_first_request_names_the_anchor_and_its_key),
        cmocka_unit_test(m2_first_response_is_the_vector),
        cmocka_unit_test(m3_second_request_opens_under_the_first_key),
        cmocka_unit_test(m4_second_response_is_the_vector),
        cmocka_unit_test(m5_end_leaves_no_first_key),
        cmocka_unit_test(m5_first_key_is_held_until_the_end),
        cmocka_unit_test(m7_first_response_tells_what_may_be_asked_for),
        cmocka_unit_test(m7_a_terminal_may_ask_for_nothing),
        cmocka_unit_test(m8_first_request_may_name_the_identifier),
        cmocka_unit_test(m9_second_response_repeats_the_identifier),
        cmocka_unit_test(expires_in_is_what_is_left_of_the_first_key),
        cmocka_unit_test(full_secure_heap_is_503),
    };

    return cmocka_run_group_tests(tests, test_exchange_setup, NULL);
}
