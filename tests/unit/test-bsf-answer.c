/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/bsf-answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/wiping.h"

#define KEY "8c943be94d06ac148c670d16817251365dc9d2d2a1eb0953b65186a12ba2fa12"
#define NOW INT64_C(1793836800) /* 2026-11-05T00:00:00Z */

#define ME    "\"meKeyMaterial\":\"" KEY "\""
#define LATER "\"keyExpiryTime\":\"2026-11-06T00:00:00Z\""
#define IMPI  "\"impi\":\"001010000000001@ims.mnc001.mcc001.3gppnetwork.org\""
#define GOOD  "{" ME "," LATER "," IMPI "}"
#define USS(choice)                                                                                \
    "\"ussList\":[{\"uss\":{\"gsId\":1,\"gsType\":0,\"ueIds\":[{\"ueId\":\"sip:a@b\"}]" choice "}" \
    "}"                                                                                            \
    "]"

static bool
parse(const char *body, AkmaIdentityKind kind, AkmaAnchorAnswer *ret, AkmaRefusal *ret_refusal)
{
    return akma_bsf_answer_parse((const uint8_t *)body, strlen(body), kind, NOW, ret, ret_refusal);
}

static void
takes(const char *body, int64_t expiry)
{
    g_auto(AkmaAnchorAnswer) answer = {0};
    AkmaRefusal refusal;
    size_t len;

    if (!parse(body, AKMA_IDENTITY_SUPI, &answer, &refusal))
        fail_msg("%s: %s", refusal.detail, body);
    assert_int_equal(akma_secret_peek(answer.first_key, &len)[0], 0x8c);
    assert_int_equal(len, 32);
    assert_true(answer.expiry == expiry);
    assert_memory_equal(akma_secret_peek(answer.identity, &len), "imsi-001010000000001", 20);
    assert_int_equal(len, 20);
}

/*= TS 29.309 BootstrappingInfoResponse: meKeyMaterial is the first key; keyExpiryTime may lack */
static void
an_answer_gives_key_expiry_and_subscriber(void **state)
{
    (void)state;
    takes(GOOD, NOW + 86400);
    takes("{" ME "," IMPI "}", AKMA_ANCHOR_NO_EXPIRY);
    /* what we do not use: the key for the card, times of the past, settings without a choice */
    takes("{" ME "," IMPI ",\"uiccKeyMaterial\":\"" KEY "\","
          "\"bootstrappingInfoCreationTime\":\"2026-11-04T00:00:00Z\"," USS("") "}",
          AKMA_ANCHOR_NO_EXPIRY);
}

static void
digits_of_a_key_stand_in_either_case(void **state)
{
    g_autofree char *upper = g_ascii_strup(KEY, -1);
    g_autofree char *body = g_strdup_printf("{\"meKeyMaterial\":\"%s\"," IMPI "}", upper);

    (void)state;
    takes(body, AKMA_ANCHOR_NO_EXPIRY);
}

/*= TS 29.309 GbaType: absent means 3G_GBA; others do not come from a USIM's AKA */
static void
a_3g_bootstrapping_with_the_key_of_the_terminal_is_taken(void **state)
{
    (void)state;
    takes("{" ME "," IMPI ",\"gbaType\":\"3G_GBA\"," USS(",\"keyChoice\":\"ME_BASED_KEY\"") "}",
          AKMA_ANCHOR_NO_EXPIRY);
}

static void
reject_all(const char *const *bad, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        g_auto(AkmaAnchorAnswer) answer = {0};
        AkmaRefusal refusal;

        if (parse(bad[i], AKMA_IDENTITY_SUPI, &answer, &refusal))
            fail_msg("taken: %s", bad[i]);
        assert_int_equal(refusal.cause, AKMA_CAUSE_ANCHOR_REFUSED);
        assert_null(answer.first_key);
        assert_null(answer.identity);
    }
}

static void
reject_other_kinds_of_bootstrapping(void **state)
{
    static const char *const bad[] = {
        "{" ME "," IMPI ",\"gbaType\":\"2G_GBA\"}",
        "{" ME "," IMPI ",\"gbaType\":\"GBA_DIGEST\"}",
        "{" ME "," IMPI ",\"gbaType\":\"3g_gba\"}",
        "{" ME "," IMPI ",\"gbaType\":\"\"}",
        "{" ME "," IMPI ",\"gbaType\":null}",
        "{" ME "," IMPI ",\"gbaType\":3}",
    };

    (void)state;
    reject_all(bad, G_N_ELEMENTS(bad));
}

/*= TS 29.309 KeyChoice: a BSF may demand the key that stays in the card, and we have none */
static void
reject_answers_that_demand_the_key_of_the_card(void **state)
{
    static const char *const bad[] = {
        "{" ME "," IMPI "," USS(",\"keyChoice\":\"UICC_BASED_KEY\"") "}",
        "{" ME "," IMPI "," USS(",\"keyChoice\":\"ME_UICC_BASED_KEYS\"") "}",
        "{" ME "," IMPI "," USS(",\"keyChoice\":\"ANOTHER_KEY\"") "}",
        "{" ME "," IMPI "," USS(",\"keyChoice\":null") "}",
        "{" ME "," IMPI "," USS(",\"keyChoice\":[]") "}",
        "{" ME "," IMPI ",\"ussList\":[{\"uss\":{}},{\"uss\":{\"keyChoice\":\"UICC_BASED_KEY\"}}]}",
        "{" ME "," IMPI ",\"ussList\":{\"uss\":{\"keyChoice\":\"ME_BASED_KEY\"}}}",
        "{" IMPI ",\"uiccKeyMaterial\":\"" KEY "\"}",
    };

    (void)state;
    reject_all(bad, G_N_ELEMENTS(bad));
}

