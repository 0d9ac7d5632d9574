/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "base/redact.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define IMSI "001010000000001"

static void
same_identity_looks_the_same(void **state G_GNUC_UNUSED)
{
    g_autofree char *a = akma_log_redact(IMSI);
    g_autofree char *b = akma_log_redact(IMSI);
    g_autofree char *c = akma_log_redact(IMSI "2");

    assert_string_equal(a, b);
    assert_string_not_equal(a, c);
    assert_int_equal(strlen(a), 9);
}

static void
nothing_of_the_identity_is_left(void **state G_GNUC_UNUSED)
{
    g_autofree char *shown = akma_log_redact("1");
    g_autofree char *none = akma_log_redact(NULL);

    assert_int_equal(shown[0], '#');
    assert_string_equal(none, "-");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_identity_looks_the_same),
        cmocka_unit_test(nothing_of_the_identity_is_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
