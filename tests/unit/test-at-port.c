/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/at/port.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "tests/fakes/at-fixture.h"
#include "tests/fakes/fake-card.h"

static void
dropped_answer_times_out_and_the_next_works(void **state)
{
    AtFixture *f = *state;

    at_fixture_open_card(f);
    fake_at_set(f->at, "AT+CGLA=1,10,\"00b0850022\"", NULL);
    at_fixture_read_key(f);
    at_fixture_assert_error(f, AKMA_ERROR_MODEM_FAILED);
    assert_non_null(strstr(f->error->message, "no answer"));
    assert_int_equal(fake_at_count_open(f->at), 0);

    fake_at_unset(f->at, "AT+CGLA=1,10,\"00b0850022\"");
    at_fixture_read_key(f);
    at_fixture_assert_key(f);
}

static void
reject_late_answer(void **state)
{
    AtFixture *f = *state;

    at_fixture_open_card(f);
    at_fixture_open_channel(f, NULL);
    fake_at_delay_next(f->at); /* SELECT DF_5GS comes when the next command is there */
    f->done = false;
    akma_usim_read_k_ausf_async(f->channel, NULL, at_fixture_key_read, f);
    fake_card_run_until(&f->done);
    at_fixture_assert_error(f, AKMA_ERROR_MODEM_FAILED);

    g_clear_error(&f->error);
    f->done = false;
    akma_usim_read_k_ausf_async(f->channel, NULL, at_fixture_key_read, f);
    fake_card_run_until(&f->done);
    at_fixture_assert_key(f);
    g_clear_object(&f->channel);
    at_fixture_wait_idle(f);
    assert_int_equal(fake_at_count_open(f->at), 0);
}

static void
reject_a_channel_that_opens_too_late_and_give_it_back(void **state)
{
    AtFixture *f = *state;

    at_fixture_open_card(f);
    fake_at_delay_next(f->at);
    at_fixture_open_channel(f, NULL);
    at_fixture_assert_error(f, AKMA_ERROR_MODEM_FAILED);
    assert_int_equal(fake_at_count_open(f->at), 1);

    g_clear_error(&f->error);
    at_fixture_read_key(f);
    at_fixture_assert_key(f);
    at_fixture_run_for(20);
    assert_int_equal(fake_at_count_open(f->at), 0);
}

static void
reject_a_channel_of_the_card_that_is_named_too_late_and_give_it_back(void **state)
{
    AtFixture *f = *state;

    fake_at_manner(f->at)->no_ccho = true;
    at_fixture_open_card(f);
    at_fixture_read_key(f);
    at_fixture_assert_key(f);
    fake_at_delay_next(f->at);
    at_fixture_open_channel(f, NULL);
    assert_null(f->channel);
    assert_int_equal(fake_at_count_open(f->at), 1);

    at_fixture_read_key(f);
    at_fixture_assert_key(f);
    at_fixture_run_for(20);
    assert_int_equal(fake_at_count_open(f->at), 0);
}

static void
dead_modem_fails_each_call_and_does_not_hang(void **state)
{
    AtFixture *f = *state;

    at_fixture_open_card(f);
    at_fixture_open_channel(f, NULL);
    fake_at_set(f->at, "ATE0V1", NULL);
    fake_at_set(f->at, "AT+CGMI", NULL);
    fake_at_set(f->at, "AT+CGLA=1,18,\"00a4080c047fff5fc0\"", NULL);
    for (int i = 0; i < 2; i++) {
        g_clear_error(&f->error);
        f->done = false;
        akma_usim_read_k_ausf_async(f->channel, NULL, at_fixture_key_read, f);
        fake_card_run_until(&f->done);
        at_fixture_assert_error(f, AKMA_ERROR_MODEM_FAILED);
    }
}

static void
unplugging_fails_what_runs_and_is_told_once(void **state)
{
    AtFixture *f = *state;

    at_fixture_open_card(f);
    at_fixture_open_channel(f, NULL);
    fake_at_set(f->at, "AT+CGLA=1,18,\"00a4080c047fff5fc0\"", NULL);
    f->done = false;
    akma_usim_read_k_ausf_async(f->channel, NULL, at_fixture_key_read, f);
    at_fixture_run_for(5);
    fake_at_hang_up(f->at);
    fake_card_run_until(&f->done);
    at_fixture_assert_error(f, AKMA_ERROR_MODEM_FAILED);
    fake_card_settle();
    assert_int_equal(f->gone, 1);

    g_clear_object(&f->channel);
    at_fixture_read_key(f);
    at_fixture_assert_error(f, AKMA_ERROR_NO_MODEM);
    assert_int_equal(f->gone, 1);
}

static void
cancelled_opening_closes_the_channel_that_still_comes(void **state)
{
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    AtFixture *f = *state;

    at_fixture_open_card(f);
    f->done = false;
    akma_usim_open_async(f->queue, cancellable, at_fixture_channel_opened, f);
    g_cancellable_cancel(cancellable);
    fake_card_run_until(&f->done);

    assert_null(f->channel);
    assert_true(g_error_matches(f->error, G_IO_ERROR, G_IO_ERROR_CANCELLED));
    at_fixture_wait_idle(f);
    assert_int_equal(fake_at_count_open(f->at), 0);
}

