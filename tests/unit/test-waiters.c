/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "agent/waiters.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"

#define FOREVER_MS (3600 * 1000)
#define SOON_MS    50

/* Somebody who waits. */
typedef struct {
    unsigned n_told;
    GError *error;
} Caller;

static void
told(const GError *error, gpointer user_data)
{
    Caller *caller = user_data;

    caller->n_told++;
    g_clear_error(&caller->error);
    caller->error = error ? g_error_copy(error) : NULL;
}

static void
run_until_told(const Caller *caller)
{
    while (caller->n_told == 0)
        g_main_context_iteration(NULL, TRUE);
}

static gboolean
raise_flag(gpointer user_data)
{
    bool *flag = user_data;

    *flag = true;

    return G_SOURCE_REMOVE;
}

/* Longer than any caller with SOON_MS would wait. */
static void
run_beyond_the_wait(void)
{
    bool over = false;

    g_timeout_add(3 * SOON_MS, raise_flag, &over);
    while (!over)
        g_main_context_iteration(NULL, TRUE);
}

static void
who_waits_too_long_gets_not_ready_and_hears_no_more(void **state)
{
    g_autoptr(AkmaWaiters) waiters = akma_waiters_new(SOON_MS);
    Caller caller = {0};

    (void)state;
    akma_waiters_add(waiters, told, &caller);
    assert_false(akma_waiters_is_empty(waiters));
    run_until_told(&caller);

    assert_true(g_error_matches(caller.error, AKMA_ERROR, AKMA_ERROR_NOT_READY));
    assert_string_equal(caller.error->message, "the exchange has not ended within 0.05 s");
    assert_true(akma_waiters_is_empty(waiters));
    akma_waiters_complete(waiters, NULL);
    assert_int_equal(caller.n_told, 1);
    g_clear_error(&caller.error);
}

static void
each_waits_for_its_own_time(void **state)
{
    g_autoptr(AkmaWaiters) waiters = akma_waiters_new(SOON_MS);
    Caller first = {0};
    Caller second = {0};

    (void)state;
    akma_waiters_add(waiters, told, &first);
    run_until_told(&first);
    akma_waiters_add(waiters, told, &second);
    assert_int_equal(second.n_told, 0);
    akma_waiters_complete(waiters, NULL);

    assert_int_equal(first.n_told, 1);
    assert_int_equal(second.n_told, 1);
    assert_null(second.error);
    g_clear_error(&first.error);
}

static void
reject_no_one_who_was_told_in_time(void **state)
{
    g_autoptr(AkmaWaiters) waiters = akma_waiters_new(SOON_MS);
    Caller caller = {0};

    (void)state;
    akma_waiters_add(waiters, told, &caller);
    akma_waiters_complete(waiters, NULL);
    run_beyond_the_wait();

    assert_int_equal(caller.n_told, 1);
    assert_null(caller.error);
}

static void
who_waits_while_the_application_goes_gets_not_ready(void **state)
{
    AkmaWaiters *waiters = akma_waiters_new(FOREVER_MS);
    Caller caller = {0};

    (void)state;
    akma_waiters_add(waiters, told, &caller);
    akma_waiters_free(waiters);

    assert_int_equal(caller.n_told, 1);
    assert_true(g_error_matches(caller.error, AKMA_ERROR, AKMA_ERROR_NOT_READY));
    g_clear_error(&caller.error);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_waits_too_long_gets_not_ready_and_hears_no_more),
        cmocka_unit_test(each_waits_for_its_own_time),
        cmocka_unit_test(reject_no_one_who_was_told_in_time),
        cmocka_unit_test(who_waits_while_the_application_goes_gets_not_ready),
    };

    return cmocka_run_group_tests_name("waiters", tests, NULL, NULL);
}
