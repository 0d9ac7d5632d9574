/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "session/enrolment.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static AkmaEnrolmentAction
refuse(AkmaEnrolment *e, AkmaCause cause, unsigned retry_after_s, uint32_t random)
{
    g_autoptr(GError) error =
        g_error_new_literal(AKMA_ERROR, (int)akma_cause_get_error(cause), "refused");

    return akma_enrolment_failed(e, error, cause, retry_after_s, random);
}

static void
good_way_is_read_open_done(void **state G_GNUC_UNUSED)
{
    g_autoptr(AkmaEnrolment) e = akma_enrolment_new();

    assert_int_equal(akma_enrolment_begin(e), AKMA_ENROLMENT_READ_ANCHOR);
    assert_int_equal(akma_enrolment_anchor_read(e, "a@b"), AKMA_ENROLMENT_OPEN_SESSION);
    assert_int_equal(akma_enrolment_succeeded(e), AKMA_ENROLMENT_DONE);
    assert_null(akma_enrolment_get_error(e));
    assert_int_equal(akma_enrolment_get_wait_ms(e), 0);
}

static void
unknown_key_reads_the_anchor_again(void **state G_GNUC_UNUSED)
{
    g_autoptr(AkmaEnrolment) e = akma_enrolment_new();

    akma_enrolment_begin(e);
    akma_enrolment_anchor_read(e, "a@b");
    assert_int_equal(refuse(e, AKMA_CAUSE_ANCHOR_KEY_UNKNOWN, 0, 0), AKMA_ENROLMENT_READ_ANCHOR);
    assert_int_equal(akma_enrolment_anchor_read(e, "new@b"), AKMA_ENROLMENT_OPEN_SESSION);
    assert_int_equal(akma_enrolment_succeeded(e), AKMA_ENROLMENT_DONE);
}

static void
same_kid_after_the_reread_backs_off(void **state G_GNUC_UNUSED)
{
    g_autoptr(AkmaEnrolment) e = akma_enrolment_new();

    akma_enrolment_begin(e);
    akma_enrolment_anchor_read(e, "a@b");
    refuse(e, AKMA_CAUSE_ANCHOR_KEY_UNKNOWN, 0, UINT32_MAX);
    assert_int_equal(akma_enrolment_anchor_read(e, "a@b"), AKMA_ENROLMENT_FAILED);
    assert_int_equal(akma_enrolment_get_error(e)->code, AKMA_ERROR_ANCHOR_KEY_UNKNOWN);
    assert_int_equal(akma_enrolment_get_wait_ms(e), 1000);
}

static void
unknown_key_a_second_time_gives_up(void **state G_GNUC_UNUSED)
{
    g_autoptr(AkmaEnrolment) e = akma_enrolment_new();

    akma_enrolment_begin(e);
    akma_enrolment_anchor_read(e, "a@b");
    refuse(e, AKMA_CAUSE_ANCHOR_KEY_UNKNOWN, 0, 0);
    akma_enrolment_anchor_read(e, "new@b");
    assert_int_equal(refuse(e, AKMA_CAUSE_ANCHOR_KEY_UNKNOWN, 0, 0), AKMA_ENROLMENT_FAILED);
    assert_int_equal(akma_enrolment_get_error(e)->code, AKMA_ERROR_ANCHOR_KEY_UNKNOWN);
}

static void
broken_session_is_opened_again_once(void **state G_GNUC_UNUSED)
{
    static const AkmaCause causes[] = {
        AKMA_CAUSE_NOT_AUTHENTIC, AKMA_CAUSE_SESSION_UNKNOWN, AKMA_CAUSE_SESSION_USED};

    for (size_t i = 0; i < G_N_ELEMENTS(causes); i++) {
        g_autoptr(AkmaEnrolment) e = akma_enrolment_new();

        akma_enrolment_begin(e);
        akma_enrolment_anchor_read(e, "a@b");
        assert_int_equal(refuse(e, causes[i], 0, 0), AKMA_ENROLMENT_OPEN_SESSION);
        assert_int_equal(refuse(e, causes[i], 0, 0), AKMA_ENROLMENT_FAILED);
        assert_int_equal(akma_enrolment_get_error(e)->code, AKMA_ERROR_SERVER_REFUSED);
    }
}

