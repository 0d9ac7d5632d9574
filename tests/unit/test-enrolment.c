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

    assert_int_equal(akma_enrolment_begin(e, AKMA_ENROLMENT_AKMA), AKMA_ENROLMENT_READ_ANCHOR);
    assert_int_equal(akma_enrolment_anchor_read(e, "a@b", false), AKMA_ENROLMENT_OPEN_SESSION);
    assert_int_equal(akma_enrolment_succeeded(e), AKMA_ENROLMENT_DONE);
    assert_null(akma_enrolment_get_error(e));
    assert_int_equal(akma_enrolment_get_wait_ms(e), 0);
}

static void
unknown_key_reads_the_anchor_again(void **state G_GNUC_UNUSED)
{
    g_autoptr(AkmaEnrolment) e = akma_enrolment_new();

    akma_enrolment_begin(e, AKMA_ENROLMENT_AKMA);
    akma_enrolment_anchor_read(e, "a@b", false);
    assert_int_equal(refuse(e, AKMA_CAUSE_ANCHOR_KEY_UNKNOWN, 0, 0), AKMA_ENROLMENT_READ_ANCHOR);
    assert_int_equal(akma_enrolment_anchor_read(e, "new@b", false), AKMA_ENROLMENT_OPEN_SESSION);
    assert_int_equal(akma_enrolment_succeeded(e), AKMA_ENROLMENT_DONE);
}

static void
same_kid_after_the_reread_backs_off(void **state G_GNUC_UNUSED)
{
    g_autoptr(AkmaEnrolment) e = akma_enrolment_new();

    akma_enrolment_begin(e, AKMA_ENROLMENT_AKMA);
    akma_enrolment_anchor_read(e, "a@b", false);
    refuse(e, AKMA_CAUSE_ANCHOR_KEY_UNKNOWN, 0, UINT32_MAX);
    assert_int_equal(akma_enrolment_anchor_read(e, "a@b", false), AKMA_ENROLMENT_FAILED);
    assert_int_equal(akma_enrolment_get_error(e)->code, AKMA_ERROR_ANCHOR_KEY_UNKNOWN);
    assert_int_equal(akma_enrolment_get_wait_ms(e), 1000);
}

static void
unknown_key_a_second_time_gives_up(void **state G_GNUC_UNUSED)
{
    g_autoptr(AkmaEnrolment) e = akma_enrolment_new();

    akma_enrolment_begin(e, AKMA_ENROLMENT_AKMA);
    akma_enrolment_anchor_read(e, "a@b", false);
    refuse(e, AKMA_CAUSE_ANCHOR_KEY_UNKNOWN, 0, 0);
    akma_enrolment_anchor_read(e, "new@b", false);
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

        akma_enrolment_begin(e, AKMA_ENROLMENT_AKMA);
        akma_enrolment_anchor_read(e, "a@b", false);
        assert_int_equal(refuse(e, causes[i], 0, 0), AKMA_ENROLMENT_OPEN_SESSION);
        assert_int_equal(refuse(e, causes[i], 0, 0), AKMA_ENROLMENT_FAILED);
        assert_int_equal(akma_enrolment_get_error(e)->code, AKMA_ERROR_SERVER_REFUSED);
    }
}

static void
no_run_opens_three_sessions(void **state G_GNUC_UNUSED)
{
    g_autoptr(AkmaEnrolment) e = akma_enrolment_new();

    akma_enrolment_begin(e, AKMA_ENROLMENT_AKMA);
    akma_enrolment_anchor_read(e, "a@b", false);
    refuse(e, AKMA_CAUSE_ANCHOR_KEY_UNKNOWN, 0, 0);
    akma_enrolment_anchor_read(e, "new@b", false);
    assert_int_equal(refuse(e, AKMA_CAUSE_NOT_AUTHENTIC, 0, 0), AKMA_ENROLMENT_FAILED);

    akma_enrolment_begin(e, AKMA_ENROLMENT_AKMA);
    akma_enrolment_anchor_read(e, "a@b", false);
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

        akma_enrolment_begin(e, AKMA_ENROLMENT_AKMA);
        akma_enrolment_anchor_read(e, "a@b", false);
        assert_int_equal(refuse(e, causes[i], 0, 0), AKMA_ENROLMENT_FAILED);
    }
}

