/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "kdf/plmn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"

/*= TS 23.003 28.2: an MNC of 2 digits is padded with a 0 in front */
static void
domain_has_an_mnc_of_three_digits(void **state)
{
    g_autofree char *two = akma_plmn_dup_domain("262", "01", NULL);
    g_autofree char *three = akma_plmn_dup_domain("310", "410", NULL);

    (void)state;
    assert_string_equal(two, "mnc001.mcc262.3gppnetwork.org");
    assert_string_equal(three, "mnc410.mcc310.3gppnetwork.org");
}

static void
reject_codes_that_are_not_digits(void **state)
{
    static const char *const bad[][2] = {
        {"26", "01"}, {"2622", "01"}, {"26a", "01"}, {"262", "1"}, {"262", "0001"}, {"262", ""}};

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;

        assert_null(akma_plmn_dup_domain(bad[i][0], bad[i][1], &error));
        assert_true(g_error_matches(error, AKMA_ERROR, AKMA_ERROR_INVALID_ARGUMENT));
    }
}

static void
digits_are_counted(void **state)
{
    (void)state;
    assert_true(akma_digits_check("0123", 1, 4));
    assert_false(akma_digits_check("", 1, 4));
    assert_false(akma_digits_check("01234", 1, 4));
    assert_false(akma_digits_check("12 ", 1, 4));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(domain_has_an_mnc_of_three_digits),
        cmocka_unit_test(reject_codes_that_are_not_digits),
        cmocka_unit_test(digits_are_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
