/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/at/at-card.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "modem/at/answer.h"
#include "tests/fakes/at-fixture.h"
#include "tests/fakes/fake-card.h"

#define GIVE "AT+CPIN=\"1234\""
#define ASK  "AT+CPINR=\"SIM PIN\""

static void
queried(GObject *card, GAsyncResult *res, gpointer user_data)
{
    AtFixture *f = user_data;

    akma_card_query_finish(AKMA_CARD(card), res, &f->answer, &f->error);
    f->done = true;
}

static void
query(AtFixture *f)
{
    f->done = false;
    akma_card_query_async(f->card, queried, f);
    fake_card_run_until(&f->done);
}

static void
verified(GObject *card, GAsyncResult *res, gpointer user_data)
{
    AtFixture *f = user_data;

    akma_card_verify_pin_finish(AKMA_CARD(card), res, &f->error);
    f->done = true;
}

/* Gives @digits; f->error is what came of it. */
static void
verify(AtFixture *f, const char *digits)
{
    g_autoptr(AkmaSecret) pin = akma_secret_new(digits, strlen(digits), NULL);

    g_clear_error(&f->error);
    f->done = false;
    akma_card_verify_pin_async(f->card, pin, verified, f);
    fake_card_run_until(&f->done);
}

/*= TS 27.007 8.65: +CPINR: <code>,<retries>[,<default_retries>] */
static void
tries_are_those_that_the_modem_tells(void **state)
{
    AtFixture *f = *state;

    fake_at_set(f->at, "AT+CPIN?", "\r\n+CPIN: SIM PIN\r\n\r\nOK\r\n");
    fake_at_set(f->at, ASK, "\r\n+CPINR: SIM PIN,2,3\r\n\r\nOK\r\n");
    at_fixture_open_card(f);
    query(f);

    assert_int_equal(f->answer.sim, AKMA_SIM_PIN_REQUIRED);
    assert_int_equal(f->answer.pin_tries, 2);
}

static void
modem_that_refuses_to_tell_is_asked_once(void **state)
{
    AtFixture *f = *state;

    fake_at_set(f->at, "AT+CPIN?", "\r\n+CPIN: SIM PIN\r\n\r\nOK\r\n");
    at_fixture_open_card(f);
    query(f);
    query(f);

    assert_int_equal(f->answer.pin_tries, AKMA_PIN_TRIES_UNKNOWN);
    assert_int_equal(fake_at_count(f->at, "AT+CPINR"), 1);
}

static void
count(unsigned *n)
{
    ++*n;
}

/* A card that comes back while the modem is asked: its news look like the answer. */
static void
news_of_the_card_in_the_middle_of_the_answer_are_news(void **state)
{
    static const struct {
        const char *answer;
        AkmaSimState sim;
        unsigned news;
    } rows[] = {
        {"\r\n+CPIN: SIM PIN\r\n\r\n+CME ERROR: 10\r\n", AKMA_SIM_ABSENT, 1},
        {"\r\n+CPIN: READY\r\n\r\n+CPIN: READY\r\n\r\nOK\r\n", AKMA_SIM_READY, 1},
        {"\r\n+CPIN: READY\r\n\r\nOK\r\n", AKMA_SIM_READY, 0},
        {"\r\n+CME ERROR: 10\r\n", AKMA_SIM_ABSENT, 0},
    };
    AtFixture *f = *state;
    unsigned n = 0;

    at_fixture_open_card(f);
    g_signal_connect_swapped(f->card, "card-changed", G_CALLBACK(count), &n);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        n = 0;
        fake_at_set(f->at, "AT+CPIN?", rows[i].answer);
        query(f);
        assert_int_equal(f->answer.sim, rows[i].sim);
        assert_int_equal(n, rows[i].news);
    }
}

static void
tries_of_an_open_card_are_not_asked_for(void **state)
{
    AtFixture *f = *state;

    at_fixture_open_card(f);
    query(f);

    assert_int_equal(f->answer.pin_tries, AKMA_PIN_TRIES_UNKNOWN);
    assert_int_equal(fake_at_count(f->at, "AT+CPINR"), 0);
}

