/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* breaker and unknown-kids: what spares an anchor that fails, or does not know. */
#include "keyserver/breaker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "keyserver/unknown-kids.h"

static AkmaBreaker
broken_at(uint64_t now_ms)
{
    AkmaBreaker breaker = {0};

    for (int i = 0; i < AKMA_BREAKER_FAILURES; i++)
        akma_breaker_count(&breaker, now_ms, true);

    return breaker;
}

static void
it_breaks_with_the_last_failure_in_a_row_and_says_so_once(void **state)
{
    AkmaBreaker breaker = {0};
    bool trial;

    (void)state;
    for (int i = 0; i < AKMA_BREAKER_FAILURES - 1; i++)
        assert_false(akma_breaker_count(&breaker, 0, true));
    assert_false(akma_breaker_count(&breaker, 0, false));
    for (int i = 0; i < AKMA_BREAKER_FAILURES - 1; i++)
        assert_false(akma_breaker_count(&breaker, 0, true));
    assert_true(akma_breaker_take(&breaker, 0, &trial));
    assert_false(trial);

    assert_true(akma_breaker_count(&breaker, 0, true));
    for (int i = 0; i < 3; i++)
        assert_false(akma_breaker_count(&breaker, 0, true));
    assert_true(akma_breaker_is_broken(&breaker));
    assert_false(akma_breaker_take(&breaker, 0, &trial));
}

static void
one_request_finds_out_while_others_wait(void **state)
{
    AkmaBreaker breaker = broken_at(1000);
    bool trial;

    (void)state;
    assert_false(akma_breaker_take(&breaker, 1000 + AKMA_BREAKER_MS - 1, &trial));
    assert_true(akma_breaker_take(&breaker, 1000 + AKMA_BREAKER_MS, &trial));
    assert_true(trial);
    assert_false(akma_breaker_take(&breaker, 100000, &trial));
    assert_false(trial);

    akma_breaker_count(&breaker, 100000, false);
    akma_breaker_release(&breaker);
    assert_true(akma_breaker_take(&breaker, 100000, &trial));
    assert_false(trial);
}

static void
a_trial_that_fails_or_is_given_up_lets_another_one_find_out_later(void **state)
{
    AkmaBreaker breaker = broken_at(0);
    bool trial;

    (void)state;
    assert_true(akma_breaker_take(&breaker, 5000, &trial));
    assert_false(akma_breaker_count(&breaker, 6000, true));
    akma_breaker_release(&breaker);
    assert_false(akma_breaker_take(&breaker, 6000 + AKMA_BREAKER_MS - 1, &trial));
    assert_true(akma_breaker_take(&breaker, 6000 + AKMA_BREAKER_MS, &trial));
    assert_true(trial);

    akma_breaker_release(&breaker); /* its terminal went away */
    assert_true(akma_breaker_take(&breaker, 6000 + AKMA_BREAKER_MS, &trial));
    assert_true(trial);
}

static void
an_unknown_kid_is_known_as_such_for_its_time_only(void **state)
{
    g_autoptr(AkmaUnknownKids) kids = akma_unknown_kids_new();
    uint64_t a = akma_unknown_kids_hash(kids, "a@x", 3);
    uint64_t b = akma_unknown_kids_hash(kids, "b@x", 3);

    (void)state;
    assert_true(a != b);
    assert_false(akma_unknown_kids_have(kids, a, 0));
    akma_unknown_kids_add(kids, a, 1000);
    assert_true(akma_unknown_kids_have(kids, a, 1000));
    assert_true(akma_unknown_kids_have(kids, a, 1000 + AKMA_UNKNOWN_MS - 1));
    assert_false(akma_unknown_kids_have(kids, a, 1000 + AKMA_UNKNOWN_MS));
    assert_false(akma_unknown_kids_have(kids, b, 1000));
}

static void
a_flood_of_kids_pushes_out_the_oldest_and_takes_no_room(void **state)
{
    g_autoptr(AkmaUnknownKids) kids = akma_unknown_kids_new();
    unsigned kept = 0;

    (void)state;
    for (uint64_t i = 0; i < 100000; i++)
        akma_unknown_kids_add(kids, akma_unknown_kids_hash(kids, &i, sizeof i), 1000 + i / 1000);
    for (uint64_t i = 0; i < 100000; i++) {
        if (akma_unknown_kids_have(kids, akma_unknown_kids_hash(kids, &i, sizeof i), 1100)) {
            assert_true(i > 50000);
            kept++;
        }
    }
    assert_int_equal(kept, 4096);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_breaks_with_the_last_failure_in_a_row_and_says_so_once),
        cmocka_unit_test(one_request_finds_out_while_others_wait),
        cmocka_unit_test(a_trial_that_fails_or_is_given_up_lets_another_one_find_out_later),
        cmocka_unit_test(an_unknown_kid_is_known_as_such_for_its_time_only),
        cmocka_unit_test(a_flood_of_kids_pushes_out_the_oldest_and_takes_no_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
