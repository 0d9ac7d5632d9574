/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/upstream-answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define NOW INT64_C(1793836800)
#define K   "\"k\":\"AAECAwQFBgcICQoLDA0ODw\""
#define KEY                                                                                        \
    "{\"kty\":\"oct\",\"kid\":\"broker:3\",\"key_id\":\"broker\"," K ",\"iat\":1793836800,"        \
    "\"exp\":1793840400,\"alg\":\"A128GCM\",\"use\":\"enc\",\"identity\":\"broker.3.x\","          \
    "\"previous\":{\"kid\":\"broker:2\",\"exp\":1793837000}}"
#define SET(now, keys, errors) "{\"now\":" now ",\"keys\":[" keys "],\"errors\":[" errors "]}"

static const char *const asked[] = {"broker", NULL};

static AkmaKeySet *
parse(const char *text, AkmaCause *ret_cause)
{
    return akma_upstream_parse((const uint8_t *)text, strlen(text), asked, ret_cause);
}

/* What becomes of @text, an answer for "broker", for the application mqtt. */
static AkmaKeySet *
add(const char *text, int64_t base, int64_t *ret_version)
{
    char application[] = "mqtt";
    char provider[] = "fifth";
    char upstream_id[] = "broker";
    const AkmaKsUpstream wanted = {
        .application = application, .provider = provider, .upstream_id = upstream_id, .base = base};
    AkmaCause cause = AKMA_CAUSE_NONE;
    g_autoptr(AkmaKeySet) answer = parse(text, &cause);
    AkmaKeySet *set = akma_key_set_new(NOW);

    assert_non_null(answer);
    *ret_version = akma_upstream_add(set, &wanted, answer);
    assert_int_equal(set->keys->len + set->errors->len, 1);

    return set;
}

static AkmaCause
cause_of(const char *text, int64_t base)
{
    int64_t version = -1;
    g_autoptr(AkmaKeySet) set = add(text, base, &version);

    assert_true(version == 0);
    assert_int_equal(set->errors->len, 1);
    assert_string_equal(((const AkmaKeyError *)set->errors->pdata[0])->key_id, "mqtt");

    return ((const AkmaKeyError *)set->errors->pdata[0])->cause;
}

static void
a_key_gets_the_name_that_the_application_has_here(void **state)
{
    int64_t version;
    g_autoptr(AkmaKeySet) set = add(SET("1793836801", KEY, ""), 0, &version);
    const AkmaKey *key = set->keys->pdata[0];
    size_t len;

    (void)state;
    assert_true(version == 3);
    assert_string_equal(key->key_id, "mqtt");
    assert_string_equal(key->kid, "mqtt:3");
    assert_string_equal(key->previous_kid, "mqtt:2");
    assert_string_equal(key->alg, "A128GCM");
    assert_string_equal(key->use, "enc");
    assert_string_equal(key->identity, "broker.3.x");
    assert_true(key->iat == NOW && key->exp == NOW + 3600 && key->previous_exp == NOW + 200);
    assert_memory_equal(
        akma_secret_peek(key->secret, &len), "\0\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17", 16);
    assert_int_equal(len, 16);
}

static void
the_shortest_ask_again_counts(void **state)
{
    static const struct {
        const char *text;
        unsigned expected;
    } rows[] = {
        {"{\"now\":1793836800,\"keys\":[" KEY "],\"errors\":[]}", 3600},
        {"{\"now\":1793836800,\"ask_again\":7200,\"keys\":[" KEY "],\"errors\":[]}", 3600},
        {"{\"now\":1793836800,\"ask_again\":60,\"keys\":[" KEY "],\"errors\":[]}", 60},
    };
    char application[] = "mqtt";
    char upstream_id[] = "broker";
    const AkmaKsUpstream wanted = {.application = application, .upstream_id = upstream_id};

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        AkmaCause cause = AKMA_CAUSE_NONE;
        g_autoptr(AkmaKeySet) answer = parse(rows[i].text, &cause);
        g_autoptr(AkmaKeySet) set = akma_key_set_new(NOW);

        set->ask_again_s = 3600;
        akma_upstream_add(set, &wanted, answer);
        assert_int_equal(set->ask_again_s, rows[i].expected);
    }
}

static void
versions_go_on_from_the_base(void **state)
{
    int64_t version;
    g_autoptr(AkmaKeySet) set = add(SET("1793836800", KEY, ""), 40, &version);
    const AkmaKey *key = set->keys->pdata[0];

    (void)state;
    assert_true(version == 43);
    assert_string_equal(key->kid, "mqtt:43");
    assert_string_equal(key->previous_kid, "mqtt:42");
}

static void
reject_versions_that_grow_too_long(void **state)
{
    (void)state;
    assert_int_equal(cause_of(SET("1793836800", KEY, ""), INT64_C(999999999999997)),
                     AKMA_CAUSE_UPSTREAM_REFUSED);
}

static void
times_of_a_provider_whose_clock_is_wrong_become_ours(void **state)
{
    int64_t version;
    /* its clock is 1000 s behind, and its key ends in 100 s */
    g_autoptr(AkmaKeySet) set = add(SET("1793835800",
                                        "{\"kty\":\"oct\",\"kid\":\"broker:1\",\"key_id\":"
                                        "\"broker\"," K ",\"iat\":1793835000,\"exp\":1793835900,"
                                        "\"previous\":{\"kid\":\"broker:9\",\"exp\":1793835850}}",
                                        ""),
                                    0,
                                    &version);
    const AkmaKey *key = set->keys->pdata[0];

    (void)state;
    assert_true(key->iat == NOW - 800 && key->exp == NOW + 100 && key->previous_exp == NOW + 50);
}

