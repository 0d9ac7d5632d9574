/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* akma-usim.c: cards that become other ones, at any moment. */
#include "tests/fakes/usim-fixture.h"

static void
card_swapped_during_the_read_is_read_anew(void **state)
{
    Fixture *f = *state;

    fake_card_set_once(f->card, IMSI, "0809101000000000109000");
    fake_card_set(f->card, IMSI, OTHER);
    read_anchor(f, &defaults);

    assert_non_null(f->anchor);
}

static void
card_swapped_since_the_last_read_is_read_anew(void **state)
{
    Fixture *f = *state;
    g_autofree char *sim_id = NULL;

    read_anchor(f, &defaults);
    sim_id = g_strdup(akma_modem_get_sim_id(f->modem));
    fake_card_set(f->card, IMSI, OTHER);
    fake_card_set(f->card, RID, "f0ffffff9000");
    fake_card_set(f->card, "00b082000a", "988812010000400310f19000");
    read_anchor(f, &defaults);
    fake_card_settle();

    assert_true(g_str_has_prefix(akma_anchor_get_kid(f->anchor), "0."));
    assert_string_not_equal(akma_modem_get_sim_id(f->modem), sim_id);
    assert_int_equal(f->changes, 1);
}

/* Everything of this card is another one's. */
static const char *const other_card[][2] = {
    {IMSI, OTHER},
    {KEYS, "8020574698caf02cc715db2ec0726510cfee6caa5bb1a649cb01224f2e23af94de1b9000"},
    {RID, "f0ffffff9000"},
    {"00b082000a", "988812010000400310f19000"},
};

static char *
dup_kid_of_other_card(void)
{
    g_autofree char *kid = NULL;
    void *state;
    Fixture *f;

    setup(&state);
    f = state;
    fake_card_swap_after(f->card, 0, other_card, G_N_ELEMENTS(other_card));
    read_anchor(f, &defaults);
    kid = g_strdup(akma_anchor_get_kid(f->anchor));
    teardown(&state);

    return g_steal_pointer(&kid);
}

static void
assert_no_mixture(Fixture *f, const char *old_kid, const char *new_kid)
{
    const char *kid = f->anchor ? akma_anchor_get_kid(f->anchor) : NULL;

    if (kid)
        assert_true(g_str_equal(kid, old_kid) || g_str_equal(kid, new_kid));
    else
        assert_true(g_error_matches(f->error, AKMA_ERROR, AKMA_ERROR_MODEM_FAILED));
}

static void
card_swapped_at_any_command_gives_no_mixture(void **state)
{
    g_autofree char *new_kid = dup_kid_of_other_card();
    unsigned n_old = 0;
    unsigned n_new = 0;
    unsigned n_failed = 0;

    for (unsigned known = 0; known < 2; known++) {
        for (unsigned n = 0; n < 24; n++) { /* with and without channels that end with it */
            void *own;
            Fixture *f;
            g_autofree char *old_kid = NULL;

            setup(&own);
            f = own;
            fake_card_end_channels(f->card, n % 2 == 0);
            read_anchor(f, &defaults);
            fake_card_settle();
            old_kid = g_strdup(akma_anchor_get_kid(f->anchor));
            assert_string_not_equal(old_kid, new_kid);
            if (!known)
                akma_akma_usim_forget(f->modem);
            fake_card_swap_after(f->card, n / 2, other_card, G_N_ELEMENTS(other_card));
            read_anchor(f, &defaults);
            assert_no_mixture(f, old_kid, new_kid);
            n_failed += f->anchor ? 0 : 1;
            n_old += f->anchor && g_str_equal(akma_anchor_get_kid(f->anchor), old_kid) ? 1 : 0;
            n_new += f->anchor && g_str_equal(akma_anchor_get_kid(f->anchor), new_kid) ? 1 : 0;

            /* the swap has been by now, and the next read is of the card that is there */
            for (unsigned i = 0; i < 3; i++) {
                fake_card_settle();
                read_anchor(f, &defaults);
            }
            assert_string_equal(akma_anchor_get_kid(f->anchor), new_kid);
            teardown(&own);
        }
    }
    assert_true(n_old > 0 && n_new > 0 && n_failed > 0);
    (void)state;
}

/* A modem that is slower than somebody who opens the same channel on the next card. */
static void
key_of_a_card_under_the_name_of_another_is_known_to_nobody(void **state)
{
    Fixture *f = *state;
    g_autofree char *new_kid = dup_kid_of_other_card();
    g_autofree char *old_kid = NULL;

    fake_card_end_channels(f->card, true);
    read_anchor(f, &defaults);
    old_kid = g_strdup(akma_anchor_get_kid(f->anchor));
    fake_card_set_once(f->card, KEYS, other_card[1][1]);
    read_anchor(f, &defaults);

    assert_string_not_equal(akma_anchor_get_kid(f->anchor), old_kid);
    assert_string_not_equal(akma_anchor_get_kid(f->anchor), new_kid);
}

static void
card_that_the_modem_says_is_another_one_is_read_anew(void **state)
{
    Fixture *f = *state;

    fake_card_end_channels(f->card, true);
    read_anchor(f, &defaults);
    fake_card_settle();

    f->done = false;
    g_clear_pointer(&f->anchor, akma_anchor_unref);
    fake_card_hold(f->card, true);
    akma_akma_usim_read_async(f->modem, &defaults, NULL, anchor_read, f);
    for (unsigned i = 0; i < 3; i++) { /* up to the folder of the key */
        fake_card_settle();
        fake_card_release(f->card);
    }
    fake_card_settle();
    akma_card_emit_card_changed(AKMA_CARD(f->card));
    fake_card_set(f->card, RID, "f0ffffff9000");
    fake_card_hold(f->card, false);
    fake_card_run_until(&f->done);

    assert_true(g_str_has_prefix(akma_anchor_get_kid(f->anchor), "0."));
}

static void
reject_card_that_changes_for_ever(void **state)
{
    Fixture *f = *state;

    for (int i = 0; i < 8; i++) {
        fake_card_set_once(f->card, IMSI, "0809101000000000109000");
        fake_card_set_once(f->card, IMSI, OTHER);
    }
    read_anchor(f, &defaults);

    assert_fails(f, AKMA_ERROR_MODEM_FAILED, "became another one");
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
        with_modem(card_swapped_during_the_read_is_read_anew),
        with_modem(card_swapped_since_the_last_read_is_read_anew),
        cmocka_unit_test(card_swapped_at_any_command_gives_no_mixture),
        with_modem(key_of_a_card_under_the_name_of_another_is_known_to_nobody),
        with_modem(card_that_the_modem_says_is_another_one_is_read_anew),
        with_modem(reject_card_that_changes_for_ever),
    };

    return cmocka_run_group_tests(tests, make_heap, NULL);
}