static void
anchor_that_cannot_be_read_gives_up(void **state G_GNUC_UNUSED)
{
    g_autoptr(AkmaEnrolment) e = akma_enrolment_new();
    g_autoptr(GError) error =
        g_error_new_literal(AKMA_ERROR, AKMA_ERROR_ANCHOR_NOT_READY, "the file is empty");

    akma_enrolment_begin(e, AKMA_ENROLMENT_AKMA);
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
    akma_enrolment_begin(e, AKMA_ENROLMENT_AKMA);
    akma_enrolment_anchor_read(e, "a@b", false);
    refuse(e, AKMA_CAUSE_RATE_LIMITED, 30, 0);
    akma_enrolment_reset(e);
    assert_int_equal(akma_enrolment_get_hold_ms(e), 30000);

    akma_enrolment_begin(e, AKMA_ENROLMENT_AKMA);
    assert_int_equal(akma_enrolment_get_hold_ms(e), 0);
    akma_enrolment_anchor_read(e, "a@b", false);
    refuse(e, AKMA_CAUSE_ANCHOR_UNAVAILABLE, 30, 0);
    assert_int_equal(akma_enrolment_get_wait_ms(e), 30000);
    assert_int_equal(akma_enrolment_get_hold_ms(e), 0);
}

static uint64_t
fail_once(AkmaEnrolment *e, unsigned retry_after_s, uint32_t random)
{
    akma_enrolment_begin(e, AKMA_ENROLMENT_AKMA);
    akma_enrolment_anchor_read(e, "a@b", false);
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
    akma_enrolment_begin(e, AKMA_ENROLMENT_AKMA);
    akma_enrolment_anchor_read(e, "a@b", false);
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

    akma_enrolment_begin(e, AKMA_ENROLMENT_AKMA);
    akma_enrolment_anchor_read(e, "a@b", false);
    refuse(e, AKMA_CAUSE_WRONG_SERVER, 0, 0);
    assert_int_equal(akma_enrolment_get_wait_ms(e), 900000);
}

/* As far as the fallback: the server does not know the A-KID, also after the re-read. */
static void
fall_back(AkmaEnrolment *e)
{
    akma_enrolment_begin(e, AKMA_ENROLMENT_AUTO);
    assert_false(akma_enrolment_is_gba(e));
    akma_enrolment_anchor_read(e, "akma@b", false);
    assert_int_equal(refuse(e, AKMA_CAUSE_ANCHOR_KEY_UNKNOWN, 0, 0), AKMA_ENROLMENT_READ_ANCHOR);
    assert_false(akma_enrolment_is_gba(e));
    assert_int_equal(akma_enrolment_anchor_read(e, "akma@b", false), AKMA_ENROLMENT_READ_ANCHOR);
    assert_true(akma_enrolment_is_gba(e));
}

static void
auto_falls_back_to_gba_when_nobody_knows_the_a_kid(void **state G_GNUC_UNUSED)
{
    g_autoptr(AkmaEnrolment) e = akma_enrolment_new();

    fall_back(e);
    assert_false(akma_enrolment_wants_new(e));
    assert_int_equal(akma_enrolment_anchor_read(e, "gba@b", true), AKMA_ENROLMENT_OPEN_SESSION);
    assert_false(akma_enrolment_is_degraded(e));
    assert_int_equal(akma_enrolment_succeeded(e), AKMA_ENROLMENT_DONE);
    assert_true(akma_enrolment_is_degraded(e));
}

