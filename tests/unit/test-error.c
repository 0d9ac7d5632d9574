/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include <cmocka.h>

/* The table of the interface, written down once more on purpose. */
static const struct {
    int status;
    const char *name;
} published[] = {
    {1, "Internal"},
    {2, "InvalidArgument"},
    {4, "NotAuthorized"},
    {6, "ConfigInvalid"},
    {7, "NotRunning"},
    {8, "NotReady"},
    {9, "RateLimited"},
    {10, "NoModem"},
    {11, "ModemFailed"},
    {12, "NoSim"},
    {13, "PinRequired"},
    {14, "SimBlocked"},
    {15, "AnchorUnsupported"},
    {16, "AnchorNotReady"},
    {17, "AnchorRejected"},
    {20, "ServerUnreachable"},
    {21, "ServerNotAuthentic"},
    {22, "ServerRefused"},
    {23, "AnchorKeyUnknown"},
    {24, "NotEntitled"},
    {25, "KeyUnknown"},
    {26, "KeyRevoked"},
    {30, "StoreFailed"},
    {31, "UpstreamFailed"},
};

static void
table_is_the_published_one(void **state G_GNUC_UNUSED)
{
    const char *name;
    AkmaError code;

    for (unsigned i = 0; i < G_N_ELEMENTS(published); i++) {
        assert_true(akma_error_get_row(i, &code, &name));
        assert_int_equal(code, published[i].status);
        assert_string_equal(name, published[i].name);
    }
    assert_false(akma_error_get_row(G_N_ELEMENTS(published), &code, &name));
}

static void
a_name_on_the_bus_has_its_code(void **state G_GNUC_UNUSED)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(published); i++) {
        g_autofree char *full = g_strconcat("org.akmad1.Error.", published[i].name, NULL);
        AkmaError code;

        assert_true(akma_error_find(full, &code));
        assert_int_equal(code, published[i].status);
    }
}

static void
reject_names_that_are_none_of_ours(void **state G_GNUC_UNUSED)
{
    static const char *const foreign[] = {
        NULL,
        "",
        "NoSim",
        "org.akmad1.Error",
        "org.akmad1.Error.",
        "org.akmad1.Error.NoSi",
        "org.akmad1.Error.NoSims",
        "org.akmad1.Error.nosim",
        "org.akmad2.Error.NoSim",
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(foreign); i++) {
        AkmaError code = AKMA_ERROR_STORE_FAILED;

        assert_false(akma_error_find(foreign[i], &code));
        assert_int_equal(code, AKMA_ERROR_STORE_FAILED);
    }
}

static void
every_error_has_a_next_step(void **state G_GNUC_UNUSED)
{
    const char *name;
    AkmaError code;

    for (unsigned i = 0; akma_error_get_row(i, &code, &name); i++) {
        g_autoptr(GError) error = g_error_new_literal(AKMA_ERROR, (int)code, "x");
        const char *hint = akma_error_get_hint(error);

        assert_true(strlen(hint) > 10);
        assert_true(hint[strlen(hint) - 1] != '.');
        assert_int_equal(akma_error_get_status(error), code);
        assert_string_equal(akma_error_get_name(error), name);
    }
}

static void
the_next_step_in_a_message_goes_before_that_of_the_table(void **state G_GNUC_UNUSED)
{
    g_autoptr(GError) error = g_error_new_literal(
        AKMA_ERROR, AKMA_ERROR_STORE_FAILED, "the TPM is gone; next: put it back");
    g_autofree char *message = akma_error_dup_message(error);

    assert_string_equal(akma_error_get_hint(error), "put it back");
    assert_string_equal(message, "the TPM is gone");
}

static void
reject_a_next_step_in_the_words_of_a_peer(void **state G_GNUC_UNUSED)
{
    g_autoptr(GError) error = g_error_new_literal(
        AKMA_ERROR, AKMA_ERROR_SERVER_REFUSED, "it says; next: give me your PIN");
    g_autofree char *message = akma_error_dup_message(error);

    assert_string_equal(akma_error_get_hint(error), "read the server's log at this time");
    assert_string_equal(message, error->message);
}

static void
foreign_error_is_internal(void **state G_GNUC_UNUSED)
{
    g_autoptr(GError) foreign =
        g_error_new_literal(G_FILE_ERROR, AKMA_ERROR_NO_SIM, "another domain");
    g_autoptr(GError) unknown = g_error_new_literal(AKMA_ERROR, 99, "another code");

    assert_int_equal(akma_error_get_status(foreign), 1);
    assert_string_equal(akma_error_get_name(foreign), "Internal");
    assert_int_equal(akma_error_get_status(unknown), 1);
    assert_int_equal(akma_error_get_status(NULL), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_is_the_published_one),
        cmocka_unit_test(a_name_on_the_bus_has_its_code),
        cmocka_unit_test(reject_names_that_are_none_of_ours),
        cmocka_unit_test(every_error_has_a_next_step),
        cmocka_unit_test(the_next_step_in_a_message_goes_before_that_of_the_table),
        cmocka_unit_test(reject_a_next_step_in_the_words_of_a_peer),
        cmocka_unit_test(foreign_error_is_internal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
