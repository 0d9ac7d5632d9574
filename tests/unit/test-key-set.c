/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "proto/key-set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/wiping.h"
#include "tests/fakes/vectors.h"

#define OCT(members)                                                                               \
    "{\"now\":1000,\"keys\":[{\"kty\":\"oct\",\"kid\":\"a:1\",\"key_id\":\"a\","                   \
    "\"k\":\"AAAAAAAAAAAAAAAAAAAAAA\"" members "}]}"
#define IAT ",\"iat\":1"

static int
setup(void **state G_GNUC_UNUSED)
{
    akma_wiping_init();

    return akma_secret_heap_init(AKMA_SECRET_HEAP_MIN, NULL, NULL) ? 0 : -1;
}

static AkmaKeySet *
load(const char *text, const char *const *asked)
{
    return akma_key_set_from_json((const uint8_t *)text, strlen(text), asked, NULL);
}

static void
assert_refused(const char *text)
{
    g_autoptr(GError) error = NULL;

    assert_null(akma_key_set_from_json((const uint8_t *)text, strlen(text), NULL, &error));
    assert_true(g_error_matches(error, AKMA_ERROR, AKMA_ERROR_SERVER_REFUSED));
}

static const AkmaKey *
key_at(const AkmaKeySet *keys, guint i)
{
    return g_ptr_array_index(keys->keys, i);
}

static void
assert_text(const AkmaSecret *secret, const char *expected)
{
    size_t len;
    const uint8_t *bytes = akma_secret_peek(secret, &len);

    assert_int_equal(len, strlen(expected));
    assert_memory_equal(bytes, expected, len);
}

static void
vector_is_read_and_written_alike(void **state G_GNUC_UNUSED)
{
    json_t *vectors = test_vectors_load("protocol-vectors.json");
    g_autofree char *text =
        g_strdup(test_vectors_string(vectors, "akma.second_response.plaintext"));
    static const char *const asked[] = {"mqtt", "vpn", NULL};
    g_autoptr(AkmaKeySet) keys = load(text, asked);
    g_autoptr(AkmaSecret) json = akma_key_set_to_json(keys, NULL);

    assert_text(json, g_strchomp(text));
    json_decref(vectors);
}

static void
optional_members_may_be_absent(void **state G_GNUC_UNUSED)
{
    g_autoptr(AkmaKeySet) keys = load(OCT(IAT), NULL);
    const AkmaKey *key = key_at(keys, 0);

    assert_int_equal(keys->ask_again_s, 0);
    assert_int_equal(key->exp, 0);
    assert_null(key->alg);
    assert_null(key->use);
    assert_null(key->identity);
    assert_null(key->previous_kid);
    assert_int_equal(akma_secret_get_length(key->secret), 16);
}

static void
optional_members_come_back(void **state G_GNUC_UNUSED)
{
    static const char text[] =
        "{\"now\":1000,\"ask_again\":60,\"keys\":[{\"kty\":\"oct\",\"kid\":\"a:2\",\"key_id\":"
        "\"a\",\"k\":\"AAAAAAAAAAAAAAAAAAAAAA\",\"alg\":\"HS256\",\"use\":\"sig\",\"identity\":"
        "\"a.2.x\",\"iat\":1,\"exp\":1001,\"previous\":{\"kid\":\"a:1\",\"exp\":1002}}],"
        "\"errors\":[]}";
    g_autoptr(AkmaKeySet) keys = load(text, NULL);
    g_autoptr(AkmaSecret) json = akma_key_set_to_json(keys, NULL);

    assert_int_equal(keys->ask_again_s, 60);
    assert_string_equal(key_at(keys, 0)->identity, "a.2.x");
    assert_text(json, text);
}

static void
other_key_types_hold_their_known_members(void **state G_GNUC_UNUSED)
{
    static const char text[] = "{\"now\":1,\"keys\":[{\"kty\":\"OKP\",\"kid\":\"a:1\",\"key_id\":"
                               "\"a\",\"crv\":\"Ed25519\","
                               "\"x\":\"AQ\",\"d\":\"Ag\",\"iat\":0}],\"errors\":[]}";
    static const char more[] =
        "{\"now\":1,\"keys\":[{\"zzz\":\"1\",\"d\":\"Ag\",\"kty\":\"OKP\",\"kid\":\"a:1\","
        "\"key_id\":\"a\",\"crv\":\"Ed25519\",\"x\":\"AQ\",\"iat\":0}]}";
    g_autoptr(AkmaKeySet) keys = load(more, NULL);
    g_autoptr(AkmaSecret) json = akma_key_set_to_json(keys, NULL);

    assert_text(key_at(keys, 0)->secret,
                "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AQ\",\"d\":\"Ag\"}");
    assert_text(json, text);
}

