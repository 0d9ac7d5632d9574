/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "agent/schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define NOW   INT64_C(1793836900)
#define HOUR  3600
#define DAY   (24 * HOUR)
#define SIX_H (6 * HOUR)

static const AkmaSchedule plain = {.refresh_s = SIX_H, .renew_before_percent = 20};

static void
assert_between(uint64_t ms, uint64_t low_s, uint64_t high_s)
{
    assert_in_range(ms, low_s * 1000, high_s * 1000);
}

static void
a_key_without_end_is_refreshed_with_jitter_downwards(void **state)
{
    (void)state;
    assert_int_equal(akma_schedule_next_ms(&plain, NOW, 0), SIX_H * 1000);
    assert_int_equal(akma_schedule_next_ms(&plain, NOW, UINT32_MAX), SIX_H * 900);
    assert_between(akma_schedule_next_ms(&plain, NOW, UINT32_MAX / 2), SIX_H / 10 * 9, SIX_H);
}

static void
what_the_server_wants_shortens_and_never_lengthens(void **state)
{
    AkmaSchedule times = plain;

    (void)state;
    times.ask_again_s = 60;
    assert_int_equal(akma_schedule_next_ms(&times, NOW, 0), 60 * 1000);
    times.ask_again_s = 7 * DAY;
    assert_int_equal(akma_schedule_next_ms(&times, NOW, 0), SIX_H * 1000);
}

static void
a_key_is_renewed_before_its_end(void **state)
{
    AkmaSchedule times = plain;

    (void)state;
    times.iat = NOW;
    times.exp = NOW + HOUR;
    assert_int_equal(akma_schedule_next_ms(&times, NOW, 0), (HOUR - HOUR / 5) * 1000);
    assert_int_equal(akma_schedule_next_ms(&times, NOW + HOUR / 2, 0),
                     (HOUR / 2 - HOUR / 5) * 1000);
}

static void
in_the_last_part_of_its_life_it_does_not_ask_without_end(void **state)
{
    AkmaSchedule times = plain;

    (void)state;
    times.iat = NOW - 30 * DAY;
    times.exp = NOW + HOUR;
    assert_int_equal(akma_schedule_next_ms(&times, NOW, 0), HOUR / 10 * 1000);
    times.exp = NOW + 2;
    assert_int_equal(akma_schedule_next_ms(&times, NOW, 0), 1000);
}

static void
a_key_that_is_past_its_end_is_asked_for_at_once_but_not_in_a_loop(void **state)
{
    AkmaSchedule times = plain;

    (void)state;
    times.iat = NOW - DAY;
    times.exp = NOW - 1;
    assert_int_equal(akma_schedule_next_ms(&times, NOW, UINT32_MAX), 1000);
}

static void
a_life_of_any_length_does_not_overflow(void **state)
{
    AkmaSchedule times = plain;

    (void)state;
    times.iat = 0;
    times.exp = INT64_MAX;
    assert_int_equal(akma_schedule_next_ms(&times, NOW, 0), SIX_H * 1000);
    times.iat = INT64_MAX;
    times.exp = 1;
    assert_int_equal(akma_schedule_next_ms(&times, NOW, 0), 1000);
}

static void
a_full_disk_is_tried_again_soon_and_then_less_often(void **state)
{
    (void)state;
    assert_int_equal(akma_schedule_retry_ms(1, 0), 1000);
    assert_int_equal(akma_schedule_retry_ms(1, UINT32_MAX), 2000);
    assert_int_equal(akma_schedule_retry_ms(5, UINT32_MAX), 32000);
    assert_int_equal(akma_schedule_retry_ms(UINT_MAX, UINT32_MAX), 15 * 60 * 1000);
}

static void
after_a_start_not_all_ask_at_once(void **state)
{
    AkmaSchedule quick = {.refresh_s = 2};

    (void)state;
    assert_int_equal(akma_schedule_first_ms(&plain, 0), 0);
    assert_int_equal(akma_schedule_first_ms(&plain, UINT32_MAX), 30 * 1000);
    assert_int_equal(akma_schedule_first_ms(&quick, UINT32_MAX), 200);
}

static void
until_the_server_has_answered_the_wall_clock_counts_but_not_below_the_floor(void **state)
{
    AkmaServerClock clock = {.floor = NOW};

    (void)state;
    assert_int_equal(akma_server_clock_get(&clock, 5000, NOW + 7), NOW + 7);
    assert_int_equal(akma_server_clock_get(&clock, 5000, 12), NOW);
}

static void
the_server_s_clock_runs_on_boottime_whatever_the_wall_clock_does(void **state)
{
    AkmaServerClock clock = {.floor = NOW + DAY};

    (void)state;
    akma_server_clock_set(&clock, NOW, 5000);
    assert_int_equal(akma_server_clock_get(&clock, 5000, 12), NOW);
    assert_int_equal(akma_server_clock_get(&clock, 5000 + 60 * 1000, NOW + 99 * DAY), NOW + 60);
}

static void
the_moment_of_a_time_is_the_first_at_which_the_clock_shows_it(void **state)
{
    AkmaServerClock clock = {.floor = 1000};

    (void)state;
    /* not known: by the wall clock, and what is below the floor has been */
    assert_int_equal(akma_server_clock_find(&clock, 2000, 5000, 1999300), 5700);
    assert_int_equal(akma_server_clock_find(&clock, 1001, 5000, 700000), 306000);
    assert_int_equal(akma_server_clock_find(&clock, 1000, 5000, 700000), 5000);

    akma_server_clock_set(&clock, 2000, 5300);
    assert_int_equal(akma_server_clock_find(&clock, 2001, 6299, 1), 6300);
    assert_int_equal(akma_server_clock_get(&clock, 6299, 1), 2000);
    assert_int_equal(akma_server_clock_get(&clock, 6300, 1), 2001);
    assert_int_equal(akma_server_clock_find(&clock, 1999, 6299, 1), 4300);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_without_end_is_refreshed_with_jitter_downwards),
        cmocka_unit_test(what_the_server_wants_shortens_and_never_lengthens),
        cmocka_unit_test(a_key_is_renewed_before_its_end),
        cmocka_unit_test(in_the_last_part_of_its_life_it_does_not_ask_without_end),
        cmocka_unit_test(a_key_that_is_past_its_end_is_asked_for_at_once_but_not_in_a_loop),
        cmocka_unit_test(a_life_of_any_length_does_not_overflow),
        cmocka_unit_test(a_full_disk_is_tried_again_soon_and_then_less_often),
        cmocka_unit_test(after_a_start_not_all_ask_at_once),
        cmocka_unit_test(
            until_the_server_has_answered_the_wall_clock_counts_but_not_below_the_floor),
        cmocka_unit_test(the_server_s_clock_runs_on_boottime_whatever_the_wall_clock_does),
        cmocka_unit_test(the_moment_of_a_time_is_the_first_at_which_the_clock_shows_it),
    };

    return cmocka_run_group_tests_name("renewal", tests, NULL, NULL);
}
