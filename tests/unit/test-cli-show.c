/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "cli/show.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define NOW ((gint64)1800000000)
#define DAY ((gint64)86400)

static void
assert_text(char *steal, const char *expected)
{
    g_autofree char *text = steal;

    assert_string_equal(text, expected);
}

static void
span_is_rounded_down_to_one_unit(void **state)
{
    (void)state;

    assert_text(akma_show_span(0), "0 s");
    assert_text(akma_show_span(119), "119 s");
    assert_text(akma_show_span(120), "2 min");
    assert_text(akma_show_span(2 * 3600 - 1), "119 min");
    assert_text(akma_show_span(5 * 3600 + 59), "5 h");
    assert_text(akma_show_span(2 * DAY - 1), "47 h");
    assert_text(akma_show_span(29 * DAY + 7), "29 days");
}

static void
validity_tells_past_future_and_none(void **state)
{
    (void)state;

    assert_text(akma_show_validity(0, NOW), "valid without end");
    assert_text(akma_show_validity(NOW + 29 * DAY, NOW), "valid for 29 days");
    assert_text(akma_show_validity(NOW, NOW), "ended 0 s ago");
    assert_text(akma_show_validity(NOW - 3 * 3600, NOW), "ended 3 h ago");
}

static void
renewal_tells_past_future_and_none(void **state)
{
    (void)state;

    assert_text(akma_show_renewal(true, 0, NOW), "");
    assert_text(akma_show_renewal(true, NOW + 5 * 3600, NOW), "renews in 5 h");
    assert_text(akma_show_renewal(true, NOW - 1, NOW), "renewal due");
    assert_text(akma_show_renewal(false, NOW + 90, NOW), "next try in 90 s");
    assert_text(akma_show_renewal(false, NOW, NOW), "next try due");
}

static void
time_at_the_end_of_the_range_is_no_overflow(void **state)
{
    g_autofree char *validity = akma_show_validity(G_MAXUINT64, NOW);
    g_autofree char *renewal = akma_show_renewal(true, G_MAXUINT64, 0);

    (void)state;

    assert_true(g_str_has_prefix(validity, "valid for "));
    assert_true(g_str_has_prefix(renewal, "renews in "));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(span_is_rounded_down_to_one_unit),
        cmocka_unit_test(validity_tells_past_future_and_none),
        cmocka_unit_test(renewal_tells_past_future_and_none),
        cmocka_unit_test(time_at_the_end_of_the_range_is_no_overflow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