static void
reject_a_key_that_ends_while_it_travels(void **state)
{
    (void)state;
    assert_int_equal(cause_of(SET("1793836798",
                                  "{\"kty\":\"oct\",\"kid\":\"broker:1\",\"key_id\":\"broker\"," K
                                  ",\"iat\":0,\"exp\":1793836799}",
                                  ""),
                              0),
                     AKMA_CAUSE_UPSTREAM_REFUSED);
}

static void
reject_times_that_ours_would_push_past_the_last_year(void **state)
{
    (void)state;
    assert_int_equal(cause_of(SET("0",
                                  "{\"kty\":\"oct\",\"kid\":\"broker:1\",\"key_id\":\"broker\"," K
                                  ",\"iat\":0,\"exp\":253402300799}",
                                  ""),
                              0),
                     AKMA_CAUSE_UPSTREAM_REFUSED);
}

static void
only_revoked_and_unavailable_keep_their_meaning(void **state)
{
    static const struct {
        const char *there;
        AkmaCause here;
    } rows[] = {
        {"{\"key_id\":\"broker\",\"cause\":\"revoked\"}", AKMA_CAUSE_REVOKED},
        {"{\"key_id\":\"broker\",\"cause\":\"not_entitled\"}", AKMA_CAUSE_UPSTREAM_REFUSED},
        {"{\"key_id\":\"broker\",\"cause\":\"upstream_refused\"}", AKMA_CAUSE_UPSTREAM_REFUSED},
        {"{\"key_id\":\"broker\",\"cause\":\"upstream_unavailable\"}",
         AKMA_CAUSE_UPSTREAM_UNAVAILABLE},
    };

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *text = g_strdup_printf(SET("1793836800", "", "%s"), rows[i].there);

        assert_int_equal(cause_of(text, 0), rows[i].here);
    }
}

static void
reject_answers_that_a_terminal_would_not_take(void **state)
{
    static const char *const bad[] = {
        "",
        "<html>no</html>",
        "[]",
        "{}",
        SET("1793836800", "", ""),
        SET("\"now\"", KEY, ""),
        SET("1793836800", KEY "," KEY, ""),
        SET("1793836800", KEY, "{\"key_id\":\"broker\",\"cause\":\"revoked\"}"),
        SET("1793836800", KEY, "{\"key_id\":\"other\",\"cause\":\"revoked\"}"),
        SET("1793836800", "", "{\"key_id\":\"other\",\"cause\":\"revoked\"}"),
        SET("1793836800", "", "{\"key_id\":\"broker\",\"cause\":\"malformed\"}"),
        SET("1793840400", KEY, ""), /* ended */
        SET("1793836800", KEY, "") "x",
        "{\"now\":1793836800,\"keys\":[" KEY,
        /* another key than asked, a kid of another one, a short and a long one */
        SET("1793836800",
            "{\"kty\":\"oct\",\"kid\":\"vpn:1\",\"key_id\":\"vpn\"," K ",\"iat\":0}",
            ""),
        SET("1793836800",
            "{\"kty\":\"oct\",\"kid\":\"vpn:1\",\"key_id\":\"broker\"," K ",\"iat\":0}",
            ""),
        SET("1793836800",
            "{\"kty\":\"oct\",\"kid\":\"broker:0\",\"key_id\":\"broker\"," K ",\"iat\":0}",
            ""),
        SET("1793836800",
            "{\"kty\":\"oct\",\"kid\":\"broker:1\",\"key_id\":\"broker\",\"k\":\"AAECAwQFBgc\","
            "\"iat\":0}",
            ""),
        SET("1793836800",
            "{\"kty\":\"oct\",\"kid\":\"broker:1\",\"key_id\":\"broker\",\"k\":\""
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
            "AAAAAAAAAAAAAAAAAA\",\"iat\":0}",
            ""),
    };

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        AkmaCause cause = AKMA_CAUSE_NONE;

        assert_null(parse(bad[i], &cause));
        assert_int_equal(cause, AKMA_CAUSE_UPSTREAM_REFUSED);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_gets_the_name_that_the_application_has_here),
        cmocka_unit_test(the_shortest_ask_again_counts),
        cmocka_unit_test(versions_go_on_from_the_base),
        cmocka_unit_test(reject_versions_that_grow_too_long),
        cmocka_unit_test(times_of_a_provider_whose_clock_is_wrong_become_ours),
        cmocka_unit_test(reject_a_key_that_ends_while_it_travels),
        cmocka_unit_test(reject_times_that_ours_would_push_past_the_last_year),
        cmocka_unit_test(only_revoked_and_unavailable_keep_their_meaning),
        cmocka_unit_test(reject_answers_that_a_terminal_would_not_take),
    };

    if (!akma_secret_heap_init(AKMA_SECRET_HEAP_SIZE, NULL, NULL))
        return 1;

    return cmocka_run_group_tests(tests, NULL, NULL);
}
