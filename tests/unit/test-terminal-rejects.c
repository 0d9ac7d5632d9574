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

#define JSON "application/json"
#define JOSE "application/jose"

static const uint8_t iv[TEST_IV_LEN];

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

/* A first response with @body is refused with @code, and the first key is wiped. */
static void
assert_first_refused(const char *body, AkmaError code)
{
    g_autoptr(TestExchange) e = test_exchange_new("akma");

    test_exchange_run(e, 1);
    assert_null(first_response(e, 201, JSON, body));
    assert_null(e->path);
    assert_ended(e, code);
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
assert_member_refused(const char *name, const char *value)
{
    g_autofree char *body = body_with(name, value);

    assert_first_refused(body, AKMA_ERROR_SERVER_REFUSED);
}

/* The first response with another `sealed`. */
static void
assert_sealed_refused(const char *sealed, AkmaError code)
{
    g_autofree char *quoted = g_strdup_printf("\"%s\"", sealed);
    g_autofree char *body = body_with("sealed", quoted);

    assert_first_refused(body, code);
}

static void
assert_offer_refused(const char *plaintext, AkmaError code)
{
    g_autoptr(TestExchange) e = test_exchange_new("akma");
    g_autofree char *sealed = test_exchange_seal(e, true, AKMA_JWE_FIRST_RESPONSE, plaintext);

    g_clear_pointer(&e, test_exchange_free);
    assert_sealed_refused(sealed, code);
}

static void
reject_first_response_truncated(void **state G_GNUC_UNUSED)
{
    g_autoptr(TestExchange) e = test_exchange_new("akma");
    g_autofree char *body = g_strdup(test_exchange_vector(e, "first_response.body"));

    g_clear_pointer(&e, test_exchange_free);
    body[strlen(body) - 1] = '\0';
    assert_first_refused(body, AKMA_ERROR_SERVER_REFUSED);
    assert_first_refused("", AKMA_ERROR_SERVER_REFUSED);
}

static void
reject_first_response_with_bad_members(void **state G_GNUC_UNUSED)
{
    static const char *const members[][2] = {
        {"session", NULL},
        {"session", "1"},
        {"session", "\"a1rsZXtgsmFRMJcGGfRq8w==\""},
        {"session", "\"a1rsZXtgsmFRMJcGGfRq8x\""},
        {"session", "\"a1rsZXtgsmFRMJcGGfRq\""},
        {"nonce", NULL},
        {"nonce", "\"AAAA\""},
        {"expires_in", NULL},
        {"expires_in", "0"},
        {"expires_in", "61"},
        {"expires_in", "\"60\""},
        {"expires_in", "60.0"},
        {"sealed", NULL},
        {"sealed", "{}"},
        {"deep", "[[[[[[[[1]]]]]]]]"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(members); i++)
        assert_member_refused(members[i][0], members[i][1]);
}

static void
reject_first_response_with_duplicate_member(void **state G_GNUC_UNUSED)
{
    g_autoptr(TestExchange) e = test_exchange_new("akma");
    g_autofree char *body = g_strconcat(
        "{\"expires_in\":60,", test_exchange_vector(e, "first_response.body") + 1, NULL);

    g_clear_pointer(&e, test_exchange_free);
    assert_first_refused(body, AKMA_ERROR_SERVER_REFUSED);
}

static void
reject_first_response_oversized(void **state G_GNUC_UNUSED)
{
    g_autofree char *body = g_strnfill(AKMA_RESPONSE_MAX + 1, ' ');

    assert_first_refused(body, AKMA_ERROR_SERVER_REFUSED);
}

static void
reject_sealed_that_is_not_from_the_server(void **state G_GNUC_UNUSED)
{
    g_autoptr(TestExchange) e = test_exchange_new("akma");
    const char *plaintext = "{\"server\":\"keys.example.com\",\"key_ids\":[]}";
    g_autofree char *tampered = g_strdup(test_exchange_vector(e, "first_response.jwe"));
    g_autofree char *direction = test_exchange_seal(e, false, AKMA_JWE_FIRST_RESPONSE, plaintext);
    g_autofree char *type = test_exchange_seal(e, true, AKMA_JWE_SECOND_RESPONSE, plaintext);
    char *byte = strrchr(tampered, '.') - 10;

    g_clear_pointer(&e, test_exchange_free);
    *byte = *byte == 'A' ? 'B' : 'A';
    assert_sealed_refused(tampered, AKMA_ERROR_SERVER_NOT_AUTHENTIC);
    assert_sealed_refused(direction, AKMA_ERROR_SERVER_NOT_AUTHENTIC);
    assert_sealed_refused(type, AKMA_ERROR_SERVER_NOT_AUTHENTIC);
    assert_sealed_refused("a.b.c.d.e", AKMA_ERROR_SERVER_NOT_AUTHENTIC);
}

static void
reject_first_response_replayed(void **state G_GNUC_UNUSED)
{
    g_autoptr(TestExchange) e = test_exchange_new("akma");
    g_autoptr(TestExchange) gba = test_exchange_new("gba");
    g_autofree char *body = g_strdup(test_exchange_vector(gba, "first_response.body"));

    g_clear_pointer(&gba, test_exchange_free);
    g_clear_pointer(&e, test_exchange_free);
    assert_first_refused(body, AKMA_ERROR_SERVER_NOT_AUTHENTIC);
}

static void
reject_first_response_for_another_nonce(void **state G_GNUC_UNUSED)
{
    g_autofree char *body = body_with("nonce", "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"");

    assert_first_refused(body, AKMA_ERROR_SERVER_NOT_AUTHENTIC);
}

static void
reject_another_server_name(void **state G_GNUC_UNUSED)
{
    assert_offer_refused("{\"server\":\"keys.example.org\",\"key_ids\":[]}",
                         AKMA_ERROR_SERVER_NOT_AUTHENTIC);
}

static void
reject_bad_offers(void **state G_GNUC_UNUSED)
{
    static const char *const offers[] = {
        "{}",
        "{\"server\":1,\"key_ids\":[]}",
        "{\"server\":\"keys.example.com\"}",
        "{\"server\":\"keys.example.com\",\"key_ids\":[\"a\",\"a\"]}",
        "{\"server\":\"keys.example.com\",\"key_ids\":[],\"terminal\":\"a b\"}",
        "{\"server\":\"keys.example.com\",\"key_ids\":[]}x",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(offers); i++)
        assert_offer_refused(offers[i], AKMA_ERROR_SERVER_REFUSED);
}

static void
reject_second_response_that_is_not_from_the_server(void **state G_GNUC_UNUSED)
{
    static const char plaintext[] = "{\"now\":1,\"keys\":[]}";

    for (unsigned i = 0; i < 4; i++) {
        g_autoptr(TestExchange) e = test_exchange_new("akma");
        g_autofree char *tampered = g_strdup(test_exchange_vector(e, "second_response.jwe"));
        g_autofree char *direction =
            test_exchange_seal(e, false, AKMA_JWE_SECOND_RESPONSE, plaintext);
        g_autofree char *sealed = g_strdup(test_exchange_vector(e, "first_response.jwe"));
        const char *const jwes[] = {tampered, direction, sealed, "...."};

        *(strrchr(tampered, '.') - 10) ^= 1;
        test_exchange_run(e, 3);
        assert_null(second_response(e, 200, JOSE, jwes[i]));
        assert_ended(e, AKMA_ERROR_SERVER_NOT_AUTHENTIC);
    }
}

static void
reject_second_response_twice(void **state G_GNUC_UNUSED)
{
    g_autoptr(TestExchange) e = test_exchange_new("akma");
    const char *jwe = test_exchange_vector(e, "second_response.jwe");

    test_exchange_run(e, 3);
    akma_key_set_free(second_response(e, 200, JOSE, jwe));
    assert_null(second_response(e, 200, JOSE, jwe));
    assert_ended(e, AKMA_ERROR_INTERNAL);
}

static void
reject_answers_in_the_wrong_order(void **state G_GNUC_UNUSED)
{
    g_autoptr(TestExchange) e = test_exchange_new("akma");
    g_autoptr(TestExchange) other = test_exchange_new("akma");

    assert_null(first_response(e, 201, JSON, test_exchange_vector(e, "first_response.body")));
    assert_true(g_error_matches(e->error, AKMA_ERROR, AKMA_ERROR_INTERNAL));

    test_exchange_run(other, 2);
    assert_null(second_response(other, 200, JOSE, test_exchange_vector(e, "second_response.jwe")));
    assert_true(g_error_matches(other->error, AKMA_ERROR, AKMA_ERROR_INTERNAL));
    assert_true(akma_terminal_session_is_ended(other->terminal));
}

static void
reject_other_status_or_media_type(void **state G_GNUC_UNUSED)
{
    static const struct {
        unsigned status;
        const char *type;
    } rows[] = {{200, JSON}, {201, JOSE}, {201, NULL}, {201, JSON "x"}, {302, JSON}, {100, JSON}};

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(TestExchange) e = test_exchange_new("akma");

        test_exchange_run(e, 1);
        assert_null(first_response(
            e, rows[i].status, rows[i].type, test_exchange_vector(e, "first_response.body")));
        assert_ended(e, AKMA_ERROR_SERVER_REFUSED);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reject_first_response_truncated),
        cmocka_unit_test(reject_first_response_with_bad_members),
        cmocka_unit_test(reject_first_response_with_duplicate_member),
        cmocka_unit_test(reject_first_response_oversized),
        cmocka_unit_test(reject_sealed_that_is_not_from_the_server),
        cmocka_unit_test(reject_first_response_replayed),
        cmocka_unit_test(reject_first_response_for_another_nonce),
        cmocka_unit_test(reject_another_server_name),
        cmocka_unit_test(reject_bad_offers),
        cmocka_unit_test(reject_second_response_that_is_not_from_the_server),
        cmocka_unit_test(reject_second_response_twice),
        cmocka_unit_test(reject_answers_in_the_wrong_order),
        cmocka_unit_test(reject_other_status_or_media_type),
    };

    return cmocka_run_group_tests(tests, test_exchange_setup, NULL);
}
