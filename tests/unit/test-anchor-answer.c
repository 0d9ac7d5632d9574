/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/anchor-answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/wiping.h"
#include "keyserver/anchors.h"

#define KEY "8c943be94d06ac148c670d16817251365dc9d2d2a1eb0953b65186a12ba2fa12"
#define NOW INT64_C(1793836800) /* 2026-11-05T00:00:00Z */
#define GOOD                                                                                       \
    "{\"kaf\":\"" KEY "\",\"expiry\":\"2026-11-06T00:00:00Z\",\"supi\":\"imsi-001010000000001\"}"

static bool
parse(const char *body, AkmaIdentityKind kind, AkmaAnchorAnswer *ret, AkmaRefusal *ret_refusal)
{
    return akma_anchor_answer_parse(
        (const uint8_t *)body, strlen(body), kind, NOW, ret, ret_refusal);
}

/*= TS 29.522 AkmaAfKeyData: kaf is a string; that it is 64 hexadecimal digits, we check */
static void
an_answer_gives_key_expiry_and_subscriber(void **state)
{
    g_auto(AkmaAnchorAnswer) answer = {0};
    AkmaRefusal refusal;
    size_t len;

    (void)state;
    assert_true(parse(GOOD, AKMA_IDENTITY_SUPI, &answer, &refusal));
    assert_int_equal(akma_secret_peek(answer.first_key, &len)[0], 0x8c);
    assert_int_equal(len, 32);
    assert_true(answer.expiry == NOW + 86400);
    assert_memory_equal(akma_secret_peek(answer.identity, &len), "imsi-001010000000001", 20);
    assert_int_equal(len, 20);
}

static void
times_have_a_zone_and_perhaps_a_fraction(void **state)
{
    static const char *const good[] = {
        "2026-11-05T01:00:01+01:00", "2026-11-05T00:00:01.5Z", "2026-11-04T20:00:01-04:00"};

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
        g_autofree char *body = g_strdup_printf(
            "{\"kaf\":\"" KEY "\",\"expiry\":\"%s\",\"supi\":\"imsi-001010000000001\"}", good[i]);
        g_auto(AkmaAnchorAnswer) answer = {0};
        AkmaRefusal refusal;

        assert_true(parse(body, AKMA_IDENTITY_SUPI, &answer, &refusal));
        assert_true(answer.expiry == NOW + 1);
    }
}

static void
a_store_of_gpsis_takes_the_gpsi(void **state)
{
    g_auto(AkmaAnchorAnswer) answer = {0};
    AkmaRefusal refusal;

    (void)state;
    assert_true(parse("{\"kaf\":\"" KEY "\",\"expiry\":\"2026-11-06T00:00:00Z\","
                      "\"gpsi\":\"msisdn-491700000000\",\"supi\":\"imsi-001010000000001\"}",
                      AKMA_IDENTITY_GPSI,
                      &answer,
                      &refusal));
    assert_false(parse(GOOD, AKMA_IDENTITY_GPSI, &answer, &refusal));
    assert_int_equal(refusal.cause, AKMA_CAUSE_ANCHOR_REFUSED);
}

static void
reject_truncated_answer(void **state)
{
    g_auto(AkmaAnchorAnswer) answer = {0};
    AkmaRefusal refusal;

    (void)state;
    for (size_t len = 0; len < strlen(GOOD); len++) {
        assert_false(akma_anchor_answer_parse(
            (const uint8_t *)GOOD, len, AKMA_IDENTITY_SUPI, NOW, &answer, &refusal));
        assert_int_equal(refusal.cause, AKMA_CAUSE_ANCHOR_REFUSED);
        assert_null(answer.first_key);
    }
}

#define WITH(kaf, expiry, rest) "{\"kaf\":" kaf ",\"expiry\":\"" expiry "\"," rest "}"
#define SUPI                    "\"supi\":\"imsi-001010000000001\""
#define LATER                   "2026-11-06T00:00:00Z"