static void
no_run_opens_three_sessions(void **state G_GNUC_UNUSED)
{
    g_autoptr(AkmaEnrolment) e = akma_enrolment_new();

    akma_enrolment_begin(e);
    akma_enrolment_anchor_read(e, "a@b");
    refuse(e, AKMA_CAUSE_ANCHOR_KEY_UNKNOWN, 0, 0);
    akma_enrolment_anchor_read(e, "new@b");
    assert_int_equal(refuse(e, AKMA_CAUSE_NOT_AUTHENTIC, 0, 0), AKMA_ENROLMENT_FAILED);

    akma_enrolment_begin(e);
    akma_enrolment_anchor_read(e, "a@b");
    refuse(e, AKMA_CAUSE_SESSION_UNKNOWN, 0, 0);
    assert_int_equal(refuse(e, AKMA_CAUSE_ANCHOR_KEY_UNKNOWN, 0, 0), AKMA_ENROLMENT_FAILED);
}

static void
other_refusals_give_up_at_once(void **state G_GNUC_UNUSED)
{
    static const AkmaCause causes[] = {
        AKMA_CAUSE_NONE,
        AKMA_CAUSE_MALFORMED,
        AKMA_CAUSE_TOO_LARGE,
        AKMA_CAUSE_UNSUPPORTED_MEDIA_TYPE,
        AKMA_CAUSE_WRONG_SERVER,
        AKMA_CAUSE_RATE_LIMITED,
        AKMA_CAUSE_ANCHOR_REFUSED,
        AKMA_CAUSE_ANCHOR_UNAVAILABLE,
        AKMA_CAUSE_STORE_UNAVAILABLE,
    };

    for (size_t i = 0; i < G_N_ELEMENTS(causes); i++) {
        g_autoptr(AkmaEnrolment) e = akma_enrolment_new();

        akma_enrolment_begin(e);
        akma_enrolment_anchor_read(e, "a@b");
        assert_int_equal(refuse(e, causes[i], 0, 0), AKMA_ENROLMENT_FAILED);
    }
}

static void
anchor_that_cannot_be_read_gives_up(void **state G_GNUC_UNUSED)
{
    g_autoptr(AkmaEnrolment) e = akma_enrolment_new();
    g_autoptr(GError) error =
        g_error_new_literal(AKMA_ERROR, AKMA_ERROR_ANCHOR_NOT_READY, "the file is empty");

    akma_enrolment_begin(e);
    assert_int_equal(akma_enrolment_failed(e, error, AKMA_CAUSE_NONE, 0, UINT32_MAX),
                     AKMA_ENROLMENT_FAILED);
    assert_int_equal(akma_enrolment_get_error(e)->code, AKMA_ERROR_ANCHOR_NOT_READY);
    assert_int_equal(akma_enrolment_get_wait_ms(e), 1000);
}

static void
only_a_rate_limit_holds_whoever_asks(void **state)
{
    g_autoptr(AkmaEnrolment) e = akma_enrolment_new();

    (void)state;
    akma_enrolment_begin(e);
    akma_enrolment_anchor_read(e, "a@b");
    refuse(e, AKMA_CAUSE_RATE_LIMITED, 30, 0);
    akma_enrolment_reset(e);
    assert_int_equal(akma_enrolment_get_hold_ms(e), 30000);

    akma_enrolment_begin(e);
    assert_int_equal(akma_enrolment_get_hold_ms(e), 0);
    akma_enrolment_anchor_read(e, "a@b");
    refuse(e, AKMA_CAUSE_ANCHOR_UNAVAILABLE, 30, 0);
    assert_int_equal(akma_enrolment_get_wait_ms(e), 30000);
    assert_int_equal(akma_enrolment_get_hold_ms(e), 0);
}

