/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "anchor/akma-usim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "modem/modem-card.h"
#include "tests/fakes/fake-card.h"
#include "tests/fakes/usim-fixture.h"
#include "tests/fakes/vectors.h"

/*= TS 33.535 6.1: K_AKMA and A-KID from K_AUSF, SUPI and routing indicator */
/*= TS 33.535 A.4: K_AF from K_AKMA and AF_ID */
static void
anchor_of_the_card_derives_the_published_chain(void **state)
{
    Fixture *f = *state;
    json_t *vectors = test_vectors_load("chain.json");
    AkmaAfId af_id;
    uint8_t expected[32];
    g_autoptr(AkmaSecret) want = NULL;
    g_autoptr(AkmaSecret) got = NULL;
    g_autofree char *kid = NULL;

    read_anchor(f, &defaults);

    assert_null(f->error);
    kid = g_strdup_printf("123.%s@5gc.mnc001.mcc001.3gppnetwork.org",
                          test_vectors_string(vectors, "a_tid_b64url"));
    assert_string_equal(akma_anchor_get_kid(f->anchor), kid);
    assert_string_equal(akma_anchor_get_kind(f->anchor), "akma");

    test_vectors_hex(vectors, "kaf.0100000007", expected, sizeof expected);
    assert_true(akma_af_id_init(&af_id, "af.example.com", AKMA_UA_PSK, NULL));
    want = akma_secret_new(expected, sizeof expected, NULL);
    got = akma_anchor_derive_first_key(f->anchor, &af_id, NULL);
    assert_true(akma_secret_equal(want, got));
    json_decref(vectors);
}

static unsigned
count_read(Fixture *f)
{
    unsigned before = fake_card_count_commands(f->card);

    read_anchor(f, &defaults);
    fake_card_settle();
    assert_non_null(f->anchor);

    return fake_card_count_commands(f->card) - before;
}

/* Opening selects the USIM as well: one command of a modem, two of a card. */
static void
cold_read_takes_ten_commands_and_an_unchanged_card_five(void **state)
{
    Fixture *f = *state;

    fake_card_end_channels(f->card, true);
    assert_int_equal(count_read(f), 10);
    assert_int_equal(count_read(f), 5);

    fake_card_end_channels(f->card, false); /* on the basic channel */
    assert_int_equal(count_read(f), 6);
}

static void
new_registration_gives_a_new_anchor(void **state)
{
    Fixture *f = *state;
    g_autofree char *kid = NULL;

    read_anchor(f, &defaults);
    kid = g_strdup(akma_anchor_get_kid(f->anchor));
    fake_card_set(
        f->card, KEYS, "8020574698caf02cc715db2ec0726510cfee6caa5bb1a649cb01224f2e23af94de1b9000");
    read_anchor(f, &defaults);

    assert_non_null(f->anchor);
    assert_string_not_equal(akma_anchor_get_kid(f->anchor), kid);
}

static void
new_routing_indicator_is_read_once_the_old_one_is_forgotten(void **state)
{
    Fixture *f = *state;

    read_anchor(f, &defaults);
    fake_card_set(f->card, RID, "54ffffff9000");
    read_anchor(f, &defaults);
    assert_true(g_str_has_prefix(akma_anchor_get_kid(f->anchor), "123."));

    akma_akma_usim_forget(f->modem);
    read_anchor(f, &defaults);
    assert_true(g_str_has_prefix(akma_anchor_get_kid(f->anchor), "45."));
}

static void
what_was_forgotten_during_a_read_is_not_kept_by_it(void **state)
{
    Fixture *f = *state;

    fake_card_hold(f->card, true);
    akma_akma_usim_read_async(f->modem, &defaults, NULL, anchor_read, f);
    for (unsigned i = 0; i < 4; i++) {
        fake_card_settle();
        fake_card_release(f->card);
    }
    akma_akma_usim_forget(f->modem);
    fake_card_hold(f->card, false);
    fake_card_run_until(&f->done);
    assert_non_null(f->anchor);

    fake_card_set(f->card, RID, "54ffffff9000");
    read_anchor(f, &defaults);

    assert_true(g_str_has_prefix(akma_anchor_get_kid(f->anchor), "45."));
}

