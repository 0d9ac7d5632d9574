/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <akmad/akmad.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "lib/error-private.h"

/* The header of the library spells the table again: the same codes, no more and no fewer. */
static void
codes_are_those_of_the_one_table(void **state G_GNUC_UNUSED)
{
    g_autoptr(GEnumClass) class = g_type_class_ref(AKMAD_TYPE_ERROR);
    AkmaError code;
    const char *name;
    unsigned n = 0;

    for (; akma_error_get_row(n, &code, &name); n++) {
        GEnumValue *value = g_enum_get_value(class, (int)code);
        g_autofree char *folded = g_ascii_strdown(name, -1);
        g_auto(GStrv) words = NULL;
        g_autofree char *nick = NULL;

        assert_non_null(value);
        words = g_strsplit(value->value_nick, "-", -1);
        nick = g_strjoinv("", words);
        assert_string_equal(nick, folded);
    }
    assert_int_equal(class->n_values, n);
}

static void
an_error_has_its_name_and_what_is_next(void **state G_GNUC_UNUSED)
{
    g_autofree char *message = NULL;
    g_autoptr(GError) error = NULL;

    akma_lib_error_take(g_error_new(AKMA_ERROR, AKMA_ERROR_NO_SIM, "no card"), &error);
    message = akmad_error_dup_message(error);
    assert_true(g_error_matches(error, AKMAD_ERROR, AKMAD_ERROR_NO_SIM));
    assert_string_equal(g_quark_to_string(error->domain), "akmad-error-quark");
    assert_string_equal(akmad_error_get_name(error), "NoSim");
    assert_string_equal(akmad_error_get_next(error), "insert a SIM");
    assert_string_equal(message, "no card");
}

/* The end of a message of akmad's is a part of it, not of a table. */
static void
what_is_next_may_stand_in_the_message(void **state G_GNUC_UNUSED)
{
    g_autoptr(GError) error = akma_lib_error_new_of_name("org.akmad1.Error.StoreFailed",
                                                         "the TPM is gone; next: put it back");
    g_autofree char *message = akmad_error_dup_message(error);

    assert_string_equal(akmad_error_get_next(error), "put it back");
    assert_ptr_equal(akmad_error_get_next(error), strstr(error->message, "put it back"));
    assert_string_equal(message, "the TPM is gone");
}

static void
reject_errors_of_other_domains(void **state G_GNUC_UNUSED)
{
    g_autoptr(GError) error =
        g_error_new(G_FILE_ERROR, AKMAD_ERROR_STORE_FAILED, "a file; next: call me");
    g_autofree char *message = akmad_error_dup_message(error);

    assert_string_equal(message, error->message);
    assert_null(akmad_error_get_name(error));
    assert_null(akmad_error_get_next(error));
}

static void
cancelled_stays_cancelled(void **state G_GNUC_UNUSED)
{
    g_autoptr(GError) error = NULL;

    akma_lib_error_take(g_error_new(G_IO_ERROR, G_IO_ERROR_CANCELLED, "c"), &error);
    assert_true(g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED));
}

static void
the_property_last_error_becomes_an_error(void **state G_GNUC_UNUSED)
{
    g_autoptr(GError) ours = akma_lib_error_new_of_name("org.akmad1.Error.PinRequired", "locked");
    g_autoptr(GError) other = akma_lib_error_new_of_name("", "only a text");

    assert_null(akma_lib_error_new_of_name("", ""));
    assert_true(g_error_matches(ours, AKMAD_ERROR, AKMAD_ERROR_PIN_REQUIRED));
    assert_string_equal(ours->message, "locked");
    assert_true(g_error_matches(other, AKMAD_ERROR, AKMAD_ERROR_INTERNAL));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_are_those_of_the_one_table),
        cmocka_unit_test(an_error_has_its_name_and_what_is_next),
        cmocka_unit_test(what_is_next_may_stand_in_the_message),
        cmocka_unit_test(reject_errors_of_other_domains),
        cmocka_unit_test(cancelled_stays_cancelled),
        cmocka_unit_test(the_property_last_error_becomes_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
