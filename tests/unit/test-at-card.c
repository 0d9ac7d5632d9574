/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/at/at-card.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "tests/fakes/at-fixture.h"
#include "tests/fakes/fake-card.h"

static void
opening_asks_who_the_modem_is(void **state)
{
    AtFixture *f = *state;

    at_fixture_open_card(f);

    assert_string_equal(akma_card_get_manufacturer(f->card), "Fake Ltd");
    assert_string_equal(akma_card_get_model(f->card), "Model 1");
    assert_string_equal(akma_card_get_protocol(f->card), "at");
    assert_int_equal(fake_at_count(f->at, "AT+CCHO=?"), 0);
}

/*= TS 27.007 8.45: AT+CCHO=<dfname> */
/*= TS 27.007 8.43: AT+CGLA=<sessionid>,<length>,<command> */
/*= TS 27.007 8.46: AT+CCHC=<sessionid> */
/*= TS 27.007 9.2.2.1: 14 is "SIM busy"; modems say 13, "SIM failure", of a card that starts */
static void
every_manner_of_speaking_works(void **state)
{
    static const FakeAtManner manners[] = {
        {.eol = "\r\n", .session = 1},
        {.eol = "\n", .session = 3, .echo = true},
        {.eol = "\r", .session = 257, .no_space = true},
        {.eol = "\r\r\n", .session = 2, .no_quotes = true, .bare_ccho = true},
        {.eol = "\r\n", .session = 1, .no_space = true, .no_quotes = true, .echo = true},
        {.eol = "\r\n", .session = 1, .urc = "+CREG: 5,\"00A1\",\"0001\",7"},
        {.eol = "\r\n", .session = 1, .urc = "^RSSI: 21"},
        {.eol = "\r\n", .session = 1, .busy = 2},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(manners); i++) {
        AtFixture *f;

        at_fixture_setup((void **)&f);
        *fake_at_manner(f->at) = manners[i];
        at_fixture_open_card(f);
        at_fixture_read_key(f);
        at_fixture_assert_key(f);
        assert_int_equal(fake_at_count_open(f->at), 0);
        at_fixture_teardown((void **)&f);
    }
    (void)state;
}

/*= TS 27.007 8.17: AT+CSIM=<length>,<command> */
/*= TS 102 221 11.1.17: MANAGE CHANNEL */
static void
modem_without_ccho_is_reached_with_csim(void **state)
{
    AtFixture *f = *state;

    fake_at_manner(f->at)->no_ccho = true;
    at_fixture_open_card(f);
    at_fixture_read_key(f);
    at_fixture_assert_key(f);
    assert_int_equal(fake_at_count_open(f->at), 0);

    at_fixture_read_key(f);
    at_fixture_assert_key(f);
    assert_int_equal(fake_at_count(f->at, "AT+CCHO"), 1);
}

static void
card_without_channels_is_reached_on_the_basic_one(void **state)
{
    AtFixture *f = *state;

    fake_at_manner(f->at)->no_ccho = true;
    fake_at_manner(f->at)->no_channels = true;
    at_fixture_open_card(f);
    at_fixture_read_key(f);

    at_fixture_assert_key(f);
}

static void
session_that_cannot_be_closed_is_used_again(void **state)
{
    AtFixture *f = *state;

    fake_at_manner(f->at)->no_cchc = true;
    at_fixture_open_card(f);
    for (int i = 0; i < 3; i++) {
        at_fixture_read_key(f);
        at_fixture_assert_key(f);
    }

    assert_int_equal(fake_at_count(f->at, "AT+CCHO"), 1);
    assert_int_equal(fake_at_count_open(f->at), 1);
}

static void
answer_split_at_any_byte_is_the_same(void **state)
{
    static const size_t longest = 2 + 10 + 72 + 2 + 2 + 6 + 8; /* +CGLA: 72,"...", OK */
    AtFixture *f = *state;

    at_fixture_open_card(f);
    for (size_t i = 1; i <= longest; i++) {
        fake_at_split(f->at, i);
        at_fixture_read_key(f);
        at_fixture_assert_key(f);
    }
}

static void
unsolicited_line_may_cut_an_answer_in_two(void **state)
{
    static const char command[] = "AT+CGLA=1,10,\"00b0850022\"";
    static const char whole[] = "8020" K_AUSF "9000";
    AtFixture *f = *state;

    at_fixture_open_card(f);
    for (size_t i = 0; i <= strlen(whole); i++) {
        g_autofree char *answer = g_strdup_printf(
            "\r\n+CGLA: 72,\"%.*s\r\n+CEREG: 1\r\n%s\"\r\n\r\nOK\r\n", (int)i, whole, whole + i);

        fake_at_set(f->at, command, answer);
        at_fixture_read_key(f);
        at_fixture_assert_key(f);
    }
    assert_int_equal(f->registration_changes, strlen(whole) + 1);
}

