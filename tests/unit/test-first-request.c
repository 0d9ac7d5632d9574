/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "proto/first-request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define NONCE "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define HEAD  "{\"anchor\":\"akma\",\"kid\":\"a@b\",\"nonce\":\"" NONCE "\""

static AkmaFirstRequest *
load(const char *text, AkmaRefusal *ret_refusal)
{
    g_autofree char *copy = g_memdup2(text, MAX(strlen(text), 1));

    return akma_first_request_from_json(copy, strlen(text), ret_refusal);
}

static void
assert_malformed(const char *text)
{
    AkmaRefusal refusal = {0};

    assert_null(load(text, &refusal));
    assert_int_equal(refusal.cause, AKMA_CAUSE_MALFORMED);
}

static void
request_is_written_and_read(void **state G_GNUC_UNUSED)
{
    static const uint8_t nonce[AKMA_NONCE_LEN];
    static const char *const ids[] = {"mqtt", "vpn", NULL};
    static const char expected[] = "{\"anchor\":\"gba\",\"kid\":\"a/b@c\",\"nonce\":\"" NONCE "\","
                                   "\"key_ids\":[\"mqtt\",\"vpn\"]}";
    g_autoptr(AkmaFirstRequest) request =
        akma_first_request_new(AKMA_ANCHOR_KIND_GBA, "a/b@c", nonce, ids);
    g_autoptr(GBytes) body = akma_first_request_to_json(request);
    g_autoptr(AkmaFirstRequest) again = NULL;
    AkmaRefusal refusal;

    assert_int_equal(g_bytes_get_size(body), strlen(expected));
    assert_memory_equal(g_bytes_get_data(body, NULL), expected, strlen(expected));
    again = load(expected, &refusal);
    assert_int_equal(again->anchor, AKMA_ANCHOR_KIND_GBA);
    assert_string_equal(again->kid, "a/b@c");
    assert_string_equal(again->key_ids[1], "vpn");
}

static void
hint_may_be_absent_and_unknown_members_are_ignored(void **state G_GNUC_UNUSED)
{
    AkmaRefusal refusal;
    g_autoptr(AkmaFirstRequest) request = load(HEAD ",\"new\":{\"x\":[1]}}", &refusal);

    assert_non_null(request);
    assert_null(request->key_ids);
}

static void
reject_other_anchors(void **state G_GNUC_UNUSED)
{
    assert_malformed("{\"anchor\":\"psk\",\"kid\":\"a@b\",\"nonce\":\"" NONCE "\"}");
    assert_malformed("{\"anchor\":\"AKMA\",\"kid\":\"a@b\",\"nonce\":\"" NONCE "\"}");
    assert_malformed("{\"anchor\":1,\"kid\":\"a@b\",\"nonce\":\"" NONCE "\"}");
    assert_malformed("{\"kid\":\"a@b\",\"nonce\":\"" NONCE "\"}");
}

static void
reject_kids_of_another_form(void **state G_GNUC_UNUSED)
{
    g_autofree char *longest = g_strnfill(251, 'a');
    g_autofree char *good = g_strconcat(longest, "@b", NULL);
    g_autofree char *longer = g_strconcat("a", good, NULL);

    assert_true(akma_anchor_kid_is_valid("a@b"));
    assert_true(akma_anchor_kid_is_valid(good));
    assert_false(akma_anchor_kid_is_valid(longer));
    assert_false(akma_anchor_kid_is_valid("ab"));
    assert_false(akma_anchor_kid_is_valid("abc"));
    assert_false(akma_anchor_kid_is_valid("@bc"));
    assert_false(akma_anchor_kid_is_valid("ab@"));
    assert_false(akma_anchor_kid_is_valid("a@b@c"));
    assert_false(akma_anchor_kid_is_valid("a @b"));
    assert_false(akma_anchor_kid_is_valid("a\x7f@b"));
    assert_false(akma_anchor_kid_is_valid("\xc3\xa4@b"));
    assert_malformed("{\"anchor\":\"akma\",\"kid\":\"ab\",\"nonce\":\"" NONCE "\"}");
    assert_malformed("{\"anchor\":\"akma\",\"kid\":\"a\\n@b\",\"nonce\":\"" NONCE "\"}");
}

static void
reject_nonces_of_another_form(void **state G_GNUC_UNUSED)
{
    assert_malformed("{\"anchor\":\"akma\",\"kid\":\"a@b\"}");
    assert_malformed("{\"anchor\":\"akma\",\"kid\":\"a@b\",\"nonce\":\"\"}");
    assert_malformed("{\"anchor\":\"akma\",\"kid\":\"a@b\",\"nonce\":\"" NONCE "A\"}");
    assert_malformed("{\"anchor\":\"akma\",\"kid\":\"a@b\",\"nonce\":\"" NONCE "=\"}");
    assert_malformed("{\"anchor\":\"akma\",\"kid\":\"a@b\",\"nonce\":"
                     "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB\"}");
}

static void
reject_hints_of_another_form(void **state G_GNUC_UNUSED)
{
    assert_malformed(HEAD ",\"key_ids\":[]}");
    assert_malformed(HEAD ",\"key_ids\":\"mqtt\"}");
    assert_malformed(HEAD ",\"key_ids\":null}");
    assert_malformed(HEAD ",\"key_ids\":[\"a\",\"a\"]}");
    assert_malformed(HEAD ",\"key_ids\":[\"A\"]}");
}

static void
reject_duplicate_member(void **state G_GNUC_UNUSED)
{
    assert_malformed(HEAD ",\"kid\":\"c@d\"}");
}

static void
reject_truncated_at_any_byte(void **state G_GNUC_UNUSED)
{
    const char *text = HEAD "}";

    for (size_t i = 0; i < strlen(text); i++) {
        g_autofree char *part = g_strndup(text, i);

        assert_malformed(part);
    }
}

static void
reject_oversized(void **state G_GNUC_UNUSED)
{
    g_autofree char *spaces = g_strnfill(AKMA_REQUEST_MAX, ' ');
    g_autofree char *text = g_strconcat(HEAD, spaces, "}", NULL);
    AkmaRefusal refusal;

    assert_null(load(text, &refusal));
    assert_int_equal(refusal.cause, AKMA_CAUSE_TOO_LARGE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_is_written_and_read),
        cmocka_unit_test(hint_may_be_absent_and_unknown_members_are_ignored),
        cmocka_unit_test(reject_other_anchors),
        cmocka_unit_test(reject_kids_of_another_form),
        cmocka_unit_test(reject_nonces_of_another_form),
        cmocka_unit_test(reject_hints_of_another_form),
        cmocka_unit_test(reject_duplicate_member),
        cmocka_unit_test(reject_truncated_at_any_byte),
        cmocka_unit_test(reject_oversized),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