static void
configured_routing_indicator_goes_before_the_card(void **state)
{
    Fixture *f = *state;
    const AkmaAkmaUsimConfig config = {AKMA_A_KID_DOT_BASE64URL, "akma.", "42"};

    read_anchor(f, &config);

    assert_non_null(f->anchor);
    assert_true(g_str_has_prefix(akma_anchor_get_kid(f->anchor), "42."));
    assert_non_null(strstr(akma_anchor_get_kid(f->anchor), "@akma.5gc."));
}

/*= TS 23.003 2.2B: without EF_Routing_Indicator the routing indicator is 0 */
static void
card_without_routing_indicator_has_zero(void **state)
{
    Fixture *f = *state;

    fake_card_set(f->card, UST, "000000000000000008000000000000049000"); /* 123 without 124 */
    read_anchor(f, &defaults);
    assert_true(g_str_has_prefix(akma_anchor_get_kid(f->anchor), "0."));

    akma_akma_usim_forget(f->modem);
    fake_card_set(f->card, UST, "0000000000000000080000000000000c9000");
    fake_card_set(f->card, RID, "6a82");
    read_anchor(f, &defaults);
    assert_true(g_str_has_prefix(akma_anchor_get_kid(f->anchor), "0."));
}

/*= TS 31.102 4.2.8: service 68 is GBA, 123 "5GS mobility and security: 5G security parameters" */
static void
reject_card_without_service_123(void **state)
{
    Fixture *f = *state;

    fake_card_set(f->card, UST, "000000000000000008000000000000089000");
    read_anchor(f, &defaults);

    assert_fails(f, AKMA_ERROR_ANCHOR_UNSUPPORTED, "service 123");
}

static void
reject_service_table_that_ends_before_123(void **state)
{
    Fixture *f = *state;

    fake_card_set(f->card, UST, "6c09");
    fake_card_set(f->card, "00b0840009", "0000000000000000089000");
    read_anchor(f, &defaults);

    assert_fails(f, AKMA_ERROR_ANCHOR_UNSUPPORTED, "service 123");
}

static void
empty_file_is_not_ready_and_is_read_again(void **state)
{
    Fixture *f = *state;

    fake_card_set_once(
        f->card, KEYS, "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff9000");
    read_anchor(f, &defaults);
    assert_fails(f, AKMA_ERROR_ANCHOR_NOT_READY, "EF_5GAUTHKEYS");

    read_anchor(f, &defaults);
    assert_non_null(f->anchor);
}

static void
reject_broken_files(void **state)
{
    static const struct {
        const char *command;
        const char *answer;
        const char *words;
    } bad[] = {
        {IMSI, "9000", "EF_IMSI"},
        {IMSI, "08091010000000001a9000", "EF_IMSI"},
        {AD, "000000049000", "EF_AD"},
        {AD, "0000009000", "EF_AD"},
        {RID, "a1ffffff9000", "EF_Routing_Indicator"},
        {KEYS, "8020474698ca9000", "EF_5GAUTHKEYS"},
        {KEYS, "9000", "EF_5GAUTHKEYS"},
        {KEYS, "6985", "EF_5GAUTHKEYS"},
    };
    Fixture *f = *state;

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        akma_akma_usim_forget(f->modem);
        fake_card_set_once(f->card, bad[i].command, bad[i].answer);
        read_anchor(f, &defaults);
        assert_fails(f, AKMA_ERROR_MODEM_FAILED, bad[i].words);
        fake_card_settle();
    }
}

static void
states_of_the_card_are_errors_by_name(void **state)
{
    static const struct {
        AkmaSimState sim;
        int code;
    } rows[] = {
        {AKMA_SIM_ABSENT, AKMA_ERROR_NO_SIM},
        {AKMA_SIM_PIN_REQUIRED, AKMA_ERROR_PIN_REQUIRED},
        {AKMA_SIM_BLOCKED, AKMA_ERROR_SIM_BLOCKED},
    };
    Fixture *f = *state;

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        fake_card_set_state(f->card, rows[i].sim, AKMA_REGISTRATION_IDLE);
        akma_card_emit_card_changed(AKMA_CARD(f->card));
        fake_card_settle();
        /* the ICCID needs no PIN */
        assert_int_equal(akma_modem_get_sim_id(f->modem)[0] == '\0',
                         rows[i].sim == AKMA_SIM_ABSENT);
        read_anchor(f, &defaults);
        assert_fails(f, rows[i].code, "");
    }

    fake_card_set_state(f->card, AKMA_SIM_READY, AKMA_REGISTRATION_HOME);
    read_anchor(f, &defaults);
    assert_non_null(f->anchor);
}

