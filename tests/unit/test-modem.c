/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/modem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "modem/modem-card.h"
#include "tests/fakes/fake-card.h"

typedef struct {
    FakeCard *card;
    AkmaModem *modem;
    AkmaSecret *key;
    GError *error;
    bool done;
    unsigned changes;
    unsigned gone;
} Fixture;

static void
opened(GObject *source G_GNUC_UNUSED, GAsyncResult *res, gpointer user_data)
{
    Fixture *f = user_data;

    f->modem = akma_modem_open_finish(res, &f->error);
    f->done = true;
}

static void
count(AkmaModem *modem G_GNUC_UNUSED, gpointer counter)
{
    ++*(unsigned *)counter;
}

static int
setup(void **state)
{
    static const uint8_t key[32] = {7};
    Fixture *f = g_new0(Fixture, 1);

    f->key = akma_secret_new(key, sizeof key, NULL);
    f->card = fake_card_new();
    fake_card_set_akma(f->card);
    *state = f;

    return 0;
}

static int
teardown(void **state)
{
    Fixture *f = *state;

    fake_card_settle();
    g_clear_object(&f->modem);
    g_clear_object(&f->card);
    akma_secret_unref(f->key);
    g_clear_error(&f->error);
    g_free(f);

    return 0;
}

static void
open_modem(Fixture *f)
{
    const AkmaModemConfig config = {
        "/dev/fake", "auto", 1, AKMA_PROXY_AUTO, NULL, 1000, f->key, false};

    akma_modem_open_card_async(AKMA_CARD(f->card), &config, NULL, opened, f);
    fake_card_run_until(&f->done);
    assert_non_null(f->modem);
    fake_card_settle();
    g_signal_connect(f->modem, "changed", G_CALLBACK(count), &f->changes);
    g_signal_connect(f->modem, "gone", G_CALLBACK(count), &f->gone);
}

static void
reject_device(Fixture *f, const char *device, const char *protocol, unsigned slot, int code)
{
    const AkmaModemConfig config = {
        device, protocol, slot, AKMA_PROXY_AUTO, NULL, 1000, f->key, false};

    g_clear_error(&f->error);
    f->done = false;
    akma_modem_open_async(&config, NULL, opened, f);
    fake_card_run_until(&f->done);
    assert_null(f->modem);
    assert_true(g_error_matches(f->error, AKMA_ERROR, code));
}

static void
reject_device_that_is_no_modem(void **state)
{
    reject_device(*state, "/nowhere/ttyUSB0", "auto", 1, AKMA_ERROR_NO_MODEM);
    reject_device(*state, "/dev/null", "at", 1, AKMA_ERROR_MODEM_FAILED);
    reject_device(*state, "/dev/null", "smoke", 1, AKMA_ERROR_INVALID_ARGUMENT);
    reject_device(*state, "/dev/null", "auto", 2, AKMA_ERROR_CONFIG_INVALID);
}

static void
open_modem_tells_what_it_is(void **state)
{
    Fixture *f = *state;

    open_modem(f);

    assert_string_equal(akma_modem_get_device(f->modem), "/dev/fake");
    assert_string_equal(akma_modem_get_protocol(f->modem), "fake");
    assert_string_equal(akma_modem_get_manufacturer(f->modem), "Fake");
    assert_string_equal(akma_modem_get_model(f->modem), "Card");
    assert_string_equal(akma_modem_get_registration(f->modem), "home");
    assert_int_equal(akma_modem_get_sim_state(f->modem), AKMA_SIM_READY);
    assert_int_equal(fake_card_count_open(f->card), 0);
}

/* Expected: python3 -c 'import hmac; print(hmac.new(bytes([7]+[0]*31),
 * bytes.fromhex("988812010000400310f0"), "sha256").hexdigest()[:32])' */
static void
sim_id_is_a_keyed_digest_of_the_iccid(void **state)
{
    Fixture *f = *state;

    open_modem(f);

    assert_string_equal(akma_modem_get_sim_id(f->modem), "bd995ad7654d1a488be06baaf45df5f6");
}