static void
reject_garbled_answers(void **state)
{
    static const char *const bad[] = {
        "\r\nOK\r\n",
        "\r\n+CGLA: 4,\"90\"\r\n\r\nOK\r\n",
        "\r\n+CGLA: 4,\"900\"\r\n\r\nOK\r\n",
        "\r\n+CGLA: 4,\"9000\r\n\r\nOK\r\n",
        "\r\n+CGLA: 4,\"90x0\"\r\n\r\nOK\r\n",
        "\r\n+CGLA: 4\r\n\r\nOK\r\n",
        "\r\n+CGLA: ,\"9000\"\r\n\r\nOK\r\n",
        "\r\n+CGLA: 99999999999999999999,\"9000\"\r\n\r\nOK\r\n",
        "\r\n+CGLA: 4,\"9000\"\r\n+CGLA: 4,\"9000\"\r\n\r\nOK\r\n",
        "\r\n+CGLA: 4,\"1234\"\r\n\r\nOK\r\n",
        "\r\n+CGLA: 0,\"\"\r\n\r\nOK\r\n",
        "\r\n+CGLX: 4,\"9000\"\r\n\r\nOK\r\n",
        "\r\nERROR\r\n",
        "\r\n+CME ERROR: 100\r\n",
    };
    AtFixture *f = *state;

    at_fixture_open_card(f);
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        fake_at_set(f->at, "AT+CGLA=1,10,\"00b0850022\"", bad[i]);
        at_fixture_read_key(f);
        at_fixture_assert_error(f, AKMA_ERROR_MODEM_FAILED);
        assert_int_equal(fake_at_count_open(f->at), 0);
    }

    fake_at_unset(f->at, "AT+CGLA=1,10,\"00b0850022\"");
    at_fixture_read_key(f);
    at_fixture_assert_key(f);
}

static void
reject_oversized_answer(void **state)
{
    g_autoptr(GString) answer = g_string_new("\r\n+CGLA: 520,\"");
    AtFixture *f = *state;

    for (int i = 0; i < 520; i++)
        g_string_append_c(answer, '0');
    g_string_append(answer, "\"\r\n\r\nOK\r\n");
    at_fixture_open_card(f);
    fake_at_set(f->at, "AT+CGLA=1,10,\"00b0850022\"", answer->str);
    at_fixture_read_key(f);

    at_fixture_assert_error(f, AKMA_ERROR_MODEM_FAILED);
}

static void
refusals_of_the_modem_are_errors_by_name(void **state)
{
    static const struct {
        const char *line;
        int code;
    } rows[] = {
        {"\r\n+CME ERROR: 10\r\n", AKMA_ERROR_NO_SIM},
        {"\r\n+CME ERROR: SIM PIN required\r\n", AKMA_ERROR_PIN_REQUIRED},
        {"\r\n+CME ERROR: 12\r\n", AKMA_ERROR_SIM_BLOCKED},
    };
    AtFixture *f = *state;

    at_fixture_open_card(f);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        fake_at_set(f->at, "AT+CCHO=\"A0000000871002\"", rows[i].line);
        at_fixture_read_key(f);
        at_fixture_assert_error(f, rows[i].code);
    }
}

/*= TS 101 220 Annex E: the AID of every USIM begins with the RID of 3GPP and 1002 */
static void
aid_of_ef_dir_is_used_where_its_prefix_is_refused(void **state)
{
    AtFixture *f = *state;

    fake_at_manner(f->at)->no_ccho = true;
    fake_at_set_apdu(f->at, "00a4040c07a0000000871002", "6a82");
    fake_at_set_apdu(f->at,
                     "00a40804022f0000",
                     "621182054221002002"
                     "83022f00"
                     "8a0105"
                     "8801f09000");
    fake_at_set_apdu(f->at, "00b2010420", "61094f07a00000008710049000");
    fake_at_set_apdu(
        f->at, "00b2020420", "61124f10a0000000871002ffffffff8907090000ffffffffffffffff9000");
    fake_at_set_apdu(f->at, "00a4040c10a0000000871002ffffffff8907090000", "9000");
    at_fixture_open_card(f);
    at_fixture_read_key(f);

    at_fixture_assert_key(f);
    assert_int_equal(fake_at_count_open(f->at), 0);
}

/* TIMEOUT_MS of the fixture for one try, in place of three. */
static void
silent_port_that_is_a_guess_is_given_up_after_one_try(void **state)
{
    AtFixture *f = *state;

    f->is_guess = true;
    fake_at_set(f->at, "ATE0V1", NULL);
    at_fixture_open_card(f);
    assert_null(f->card);
    assert_true(g_error_matches(f->error, AKMA_ERROR, AKMA_ERROR_MODEM_FAILED));
    assert_int_equal(fake_at_count(f->at, "ATE0V1"), 1);
}

static void
silent_port_that_somebody_named_is_asked_again(void **state)
{
    AtFixture *f = *state;

    fake_at_set(f->at, "ATE0V1", NULL);
    at_fixture_open_card(f);
    assert_null(f->card);
    assert_int_equal(fake_at_count(f->at, "ATE0V1"), 3);
}

#define with_at(test) cmocka_unit_test_setup_teardown(test, at_fixture_setup, at_fixture_teardown)

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        with_at(opening_asks_who_the_modem_is),
        with_at(silent_port_that_is_a_guess_is_given_up_after_one_try),
        with_at(silent_port_that_somebody_named_is_asked_again),
        cmocka_unit_test(every_manner_of_speaking_works),
        with_at(modem_without_ccho_is_reached_with_csim),
        with_at(card_without_channels_is_reached_on_the_basic_one),
        with_at(session_that_cannot_be_closed_is_used_again),
        with_at(answer_split_at_any_byte_is_the_same),
        with_at(unsolicited_line_may_cut_an_answer_in_two),
        with_at(reject_garbled_answers),
        with_at(reject_oversized_answer),
        with_at(refusals_of_the_modem_are_errors_by_name),
        with_at(aid_of_ef_dir_is_used_where_its_prefix_is_refused),
    };

    return cmocka_run_group_tests(tests, at_fixture_make_heap, NULL);
}
