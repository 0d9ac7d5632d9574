/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "session/terminal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "proto/json.h"
#include "proto/jwe.h"
#include "tests/fakes/exchange.h"

#define JSON    "application/json"
#define JOSE    "application/jose"
#define PROBLEM "application/problem+json"

static const char *const anchors[] = {"akma", "gba"};
static const uint8_t iv[TEST_IV_LEN];

#define FOR_EACH_ANCHOR(i) for (size_t i = 0; i < G_N_ELEMENTS(anchors); i++)

static GBytes *
first_response(TestExchange *e, unsigned status, const char *type, const char *body)
{
    AkmaAnswer answer = test_answer(status, type, body);

    g_clear_error(&e->error);

    return akma_terminal_session_first_response(e->terminal, &answer, iv, &e->path, &e->error);
}

static AkmaKeySet *
second_response(TestExchange *e, unsigned status, const char *type, const char *body)
{
    AkmaAnswer answer = test_answer(status, type, body);

    g_clear_error(&e->error);

    return akma_terminal_session_second_response(e->terminal, &answer, &e->error);
}

static void
assert_ended(TestExchange *e, AkmaError code)
{
    assert_true(g_error_matches(e->error, AKMA_ERROR, (int)code));
    assert_true(akma_terminal_session_is_ended(e->terminal));
    akma_server_session_end(e->server);
    test_exchange_assert_wiped(e);
}

/* A second response that seals @plaintext is refused. */
static void
assert_keys_refused(const char *anchor, const char *plaintext)
{
    g_autoptr(TestExchange) e = test_exchange_new(anchor);
    g_autofree char *jwe = test_exchange_seal(e, true, AKMA_JWE_SECOND_RESPONSE, plaintext);

    test_exchange_run(e, 3);
    assert_null(second_response(e, 200, JOSE, jwe));
    assert_ended(e, AKMA_ERROR_SERVER_REFUSED);
}

/* The body of the vector with member @name set to the JSON @value; NULL takes it away. */
static char *
body_with(const char *name, const char *value)
{
    g_autoptr(TestExchange) e = test_exchange_new("akma");
    json_auto_t *root = json_loads(test_exchange_vector(e, "first_response.body"), 0, NULL);
    g_autoptr(GBytes) body = NULL;
    gsize len;
    const char *text;

    if (value)
        json_object_set_new(root, name, json_loads(value, JSON_DECODE_ANY, NULL));
    else
        json_object_del(root, name);
    body = akma_json_dump(root);
    text = g_bytes_get_data(body, &len);

    return g_strndup(text, len);
}

static void
m1_first_request_is_the_vector(void **state G_GNUC_UNUSED)
{
    FOR_EACH_ANCHOR(i)
    {
        g_autoptr(TestExchange) e = test_exchange_new(anchors[i]);

        test_exchange_run(e, 1);

        test_exchange_assert_message(e, 1, "first_request_body");
    }
}

static void
m2_first_response_proves_the_server(void **state G_GNUC_UNUSED)
{
    FOR_EACH_ANCHOR(i)
    {
        g_autoptr(TestExchange) e = test_exchange_new(anchors[i]);

        test_exchange_run(e, 1);
        e->messages[3] =
            first_response(e, 201, JSON, test_exchange_vector(e, "first_response.body"));

        assert_non_null(e->messages[3]);
        assert_null(e->error);
    }
}

static void
m3_second_request_is_the_vector(void **state G_GNUC_UNUSED)
{
    FOR_EACH_ANCHOR(i)
    {
        g_autoptr(TestExchange) e = test_exchange_new(anchors[i]);
        g_autofree char *path = g_strdup_printf("/v1/sessions/%s/keys", e->session);

        test_exchange_run(e, 3);

        test_exchange_assert_message(e, 3, "second_request.jwe");
        assert_string_equal(e->path, path);
    }
}

