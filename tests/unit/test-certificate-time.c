/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "http/certificate-time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/x509_vfy.h>

#include "base/unix-time.h"

#define BUILD INT64_C(1793836900)
#define DAY   INT64_C(86400)

static void
the_clock_counts_when_it_can_be_right(void **state)
{
    const AkmaCertificateTime plain = {BUILD + DAY, BUILD, 0};
    /* a server whose clock is far ahead ends nothing */
    const AkmaCertificateTime led_astray = {BUILD + DAY, BUILD, BUILD + 90000 * DAY};

    (void)state;
    assert_int_equal(akma_certificate_time_get(&plain), BUILD + DAY);
    assert_int_equal(akma_certificate_time_get(&led_astray), BUILD + DAY);
}

static void
a_clock_before_the_build_gives_way_to_the_latest_time_that_is_known(void **state)
{
    const AkmaCertificateTime fresh = {0, BUILD, 0};
    const AkmaCertificateTime later = {BUILD - 1, BUILD, BUILD + 40 * DAY};
    const AkmaCertificateTime older = {BUILD - 1, BUILD, BUILD - 40 * DAY};

    (void)state;
    assert_int_equal(akma_certificate_time_get(&fresh), BUILD);
    assert_int_equal(akma_certificate_time_get(&later), BUILD + 40 * DAY);
    assert_int_equal(akma_certificate_time_get(&older), BUILD);
}

static void
assert_says(const AkmaCertificateTime *times, long result, const char *words, const char *next)
{
    g_autofree char *text = akma_certificate_time_explain(times, result);

    assert_non_null(text);
    if (!strstr(text, words) || !strstr(text, next))
        fail_msg("%s", text);
}

static void
a_clock_before_the_build_is_told_as_the_cause(void **state)
{
    const AkmaCertificateTime times = {0, BUILD, 0};

    (void)state;
    assert_says(&times,
                X509_V_ERR_CERT_NOT_YET_VALID,
                "the clock shows 1970-01-01 00:00 UTC, but this program was built on 2026-11-",
                "; next: set the clock");
    assert_says(&times, X509_V_ERR_CERT_HAS_EXPIRED, "1970-01-01", "; next: set the clock");
}

static void
a_clock_that_can_be_right_is_told_as_one_of_two_causes(void **state)
{
    const AkmaCertificateTime times = {BUILD + DAY, BUILD, 0};

    (void)state;
    assert_says(&times, X509_V_ERR_CERT_NOT_YET_VALID, "the clock shows 2026-", "if that is wrong");
    assert_says(&times, X509_V_ERR_CERT_HAS_EXPIRED, "the clock shows 2026-", "renew");
}

static void
reject_the_clock_as_the_cause_of_anything_else(void **state)
{
    static const long results[] = {
        X509_V_OK, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, X509_V_ERR_HOSTNAME_MISMATCH};
    const AkmaCertificateTime times = {0, BUILD, 0};

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(results); i++)
        assert_null(akma_certificate_time_explain(&times, results[i]));
}

static void
a_clock_beyond_all_years_is_a_number(void **state)
{
    const AkmaCertificateTime times = {INT64_MAX, BUILD, 0};

    (void)state;
    assert_says(&times, X509_V_ERR_CERT_HAS_EXPIRED, "9223372036854775807 s", "; next: ");
}

/* never earlier than it was: 32 bits would make 1901 of 2038 */
static void
times_for_a_library_end_where_its_own_do(void **state)
{
    (void)state;
    assert_true(akma_time_from_unix(-1) == 0);
    assert_true(akma_time_from_unix(G_MAXINT32) == G_MAXINT32);
    assert_true(akma_time_from_unix(INT64_C(1) << 31) >= G_MAXINT32);
    assert_true((int64_t)akma_time_from_unix(G_MAXINT64) == AKMA_TIME_MAX);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_for_a_library_end_where_its_own_do),
        cmocka_unit_test(the_clock_counts_when_it_can_be_right),
        cmocka_unit_test(a_clock_before_the_build_gives_way_to_the_latest_time_that_is_known),
        cmocka_unit_test(a_clock_before_the_build_is_told_as_the_cause),
        cmocka_unit_test(a_clock_that_can_be_right_is_told_as_one_of_two_causes),
        cmocka_unit_test(reject_the_clock_as_the_cause_of_anything_else),
        cmocka_unit_test(a_clock_beyond_all_years_is_a_number),
    };

    return cmocka_run_group_tests_name("certificate-time", tests, NULL, NULL);
}
