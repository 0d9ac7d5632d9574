/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/at/leftover.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
what_was_not_closed_when_the_port_was_lost_is_left(void **state G_GNUC_UNUSED)
{
    AkmaAtLeftovers *port = akma_at_leftovers_get("/dev/a");
    unsigned opening = akma_at_leftovers_begin(port);

    akma_at_leftovers_note(port, opening, 1);
    akma_at_leftovers_note(port, opening, 257);
    akma_at_leftovers_closed(port, 1);
    assert_false(akma_at_leftovers_any(port));
    assert_int_equal(akma_at_leftovers_take(port), -1);

    akma_at_leftovers_end(port, opening);
    assert_true(akma_at_leftovers_any(port));
    assert_int_equal(akma_at_leftovers_take(port), 257);
    assert_int_equal(akma_at_leftovers_take(port), -1);
    assert_false(akma_at_leftovers_any(port));
}

static void
reject_what_is_in_use_or_of_another_port(void **state G_GNUC_UNUSED)
{
    AkmaAtLeftovers *port = akma_at_leftovers_get("/dev/b");
    unsigned one = akma_at_leftovers_begin(port);
    unsigned two = akma_at_leftovers_begin(port);

    assert_ptr_equal(akma_at_leftovers_get("/dev/b"), port);
    assert_ptr_not_equal(akma_at_leftovers_get("/dev/c"), port);
    akma_at_leftovers_note(port, one, 1);
    akma_at_leftovers_note(port, two, 2);
    akma_at_leftovers_end(port, one);
    assert_int_equal(akma_at_leftovers_take(port), 1);
    assert_int_equal(akma_at_leftovers_take(port), -1);
    assert_false(akma_at_leftovers_any(akma_at_leftovers_get("/dev/c")));
}

static void
reject_a_number_that_was_given_out_anew(void **state G_GNUC_UNUSED)
{
    AkmaAtLeftovers *port = akma_at_leftovers_get("/dev/d");
    unsigned opening = akma_at_leftovers_begin(port);

    akma_at_leftovers_note(port, opening, 1);
    akma_at_leftovers_end(port, opening);
    opening = akma_at_leftovers_begin(port);
    akma_at_leftovers_note(port, opening, 1); /* the card was reset: it is ours, and in use */
    assert_false(akma_at_leftovers_any(port));
    akma_at_leftovers_closed(port, 1);
    akma_at_leftovers_end(port, opening);
    assert_false(akma_at_leftovers_any(port));
}

static void
nothing_is_left_on_another_card(void **state G_GNUC_UNUSED)
{
    AkmaAtLeftovers *port = akma_at_leftovers_get("/dev/e");
    unsigned opening = akma_at_leftovers_begin(port);

    akma_at_leftovers_note(port, opening, 1);
    akma_at_leftovers_set_unnamed(port, true);
    assert_true(akma_at_leftovers_any(port) && akma_at_leftovers_has_unnamed(port));
    akma_at_leftovers_clear(port);
    akma_at_leftovers_end(port, opening);
    assert_false(akma_at_leftovers_any(port));
}

static void
reject_more_than_there_is_room_for(void **state G_GNUC_UNUSED)
{
    AkmaAtLeftovers *port = akma_at_leftovers_get("/dev/f");
    unsigned opening = akma_at_leftovers_begin(port);
    int n = 0;

    for (int i = 0; i < 2 * AKMA_AT_LEFTOVERS_MAX; i++)
        akma_at_leftovers_note(port, opening, i);
    akma_at_leftovers_end(port, opening);
    while (akma_at_leftovers_take(port) >= 0)
        n++;
    assert_int_equal(n, AKMA_AT_LEFTOVERS_MAX);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_not_closed_when_the_port_was_lost_is_left),
        cmocka_unit_test(reject_what_is_in_use_or_of_another_port),
        cmocka_unit_test(reject_a_number_that_was_given_out_anew),
        cmocka_unit_test(nothing_is_left_on_another_card),
        cmocka_unit_test(reject_more_than_there_is_room_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
