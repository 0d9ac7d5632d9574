/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "dbus/limit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SECOND INT64_C(1000000)

/* One call that is answered at once. */
static bool
call(AkmaLimit *limit, int64_t now_us)
{
    if (!akma_limit_begin(limit, now_us))
        return false;
    akma_limit_end(limit);

    return true;
}

static unsigned
count_calls(AkmaLimit *limit, int64_t now_us)
{
    unsigned n = 0;

    while (n < 2 * AKMA_LIMIT_BURST && call(limit, now_us))
        n++;

    return n;
}

static void
a_burst_passes_and_then_so_many_a_second(void **state)
{
    AkmaLimit limit = {0};

    (void)state;
    assert_int_equal(count_calls(&limit, SECOND), AKMA_LIMIT_BURST);
    assert_int_equal(count_calls(&limit, 2 * SECOND), AKMA_LIMIT_PER_S);
    assert_int_equal(count_calls(&limit, 2 * SECOND + SECOND / 10), AKMA_LIMIT_PER_S / 10);
}

static void
a_long_pause_gives_one_burst_and_no_more(void **state)
{
    AkmaLimit limit = {0};

    (void)state;
    count_calls(&limit, SECOND);
    assert_int_equal(count_calls(&limit, INT64_MAX), AKMA_LIMIT_BURST);
}

static void
reject_more_in_flight_than_allowed(void **state)
{
    AkmaLimit limit = {0};

    (void)state;
    for (unsigned i = 0; i < AKMA_LIMIT_IN_FLIGHT; i++)
        assert_true(akma_limit_begin(&limit, SECOND));
    assert_false(akma_limit_begin(&limit, SECOND));

    akma_limit_end(&limit);
    assert_true(akma_limit_begin(&limit, SECOND));
}

static void
a_clock_that_goes_back_gives_nothing(void **state)
{
    AkmaLimit limit = {0};

    (void)state;
    count_calls(&limit, 5 * SECOND);
    assert_false(call(&limit, 4 * SECOND));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_passes_and_then_so_many_a_second),
        cmocka_unit_test(a_long_pause_gives_one_burst_and_no_more),
        cmocka_unit_test(reject_more_in_flight_than_allowed),
        cmocka_unit_test(a_clock_that_goes_back_gives_nothing),
    };

    return cmocka_run_group_tests_name("limit", tests, NULL, NULL);
}