static void
card_that_goes_and_comes_is_a_change_each(void **state)
{
    Fixture *f = *state;

    open_modem(f);
    fake_card_set_state(f->card, AKMA_SIM_ABSENT, AKMA_REGISTRATION_IDLE);
    akma_card_emit_card_changed(AKMA_CARD(f->card));
    akma_card_emit_card_changed(AKMA_CARD(f->card));
    fake_card_settle();
    assert_int_equal(f->changes, 1);
    assert_string_equal(akma_modem_get_sim_id(f->modem), "");

    fake_card_set_state(f->card, AKMA_SIM_READY, AKMA_REGISTRATION_IDLE);
    akma_card_emit_card_changed(AKMA_CARD(f->card));
    fake_card_settle();
    assert_int_equal(f->changes, 2);
    assert_int_equal(strlen(akma_modem_get_sim_id(f->modem)), 32);
}

/* What the second one finds is what was there when it began, and not what was told last. */
static void
card_that_goes_and_comes_between_two_questions_is_a_change_each(void **state)
{
    Fixture *f = *state;

    open_modem(f);
    fake_card_set_state(f->card, AKMA_SIM_PIN_REQUIRED, AKMA_REGISTRATION_IDLE);
    akma_card_emit_card_changed(AKMA_CARD(f->card));
    fake_card_settle();
    assert_int_equal(f->changes, 1);

    fake_card_hold(f->card, true);
    for (int i = 0; i < 2; i++) {
        akma_card_emit_card_changed(AKMA_CARD(f->card));
        fake_card_settle();
    }
    fake_card_set_state(f->card, AKMA_SIM_ABSENT, AKMA_REGISTRATION_IDLE);
    fake_card_release(f->card);
    fake_card_settle();
    assert_int_equal(f->changes, 2);

    fake_card_set_state(f->card, AKMA_SIM_PIN_REQUIRED, AKMA_REGISTRATION_IDLE);
    fake_card_hold(f->card, false);
    fake_card_settle();
    assert_int_equal(f->changes, 3);
    assert_int_equal(akma_modem_get_sim_state(f->modem), AKMA_SIM_PIN_REQUIRED);
}

static void
registration_is_a_change_and_the_same_again_is_none(void **state)
{
    Fixture *f = *state;

    open_modem(f);
    fake_card_set_state(f->card, AKMA_SIM_READY, AKMA_REGISTRATION_ROAMING);
    akma_card_emit_registration_changed(AKMA_CARD(f->card));
    fake_card_settle();
    assert_int_equal(f->changes, 1);
    assert_string_equal(akma_modem_get_registration(f->modem), "roaming");

    akma_card_emit_registration_changed(AKMA_CARD(f->card));
    fake_card_settle();
    assert_int_equal(f->changes, 1);
}

static void
card_without_iccid_opens_all_the_same(void **state)
{
    Fixture *f = *state;

    fake_card_set(f->card, "00b082000a", "ffffffffffffffffffff9000");
    open_modem(f);

    assert_string_equal(akma_modem_get_sim_id(f->modem), "");
    assert_int_equal(fake_card_count_open(f->card), 0);
}

/*= TS 102 221 11.1.9: VERIFY PIN without data tells the tries that are left, and costs none */
static void
locked_card_tells_who_it_is_and_how_many_tries_are_left(void **state)
{
    static const struct {
        const char *answer;
        int tries;
    } rows[] = {
        {"63c3", 3},
        {"63c0", 0},
        {"9000", AKMA_PIN_TRIES_UNKNOWN},
        {"6983", AKMA_PIN_TRIES_UNKNOWN},
        {"6300", AKMA_PIN_TRIES_UNKNOWN},
        {"6700", AKMA_PIN_TRIES_UNKNOWN},
    };
    Fixture *f = *state;

    fake_card_set_state(f->card, AKMA_SIM_PIN_REQUIRED, AKMA_REGISTRATION_IDLE);
    fake_card_set(f->card, "00200001", rows[0].answer);
    open_modem(f);
    assert_string_equal(akma_modem_get_sim_id(f->modem), "bd995ad7654d1a488be06baaf45df5f6");

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        fake_card_set(f->card, "00200001", rows[i].answer);
        akma_card_emit_card_changed(AKMA_CARD(f->card));
        fake_card_settle();
        assert_int_equal(akma_modem_get_pin_tries(f->modem), rows[i].tries);
        assert_int_equal(fake_card_count_open(f->card), 0);
    }
}

