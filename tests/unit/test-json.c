/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "proto/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/wiping.h"

static int
setup(void **state G_GNUC_UNUSED)
{
    akma_wiping_init();

    return akma_secret_heap_init(AKMA_SECRET_HEAP_MIN, NULL, NULL) ? 0 : -1;
}

static json_t *
load(const char *text, AkmaRefusal *ret_refusal)
{
    /* an exact copy without the final NUL, so that ASan sees a read past its end */
    g_autofree char *copy = g_memdup2(text, MAX(strlen(text), 1));

    return akma_json_load(copy, strlen(text), AKMA_REQUEST_MAX, ret_refusal);
}

static void
assert_malformed(const char *text)
{
    AkmaRefusal refusal = {0};

    assert_null(load(text, &refusal));
    assert_int_equal(refusal.cause, AKMA_CAUSE_MALFORMED);
}

static void
assert_good(const char *text)
{
    AkmaRefusal refusal;
    json_auto_t *root = load(text, &refusal);

    assert_non_null(root);
}

static void
an_object_with_white_space_is_read(void **state G_GNUC_UNUSED)
{
    assert_good("{}");
    assert_good(" \t\r\n{ \"a\" : [ 1 , true , null , \"x\" ] } \n\n  ");
    assert_good("{\"a\":-9223372036854775808,\"b\":9223372036854775807}");
}

static void
eight_levels_are_read(void **state G_GNUC_UNUSED)
{
    assert_good("{\"a\":[[[[[[[1]]]]]]]}");
    assert_good("{\"a\":\"[[[[[[[[[[\\\"[[[[\"}");
}

static void
reject_nine_levels(void **state G_GNUC_UNUSED)
{
    g_autofree char *bomb = g_strnfill(AKMA_REQUEST_MAX, '[');

    assert_malformed("{\"a\":[[[[[[[[1]]]]]]]]}");
    assert_malformed(bomb);
}

static void
reject_duplicate_members(void **state G_GNUC_UNUSED)
{
    assert_malformed("{\"a\":1,\"a\":1}");
    assert_malformed("{\"a\":{\"b\":1,\"b\":2}}");
    assert_malformed("{\"a\":1,\"\\u0061\":1}");
}

static void
reject_bytes_after_the_value(void **state G_GNUC_UNUSED)
{
    assert_malformed("{}x");
    assert_malformed("{}{}");
    assert_malformed("{},");
}

static void
reject_a_nul_byte_after_the_value(void **state G_GNUC_UNUSED)
{
    AkmaRefusal refusal;

    assert_null(akma_json_load("{}\0", 3, AKMA_REQUEST_MAX, &refusal));
    assert_int_equal(refusal.cause, AKMA_CAUSE_MALFORMED);
}

static void
reject_reals(void **state G_GNUC_UNUSED)
{
    assert_malformed("{\"a\":1.0}");
    assert_malformed("{\"a\":1e3}");
    assert_malformed("{\"a\":[{\"b\":-0.5}]}");
}

static void
reject_numbers_that_are_too_big_or_odd(void **state G_GNUC_UNUSED)
{
    assert_malformed("{\"a\":9223372036854775808}");
    assert_malformed("{\"a\":01}");
    assert_malformed("{\"a\":+1}");
    assert_malformed("{\"a\":NaN}");
}

static void
reject_nul_and_bad_utf8(void **state G_GNUC_UNUSED)
{
    assert_malformed("{\"a\":\"\\u0000\"}");
    assert_malformed("{\"\\u0000\":1}");
    assert_malformed("{\"a\":\"\xff\"}");
    assert_malformed("{\"a\":\"\xc0\xaf\"}");
    assert_malformed("{\"a\":\"\xed\xa0\x80\"}");
    assert_malformed("{\"a\":\"\\ud800\"}");
}

static void
reject_what_is_not_an_object(void **state G_GNUC_UNUSED)
{
    assert_malformed("");
    assert_malformed("[]");
    assert_malformed("1");
    assert_malformed("\"a\"");
    assert_malformed("null");
    assert_malformed("\xef\xbb\xbf{}");
}

static void
reject_truncated_at_any_byte(void **state G_GNUC_UNUSED)
{
    const char *text = "{\"a\":[1,{\"b\":\"c\\n\"}]}";

    for (size_t i = 0; i < strlen(text); i++) {
        g_autofree char *part = g_strndup(text, i);

        assert_malformed(part);
    }
}

static void
reject_oversized(void **state G_GNUC_UNUSED)
{
    AkmaRefusal refusal;

    assert_null(akma_json_load("{ }", 3, 2, &refusal));
    assert_int_equal(refusal.cause, AKMA_CAUSE_TOO_LARGE);
}

