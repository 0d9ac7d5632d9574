/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "base/bus-error.h"

#include <gio/gio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"

static void
each_name_of_the_table_gets_its_code_back(void **state G_GNUC_UNUSED)
{
    AkmaError code;
    const char *name;
    unsigned n = 0;

    for (; akma_error_get_row(n, &code, &name); n++) {
        g_autofree char *full = g_strconcat("org.akmad1.Error.", name, NULL);
        g_autoptr(GError) error = NULL;

        akma_bus_error_take(g_dbus_error_new_for_dbus_error(full, "its text"), &error);
        assert_true(g_error_matches(error, AKMA_ERROR, (int)code));
        assert_string_equal(error->message, "its text");
    }
    assert_true(n > 20);
}

/* Takes @local. */
static void
assert_becomes(GError *local, AkmaError code, const char *text)
{
    g_autoptr(GError) error = NULL;

    akma_bus_error_take(local, &error);
    assert_true(g_error_matches(error, AKMA_ERROR, (int)code));
    assert_string_equal(error->message, text);
}

static GError *
of_bus(const char *name)
{
    g_autofree char *full = g_strconcat("org.freedesktop.DBus.Error.", name, NULL);

    return g_dbus_error_new_for_dbus_error(full, "bus text");
}

static void
errors_of_the_bus_become_what_they_mean(void **state G_GNUC_UNUSED)
{
    const char *not_there = "akmad is not on the bus";

    assert_becomes(of_bus("ServiceUnknown"), AKMA_ERROR_NOT_RUNNING, not_there);
    assert_becomes(of_bus("NameHasNoOwner"), AKMA_ERROR_NOT_RUNNING, not_there);
    assert_becomes(of_bus("NoReply"), AKMA_ERROR_NOT_RUNNING, "akmad went away during the call");
    assert_becomes(of_bus("AccessDenied"), AKMA_ERROR_NOT_AUTHORIZED, "bus text");
    assert_becomes(of_bus("UnknownObject"), AKMA_ERROR_KEY_UNKNOWN, "no such application");
    assert_becomes(of_bus("LimitsExceeded"), AKMA_ERROR_RATE_LIMITED, "bus text");
    assert_becomes(g_error_new(G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "x"),
                   AKMA_ERROR_NOT_RUNNING,
                   "akmad does not answer");
}

static void
reject_names_that_the_table_does_not_have(void **state G_GNUC_UNUSED)
{
    assert_becomes(
        g_dbus_error_new_for_dbus_error("org.akmad1.Error.NoSimm", "a"), AKMA_ERROR_INTERNAL, "a");
    assert_becomes(
        g_dbus_error_new_for_dbus_error("org.akmad1.Error.", "b"), AKMA_ERROR_INTERNAL, "b");
    assert_becomes(
        g_dbus_error_new_for_dbus_error("com.example.Error.NoSim", "c"), AKMA_ERROR_INTERNAL, "c");
    assert_becomes(g_error_new(G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "the type of the answer"),
                   AKMA_ERROR_INTERNAL,
                   "the type of the answer");
}

static void
our_own_and_cancelled_stay_what_they_are(void **state G_GNUC_UNUSED)
{
    g_autoptr(GError) cancelled = NULL;

    assert_becomes(g_error_new(AKMA_ERROR, AKMA_ERROR_NO_SIM, "ours"), AKMA_ERROR_NO_SIM, "ours");
    akma_bus_error_take(g_error_new(G_IO_ERROR, G_IO_ERROR_CANCELLED, "c"), &cancelled);
    assert_true(g_error_matches(cancelled, G_IO_ERROR, G_IO_ERROR_CANCELLED));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_name_of_the_table_gets_its_code_back),
        cmocka_unit_test(errors_of_the_bus_become_what_they_mean),
        cmocka_unit_test(reject_names_that_the_table_does_not_have),
        cmocka_unit_test(our_own_and_cancelled_stay_what_they_are),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