static void
auto_falls_back_also_after_a_new_a_kid_that_nobody_knows(void **state G_GNUC_UNUSED)
{
    g_autoptr(AkmaEnrolment) e = akma_enrolment_new();

    akma_enrolment_begin(e, AKMA_ENROLMENT_AUTO);
    akma_enrolment_anchor_read(e, "akma@b", false);
    refuse(e, AKMA_CAUSE_ANCHOR_KEY_UNKNOWN, 0, 0);
    assert_int_equal(akma_enrolment_anchor_read(e, "new@b", false), AKMA_ENROLMENT_OPEN_SESSION);
    assert_int_equal(refuse(e, AKMA_CAUSE_ANCHOR_KEY_UNKNOWN, 0, 0), AKMA_ENROLMENT_READ_ANCHOR);
    assert_true(akma_enrolment_is_gba(e));
}

static void
next_enrolment_begins_with_akma_again(void **state G_GNUC_UNUSED)
{
    g_autoptr(AkmaEnrolment) e = akma_enrolment_new();

    fall_back(e);
    akma_enrolment_anchor_read(e, "gba@b", true);
    akma_enrolment_succeeded(e);

    akma_enrolment_begin(e, AKMA_ENROLMENT_AUTO);
    assert_false(akma_enrolment_is_gba(e));
    assert_true(akma_enrolment_is_degraded(e)); /* until it has succeeded */
    akma_enrolment_anchor_read(e, "akma@b", false);
    akma_enrolment_succeeded(e);
    assert_false(akma_enrolment_is_degraded(e));
}

static void
card_without_akma_uses_gba_and_that_is_no_fallback(void **state G_GNUC_UNUSED)
{
    g_autoptr(AkmaEnrolment) e = akma_enrolment_new();
    g_autoptr(GError) error =
        g_error_new_literal(AKMA_ERROR, AKMA_ERROR_ANCHOR_UNSUPPORTED, "no service 123");

    akma_enrolment_begin(e, AKMA_ENROLMENT_AUTO);
    assert_int_equal(akma_enrolment_failed(e, error, AKMA_CAUSE_NONE, 0, 0),
                     AKMA_ENROLMENT_READ_ANCHOR);
    assert_true(akma_enrolment_is_gba(e));
    akma_enrolment_anchor_read(e, "gba@b", true);
    akma_enrolment_succeeded(e);
    assert_false(akma_enrolment_is_degraded(e));
}

static void
error_of_gba_says_why_akma_was_left(void **state G_GNUC_UNUSED)
{
    g_autoptr(AkmaEnrolment) e = akma_enrolment_new();
    g_autoptr(GError) error =
        g_error_new_literal(AKMA_ERROR, AKMA_ERROR_SERVER_UNREACHABLE, "BSF: silence");

    fall_back(e);
    assert_int_equal(akma_enrolment_failed(e, error, AKMA_CAUSE_NONE, 0, 0), AKMA_ENROLMENT_FAILED);
    assert_int_equal(akma_enrolment_get_error(e)->code, AKMA_ERROR_SERVER_UNREACHABLE);
    assert_string_equal(akma_enrolment_get_error(e)->message, "no AKMA (refused); BSF: silence");
}

static AkmaEnrolmentAction
fail_with(AkmaEnrolment *e, AkmaError code, const char *message)
{
    g_autoptr(GError) error = g_error_new_literal(AKMA_ERROR, (int)code, message);

    return akma_enrolment_failed(e, error, AKMA_CAUSE_NONE, 0, 0);
}

static void
card_without_a_key_of_5g_uses_gba_and_that_is_a_fallback(void **state G_GNUC_UNUSED)
{
    g_autoptr(AkmaEnrolment) e = akma_enrolment_new();

    akma_enrolment_begin(e, AKMA_ENROLMENT_AUTO);
    assert_int_equal(fail_with(e, AKMA_ERROR_ANCHOR_NOT_READY, "empty"),
                     AKMA_ENROLMENT_READ_ANCHOR);
    assert_true(akma_enrolment_is_gba(e));
    akma_enrolment_anchor_read(e, "gba@b", true);
    akma_enrolment_succeeded(e);
    assert_true(akma_enrolment_is_degraded(e));

    akma_enrolment_begin(e, AKMA_ENROLMENT_AUTO);
    assert_false(akma_enrolment_is_gba(e));
}