static void
reject_answers_that_the_schema_would_let_through(void **state)
{
    static const char *const bad[] = {
        WITH("\"" KEY "00\"", LATER, SUPI),
        WITH("\"8c94\"", LATER, SUPI),
        WITH("\"" KEY "\\u0000\"", LATER, SUPI),
        WITH("\"zc943be94d06ac148c670d16817251365dc9d2d2a1eb0953b65186a12ba2fa12\"", LATER, SUPI),
        WITH("7", LATER, SUPI),
        WITH("null", LATER, SUPI),
        WITH("\"" KEY "\"", "2026-11-05T00:00:00Z", SUPI),
        WITH("\"" KEY "\"", "2001-01-01T00:00:00Z", SUPI),
        WITH("\"" KEY "\"", "2026-11-06T00:00:00", SUPI),
        WITH("\"" KEY "\"", "2026-11-06", SUPI),
        WITH("\"" KEY "\"", "2026-13-06T00:00:00Z", SUPI),
        WITH("\"" KEY "\"", "20261106T000000Z", SUPI),
        WITH("\"" KEY "\"", "", SUPI),
        WITH("\"" KEY "\"", LATER, "\"supi\":\"imsi-1\""),
        WITH("\"" KEY "\"", LATER, "\"supi\":\"nai-a@b\""),
        WITH("\"" KEY "\"", LATER, "\"supi\":null"),
        WITH("\"" KEY "\"", LATER, SUPI "," SUPI),
        WITH("\"" KEY "\"", LATER, SUPI ",\"kaf\":\"" KEY "\""),
        GOOD "x",
        "[]",
        "null",
    };
    g_auto(AkmaAnchorAnswer) answer = {0};
    AkmaRefusal refusal;

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        assert_false(parse(bad[i], AKMA_IDENTITY_SUPI, &answer, &refusal));
        assert_int_equal(refusal.cause, AKMA_CAUSE_ANCHOR_REFUSED);
    }
}

static void
reject_oversized_answer(void **state)
{
    g_autofree char *filler = g_strnfill(AKMA_ANCHOR_ANSWER_MAX, ' ');
    g_autofree char *body = g_strconcat(GOOD, filler, NULL);
    g_auto(AkmaAnchorAnswer) answer = {0};
    AkmaRefusal refusal;

    (void)state;
    assert_false(parse(body, AKMA_IDENTITY_SUPI, &answer, &refusal));
    assert_int_equal(refusal.cause, AKMA_CAUSE_ANCHOR_REFUSED);
}

/*= TS 29.535 retrieve-applicationkey: AkmaAfKeyRequest with afId, aKId and anonInd */
static void
the_request_quotes_what_a_kid_may_hold(void **state)
{
    const char expected[] =
        "{\"afId\":\"keys.example.comff00000001\",\"aKId\":\"a\\\"\\\\@b\",\"anonInd\":false}";
    g_autoptr(GBytes) body = NULL;
    AkmaAfId af_id;
    gsize len;
    const void *bytes;

    (void)state;
    assert_true(akma_af_id_init(&af_id, "keys.example.com", AKMA_UA_MESSAGE, NULL));
    body = akma_anchor_request_new(&af_id, "a\"\\@b");
    bytes = g_bytes_get_data(body, &len);
    assert_int_equal(len, strlen(expected));
    assert_memory_equal(bytes, expected, len);
}

static void
the_most_exact_realm_wins(void **state)
{
    static const char *const any[] = {"*", NULL};
    static const char *const some[] = {"x", "*.mcc001.3gppnetwork.org", NULL};
    static const char *const one[] = {"5gc.mnc001.mcc001.3gppnetwork.org", NULL};
    const char *realm = "5gc.mnc001.mcc001.3gppnetwork.org";

    (void)state;
    assert_true(akma_realm_match(any, realm) >= 0);
    assert_true(akma_realm_match(some, realm) > akma_realm_match(any, realm));
    assert_true(akma_realm_match(one, realm) > akma_realm_match(some, realm));
    assert_int_equal(akma_realm_match(one, "5gc.mnc002.mcc001.3gppnetwork.org"), -1);
    assert_int_equal(akma_realm_match(one, "5GC.mnc001.mcc001.3gppnetwork.org"), -1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_gives_key_expiry_and_subscriber),
        cmocka_unit_test(times_have_a_zone_and_perhaps_a_fraction),
        cmocka_unit_test(a_store_of_gpsis_takes_the_gpsi),
        cmocka_unit_test(reject_truncated_answer),
        cmocka_unit_test(reject_answers_that_the_schema_would_let_through),
        cmocka_unit_test(reject_oversized_answer),
        cmocka_unit_test(the_request_quotes_what_a_kid_may_hold),
        cmocka_unit_test(the_most_exact_realm_wins),
    };

    if (!akma_wiping_init() || !akma_secret_heap_init(AKMA_SECRET_HEAP_SIZE, NULL, NULL))
        return 1;

    return cmocka_run_group_tests(tests, NULL, NULL);
}
