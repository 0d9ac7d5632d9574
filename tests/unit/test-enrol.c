/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "tests/fakes/enrol-fixture.h"

static void
card_and_server_give_the_key_in_one_exchange(void **state)
{
    Fixture *fixture = *state;

    run(fixture);

    assert_null(fixture->error);
    assert_int_equal(fixture->keys->keys->len, 1);
    assert_string_equal(((AkmaKey *)fixture->keys->keys->pdata[0])->kid, "mqtt:1");
    assert_int_equal(card.reads, 1);
    assert_int_equal(fake_peer.first_requests, 1);
    assert_int_equal(fake_peer.second_requests, 1);
}

static void
m6_nothing_of_the_first_key_is_left_when_it_is_done(void **state)
{
    static const guint servers[] = {AKMA, GBA};
    Fixture *fixture = *state;
    size_t used = CRYPTO_secure_used();

    fake_peer.gba_kid = B_TID;
    for (size_t i = 0; i < G_N_ELEMENTS(servers); i++) {
        fixture->server = servers[i];
        fixture->done = false;
        run(fixture);
        assert_non_null(fixture->keys);
        g_clear_pointer(&fixture->keys, akma_key_set_free);

        assert_int_equal(CRYPTO_secure_used(), used);
    }
    assert_int_equal(card.reads, 1);
    assert_int_equal(card.gba_reads, 1);
}

static void
one_key_id_that_is_refused_does_not_hurt_the_other(void **state)
{
    static const char *const key_ids[] = {"vpn", "mqtt", NULL};
    Fixture *fixture = *state;

    begin(fixture, key_ids);
    while (!fixture->done)
        g_main_context_iteration(NULL, TRUE);

    assert_int_equal(fixture->keys->keys->len, 1);
    assert_int_equal(fixture->keys->errors->len, 1);
}

static void
a_session_that_is_unknown_is_opened_once_more(void **state)
{
    Fixture *fixture = *state;

    fake_peer.refuse[0] = AKMA_CAUSE_SESSION_UNKNOWN;
    run(fixture);

    assert_non_null(fixture->keys);
    assert_int_equal(fake_peer.first_requests, 2);
    assert_int_equal(card.reads, 1);
}

static void
reject_a_third_session(void **state)
{
    Fixture *fixture = *state;

    fake_peer.refuse[0] = fake_peer.refuse[1] = AKMA_CAUSE_SESSION_UNKNOWN;
    run(fixture);

    assert_failed(fixture, AKMA_ERROR_SERVER_REFUSED);
    assert_int_equal(fake_peer.first_requests, 2);
}

static void
an_unknown_kid_is_read_again_and_a_new_one_is_used_at_once(void **state)
{
    Fixture *fixture = *state;

    fake_peer.known_kid = KID2;
    card.kids[1] = KID2;
    run(fixture);

    assert_non_null(fixture->keys);
    assert_int_equal(card.reads, 2);
    assert_int_equal(card.forgotten, 1);
    assert_int_equal(fake_peer.first_requests, 2);
}

static void
reject_a_kid_that_is_unknown_and_no_other(void **state)
{
    Fixture *fixture = *state;

    fake_peer.known_kid = KID2;
    run(fixture);

    assert_failed(fixture, AKMA_ERROR_ANCHOR_KEY_UNKNOWN);
    assert_int_equal(card.reads, 2);
}

static void
reject_a_server_without_the_first_key(void **state)
{
    Fixture *fixture = *state;

    akma_secret_unref(fake_peer.k_akma);
    fake_peer.k_akma = akma_secret_new("another key another key another ", 32, NULL);
    run(fixture);

    assert_failed(fixture, AKMA_ERROR_SERVER_NOT_AUTHENTIC);
    assert_int_equal(fake_peer.second_requests, 0);
}

static void
a_card_that_is_not_ready_asks_no_server(void **state)
{
    Fixture *fixture = *state;

    card.error = AKMA_ERROR_ANCHOR_NOT_READY;
    run(fixture);

    assert_failed(fixture, AKMA_ERROR_ANCHOR_NOT_READY);
    assert_int_equal(fake_peer.first_requests, 0);
}

static void
a_connection_lost_before_the_second_response_is_server_unreachable(void **state)
{
    Fixture *fixture = *state;

    fake_peer.lose_second = true;
    run(fixture);

    assert_failed(fixture, AKMA_ERROR_SERVER_UNREACHABLE);
}

static void
cancelled_in_the_middle_ends_at_once(void **state)
{
    static const char *const key_ids[] = {"mqtt", NULL};
    Fixture *fixture = *state;

    fake_peer.hang = true;
    begin(fixture, key_ids);
    while (fake_peer.first_requests == 0)
        g_main_context_iteration(NULL, TRUE);
    g_cancellable_cancel(fixture->cancellable);
    while (!fixture->done)
        g_main_context_iteration(NULL, TRUE);

    assert_true(g_error_matches(fixture->error, G_IO_ERROR, G_IO_ERROR_CANCELLED));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(card_and_server_give_the_key_in_one_exchange),
        TEST(m6_nothing_of_the_first_key_is_left_when_it_is_done),
        TEST(one_key_id_that_is_refused_does_not_hurt_the_other),
        TEST(a_session_that_is_unknown_is_opened_once_more),
        TEST(reject_a_third_session),
        TEST(an_unknown_kid_is_read_again_and_a_new_one_is_used_at_once),
        TEST(reject_a_kid_that_is_unknown_and_no_other),
        TEST(reject_a_server_without_the_first_key),
        TEST(a_card_that_is_not_ready_asks_no_server),
        TEST(a_connection_lost_before_the_second_response_is_server_unreachable),
        TEST(cancelled_in_the_middle_ends_at_once),
    };

    return make_heap() ? cmocka_run_group_tests_name("enrol", tests, NULL, NULL) : 1;
}
