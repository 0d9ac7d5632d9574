/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/rate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>

static void
a_bucket_gives_its_events_and_then_one_at_a_time(void **state)
{
    AkmaFlow flow = akma_flow(3, 60, 1, 1);
    AkmaBucket bucket = {0};
    unsigned wait_s = 0;

    (void)state;
    for (int i = 0; i < 3; i++)
        assert_true(akma_bucket_take(&bucket, &flow, 1000, &wait_s));
    assert_false(akma_bucket_take(&bucket, &flow, 1000, &wait_s));
    assert_int_equal(wait_s, 20);
    assert_false(akma_bucket_take(&bucket, &flow, 20999, &wait_s));
    assert_int_equal(wait_s, 1);
    assert_true(akma_bucket_take(&bucket, &flow, 21001, &wait_s));
    assert_false(akma_bucket_take(&bucket, &flow, 21002, &wait_s));
}

static void
a_bucket_never_holds_more_than_its_size(void **state)
{
    AkmaFlow flow = akma_flow(2, 1, 1, 1);
    AkmaBucket bucket = {0};
    unsigned wait_s;

    (void)state;
    assert_true(akma_bucket_take(&bucket, &flow, 0, &wait_s));
    for (int i = 0; i < 2; i++)
        assert_true(akma_bucket_take(&bucket, &flow, 1000000, &wait_s));
    assert_false(akma_bucket_take(&bucket, &flow, 1000000, &wait_s));
}

static void
a_share_of_a_small_limit_is_still_one(void **state)
{
    AkmaFlow flow = akma_flow(10, 60, 64, 1);

    (void)state;
    assert_true(flow.size >= 1 && flow.size < 1.01);
    assert_true(flow.per_ms > 0);
}

static void
keys_of_a_table_do_not_share_a_bucket(void **state)
{
    AkmaFlow flow = akma_flow(1, 3600, 1, 1);
    AkmaRateTable *table = akma_rate_table_new(&flow);
    unsigned wait_s;

    (void)state;
    assert_true(akma_rate_table_take(table, "a", 1, 0, &wait_s));
    assert_false(akma_rate_table_take(table, "a", 1, 1, &wait_s));
    assert_true(akma_rate_table_take(table, "b", 1, 1, &wait_s));
    akma_rate_table_free(table);
}

static void
a_flood_of_other_keys_keeps_the_table_as_it_is(void **state)
{
    AkmaFlow flow = akma_flow(1, 3600, 1, 1);
    AkmaRateTable *table = akma_rate_table_new(&flow);
    unsigned wait_s;

    (void)state;
    for (uint32_t i = 0; i < 200000; i++)
        assert_true(akma_rate_table_take(table, &i, sizeof i, i, &wait_s));
    akma_rate_table_free(table);
}

static void
an_address_is_ipv4_or_a_64_of_ipv6(void **state)
{
    uint8_t one[AKMA_ADDRESS_KEY_LEN];
    uint8_t two[AKMA_ADDRESS_KEY_LEN];
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(7)};

    (void)state;
    akma_address_key_from_text("2001:db8:1:2::1", one);
    akma_address_key_from_text("2001:db8:1:2:ffff::9", two);
    assert_memory_equal(one, two, sizeof one);
    akma_address_key_from_text("2001:db8:1:3::1", two);
    assert_memory_not_equal(one, two, sizeof one);

    akma_address_key_from_text("192.0.2.1", one);
    akma_address_key_from_text("::ffff:192.0.2.1", two);
    assert_memory_equal(one, two, sizeof one);
    inet_pton(AF_INET, "192.0.2.1", &v4.sin_addr);
    akma_address_key((struct sockaddr *)&v4, two);
    assert_memory_equal(one, two, sizeof one);
    akma_address_key_from_text("192.0.2.2", two);
    assert_memory_not_equal(one, two, sizeof one);
}

/* "SipHash: a fast short-input PRF", Appendix A: key 00..0f, message 00..0e */
static void
siphash_of_the_paper(void **state)
{
    uint8_t key[16];
    uint8_t message[15];

    (void)state;
    for (uint8_t i = 0; i < sizeof key; i++)
        key[i] = i;
    memcpy(message, key, sizeof message);
    assert_true(akma_siphash(key, message, sizeof message) == 0xa129ca6149be45e5);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bucket_gives_its_events_and_then_one_at_a_time),
        cmocka_unit_test(a_bucket_never_holds_more_than_its_size),
        cmocka_unit_test(a_share_of_a_small_limit_is_still_one),
        cmocka_unit_test(keys_of_a_table_do_not_share_a_bucket),
        cmocka_unit_test(a_flood_of_other_keys_keeps_the_table_as_it_is),
        cmocka_unit_test(an_address_is_ipv4_or_a_64_of_ipv6),
        cmocka_unit_test(siphash_of_the_paper),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
