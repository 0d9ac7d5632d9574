/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "dbus/refusals.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define LONG_MS  (60 * 60 * 1000) /* ends in no test */
#define SHORT_MS 1
#define MANY     UINT64_C(80000)

/* What was logged since the test began. */
static GPtrArray *lines;

static const char *
find_field(const GLogField *fields, gsize n_fields, const char *key)
{
    for (gsize i = 0; i < n_fields; i++) {
        if (strcmp(fields[i].key, key) == 0)
            return fields[i].value;
    }

    return "-";
}

static GLogWriterOutput
keep_line(GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer user_data)
{
    (void)level;
    (void)user_data;
    g_ptr_array_add(lines,
                    g_strdup_printf("%s: %s",
                                    find_field(fields, n_fields, "AKMA_APPLICATION"),
                                    find_field(fields, n_fields, "MESSAGE")));

    return G_LOG_WRITER_HANDLED;
}

static int
setup(void **state)
{
    (void)state;
    g_ptr_array_set_size(lines, 0);

    return 0;
}

static bool
is_first(AkmaRefusals *refusals, uid_t uid, const char *application)
{
    return akma_refusals_is_first(refusals, AKMA_EVENT_TOO_MANY_CALLS, uid, application);
}

static void
the_first_is_said_and_the_others_are_counted(void **state)
{
    AkmaRefusals *refusals = akma_refusals_new(LONG_MS);

    (void)state;
    assert_true(is_first(refusals, 1000, "mqtt"));
    for (uint64_t i = 0; i < MANY; i++)
        assert_false(is_first(refusals, 1000, "mqtt"));
    assert_int_equal(lines->len, 0);

    akma_refusals_free(refusals);
    assert_int_equal(lines->len, 1);
    assert_string_equal(lines->pdata[0],
                        "mqtt: 80000 more calls about mqtt by uid 1000 were refused for the same "
                        "reason");
}

static void
each_user_application_and_reason_has_a_first_one(void **state)
{
    g_autoptr(AkmaRefusals) refusals = akma_refusals_new(LONG_MS);

    (void)state;
    assert_true(is_first(refusals, 1000, "mqtt"));
    assert_true(is_first(refusals, 1001, "mqtt"));
    assert_true(is_first(refusals, 1000, "vpn"));
    assert_true(is_first(refusals, 1000, NULL));
    assert_true(is_first(refusals, AKMA_REFUSALS_NOBODY, "mqtt"));
    assert_true(akma_refusals_is_first(refusals, AKMA_EVENT_CALLER_UNKNOWN, 1000, "mqtt"));
    assert_false(is_first(refusals, 1000, NULL));
    assert_false(is_first(refusals, 1000, "vpn"));
}

static void
their_number_is_said_when_the_period_ends(void **state)
{
    g_autoptr(AkmaRefusals) refusals = akma_refusals_new(SHORT_MS);

    (void)state;
    is_first(refusals, AKMA_REFUSALS_NOBODY, NULL);
    is_first(refusals, AKMA_REFUSALS_NOBODY, NULL);
    while (lines->len == 0)
        g_main_context_iteration(NULL, TRUE);
    assert_string_equal(lines->pdata[0],
                        ": 1 more calls about - by unknown callers were refused for the same "
                        "reason");
}

static void
after_a_period_without_any_the_next_one_is_a_first_one(void **state)
{
    g_autoptr(AkmaRefusals) refusals = akma_refusals_new(SHORT_MS);

    (void)state;
    assert_true(is_first(refusals, 1000, "mqtt"));
    g_main_context_iteration(NULL, TRUE);
    assert_int_equal(lines->len, 0);
    assert_true(is_first(refusals, 1000, "mqtt"));
    /* nothing is left that wakes up */
    g_main_context_iteration(NULL, TRUE);
    assert_false(g_main_context_pending(NULL));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_first_is_said_and_the_others_are_counted, setup),
        cmocka_unit_test_setup(each_user_application_and_reason_has_a_first_one, setup),
        cmocka_unit_test_setup(their_number_is_said_when_the_period_ends, setup),
        cmocka_unit_test_setup(after_a_period_without_any_the_next_one_is_a_first_one, setup),
    };
    int failed;

    lines = g_ptr_array_new_with_free_func(g_free);
    g_log_set_writer_func(keep_line, NULL, NULL);
    failed = cmocka_run_group_tests_name("refusals", tests, NULL, NULL);
    g_ptr_array_unref(lines);

    return failed;
}