static void
a_key_is_one_jwk(void **state G_GNUC_UNUSED)
{
    g_autoptr(AkmaKeySet) keys = load(OCT(IAT), NULL);
    g_autoptr(AkmaKey) copy = akma_key_copy(key_at(keys, 0));
    g_autoptr(AkmaSecret) jwk = akma_key_to_jwk(copy, NULL);

    assert_text(jwk,
                "{\"kty\":\"oct\",\"kid\":\"a:1\",\"key_id\":\"a\","
                "\"k\":\"AAAAAAAAAAAAAAAAAAAAAA\",\"iat\":1}");
}

static void
previous_that_has_ended_is_none(void **state G_GNUC_UNUSED)
{
    g_autoptr(AkmaKeySet) ended =
        load(OCT(IAT ",\"previous\":{\"kid\":\"a:2\",\"exp\":1000}"), NULL);
    g_autoptr(AkmaKeySet) accepted =
        load(OCT(IAT ",\"previous\":{\"kid\":\"a:2\",\"exp\":1001}"), NULL);

    assert_null(key_at(ended, 0)->previous_kid);
    assert_int_equal(key_at(ended, 0)->previous_exp, 0);
    assert_string_equal(key_at(accepted, 0)->previous_kid, "a:2");
}

static void
reject_previous_that_is_not_the_version_before(void **state G_GNUC_UNUSED)
{
    assert_refused(OCT(IAT ",\"previous\":{\"kid\":\"b:2\",\"exp\":2000}"));
    assert_refused(OCT(IAT ",\"previous\":{\"kid\":\"a:1\",\"exp\":2000}"));
    assert_refused(OCT(IAT ",\"previous\":{\"kid\":\"a:2\"}"));
    assert_refused(OCT(IAT ",\"previous\":\"a:2\""));
}

static void
reject_expired_keys_and_bad_times(void **state G_GNUC_UNUSED)
{
    assert_refused(OCT(IAT ",\"exp\":1000"));
    assert_refused(OCT(IAT ",\"exp\":\"2000\""));
    assert_refused(OCT(IAT ",\"exp\":999999999999999"));
    assert_refused(OCT(""));
    assert_refused(OCT(",\"iat\":-1"));
}

static void
reject_versions_that_are_not_one(void **state G_GNUC_UNUSED)
{
    static const char *const kids[] = {
        "a:0", "a:01", "a:", "a", "b:1", "a:1x", "a:-1", "a:1234567890123456", "a::1", "A:1"};

    for (size_t i = 0; i < G_N_ELEMENTS(kids); i++) {
        g_autofree char *text =
            g_strdup_printf("{\"now\":1,\"keys\":[{\"kty\":\"oct\",\"kid\":\"%s\",\"key_id\":\"a\","
                            "\"k\":\"AAAAAAAAAAAAAAAAAAAAAA\",\"iat\":1}]}",
                            kids[i]);

        assert_refused(text);
    }
}

static void
reject_key_material_of_another_form(void **state G_GNUC_UNUSED)
{
    static const char *const tails[] = {
        "\"kty\":\"oct\"",
        "\"kty\":\"oct\",\"k\":\"AAAA\"",
        "\"kty\":\"oct\",\"k\":\"AAAAAAAAAAAAAAAAAAAAAB\"",
        "\"kty\":\"oct\",\"k\":\"AAAAAAAAAAAAAAAAAAAAAA==\"",
        "\"kty\":\"oct\",\"k\":1",
        "\"k\":\"AAAAAAAAAAAAAAAAAAAAAA\"",
        "\"kty\":\"XYZ\",\"k\":\"AAAAAAAAAAAAAAAAAAAAAA\"",
        "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AQ\"",
        "\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"A Q\"",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(tails); i++) {
        g_autofree char *text = g_strdup_printf(
            "{\"now\":1,\"keys\":[{\"kid\":\"a:1\",\"key_id\":\"a\",\"iat\":1,%s}]}", tails[i]);

        assert_refused(text);
    }
}

static void
reject_key_longer_than_64_bytes(void **state G_GNUC_UNUSED)
{
    g_autofree char *k = g_strnfill(87, 'A');
    g_autofree char *text =
        g_strdup_printf("{\"now\":1,\"keys\":[{\"kid\":\"a:1\",\"key_id\":\"a\","
                        "\"kty\":\"oct\",\"iat\":1,\"k\":\"%s\"}]}",
                        k);

    assert_refused(text);
}

