/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/front.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
two_paths_are_known_and_no_other(void **state)
{
    static const char *const none[] = {"",
                                       "/",
                                       "/v1/session",
                                       "/v1/sessions/",
                                       "/v1/sessions/x",
                                       "/v1/sessions//keys",
                                       "/v1/sessions/x/keys/",
                                       "/v1/sessions/x/y/keys",
                                       "/v1/sessions/x/keys?y",
                                       "/v1/sessions?x",
                                       "/V1/sessions",
                                       "//v1/sessions"};
    const char *session;
    size_t len;

    (void)state;
    assert_int_equal(akma_front_route("/v1/sessions", &session, &len), AKMA_ROUTE_SESSIONS);
    assert_int_equal(akma_front_route("/v1/sessions/abc/keys", &session, &len), AKMA_ROUTE_KEYS);
    assert_int_equal(len, 3);
    assert_memory_equal(session, "abc", 3);
    for (size_t i = 0; i < G_N_ELEMENTS(none); i++)
        assert_int_equal(akma_front_route(none[i], &session, &len), AKMA_ROUTE_NONE);
}

static void
an_authority_is_the_name_with_any_port_or_none(void **state)
{
    static const char *const good[] = {
        "keys.example.com", "KEYS.example.com", "keys.example.com:8443", "keys.example.com:1"};
    static const char *const bad[] = {"",
                                      "keys.example.co",
                                      "keys.example.com.",
                                      "keys.example.com:",
                                      "keys.example.com:x",
                                      "keys.example.com:1x",
                                      "keys.example.com.evil.example",
                                      "user@keys.example.com",
                                      "127.0.0.1:8443"};

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(good); i++)
        assert_true(akma_front_is_for(good[i], "keys.example.com"));
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
        assert_false(akma_front_is_for(bad[i], "keys.example.com"));
    assert_false(akma_front_is_for(NULL, "keys.example.com"));
}

static void
a_media_type_may_have_parameters(void **state)
{
    (void)state;
    assert_true(akma_front_is_media_type("application/json", "application/json"));
    assert_true(akma_front_is_media_type("Application/JSON;charset=utf-8", "application/json"));
    assert_false(akma_front_is_media_type("application/jsonx", "application/json"));
    assert_false(akma_front_is_media_type("application/jose", "application/json"));
    assert_false(akma_front_is_media_type(NULL, "application/json"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_paths_are_known_and_no_other),
        cmocka_unit_test(an_authority_is_the_name_with_any_port_or_none),
        cmocka_unit_test(a_media_type_may_have_parameters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