static void
reject_keys_that_are_none(void **state)
{
    static const char *const bad[] = {
        "{" IMPI "}",
        "{\"meKeyMaterial\":\"\"," IMPI "}",
        "{\"meKeyMaterial\":\"8c94\"," IMPI "}",
        "{\"meKeyMaterial\":\"" KEY "00\"," IMPI "}",
        "{\"meKeyMaterial\":"
        "\"zc943be94d06ac148c670d16817251365dc9d2d2a1eb0953b65186a12ba2fa12\"," IMPI "}",
        "{\"meKeyMaterial\":\" "
        "c943be94d06ac148c670d16817251365dc9d2d2a1eb0953b65186a12ba2fa12\"," IMPI "}",
        "{\"meKeyMaterial\":7," IMPI "}",
        "{\"meKeyMaterial\":null," IMPI "}",
        "{" ME "," ME "," IMPI "}",
    };

    (void)state;
    reject_all(bad, G_N_ELEMENTS(bad));
}

static void
reject_times_that_are_none_or_over(void **state)
{
    static const char *const bad[] = {
        "{" ME "," IMPI ",\"keyExpiryTime\":\"2026-11-05T00:00:00Z\"}",
        "{" ME "," IMPI ",\"keyExpiryTime\":\"2001-01-01T00:00:00Z\"}",
        "{" ME "," IMPI ",\"keyExpiryTime\":\"2026-11-06T00:00:00\"}",
        "{" ME "," IMPI ",\"keyExpiryTime\":\"tomorrow\"}",
        "{" ME "," IMPI ",\"keyExpiryTime\":\"\"}",
        "{" ME "," IMPI ",\"keyExpiryTime\":null}",
        "{" ME "," IMPI ",\"keyExpiryTime\":1793923200}",
    };

    (void)state;
    reject_all(bad, G_N_ELEMENTS(bad));
}

static void
reject_subscribers_that_are_none(void **state)
{
    static const char *const bad[] = {
        "{" ME "}",
        "{" ME ",\"impi\":null}",
        "{" ME ",\"impi\":\"\"}",
        "{" ME ",\"impi\":\"alice@example.com\"}",
        "{" ME ",\"impi\":\"imsi-001010000000001\"}",
        "{" ME ",\"impi\":\"001010000000001@ims.mnc002.mcc001.3gppnetwork.org\"}",
        "{" ME ",\"supi\":\"imsi-001010000000001\"}",
    };

    (void)state;
    reject_all(bad, G_N_ELEMENTS(bad));
}

static void
reject_truncated_answer(void **state)
{
    (void)state;
    for (size_t len = 0; len < strlen(GOOD); len++) {
        g_auto(AkmaAnchorAnswer) answer = {0};
        AkmaRefusal refusal;

        assert_false(akma_bsf_answer_parse(
            (const uint8_t *)GOOD, len, AKMA_IDENTITY_SUPI, NOW, &answer, &refusal));
        assert_int_equal(refusal.cause, AKMA_CAUSE_ANCHOR_REFUSED);
    }
}

static void
reject_oversized_answer(void **state)
{
    g_autofree char *filler = g_strnfill(AKMA_ANCHOR_ANSWER_MAX, ' ');
    g_autofree char *body = g_strconcat(GOOD, filler, NULL);
    const char *const bad[] = {body};

    (void)state;
    reject_all(bad, 1);
}

static void
reject_everybody_in_a_store_of_gpsis(void **state)
{
    g_auto(AkmaAnchorAnswer) answer = {0};
    AkmaRefusal refusal;

    (void)state;
    assert_false(parse(GOOD, AKMA_IDENTITY_GPSI, &answer, &refusal));
    assert_int_equal(refusal.cause, AKMA_CAUSE_ANCHOR_REFUSED);
}

/*= TS 29.309 BootstrappingInfoRequest: btId, nafId = {nafFqdn, uaSecProtId}, gbaUAware */
static void
the_request_names_the_server_and_the_profile(void **state)
{
    const char expected[] =
        "{\"btId\":\"a+/==@bsf.example.com\",\"nafId\":{\"nafFqdn\":\"keys.example.com\","
        "\"uaSecProtId\":\"0100000002\"},\"gbaUAware\":false}";
    g_autoptr(GBytes) body = NULL;
    AkmaAfId naf_id;
    gsize len;
    const void *bytes;

    (void)state;
    assert_true(akma_af_id_init(&naf_id, "keys.example.com", AKMA_UA_DIGEST, NULL));
    body = akma_bsf_request_new(&naf_id, "a+/==@bsf.example.com");
    bytes = g_bytes_get_data(body, &len);
    assert_int_equal(len, strlen(expected));
    assert_memory_equal(bytes, expected, len);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_gives_key_expiry_and_subscriber),
        cmocka_unit_test(digits_of_a_key_stand_in_either_case),
        cmocka_unit_test(a_3g_bootstrapping_with_the_key_of_the_terminal_is_taken),
        cmocka_unit_test(reject_other_kinds_of_bootstrapping),
        cmocka_unit_test(reject_answers_that_demand_the_key_of_the_card),
        cmocka_unit_test(reject_keys_that_are_none),
        cmocka_unit_test(reject_times_that_are_none_or_over),
        cmocka_unit_test(reject_subscribers_that_are_none),
        cmocka_unit_test(reject_truncated_answer),
        cmocka_unit_test(reject_oversized_answer),
        cmocka_unit_test(reject_everybody_in_a_store_of_gpsis),
        cmocka_unit_test(the_request_names_the_server_and_the_profile),
    };

    if (!akma_wiping_init() || !akma_secret_heap_init(AKMA_SECRET_HEAP_SIZE, NULL, NULL))
        return 1;

    return cmocka_run_group_tests(tests, NULL, NULL);
}