static void
no_key_of_5g_and_no_bsf_is_anchor_not_ready(void **state G_GNUC_UNUSED)
{
    g_autoptr(AkmaEnrolment) e = akma_enrolment_new();

    akma_enrolment_begin(e, AKMA_ENROLMENT_AUTO);
    fail_with(e, AKMA_ERROR_ANCHOR_NOT_READY, "empty");
    assert_int_equal(fail_with(e, AKMA_ERROR_SERVER_UNREACHABLE, "BSF: no"), AKMA_ENROLMENT_FAILED);
    assert_int_equal(akma_enrolment_get_error(e)->code, AKMA_ERROR_ANCHOR_NOT_READY);
    assert_string_equal(akma_enrolment_get_error(e)->message, "empty; and over GBA: BSF: no");
}

static void
no_key_of_5g_and_a_server_that_refuses_gba_is_the_error_of_the_server(void **state G_GNUC_UNUSED)
{
    g_autoptr(AkmaEnrolment) e = akma_enrolment_new();

    akma_enrolment_begin(e, AKMA_ENROLMENT_AUTO);
    fail_with(e, AKMA_ERROR_ANCHOR_NOT_READY, "empty");
    akma_enrolment_anchor_read(e, "gba@b", true);
    assert_int_equal(refuse(e, AKMA_CAUSE_ANCHOR_KEY_UNKNOWN, 0, 0), AKMA_ENROLMENT_FAILED);
    assert_int_equal(akma_enrolment_get_error(e)->code, AKMA_ERROR_ANCHOR_KEY_UNKNOWN);
    assert_string_equal(akma_enrolment_get_error(e)->message, "no AKMA (empty); refused");
}

static void
reject_a_fallback_that_nobody_wanted(void **state G_GNUC_UNUSED)
{
    static const AkmaEnrolmentChoice choices[] = {AKMA_ENROLMENT_AKMA, AKMA_ENROLMENT_GBA};

    for (size_t i = 0; i < G_N_ELEMENTS(choices); i++) {
        g_autoptr(AkmaEnrolment) e = akma_enrolment_new();

        akma_enrolment_begin(e, choices[i]);
        assert_int_equal(akma_enrolment_is_gba(e), choices[i] == AKMA_ENROLMENT_GBA);
        assert_int_equal(fail_with(e, AKMA_ERROR_ANCHOR_UNSUPPORTED, "no"), AKMA_ENROLMENT_FAILED);
        akma_enrolment_begin(e, choices[i]);
        assert_int_equal(fail_with(e, AKMA_ERROR_ANCHOR_NOT_READY, "no"), AKMA_ENROLMENT_FAILED);
        akma_enrolment_begin(e, choices[i]);
        akma_enrolment_anchor_read(e, "a@b", false);
        refuse(e, AKMA_CAUSE_ANCHOR_KEY_UNKNOWN, 0, 0);
        assert_int_equal(akma_enrolment_anchor_read(e, "a@b", false), AKMA_ENROLMENT_FAILED);
    }
}

static void
reject_a_fallback_for_any_other_reason(void **state G_GNUC_UNUSED)
{
    static const AkmaError codes[] = {AKMA_ERROR_ANCHOR_REJECTED,
                                      AKMA_ERROR_MODEM_FAILED,
                                      AKMA_ERROR_NO_SIM,
                                      AKMA_ERROR_SERVER_UNREACHABLE,
                                      AKMA_ERROR_SERVER_NOT_AUTHENTIC};

    for (size_t i = 0; i < G_N_ELEMENTS(codes); i++) {
        g_autoptr(AkmaEnrolment) e = akma_enrolment_new();

        akma_enrolment_begin(e, AKMA_ENROLMENT_AUTO);
        assert_int_equal(fail_with(e, codes[i], "no"), AKMA_ENROLMENT_FAILED);
    }
}