static void
reject_bad_names(void **state G_GNUC_UNUSED)
{
    assert_refused(OCT(IAT ",\"identity\":\"a:b\""));
    assert_refused(OCT(IAT ",\"identity\":\"\""));
    assert_refused(OCT(IAT ",\"alg\":\"a b\""));
    assert_refused(OCT(IAT ",\"use\":1"));
}

static void
reject_ask_again_out_of_bounds(void **state G_GNUC_UNUSED)
{
    assert_refused("{\"now\":1,\"ask_again\":59,\"keys\":[]}");
    assert_refused("{\"now\":1,\"ask_again\":604801,\"keys\":[]}");
    assert_refused("{\"now\":1,\"ask_again\":\"60\",\"keys\":[]}");
}

static void
reject_sets_of_another_form(void **state G_GNUC_UNUSED)
{
    assert_refused("{}");
    assert_refused("{\"now\":1}");
    assert_refused("{\"keys\":[]}");
    assert_refused("{\"now\":-1,\"keys\":[]}");
    assert_refused("{\"now\":1,\"keys\":{}}");
    assert_refused("{\"now\":1,\"keys\":[1]}");
    assert_refused("{\"now\":1,\"keys\":[],\"errors\":{}}");
    assert_refused("{\"now\":1,\"keys\":[],\"errors\":[{\"key_id\":\"a\"}]}");
    assert_refused(
        "{\"now\":1,\"keys\":[],\"errors\":[{\"key_id\":\"a\",\"cause\":\"malformed\"}]}");
    assert_refused("{\"now\":1,\"keys\":[],\"errors\":[{\"key_id\":\"A\",\"cause\":\"revoked\"}]}");
    assert_refused("{\"now\":1,\"keys\":[],\"keys\":[]}");
}

/* M9: each identifier that was asked for stands exactly once, and no other. */
static void
reject_answers_to_another_question(void **state G_GNUC_UNUSED)
{
    static const char *const a[] = {"a", NULL};
    static const char *const b[] = {"b", NULL};
    static const char *const both[] = {"a", "b", NULL};
    static const char twice[] = "{\"now\":1,\"keys\":[],\"errors\":["
                                "{\"key_id\":\"a\",\"cause\":\"revoked\"},"
                                "{\"key_id\":\"a\",\"cause\":\"revoked\"}]}";
    g_autoptr(AkmaKeySet) good = load(OCT(IAT), a);

    assert_non_null(good);
    assert_null(load(OCT(IAT), b));
    assert_null(load(OCT(IAT), both));
    assert_null(load(twice, a));
    assert_null(load(twice, NULL));
}

static void
identifiers_have_one_form(void **state G_GNUC_UNUSED)
{
    g_autofree char *longest = g_strnfill(64, 'a');
    g_autofree char *longer = g_strnfill(65, 'a');

    assert_true(akma_key_id_is_valid("mqtt"));
    assert_true(akma_key_id_is_valid("0.a_b-c"));
    assert_true(akma_key_id_is_valid(longest));
    assert_false(akma_key_id_is_valid(longer));
    assert_false(akma_key_id_is_valid(""));
    assert_false(akma_key_id_is_valid(".a"));
    assert_false(akma_key_id_is_valid("-a"));
    assert_false(akma_key_id_is_valid("A"));
    assert_false(akma_key_id_is_valid("a:b"));
    assert_false(akma_key_id_is_valid("a/b"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vector_is_read_and_written_alike),
        cmocka_unit_test(optional_members_may_be_absent),
        cmocka_unit_test(optional_members_come_back),
        cmocka_unit_test(other_key_types_hold_their_known_members),
        cmocka_unit_test(a_key_is_one_jwk),
        cmocka_unit_test(previous_that_has_ended_is_none),
        cmocka_unit_test(reject_previous_that_is_not_the_version_before),
        cmocka_unit_test(reject_expired_keys_and_bad_times),
        cmocka_unit_test(reject_versions_that_are_not_one),
        cmocka_unit_test(reject_key_material_of_another_form),
        cmocka_unit_test(reject_key_longer_than_64_bytes),
        cmocka_unit_test(reject_bad_names),
        cmocka_unit_test(reject_ask_again_out_of_bounds),
        cmocka_unit_test(reject_sets_of_another_form),
        cmocka_unit_test(reject_answers_to_another_question),
        cmocka_unit_test(identifiers_have_one_form),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
