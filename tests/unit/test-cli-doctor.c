/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "cli/doctor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define BUILT G_GINT64_CONSTANT(1800000000)

static void
clock_from_the_day_of_the_build_on_is_good(void **state)
{
    g_auto(AkmaFinding) finding = {0};

    (void)state;

    akma_doctor_judge_clock(BUILT, BUILT, 1, &finding);
    assert_int_equal(finding.verdict, AKMA_VERDICT_GOOD);
    assert_null(akma_finding_get_next(&finding));
    assert_non_null(strstr(finding.message, ", synchronised"));
    akma_doctor_judge_clock(BUILT + 1, BUILT, 0, &finding);
    assert_int_equal(finding.verdict, AKMA_VERDICT_GOOD);
    assert_non_null(strstr(finding.message, "not synchronised"));
}

static void
reject_clock_before_the_build(void **state)
{
    g_auto(AkmaFinding) finding = {0};

    (void)state;

    akma_doctor_judge_clock(BUILT - 1, BUILT, -1, &finding);
    assert_int_equal(finding.verdict, AKMA_VERDICT_FAULT);
    assert_int_equal(finding.code, AKMA_ERROR_SERVER_NOT_AUTHENTIC);
    assert_non_null(strstr(finding.message, "2027-01-15 07:59:59"));
    assert_non_null(strstr(akma_finding_get_next(&finding), "clock"));
    /* what no calendar has */
    akma_doctor_judge_clock(G_MININT64, BUILT, -1, &finding);
    assert_int_equal(finding.verdict, AKMA_VERDICT_FAULT);
}

static void
each_error_belongs_to_a_check(void **state)
{
    static const char *const checks[] = {
        "daemon", "modem", "sim", "anchor", "server", "entitlement", "authorization", NULL};
    AkmaError code;
    const char *name;

    (void)state;

    for (unsigned i = 0; akma_error_get_row(i, &code, &name); i++)
        assert_true(g_strv_contains(checks, akma_doctor_check_of(code)));
}

static void
finding_has_a_next_step_only_if_it_is_a_fault(void **state)
{
    g_auto(AkmaFinding) finding = {0};

    (void)state;

    akma_finding_fault(&finding, AKMA_ERROR_NO_SIM, NULL, "none in %s", "x");
    assert_string_equal(finding.message, "none in x");
    assert_string_equal(akma_finding_get_next(&finding), "insert a SIM");
    akma_finding_fault(&finding, AKMA_ERROR_NO_SIM, "look", "again");
    assert_string_equal(akma_finding_get_next(&finding), "look");
    akma_finding_unseen(&finding, "not yet");
    assert_null(akma_finding_get_next(&finding));
}

static void
next_step_of_a_message_is_told_once(void **state)
{
    g_auto(AkmaFinding) finding = {0};
    g_autofree char *message = NULL;

    (void)state;

    akma_finding_fault(&finding, AKMA_ERROR_STORE_FAILED, NULL, "disk full; next: delete");
    message = akma_finding_dup_message(&finding);
    assert_string_equal(message, "disk full");
    assert_string_equal(akma_finding_get_next(&finding), "delete");
}

static void
last_error_becomes_the_finding_of_its_check_alone(void **state)
{
    const char *text = "{'Id': <'mqtt'>, 'LastError': <('org.akmad1.Error.NoSim', 'no card')>}";
    AkmaDoctorObject object = {0};
    AkmaDoctor doctor = {0};
    g_auto(AkmaFinding) finding = {0};

    (void)state;

    object.properties = g_variant_parse(G_VARIANT_TYPE_VARDICT, text, NULL, NULL, NULL);
    doctor.applications = g_ptr_array_new();
    g_ptr_array_add(doctor.applications, &object);

    assert_false(akma_doctor_take_last_error(&doctor, "server", &finding));
    assert_null(finding.message);
    assert_true(akma_doctor_has_last_error(&object));
    assert_true(akma_doctor_take_last_error(&doctor, "sim", &finding));
    assert_int_equal(finding.code, AKMA_ERROR_NO_SIM);
    assert_string_equal(finding.message, "mqtt: no card");

    g_ptr_array_unref(doctor.applications);
    g_variant_unref(object.properties);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clock_from_the_day_of_the_build_on_is_good),
        cmocka_unit_test(reject_clock_before_the_build),
        cmocka_unit_test(each_error_belongs_to_a_check),
        cmocka_unit_test(finding_has_a_next_step_only_if_it_is_a_fault),
        cmocka_unit_test(next_step_of_a_message_is_told_once),
        cmocka_unit_test(last_error_becomes_the_finding_of_its_check_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
