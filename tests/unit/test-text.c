/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* RFC 4648 10 */
static const struct {
    const char *bytes;
    const char *base64;
    const char *hex;
} rfc4648[] = {
    {"", "", ""},
    {"f", "Zg==", "66"},
    {"fo", "Zm8=", "666f"},
    {"foo", "Zm9v", "666f6f"},
    {"foob", "Zm9vYg==", "666f6f62"},
    {"fooba", "Zm9vYmE=", "666f6f6261"},
    {"foobar", "Zm9vYmFy", "666f6f626172"},
};

static void
published_vectors_encode_and_decode(void **state G_GNUC_UNUSED)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rfc4648); i++) {
        size_t len = strlen(rfc4648[i].bytes);
        char text[16];
        uint8_t back[8];
        size_t back_len;

        akma_base64_encode(rfc4648[i].bytes, len, text);
        assert_string_equal(text, rfc4648[i].base64);
        assert_int_equal(strlen(text), AKMA_BASE64_LEN(len));
        assert_true(akma_base64_decode(text, strlen(text), back, sizeof back, &back_len));
        assert_int_equal(back_len, len);
        assert_memory_equal(back, rfc4648[i].bytes, len);

        akma_base64url_encode(rfc4648[i].bytes, len, text);
        assert_int_equal(strlen(text), AKMA_BASE64URL_LEN(len));
        assert_true(g_str_has_prefix(rfc4648[i].base64, text));
        assert_true(akma_base64url_decode(text, strlen(text), back, sizeof back, &back_len));
        assert_int_equal(back_len, len);

        akma_hex_encode(rfc4648[i].bytes, len, text);
        assert_string_equal(text, rfc4648[i].hex);
        assert_true(akma_hex_decode(text, strlen(text), back, len));
        assert_memory_equal(back, rfc4648[i].bytes, len);
    }
}

static void
alphabets_differ_in_two_characters(void **state G_GNUC_UNUSED)
{
    const uint8_t in[] = {0xfb, 0xff, 0xfe};
    char text[8];
    uint8_t back[3];
    size_t len;

    akma_base64_encode(in, sizeof in, text);
    assert_string_equal(text, "+//+");
    assert_false(akma_base64url_decode(text, 4, back, sizeof back, &len));
    akma_base64url_encode(in, sizeof in, text);
    assert_string_equal(text, "-__-");
    assert_false(akma_base64_decode(text, 4, back, sizeof back, &len));
}

static void
reject_what_no_encoder_makes(void **state G_GNUC_UNUSED)
{
    static const char *const bad_url[] = {
        "Zg==", "Z", "Zh", "Zm9", "Zm 9", "Zm8\n", "Zm9v=", "Zm9vY"};
    static const char *const bad_std[] = {"Zg", "Zg=", "Zh==", "Zm9=", "====", "Z===", "Zg==Zg=="};
    uint8_t out[16];
    size_t len = 99;

    for (size_t i = 0; i < G_N_ELEMENTS(bad_url); i++)
        assert_false(akma_base64url_decode(bad_url[i], strlen(bad_url[i]), out, sizeof out, &len));
    for (size_t i = 0; i < G_N_ELEMENTS(bad_std); i++)
        assert_false(akma_base64_decode(bad_std[i], strlen(bad_std[i]), out, sizeof out, &len));
    assert_int_equal(len, 99);
}

static void
reject_more_than_fits(void **state G_GNUC_UNUSED)
{
    uint8_t out[3];
    size_t len;

    assert_false(akma_base64url_decode("Zm9vYg", 6, out, sizeof out, &len));
    assert_false(akma_hex_decode("666f6f62", 8, out, sizeof out));
    assert_false(akma_hex_decode("666f", 4, out, sizeof out));
}

static void
hex_takes_both_cases_and_nothing_else(void **state G_GNUC_UNUSED)
{
    uint8_t out[2];

    assert_true(akma_hex_decode("aBCd", 4, out, 2));
    assert_int_equal(out[0], 0xab);
    assert_int_equal(out[1], 0xcd);
    assert_false(akma_hex_decode("0x1f", 4, out, 2));
    assert_false(akma_hex_decode("ab c", 4, out, 2));
    assert_false(akma_hex_decode("abc", 3, out, 2));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_vectors_encode_and_decode),
        cmocka_unit_test(alphabets_differ_in_two_characters),
        cmocka_unit_test(reject_what_no_encoder_makes),
        cmocka_unit_test(reject_more_than_fits),
        cmocka_unit_test(hex_takes_both_cases_and_nothing_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