static void
waiting_card_says_what_is_known_of_its_pin_until_it_is_open(void **state)
{
    Fixture *f = *state;
    g_autoptr(GError) plain = NULL;
    g_autoptr(GError) explained = NULL;
    g_autoptr(GError) again = NULL;

    fake_card_set_state(f->card, AKMA_SIM_PIN_REQUIRED, AKMA_REGISTRATION_IDLE);
    open_modem(f);
    assert_false(akma_modem_check_card(f->modem, &plain));
    akma_modem_explain_pin(f->modem, "because");
    assert_false(akma_modem_check_card(f->modem, &explained));
    assert_string_equal(explained->message, "because");
    assert_true(g_error_matches(explained, AKMA_ERROR, AKMA_ERROR_PIN_REQUIRED));

    fake_card_set_state(f->card, AKMA_SIM_READY, AKMA_REGISTRATION_HOME);
    akma_card_emit_card_changed(AKMA_CARD(f->card));
    fake_card_settle();
    assert_true(akma_modem_check_card(f->modem, NULL));
    fake_card_set_state(f->card, AKMA_SIM_PIN_REQUIRED, AKMA_REGISTRATION_IDLE);
    akma_card_emit_card_changed(AKMA_CARD(f->card));
    fake_card_settle();
    assert_false(akma_modem_check_card(f->modem, &again));
    assert_string_equal(again->message, plain->message);
}

static void
modem_that_goes_says_so_once(void **state)
{
    Fixture *f = *state;
    g_autoptr(GError) error = NULL;

    open_modem(f);
    akma_card_emit_gone(AKMA_CARD(f->card));
    akma_card_emit_gone(AKMA_CARD(f->card));

    assert_int_equal(f->gone, 1);
    assert_false(akma_modem_check_card(f->modem, &error));
    assert_true(g_error_matches(error, AKMA_ERROR, AKMA_ERROR_NO_MODEM));
    assert_string_equal(akma_modem_get_sim_id(f->modem), "");
}

static void
closed_modem_lets_go_of_the_card_and_says_nothing(void **state)
{
    Fixture *f = *state;

    open_modem(f);
    akma_modem_close(f->modem);
    akma_modem_close(f->modem);

    assert_true(fake_card_is_closed(f->card));
    assert_int_equal(f->gone, 0);
}

static int
make_heap(void **state G_GNUC_UNUSED)
{
    return akma_secret_heap_init(AKMA_SECRET_HEAP_MIN, NULL, NULL) ? 0 : -1;
}

#define with_card(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        with_card(reject_device_that_is_no_modem),
        with_card(open_modem_tells_what_it_is),
        with_card(sim_id_is_a_keyed_digest_of_the_iccid),
        with_card(card_that_goes_and_comes_is_a_change_each),
        with_card(card_that_goes_and_comes_between_two_questions_is_a_change_each),
        with_card(registration_is_a_change_and_the_same_again_is_none),
        with_card(card_without_iccid_opens_all_the_same),
        with_card(locked_card_tells_who_it_is_and_how_many_tries_are_left),
        with_card(waiting_card_says_what_is_known_of_its_pin_until_it_is_open),
        with_card(modem_that_goes_says_so_once),
        with_card(closed_modem_lets_go_of_the_card_and_says_nothing),
    };

    return cmocka_run_group_tests(tests, make_heap, NULL);
}