static void
members_have_bounds(void **state G_GNUC_UNUSED)
{
    AkmaRefusal refusal;
    json_auto_t *root = load("{\"n\":5,\"s\":\"abc\",\"b\":\"AAA\",\"i\":[\"a\",\"b\"]}", &refusal);
    g_auto(GStrv) ids = NULL;
    const char *text;
    uint8_t bytes[2];
    int64_t number;

    assert_true(akma_json_get_int(root, "n", 5, 5, &number));
    assert_false(akma_json_get_int(root, "n", 6, 9, &number));
    assert_false(akma_json_get_int(root, "s", 0, 9, &number));
    assert_false(akma_json_get_int(root, "none", 0, 9, &number));
    assert_true(akma_json_get_text(root, "s", 3, 3, &text));
    assert_false(akma_json_get_text(root, "s", 4, 9, &text));
    assert_false(akma_json_get_text(root, "n", 0, 9, &text));
    assert_true(akma_json_get_bytes(root, "b", bytes, sizeof bytes));
    assert_false(akma_json_get_bytes(root, "b", bytes, 1));
    assert_true(akma_json_get_key_ids(root, "i", 1, 2, &ids));
    assert_string_equal(ids[1], "b");
}

static void
output_keeps_the_order_and_has_no_white_space(void **state G_GNUC_UNUSED)
{
    json_auto_t *root = json_pack("{s:i, s:s, s:[i, i]}", "z", 1, "a", "b/c", "m", 1, 2);
    static const char expected[] = "{\"z\":1,\"a\":\"b/c\",\"m\":[1,2]}";
    g_autoptr(GBytes) text = akma_json_dump(root);
    g_autoptr(AkmaSecret) secret = akma_json_dump_secret(root, NULL);
    const uint8_t *bytes;
    size_t len;

    assert_int_equal(g_bytes_get_size(text), strlen(expected));
    assert_memory_equal(g_bytes_get_data(text, NULL), expected, strlen(expected));
    bytes = akma_secret_peek(secret, &len);
    assert_int_equal(len, strlen(expected));
    assert_memory_equal(bytes, expected, len);
}

/* What is short is written in one go, what is long in two. */
static void
output_has_any_length(void **state G_GNUC_UNUSED)
{
    for (size_t n = 1000; n <= 5000; n += n < 1050 ? 1 : 1000) {
        g_autofree char *expected = g_strdup_printf("{\"a\":\"%0*d\"}", (int)n, 1);
        g_autofree char *value = g_strdup_printf("%0*d", (int)n, 1);
        json_auto_t *root = json_pack("{s:s}", "a", value);
        g_autoptr(GBytes) text = akma_json_dump(root);
        g_autoptr(AkmaSecret) secret = akma_json_dump_secret(root, NULL);
        size_t len;
        const uint8_t *bytes = akma_secret_peek(secret, &len);

        assert_int_equal(g_bytes_get_size(text), strlen(expected));
        assert_memory_equal(g_bytes_get_data(text, NULL), expected, strlen(expected));
        assert_int_equal(len, strlen(expected));
        assert_memory_equal(bytes, expected, len);
    }
}

static void
reject_output_that_is_too_long(void **state G_GNUC_UNUSED)
{
    g_autofree char *value = g_strnfill(AKMA_SECRET_LEN_MAX, 'a');
    json_auto_t *root = json_pack("{s:s}", "a", value);
    g_autoptr(GError) error = NULL;

    assert_null(akma_json_dump_secret(root, &error));
    assert_int_equal(error->code, AKMA_ERROR_INTERNAL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_object_with_white_space_is_read),
        cmocka_unit_test(eight_levels_are_read),
        cmocka_unit_test(reject_nine_levels),
        cmocka_unit_test(reject_duplicate_members),
        cmocka_unit_test(reject_bytes_after_the_value),
        cmocka_unit_test(reject_a_nul_byte_after_the_value),
        cmocka_unit_test(reject_reals),
        cmocka_unit_test(reject_numbers_that_are_too_big_or_odd),
        cmocka_unit_test(reject_nul_and_bad_utf8),
        cmocka_unit_test(reject_what_is_not_an_object),
        cmocka_unit_test(reject_truncated_at_any_byte),
        cmocka_unit_test(reject_oversized),
        cmocka_unit_test(members_have_bounds),
        cmocka_unit_test(output_keeps_the_order_and_has_no_white_space),
        cmocka_unit_test(output_has_any_length),
        cmocka_unit_test(reject_output_that_is_too_long),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
