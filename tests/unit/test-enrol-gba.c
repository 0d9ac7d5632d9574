/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An enrolment with GBA, alone and as the way out of AKMA. */
#include "tests/fakes/enrol-fixture.h"

static void
gba_gives_the_key_in_one_exchange(void **state)
{
    Fixture *fixture = *state;

    fixture->server = GBA;
    fake_peer.gba_kid = B_TID;
    run(fixture);

    assert_null(fixture->error);
    assert_int_equal(fixture->keys->keys->len, 1);
    assert_int_equal(card.gba_reads, 1);
    assert_int_equal(card.reads, 0);
    assert_int_equal(card.gba_fresh, 0);
}

static void
auto_falls_back_to_gba_after_the_re_read(void **state)
{
    Fixture *fixture = *state;

    fixture->server = AUTO;
    fake_peer.known_kid = KID2;
    fake_peer.gba_kid = B_TID;
    run(fixture);

    assert_non_null(fixture->keys);
    assert_int_equal(card.reads, 2);
    assert_int_equal(card.forgotten, 1);
    assert_int_equal(card.gba_reads, 1);
    assert_int_equal(fake_peer.first_requests, 2);
    assert_true(akma_enrolment_is_degraded(fixture->machine));
}

static void
auto_uses_gba_where_the_card_has_no_akma(void **state)
{
    Fixture *fixture = *state;

    fixture->server = AUTO;
    card.error = AKMA_ERROR_ANCHOR_UNSUPPORTED;
    fake_peer.gba_kid = B_TID;
    run(fixture);

    assert_non_null(fixture->keys);
    assert_int_equal(card.gba_reads, 1);
    assert_false(akma_enrolment_is_degraded(fixture->machine));
}

static void
auto_falls_back_to_gba_where_the_modem_never_registered_on_5g(void **state)
{
    Fixture *fixture = *state;

    fixture->server = AUTO;
    card.error = AKMA_ERROR_ANCHOR_NOT_READY;
    fake_peer.gba_kid = B_TID;
    run(fixture);

    assert_non_null(fixture->keys);
    assert_int_equal(card.gba_reads, 1);
    assert_true(akma_enrolment_is_degraded(fixture->machine));
}

static void
a_bsf_that_wants_to_be_left_alone_is_left_alone(void **state)
{
    Fixture *fixture = *state;

    fixture->server = GBA;
    card.gba_error = AKMA_ERROR_SERVER_UNREACHABLE;
    card.gba_retry_after_s = 77;
    run(fixture);

    assert_failed(fixture, AKMA_ERROR_SERVER_UNREACHABLE);
    assert_in_range(akma_enrolment_get_wait_ms(fixture->machine), 77000, 77000);
    assert_int_equal(akma_enrolment_get_hold_ms(fixture->machine), 0);
}

static void
a_bsf_that_is_gone_is_told_beside_the_reason_for_gba(void **state)
{
    Fixture *fixture = *state;

    fixture->server = AUTO;
    card.error = AKMA_ERROR_ANCHOR_UNSUPPORTED;
    card.gba_error = AKMA_ERROR_SERVER_UNREACHABLE;
    run(fixture);

    assert_failed(fixture, AKMA_ERROR_SERVER_UNREACHABLE);
    assert_non_null(strstr(fixture->error->message, "BSF"));
    assert_int_equal(fake_peer.first_requests, 0);
}

static void
a_b_tid_that_nobody_knows_is_bootstrapped_anew_once(void **state)
{
    Fixture *fixture = *state;

    fixture->server = GBA;
    fake_peer.known_kid = KID2;
    fake_peer.gba_kid = B_TID2;
    run(fixture);

    assert_non_null(fixture->keys);
    assert_int_equal(card.gba_reads, 2);
    assert_int_equal(card.gba_fresh, 1);
    assert_int_equal(card.forgotten, 0);
}

static void
reject_a_new_b_tid_that_nobody_knows(void **state)
{
    Fixture *fixture = *state;

    fixture->server = GBA;
    fake_peer.known_kid = KID2;
    card.gba_is_new = true;
    run(fixture);

    assert_failed(fixture, AKMA_ERROR_ANCHOR_KEY_UNKNOWN);
    assert_int_equal(card.gba_reads, 1);
    assert_int_equal(fake_peer.first_requests, 1);
}

static void
ks_that_ends_between_the_requests_is_made_anew(void **state)
{
    Fixture *fixture = *state;

    fixture->server = GBA;
    fake_peer.gba_kid = B_TID;
    fake_peer.first_ms = 40;
    card.gba_short = 1;
    fake_peer.known_kid = KID2;
    begin(fixture, mqtt);
    while (fake_peer.first_requests == 0)
        g_main_context_iteration(NULL, TRUE);
    fake_peer.gba_kid = B_TID2;
    while (!fixture->done)
        g_main_context_iteration(NULL, TRUE);

    assert_non_null(fixture->keys);
    assert_int_equal(card.gba_reads, 2);
    assert_int_equal(fake_peer.first_requests, 2);
    assert_int_equal(fake_peer.second_requests, 1);
}

static void
reject_ks_that_ends_between_the_requests_again(void **state)
{
    Fixture *fixture = *state;

    fixture->server = GBA;
    fake_peer.gba_kid = B_TID;
    fake_peer.first_ms = 40;
    card.gba_short = 2;
    card.gba_is_new = true;
    run(fixture);

    assert_failed(fixture, AKMA_ERROR_ANCHOR_NOT_READY);
    assert_int_equal(card.gba_reads, 1);
    assert_int_equal(fake_peer.second_requests, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(gba_gives_the_key_in_one_exchange),
        TEST(auto_falls_back_to_gba_after_the_re_read),
        TEST(auto_uses_gba_where_the_card_has_no_akma),
        TEST(auto_falls_back_to_gba_where_the_modem_never_registered_on_5g),
        TEST(a_bsf_that_wants_to_be_left_alone_is_left_alone),
        TEST(a_bsf_that_is_gone_is_told_beside_the_reason_for_gba),
        TEST(a_b_tid_that_nobody_knows_is_bootstrapped_anew_once),
        TEST(reject_a_new_b_tid_that_nobody_knows),
        TEST(ks_that_ends_between_the_requests_is_made_anew),
        TEST(reject_ks_that_ends_between_the_requests_again),
    };

    return make_heap() ? cmocka_run_group_tests_name("enrol-gba", tests, NULL, NULL) : 1;
}