static void
check_keys(const TestExchange *e, const AkmaKeySet *keys)
{
    g_autoptr(AkmaKeySet) expected = test_exchange_answer(e);
    const AkmaKey *key = g_ptr_array_index(keys->keys, 0);
    const AkmaKey *other = g_ptr_array_index(expected->keys, 0);
    const AkmaKeyError *row = g_ptr_array_index(keys->errors, 0);

    assert_int_equal(keys->now, 1793836900);
    assert_int_equal(keys->keys->len, 1);
    assert_string_equal(key->kid, "mqtt:3");
    assert_string_equal(key->kty, "oct");
    assert_string_equal(key->alg, "A256GCM");
    assert_string_equal(key->use, "enc");
    assert_int_equal(key->iat, 1793836800);
    assert_int_equal(key->exp, 1796428800);
    assert_string_equal(key->previous_kid, "mqtt:2");
    assert_int_equal(key->previous_exp, 1793923200);
    assert_true(akma_secret_equal(key->secret, other->secret));
    assert_int_equal(keys->errors->len, 1);
    assert_string_equal(row->key_id, "vpn");
    assert_int_equal(row->cause, AKMA_CAUSE_NOT_ENTITLED);
}

static void
m4_second_response_gives_the_second_key(void **state G_GNUC_UNUSED)
{
    FOR_EACH_ANCHOR(i)
    {
        g_autoptr(TestExchange) e = test_exchange_new(anchors[i]);
        g_autoptr(AkmaKeySet) keys = NULL;

        test_exchange_run(e, 3);
        keys = second_response(e, 200, JOSE, test_exchange_vector(e, "second_response.jwe"));

        assert_non_null(keys);
        check_keys(e, keys);
    }
}

static void
m6_second_response_leaves_no_first_key(void **state G_GNUC_UNUSED)
{
    FOR_EACH_ANCHOR(i)
    {
        g_autoptr(TestExchange) e = test_exchange_new(anchors[i]);
        AkmaKeySet *keys;

        test_exchange_run(e, 3);
        keys = second_response(e, 200, JOSE, test_exchange_vector(e, "second_response.jwe"));
        akma_key_set_free(keys);

        assert_true(akma_terminal_session_is_ended(e->terminal));
        akma_server_session_end(e->server);
        test_exchange_assert_wiped(e);
    }
}

static void
m6_end_wipes_at_any_time(void **state G_GNUC_UNUSED)
{
    FOR_EACH_ANCHOR(i)
    {
        for (unsigned last = 0; last <= 3; last++) {
            g_autoptr(TestExchange) e = test_exchange_new(anchors[i]);

            if (last > 0)
                test_exchange_run(e, last);
            akma_terminal_session_end(e->terminal);
            akma_server_session_end(e->server);
            test_exchange_assert_wiped(e);
        }
    }
}

static void
m7_first_response_tells_what_may_be_asked_for(void **state G_GNUC_UNUSED)
{
    FOR_EACH_ANCHOR(i)
    {
        g_autoptr(TestExchange) e = test_exchange_new(anchors[i]);

        test_exchange_run(e, 2);
        assert_null(akma_terminal_session_get_offered(e->terminal));
        test_exchange_run(e, 3);

        assert_string_equal(akma_terminal_session_get_offered(e->terminal)[0], "mqtt");
        assert_string_equal(akma_terminal_session_get_offered(e->terminal)[1], "vpn");
        assert_null(akma_terminal_session_get_offered(e->terminal)[2]);
        assert_null(akma_terminal_session_get_terminal(e->terminal));
    }
}

static void
m8_first_request_names_the_identifier(void **state G_GNUC_UNUSED)
{
    FOR_EACH_ANCHOR(i)
    {
        g_autoptr(TestExchange) e = test_exchange_new(anchors[i]);
        AkmaRefusal refusal;
        g_autoptr(AkmaFirstRequest) request = NULL;
        gsize len;
        const void *body;

        test_exchange_run(e, 1);
        body = g_bytes_get_data(e->messages[1], &len);
        request = akma_first_request_from_json(body, len, &refusal);

        assert_string_equal(request->key_ids[0], "mqtt");
    }
}

