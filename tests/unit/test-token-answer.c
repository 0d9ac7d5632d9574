/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/anchor-token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/wiping.h"

static bool
parse(const char *body, AkmaSecret **ret_header, unsigned *ret_lifetime_s)
{
    return akma_token_answer_parse((const uint8_t *)body, strlen(body), ret_header, ret_lifetime_s);
}

/* @header is @text and the zero behind it: who takes it as a string needs that */
static void
assert_text(const AkmaSecret *header, const char *text)
{
    size_t len;
    const uint8_t *bytes = akma_secret_peek(header, &len);

    assert_int_equal(len, strlen(text) + 1);
    assert_memory_equal(bytes, text, len);
}

/*= RFC 6749 5.1: access_token, token_type in any case, expires_in perhaps */
static void
an_answer_is_the_value_of_a_field_and_how_long_it_is_kept(void **state)
{
    static const struct {
        const char *body;
        unsigned lifetime_s;
    } rows[] = {
        {"{\"access_token\":\"a-._~+/9==\",\"token_type\":\"Bearer\",\"expires_in\":3600}", 3570},
        {"{\"access_token\":\"a-._~+/9==\",\"token_type\":\"BEARER\",\"expires_in\":100}", 90},
        {"{\"access_token\":\"a-._~+/9==\",\"token_type\":\"bearer\",\"expires_in\":1}", 0},
        {"{\"access_token\":\"a-._~+/9==\",\"token_type\":\"bearer\"}", 54},
        {"{\"access_token\":\"a-._~+/9==\",\"token_type\":\"bearer\",\"expires_in\":2147483647}",
         86370},
    };

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(AkmaSecret) header = NULL;
        unsigned lifetime_s;

        assert_true(parse(rows[i].body, &header, &lifetime_s));
        assert_text(header, "Bearer a-._~+/9==");
        assert_int_equal(lifetime_s, rows[i].lifetime_s);
    }
}

/*= RFC 6750 2.1: b64token */
static void
reject_what_is_no_bearer_token(void **state)
{
    static const char *const bad[] = {
        "",
        "{}",
        "[]",
        "{\"access_token\":\"a\"}",
        "{\"token_type\":\"Bearer\"}",
        "{\"access_token\":\"\",\"token_type\":\"Bearer\"}",
        "{\"access_token\":\"=\",\"token_type\":\"Bearer\"}",
        "{\"access_token\":\"a=b\",\"token_type\":\"Bearer\"}",
        "{\"access_token\":\"a b\",\"token_type\":\"Bearer\"}",
        "{\"access_token\":\"a\\r\\nx: y\",\"token_type\":\"Bearer\"}",
        "{\"access_token\":\"a\",\"token_type\":\"mac\"}",
        "{\"access_token\":\"a\",\"token_type\":\"Bearer\",\"expires_in\":0}",
        "{\"access_token\":\"a\",\"token_type\":\"Bearer\",\"expires_in\":-1}",
        "{\"access_token\":\"a\",\"token_type\":\"Bearer\",\"expires_in\":\"60\"}",
        "{\"access_token\":\"a\",\"access_token\":\"b\",\"token_type\":\"Bearer\"}",
        "{\"access_token\":\"a\",\"token_type\":\"Bearer\"",
    };

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        AkmaSecret *header = NULL;
        unsigned lifetime_s;

        if (parse(bad[i], &header, &lifetime_s))
            fail_msg("taken: %s", bad[i]);
        assert_null(header);
    }
}

static void
reject_oversized_token(void **state)
{
    g_autofree char *token = g_strnfill(4097, 'a');
    g_autofree char *body =
        g_strdup_printf("{\"access_token\":\"%s\",\"token_type\":\"Bearer\"}", token);
    AkmaSecret *header = NULL;
    unsigned lifetime_s;

    (void)state;
    assert_false(parse(body, &header, &lifetime_s));
}

/*= RFC 6749 2.3.1: id and secret are form-encoded before they are joined */
static void
a_client_proves_itself_with_basic(void **state)
{
    g_autoptr(AkmaSecret) plain = akma_secret_new("secret", 6, NULL);
    g_autoptr(AkmaSecret) odd = akma_secret_new("p:s %\xc3\xa9", 7, NULL);
    g_autoptr(AkmaSecret) header = akma_token_basic_new("client", plain);
    g_autoptr(AkmaSecret) encoded = akma_token_basic_new("a b", odd);

    (void)state;
    /* printf client:secret | base64 */
    assert_text(header, "Basic Y2xpZW50OnNlY3JldA==");
    /* printf %s 'a%20b:p%3As%20%25%C3%A9' | base64 */
    assert_text(encoded, "Basic YSUyMGI6cCUzQXMlMjAlMjUlQzMlQTk=");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_the_value_of_a_field_and_how_long_it_is_kept),
        cmocka_unit_test(reject_what_is_no_bearer_token),
        cmocka_unit_test(reject_oversized_token),
        cmocka_unit_test(a_client_proves_itself_with_basic),
    };

    if (!akma_wiping_init() || !akma_secret_heap_init(AKMA_SECRET_HEAP_SIZE, NULL, NULL))
        return 1;

    return cmocka_run_group_tests(tests, NULL, NULL);
}