static void
queried(GObject *source, GAsyncResult *res, gpointer user_data)
{
    AtFixture *f = user_data;

    akma_card_query_finish(AKMA_CARD(source), res, &f->answer, &f->error);
    f->done = true;
}

static void
query(AtFixture *f)
{
    g_clear_error(&f->error);
    f->done = false;
    akma_card_query_async(f->card, queried, f);
    fake_card_run_until(&f->done);
}

/*= TS 27.007 8.3: +CPIN: <code> */
static void
state_of_card_and_network_is_asked(void **state)
{
    static const struct {
        const char *answer;
        AkmaSimState sim;
    } rows[] = {
        {"\r\n+CPIN: READY\r\n\r\nOK\r\n", AKMA_SIM_READY},
        {"\r\n+CPIN:READY\r\n\r\nOK\r\n", AKMA_SIM_READY},
        {"\r\n+CPIN: SIM PIN\r\n\r\nOK\r\n", AKMA_SIM_PIN_REQUIRED},
        {"\r\n+CPIN: SIM PUK\r\n\r\nOK\r\n", AKMA_SIM_BLOCKED},
        {"\r\n+CPIN: SIM PIN2\r\n\r\nOK\r\n", AKMA_SIM_READY},
        {"\r\n+CPIN: NOT READY\r\n+CPIN: READY\r\n\r\nOK\r\n", AKMA_SIM_READY},
        {"\r\n+CME ERROR: SIM not inserted\r\n", AKMA_SIM_ABSENT},
        {"\r\n+CME ERROR: 11\r\n", AKMA_SIM_PIN_REQUIRED},
        {"\r\n+CME ERROR: 12\r\n", AKMA_SIM_BLOCKED},
        {"\r\nERROR\r\n", AKMA_SIM_UNKNOWN},
        {"\r\nOK\r\n", AKMA_SIM_UNKNOWN},
    };
    AtFixture *f = *state;

    at_fixture_open_card(f);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        fake_at_set(f->at, "AT+CPIN?", rows[i].answer);
        query(f);
        assert_null(f->error);
        assert_int_equal(f->answer.sim, rows[i].sim);
        assert_int_equal(f->answer.registration, AKMA_REGISTRATION_HOME);
    }
}

/*= TS 27.007 7.2, 10.1.20, 10.1.47: <stat> of +CREG, +CEREG, +C5GREG */
static void
best_system_counts(void **state)
{
    AtFixture *f = *state;

    fake_at_set(f->at, "AT+C5GREG=1", "\r\nOK\r\n");
    fake_at_set(f->at, "AT+C5GREG?", "\r\n+C5GREG: 1,2\r\n\r\nOK\r\n");
    fake_at_set(f->at, "AT+CEREG=1", "\r\nOK\r\n");
    fake_at_set(f->at, "AT+CEREG?", "\r\n+CEREG: 5\r\n+CEREG: 2,5,\"1\",\"2\",7\r\n\r\nOK\r\n");
    at_fixture_open_card(f);
    query(f);
    assert_int_equal(f->answer.registration, AKMA_REGISTRATION_ROAMING);
    assert_int_equal(fake_at_count(f->at, "AT+CREG?"), 0);

    fake_at_set(f->at, "AT+CEREG?", "\r\n+CEREG: 1,3\r\n\r\nOK\r\n");
    fake_at_set(f->at, "AT+CREG?", "\r\n+CREG: 1,0\r\n\r\nOK\r\n");
    query(f);
    assert_int_equal(f->answer.registration, AKMA_REGISTRATION_DENIED);
}

static void
unsolicited_news_become_signals(void **state)
{
    AtFixture *f = *state;

    at_fixture_open_card(f);
    fake_at_say(f->at, "\r\n+CPIN: NOT READY\r\n\r\n+C5GREG: 1\r\n\r\nRING\r\n\r\nOK\r\n");
    at_fixture_run_for(10);

    assert_int_equal(f->card_changes, 1);
    assert_int_equal(f->registration_changes, 1);
    at_fixture_read_key(f);
    at_fixture_assert_key(f);
}

static void
reject_port_where_nobody_answers(void **state)
{
    AtFixture *f = *state;

    fake_at_set(f->at, "ATE0V1", NULL);
    at_fixture_open_card(f);

    assert_null(f->card);
    assert_true(g_error_matches(f->error, AKMA_ERROR, AKMA_ERROR_MODEM_FAILED));
}

#define with_at(test) cmocka_unit_test_setup_teardown(test, at_fixture_setup, at_fixture_teardown)

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        with_at(dropped_answer_times_out_and_the_next_works),
        with_at(reject_late_answer),
        with_at(reject_a_channel_that_opens_too_late_and_give_it_back),
        with_at(reject_a_channel_of_the_card_that_is_named_too_late_and_give_it_back),
        with_at(dead_modem_fails_each_call_and_does_not_hang),
        with_at(unplugging_fails_what_runs_and_is_told_once),
        with_at(cancelled_opening_closes_the_channel_that_still_comes),
        with_at(state_of_card_and_network_is_asked),
        with_at(best_system_counts),
        with_at(unsolicited_news_become_signals),
        with_at(reject_port_where_nobody_answers),
    };

    return cmocka_run_group_tests(tests, at_fixture_make_heap, NULL);
}