static uint64_t
fail_once(AkmaEnrolment *e, unsigned retry_after_s, uint32_t random)
{
    akma_enrolment_begin(e);
    akma_enrolment_anchor_read(e, "a@b");
    refuse(e, AKMA_CAUSE_ANCHOR_UNAVAILABLE, retry_after_s, random);

    return akma_enrolment_get_wait_ms(e);
}

static void
back_off_doubles_from_1_s_to_15_min(void **state G_GNUC_UNUSED)
{
    g_autoptr(AkmaEnrolment) e = akma_enrolment_new();

    for (uint64_t most = 1000; most < 900000; most *= 2)
        assert_int_equal(fail_once(e, 0, UINT32_MAX), most);
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(fail_once(e, 0, UINT32_MAX), 900000);
}

static void
jitter_is_full(void **state G_GNUC_UNUSED)
{
    g_autoptr(AkmaEnrolment) e = akma_enrolment_new();

    assert_int_equal(fail_once(e, 0, 0), 0);
    assert_in_range(fail_once(e, 0, UINT32_MAX / 2), 990, 1000);
}

static void
retry_after_is_waited_for(void **state G_GNUC_UNUSED)
{
    g_autoptr(AkmaEnrolment) e = akma_enrolment_new();

    assert_int_equal(fail_once(e, 30, UINT32_MAX), 30000);
    assert_int_equal(fail_once(e, 0, UINT32_MAX), 2000);
    assert_int_equal(fail_once(e, UINT32_MAX, 0), UINT64_C(86400) * 1000);
}

static void
success_forgets_the_back_off(void **state G_GNUC_UNUSED)
{
    g_autoptr(AkmaEnrolment) e = akma_enrolment_new();

    fail_once(e, 0, 0);
    fail_once(e, 0, 0);
    akma_enrolment_begin(e);
    akma_enrolment_anchor_read(e, "a@b");
    akma_enrolment_succeeded(e);
    assert_int_equal(fail_once(e, 0, UINT32_MAX), 1000);
}

static void
reset_forgets_the_back_off(void **state G_GNUC_UNUSED)
{
    g_autoptr(AkmaEnrolment) e = akma_enrolment_new();

    fail_once(e, 60, UINT32_MAX);
    akma_enrolment_reset(e);
    assert_int_equal(akma_enrolment_get_wait_ms(e), 0);
    assert_int_equal(fail_once(e, 0, UINT32_MAX), 1000);
}

static void
what_only_a_person_can_mend_waits_the_longest(void **state G_GNUC_UNUSED)
{
    g_autoptr(AkmaEnrolment) e = akma_enrolment_new();

    akma_enrolment_begin(e);
    akma_enrolment_anchor_read(e, "a@b");
    refuse(e, AKMA_CAUSE_WRONG_SERVER, 0, 0);
    assert_int_equal(akma_enrolment_get_wait_ms(e), 900000);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_way_is_read_open_done),
        cmocka_unit_test(unknown_key_reads_the_anchor_again),
        cmocka_unit_test(same_kid_after_the_reread_backs_off),
        cmocka_unit_test(unknown_key_a_second_time_gives_up),
        cmocka_unit_test(broken_session_is_opened_again_once),
        cmocka_unit_test(no_run_opens_three_sessions),
        cmocka_unit_test(other_refusals_give_up_at_once),
        cmocka_unit_test(anchor_that_cannot_be_read_gives_up),
        cmocka_unit_test(back_off_doubles_from_1_s_to_15_min),
        cmocka_unit_test(jitter_is_full),
        cmocka_unit_test(retry_after_is_waited_for),
        cmocka_unit_test(only_a_rate_limit_holds_whoever_asks),
        cmocka_unit_test(success_forgets_the_back_off),
        cmocka_unit_test(reset_forgets_the_back_off),
        cmocka_unit_test(what_only_a_person_can_mend_waits_the_longest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