static void
reject_tries_that_are_garbled(void **state)
{
    static const char *const bad[] = {"+CPINR: SIM PIN,",
                                      "+CPINR: SIM PIN,x",
                                      "+CPINR: SIM PIN,-1",
                                      "+CPINR: SIM PIN,99",
                                      "+CPINR: SIM PIN,3x",
                                      "+CPINR: SIM PIN2,3",
                                      "+CPINR: SIM PUK,10",
                                      "+CPINR: 3",
                                      "+CPINR:",
                                      "+CPIN: SIM PIN,3"};
    int tries = 7;

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
        assert_false(akma_at_parse_pin_tries(bad[i], &tries));
    assert_int_equal(tries, 7);
    assert_true(akma_at_parse_pin_tries("+CPINR:\"SIM PIN\",1", &tries));
    assert_int_equal(tries, 1);
}

/*= TS 27.007 8.3: AT+CPIN=<pin> */
static void
right_pin_is_taken(void **state)
{
    AtFixture *f = *state;

    at_fixture_open_card(f);
    fake_at_set(f->at, GIVE, "\r\nOK\r\n");
    verify(f, "1234");

    assert_null(f->error);
    assert_int_equal(fake_at_count(f->at, GIVE), 1);
}

static void
refusals_are_errors_by_name_and_never_repeated(void **state)
{
    static const struct {
        const char *answer;
        int code;
    } rows[] = {
        {"\r\n+CME ERROR: 16\r\n", AKMA_ERROR_PIN_REQUIRED},
        {"\r\n+CME ERROR: incorrect password\r\n", AKMA_ERROR_PIN_REQUIRED},
        {"\r\n+CME ERROR: 11\r\n", AKMA_ERROR_PIN_REQUIRED},
        {"\r\n+CME ERROR: 12\r\n", AKMA_ERROR_SIM_BLOCKED},
        {"\r\n+CME ERROR: 10\r\n", AKMA_ERROR_NO_SIM},
        {"\r\n+CME ERROR: 13\r\n", AKMA_ERROR_MODEM_FAILED}, /* other commands are repeated */
        {"\r\n+CME ERROR: 14\r\n", AKMA_ERROR_MODEM_FAILED},
        {"\r\nERROR\r\n", AKMA_ERROR_MODEM_FAILED},
        {NULL, AKMA_ERROR_MODEM_FAILED}, /* nothing at all */
    };
    AtFixture *f = *state;

    at_fixture_open_card(f);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        fake_at_set(f->at, GIVE, rows[i].answer);
        verify(f, "1234");
        assert_true(g_error_matches(f->error, AKMA_ERROR, rows[i].code));
        assert_int_equal(fake_at_count(f->at, GIVE), i + 1);
        assert_null(strstr(f->error->message, "1234"));
    }
}

static void
reject_what_is_no_pin_before_it_is_sent(void **state)
{
    static const char *const bad[] = {"123", "123456789", "12\"4", "12 4", "abcd", "1234\r"};
    AtFixture *f = *state;

    at_fixture_open_card(f);
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        verify(f, bad[i]);
        assert_true(g_error_matches(f->error, AKMA_ERROR, AKMA_ERROR_INVALID_ARGUMENT));
    }
    assert_int_equal(fake_at_count(f->at, "AT+CPIN="), 0);
}

#define with_at(test) cmocka_unit_test_setup_teardown(test, at_fixture_setup, at_fixture_teardown)

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        with_at(tries_are_those_that_the_modem_tells),
        with_at(modem_that_refuses_to_tell_is_asked_once),
        with_at(news_of_the_card_in_the_middle_of_the_answer_are_news),
        with_at(tries_of_an_open_card_are_not_asked_for),
        cmocka_unit_test(reject_tries_that_are_garbled),
        with_at(right_pin_is_taken),
        with_at(refusals_are_errors_by_name_and_never_repeated),
        with_at(reject_what_is_no_pin_before_it_is_sent),
    };

    return cmocka_run_group_tests(tests, at_fixture_make_heap, NULL);
}
