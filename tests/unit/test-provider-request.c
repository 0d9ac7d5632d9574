/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "proto/provider-request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define TERMINAL "BLh4Zj3oPpGFeezokhvIDTEKPVX1xtZ1jNN7sEQAcg4"

static bool
parse(const char *json, AkmaProviderRequest *ret, AkmaRefusal *ret_refusal)
{
    return akma_provider_request_from_json((const uint8_t *)json, strlen(json), ret, ret_refusal);
}

static void
what_is_written_is_read(void **state)
{
    const char *const ids[] = {"mqtt", "vpn-2", NULL};
    g_autoptr(GBytes) json = akma_provider_request_to_json(TERMINAL, ids);
    g_auto(AkmaProviderRequest) request = {0};
    AkmaRefusal refusal;
    gsize len;
    const uint8_t *bytes = g_bytes_get_data(json, &len);

    (void)state;
    assert_int_equal(len,
                     strlen("{\"terminal\":\"" TERMINAL "\",\"key_ids\":[\"mqtt\",\"vpn-2\"]}"));
    assert_memory_equal(
        bytes, "{\"terminal\":\"" TERMINAL "\",\"key_ids\":[\"mqtt\",\"vpn-2\"]}", len);
    assert_true(akma_provider_request_from_json(bytes, len, &request, &refusal));
    assert_string_equal(request.terminal, TERMINAL);
    assert_int_equal(g_strv_length(request.key_ids), 2);
    assert_string_equal(request.key_ids[1], "vpn-2");
}

static void
members_that_are_not_known_are_ignored(void **state)
{
    g_auto(AkmaProviderRequest) request = {0};
    AkmaRefusal refusal;

    (void)state;
    assert_true(parse("{\"terminal\":\"" TERMINAL "\",\"key_ids\":[\"a\"],\"later\":{\"x\":1}}",
                      &request,
                      &refusal));
}

static void
reject_requests_that_are_not_one(void **state)
{
    static const char *const bad[] = {
        "",
        "[]",
        "{}",
        "{\"terminal\":\"" TERMINAL "\"}",
        "{\"key_ids\":[\"mqtt\"]}",
        "{\"terminal\":\"" TERMINAL "\",\"key_ids\":[]}",
        "{\"terminal\":\"" TERMINAL "\",\"key_ids\":\"mqtt\"}",
        "{\"terminal\":\"" TERMINAL "\",\"key_ids\":[\"mqtt\",\"mqtt\"]}",
        "{\"terminal\":\"" TERMINAL "\",\"key_ids\":[\"MQTT\"]}",
        "{\"terminal\":\"" TERMINAL "\",\"key_ids\":[1]}",
        "{\"terminal\":\"" TERMINAL "\",\"key_ids\":[\"mqtt\"]",
        "{\"terminal\":\"" TERMINAL "\",\"key_ids\":[\"mqtt\"]}{}",
        "{\"terminal\":\"" TERMINAL "\",\"terminal\":\"" TERMINAL "\",\"key_ids\":[\"mqtt\"]}",
        "{\"terminal\":\"other/" TERMINAL "\",\"key_ids\":[\"mqtt\"]}",
        "{\"terminal\":\"" TERMINAL "=\",\"key_ids\":[\"mqtt\"]}",
        "{\"terminal\":\"BLh4Zj3oPpGFeezokhvIDTEKPVX1xtZ1jNN7sEQAcg5\",\"key_ids\":[\"mqtt\"]}",
        "{\"terminal\":\"imsi-001010000000001\",\"key_ids\":[\"mqtt\"]}",
        "{\"terminal\":7,\"key_ids\":[\"mqtt\"]}",
    };

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_auto(AkmaProviderRequest) request = {0};
        AkmaRefusal refusal;

        assert_false(parse(bad[i], &request, &refusal));
        assert_int_equal(refusal.cause, AKMA_CAUSE_MALFORMED);
        assert_null(request.terminal);
        assert_null(request.key_ids);
    }
}

static void
reject_seventeen_identifiers_and_oversized_requests(void **state)
{
    g_autoptr(GString) many = g_string_new("{\"terminal\":\"" TERMINAL "\",\"key_ids\":[\"a\"");
    g_autofree char *long_one = g_strnfill(AKMA_REQUEST_MAX + 1, ' ');
    g_auto(AkmaProviderRequest) request = {0};
    AkmaRefusal refusal;

    (void)state;
    for (int i = 0; i < 16; i++)
        g_string_append_printf(many, ",\"b%d\"", i);
    g_string_append(many, "]}");

    assert_false(parse(many->str, &request, &refusal));
    assert_int_equal(refusal.cause, AKMA_CAUSE_MALFORMED);
    assert_false(parse(long_one, &request, &refusal));
    assert_int_equal(refusal.cause, AKMA_CAUSE_TOO_LARGE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(members_that_are_not_known_are_ignored),
        cmocka_unit_test(reject_requests_that_are_not_one),
        cmocka_unit_test(reject_seventeen_identifiers_and_oversized_requests),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