static void
failure_at_each_command_leaves_no_channel_open(void **state)
{
    Fixture *f = *state;

    for (unsigned nth = 1; nth <= 9; nth++) {
        akma_akma_usim_forget(f->modem);
        fake_card_fail_command(f->card, nth, AKMA_ERROR_MODEM_FAILED);
        read_anchor(f, &defaults);
        assert_fails(f, AKMA_ERROR_MODEM_FAILED, "scripted");
        fake_card_settle();
        assert_int_equal(fake_card_count_open(f->card), 0);
    }
}

static void
cancelling_at_each_command_leaves_no_channel_open(void **state)
{
    Fixture *f = *state;

    for (unsigned nth = 0; nth <= 8; nth++) {
        g_autoptr(GCancellable) cancellable = g_cancellable_new();

        akma_akma_usim_forget(f->modem);
        g_clear_error(&f->error);
        f->done = false;
        fake_card_hold(f->card, true);
        akma_akma_usim_read_async(f->modem, &defaults, cancellable, anchor_read, f);
        for (unsigned i = 0; i < nth; i++) {
            fake_card_settle();
            fake_card_release(f->card);
        }
        fake_card_settle();
        g_cancellable_cancel(cancellable);
        fake_card_run_until(&f->done);

        assert_null(f->anchor);
        assert_true(g_error_matches(f->error, G_IO_ERROR, G_IO_ERROR_CANCELLED));
        fake_card_hold(f->card, false);
        fake_card_settle();
        assert_int_equal(fake_card_count_open(f->card), 0);
    }
}

static void
unplugging_during_the_read_fails_it_and_what_comes_after(void **state)
{
    Fixture *f = *state;

    fake_card_hold(f->card, true);
    akma_akma_usim_read_async(f->modem, &defaults, NULL, anchor_read, f);
    fake_card_settle();
    akma_card_close(AKMA_CARD(f->card));
    akma_card_emit_gone(AKMA_CARD(f->card));
    fake_card_run_until(&f->done);
    assert_non_null(f->error);

    read_anchor(f, &defaults);
    assert_fails(f, AKMA_ERROR_NO_MODEM, "gone");
}

static void
probe_names_what_the_card_can_do(void **state)
{
    Fixture *f = *state;

    akma_anchor_services_async(f->modem, NULL, probed, f);
    fake_card_run_until(&f->done);
    assert_string_equal(f->services[0], "akma");
    assert_string_equal(f->services[1], "gba-me");
    assert_string_equal(f->services[2], "gba-u");
    assert_null(f->services[3]);

    g_clear_pointer(&f->services, g_strfreev);
    f->done = false;
    fake_card_set(f->card, UST, "000000000000000000000000000000009000");
    akma_anchor_services_async(f->modem, NULL, probed, f);
    fake_card_run_until(&f->done);
    assert_string_equal(f->services[0], "gba-me");
    assert_null(f->services[1]);
}

static int
make_heap(void **state G_GNUC_UNUSED)
{
    return akma_secret_heap_init(AKMA_SECRET_HEAP_MIN, NULL, NULL) ? 0 : -1;
}

#define with_modem(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        with_modem(anchor_of_the_card_derives_the_published_chain),
        with_modem(cold_read_takes_ten_commands_and_an_unchanged_card_five),
        with_modem(new_registration_gives_a_new_anchor),
        with_modem(new_routing_indicator_is_read_once_the_old_one_is_forgotten),
        with_modem(what_was_forgotten_during_a_read_is_not_kept_by_it),
        with_modem(configured_routing_indicator_goes_before_the_card),
        with_modem(card_without_routing_indicator_has_zero),
        with_modem(reject_card_without_service_123),
        with_modem(reject_service_table_that_ends_before_123),
        with_modem(empty_file_is_not_ready_and_is_read_again),
        with_modem(reject_broken_files),
        with_modem(states_of_the_card_are_errors_by_name),
        with_modem(failure_at_each_command_leaves_no_channel_open),
        with_modem(cancelling_at_each_command_leaves_no_channel_open),
        with_modem(unplugging_during_the_read_fails_it_and_what_comes_after),
        with_modem(probe_names_what_the_card_can_do),
    };

    return cmocka_run_group_tests(tests, make_heap, NULL);
}