static void
m9_second_response_must_repeat_the_identifier(void **state G_GNUC_UNUSED)
{
    FOR_EACH_ANCHOR(i)
    {
        assert_keys_refused(anchors[i],
                            "{\"now\":1,\"keys\":[],\"errors\":["
                            "{\"key_id\":\"other\",\"cause\":\"not_entitled\"},"
                            "{\"key_id\":\"vpn\",\"cause\":\"not_entitled\"}]}");
    }
}

static void
unknown_members_are_ignored(void **state G_GNUC_UNUSED)
{
    g_autofree char *body = body_with("new", "[[[[[[[1]]]]]]]");
    g_autoptr(TestExchange) e = test_exchange_new("akma");

    test_exchange_run(e, 1);
    e->messages[3] = first_response(e, 201, JSON "; charset=utf-8", body);
    assert_non_null(e->messages[3]);
}

static void
refusals_become_causes(void **state G_GNUC_UNUSED)
{
    static const struct {
        unsigned status;
        const char *type;
        const char *body;
        AkmaCause cause;
        AkmaError error;
    } rows[] = {
        {404, PROBLEM, "{\"cause\":\"anchor_key_unknown\"}", AKMA_CAUSE_ANCHOR_KEY_UNKNOWN, 23},
        {404, PROBLEM, "{\"cause\":\"session_unknown\"}", AKMA_CAUSE_SESSION_UNKNOWN, 22},
        {403, PROBLEM, "{\"cause\":\"not_authentic\"}", AKMA_CAUSE_NOT_AUTHENTIC, 22},
        {429, PROBLEM, "{\"cause\":\"rate_limited\"}", AKMA_CAUSE_RATE_LIMITED, 9},
        {429, "text/html", "slow down", AKMA_CAUSE_RATE_LIMITED, 9},
        {503, PROBLEM, "{\"cause\":\"anchor_unavailable\"}", AKMA_CAUSE_ANCHOR_UNAVAILABLE, 20},
        {502, "text/html", "<html>", AKMA_CAUSE_NONE, 20},
        {403, "text/html", "{\"cause\":\"not_authentic\"}", AKMA_CAUSE_NONE, 22},
        {400, PROBLEM, "{\"cause\":\"not_authentic\"}", AKMA_CAUSE_NONE, 22},
        {404, PROBLEM, "{\"cause\":\"revoked\"}", AKMA_CAUSE_NONE, 22},
        {404, PROBLEM, "{", AKMA_CAUSE_NONE, 22},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(TestExchange) e = test_exchange_new("akma");
        AkmaAnswer answer = test_answer(rows[i].status, rows[i].type, rows[i].body);

        answer.retry_after_s = 7;
        test_exchange_run(e, 1);
        assert_null(
            akma_terminal_session_first_response(e->terminal, &answer, iv, &e->path, &e->error));
        assert_int_equal(akma_terminal_session_get_cause(e->terminal), rows[i].cause);
        assert_int_equal(akma_terminal_session_get_retry_after_s(e->terminal), 7);
        assert_ended(e, rows[i].error);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(m1_first_request_is_the_vector),
        cmocka_unit_test(m2_first_response_proves_the_server),
        cmocka_unit_test(m3_second_request_is_the_vector),
        cmocka_unit_test(m4_second_response_gives_the_second_key),
        cmocka_unit_test(m6_second_response_leaves_no_first_key),
        cmocka_unit_test(m6_end_wipes_at_any_time),
        cmocka_unit_test(m7_first_response_tells_what_may_be_asked_for),
        cmocka_unit_test(m8_first_request_names_the_identifier),
        cmocka_unit_test(m9_second_response_must_repeat_the_identifier),
        cmocka_unit_test(unknown_members_are_ignored),
        cmocka_unit_test(refusals_become_causes),
    };

    return cmocka_run_group_tests(tests, test_exchange_setup, NULL);
}