static void
unknown_b_tid_bootstraps_anew_once(void **state G_GNUC_UNUSED)
{
    g_autoptr(AkmaEnrolment) e = akma_enrolment_new();

    akma_enrolment_begin(e, AKMA_ENROLMENT_GBA);
    akma_enrolment_anchor_read(e, "old@b", false);
    assert_int_equal(refuse(e, AKMA_CAUSE_ANCHOR_KEY_UNKNOWN, 0, 0), AKMA_ENROLMENT_READ_ANCHOR);
    assert_true(akma_enrolment_wants_new(e));
    assert_int_equal(akma_enrolment_anchor_read(e, "new@b", true), AKMA_ENROLMENT_OPEN_SESSION);
    assert_int_equal(refuse(e, AKMA_CAUSE_ANCHOR_KEY_UNKNOWN, 0, 0), AKMA_ENROLMENT_FAILED);
}

static void
reject_a_second_bootstrapping_in_one_enrolment(void **state G_GNUC_UNUSED)
{
    g_autoptr(AkmaEnrolment) e = akma_enrolment_new();
    g_autoptr(GError) error = g_error_new_literal(AKMA_ERROR, AKMA_ERROR_ANCHOR_REJECTED, "over");

    akma_enrolment_begin(e, AKMA_ENROLMENT_GBA);
    akma_enrolment_anchor_read(e, "new@b", true);
    assert_int_equal(refuse(e, AKMA_CAUSE_ANCHOR_KEY_UNKNOWN, 0, 0), AKMA_ENROLMENT_FAILED);

    akma_enrolment_begin(e, AKMA_ENROLMENT_GBA);
    akma_enrolment_anchor_read(e, "new@b", true);
    assert_int_equal(akma_enrolment_anchor_expired(e, error, 0), AKMA_ENROLMENT_FAILED);
}

static void
key_that_ends_in_a_session_is_replaced_once(void **state G_GNUC_UNUSED)
{
    g_autoptr(AkmaEnrolment) e = akma_enrolment_new();
    g_autoptr(GError) error = g_error_new_literal(AKMA_ERROR, AKMA_ERROR_NOT_READY, "over");

    akma_enrolment_begin(e, AKMA_ENROLMENT_GBA);
    akma_enrolment_anchor_read(e, "old@b", false);
    assert_int_equal(akma_enrolment_anchor_expired(e, error, 0), AKMA_ENROLMENT_READ_ANCHOR);
    assert_int_equal(akma_enrolment_anchor_read(e, "new@b", true), AKMA_ENROLMENT_OPEN_SESSION);
    assert_int_equal(akma_enrolment_anchor_expired(e, error, 0), AKMA_ENROLMENT_FAILED);
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
        cmocka_unit_test(auto_falls_back_to_gba_when_nobody_knows_the_a_kid),
        cmocka_unit_test(auto_falls_back_also_after_a_new_a_kid_that_nobody_knows),
        cmocka_unit_test(next_enrolment_begins_with_akma_again),
        cmocka_unit_test(card_without_akma_uses_gba_and_that_is_no_fallback),
        cmocka_unit_test(error_of_gba_says_why_akma_was_left),
        cmocka_unit_test(card_without_a_key_of_5g_uses_gba_and_that_is_a_fallback),
        cmocka_unit_test(no_key_of_5g_and_no_bsf_is_anchor_not_ready),
        cmocka_unit_test(no_key_of_5g_and_a_server_that_refuses_gba_is_the_error_of_the_server),
        cmocka_unit_test(reject_a_fallback_that_nobody_wanted),
        cmocka_unit_test(reject_a_fallback_for_any_other_reason),
        cmocka_unit_test(unknown_b_tid_bootstraps_anew_once),
        cmocka_unit_test(reject_a_second_bootstrapping_in_one_enrolment),
        cmocka_unit_test(key_that_ends_in_a_session_is_replaced_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
