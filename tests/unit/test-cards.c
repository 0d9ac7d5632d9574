/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "agent/cards.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <glib/gstdio.h>

#include "base/error.h"

#define SLOT "/sys/devices/pci0000:00/usb1/1-1]\n[x"
#define A    "0123456789abcdef0123456789abcdef"
#define B    "fedcba9876543210fedcba9876543210"

typedef struct {
    char *folder;
    char *file;
    AkmaSecret *key;
    AkmaSecret *pin;
    AkmaSecret *other_pin;
    AkmaCards *cards;
} Fixture;

static int
setup(void **state)
{
    static const uint8_t key[32] = {9};
    Fixture *f = g_new0(Fixture, 1);

    f->folder = g_dir_make_tmp("akma-cards-XXXXXX", NULL);
    f->file = g_build_filename(f->folder, "cards", NULL);
    f->key = akma_secret_new(key, sizeof key, NULL);
    f->pin = akma_secret_new("7531", 4, NULL);
    f->other_pin = akma_secret_new("7532", 4, NULL);
    f->cards = akma_cards_new(f->folder, f->key);
    *state = f;

    return 0;
}

static int
teardown(void **state)
{
    Fixture *f = *state;

    akma_cards_unref(f->cards);
    akma_secret_unref(f->key);
    akma_secret_unref(f->pin);
    akma_secret_unref(f->other_pin);
    g_chmod(f->folder, 0700);
    g_unlink(f->file);
    g_rmdir(f->folder);
    g_free(f->file);
    g_free(f->folder);
    g_free(f);

    return 0;
}

static void
restart(Fixture *f)
{
    akma_cards_unref(f->cards);
    f->cards = akma_cards_new(f->folder, f->key);
}

static void
first_card_is_no_other_and_the_next_one_is(void **state)
{
    Fixture *f = *state;

    assert_false(akma_cards_is_other(f->cards, SLOT, A));
    akma_cards_set(f->cards, SLOT, A);
    assert_false(akma_cards_is_other(f->cards, SLOT, A));
    assert_false(akma_cards_is_other(f->cards, SLOT, "")); /* out */
    assert_true(akma_cards_is_other(f->cards, SLOT, B));
    assert_false(akma_cards_is_other(f->cards, "/dev/other", B));

    akma_cards_set(f->cards, SLOT, "");
    restart(f);
    assert_true(akma_cards_is_other(f->cards, SLOT, B));
    akma_cards_set(f->cards, SLOT, B);
    restart(f);
    assert_true(akma_cards_is_other(f->cards, SLOT, A));
}

static void
reject_a_pin_that_was_given_and_not_found_right(void **state)
{
    Fixture *f = *state;
    g_autoptr(GError) error = NULL;

    akma_cards_set(f->cards, SLOT, A);
    assert_true(akma_cards_begin_pin(f->cards, SLOT, A, f->pin, NULL));
    restart(f); /* a crash at this moment */
    assert_false(akma_cards_begin_pin(f->cards, SLOT, A, f->pin, &error));
    assert_true(g_error_matches(error, AKMA_ERROR, AKMA_ERROR_PIN_REQUIRED));

    assert_true(akma_cards_begin_pin(f->cards, SLOT, A, f->other_pin, NULL));
    assert_true(akma_cards_begin_pin(f->cards, SLOT, B, f->pin, NULL)); /* another card */
}

static void
right_pin_may_be_given_again(void **state)
{
    Fixture *f = *state;

    assert_true(akma_cards_begin_pin(f->cards, SLOT, A, f->pin, NULL));
    akma_cards_end_pin(f->cards, SLOT, A);
    assert_true(akma_cards_begin_pin(f->cards, SLOT, A, f->pin, NULL));
}

static void
card_that_was_out_or_another_one_begins_anew(void **state)
{
    Fixture *f = *state;

    akma_cards_set(f->cards, SLOT, A);
    assert_true(akma_cards_begin_pin(f->cards, SLOT, A, f->pin, NULL));
    akma_cards_taken_out(f->cards, SLOT);
    assert_true(akma_cards_begin_pin(f->cards, SLOT, A, f->pin, NULL));
    assert_false(akma_cards_begin_pin(f->cards, SLOT, A, f->pin, NULL));

    akma_cards_set(f->cards, SLOT, B);
    akma_cards_set(f->cards, SLOT, A);
    assert_true(akma_cards_begin_pin(f->cards, SLOT, A, f->pin, NULL));
}

static void
card_that_does_not_tell_who_it_is_is_known_by_its_modem(void **state)
{
    Fixture *f = *state;

    assert_true(akma_cards_begin_pin(f->cards, SLOT, "", f->pin, NULL));
    restart(f);
    assert_false(akma_cards_begin_pin(f->cards, SLOT, "", f->pin, NULL));
    assert_true(akma_cards_begin_pin(f->cards, "/dev/other", "", f->pin, NULL));
    akma_cards_taken_out(f->cards, SLOT);
    assert_true(akma_cards_begin_pin(f->cards, SLOT, "", f->pin, NULL));
}

static void
file_is_ours_alone_and_has_no_pin_in_it(void **state)
{
    Fixture *f = *state;
    g_autofree char *text = NULL;
    GStatBuf st;

    assert_true(akma_cards_begin_pin(f->cards, SLOT, A, f->pin, NULL));
    assert_int_equal(g_stat(f->file, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_true(g_file_get_contents(f->file, &text, NULL, NULL));
    assert_null(strstr(text, "7531"));
}

static void
reject_to_give_a_pin_that_cannot_be_remembered(void **state)
{
    Fixture *f = *state;
    g_autoptr(GError) error = NULL;

    assert_int_equal(g_mkdir(f->file, 0700), 0); /* also root cannot rename over it */
    assert_false(akma_cards_begin_pin(f->cards, SLOT, A, f->pin, &error));
    assert_true(g_error_matches(error, AKMA_ERROR, AKMA_ERROR_STORE_FAILED));
    g_rmdir(f->file);
}

static void
reject_a_broken_file_and_begin_again(void **state)
{
    Fixture *f = *state;

    assert_true(g_file_set_contents(f->file, "no group\nat all", -1, NULL));
    restart(f);
    assert_false(akma_cards_is_other(f->cards, SLOT, A));
    assert_true(akma_cards_begin_pin(f->cards, SLOT, A, f->pin, NULL));
    restart(f);
    assert_false(akma_cards_begin_pin(f->cards, SLOT, A, f->pin, NULL));
}

static void
file_does_not_grow_without_end(void **state)
{
    Fixture *f = *state;
    GStatBuf st;

    for (int i = 0; i < 300; i++) {
        g_autofree char *modem = g_strdup_printf("/dev/ttyUSB%d", i);

        akma_cards_set(f->cards, modem, A);
    }
    assert_int_equal(g_stat(f->file, &st), 0);
    assert_in_range(st.st_size, 1, 16 * 1024);
    assert_true(akma_cards_is_other(f->cards, "/dev/ttyUSB299", B));
    assert_false(akma_cards_is_other(f->cards, "/dev/ttyUSB0", B));
}

#define KID  "0.one@5gc.mnc001.mcc001.3gppnetwork.org"
#define KID2 "0.two@5gc.mnc001.mcc001.3gppnetwork.org"

/* -1: nothing is known of it */
static int
recall(const Fixture *f, const char *sim_id, const char *kid)
{
    bool is_known;

    return akma_cards_recall_kid(f->cards, sim_id, kid, &is_known) ? is_known : -1;
}

static void
last_word_on_the_kid_of_each_card_is_kept(void **state)
{
    Fixture *f = *state;

    assert_int_equal(recall(f, A, KID), -1);
    akma_cards_note_kid(f->cards, A, KID, true);
    akma_cards_note_kid(f->cards, B, KID2, false);
    restart(f);
    assert_int_equal(recall(f, A, KID), 1);
    assert_int_equal(recall(f, B, KID2), 0);
    assert_int_equal(recall(f, A, KID2), -1);
    assert_int_equal(recall(f, B, KID), -1);

    akma_cards_note_kid(f->cards, A, KID, false);
    assert_int_equal(recall(f, A, KID), 0);
    akma_cards_note_kid(f->cards, A, KID2, true); /* registered anew */
    assert_int_equal(recall(f, A, KID2), 1);
    assert_int_equal(recall(f, A, KID), -1);
}

static void
kid_goes_with_its_card_and_not_with_a_pin(void **state)
{
    Fixture *f = *state;

    akma_cards_set(f->cards, SLOT, A);
    akma_cards_note_kid(f->cards, A, KID, true);
    assert_true(akma_cards_begin_pin(f->cards, SLOT, A, f->pin, NULL));
    akma_cards_end_pin(f->cards, SLOT, A);
    assert_int_equal(recall(f, A, KID), 1);
    akma_cards_taken_out(f->cards, SLOT);
    assert_int_equal(recall(f, A, KID), -1);

    akma_cards_note_kid(f->cards, A, KID, true);
    akma_cards_set(f->cards, SLOT, B);
    assert_int_equal(recall(f, A, KID), -1);
}

static void
reject_the_kid_of_a_card_that_does_not_tell_who_it_is(void **state)
{
    Fixture *f = *state;

    akma_cards_note_kid(f->cards, "", KID, true);
    assert_int_equal(recall(f, "", KID), -1);
}

static void
kid_itself_is_not_in_the_file(void **state)
{
    Fixture *f = *state;
    g_autofree char *text = NULL;

    akma_cards_note_kid(f->cards, A, KID, true);
    assert_true(g_file_get_contents(f->file, &text, NULL, NULL));
    assert_non_null(strstr(text, "known="));
    assert_null(strstr(text, "one"));
    assert_null(strstr(text, "5gc"));
}

static int
make_heap(void **state)
{
    (void)state;

    return akma_secret_heap_init(AKMA_SECRET_HEAP_MIN, NULL, NULL) ? 0 : -1;
}

#define with_cards(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        with_cards(first_card_is_no_other_and_the_next_one_is),
        with_cards(reject_a_pin_that_was_given_and_not_found_right),
        with_cards(right_pin_may_be_given_again),
        with_cards(card_that_was_out_or_another_one_begins_anew),
        with_cards(card_that_does_not_tell_who_it_is_is_known_by_its_modem),
        with_cards(file_is_ours_alone_and_has_no_pin_in_it),
        with_cards(reject_to_give_a_pin_that_cannot_be_remembered),
        with_cards(reject_a_broken_file_and_begin_again),
        with_cards(file_does_not_grow_without_end),
        with_cards(last_word_on_the_kid_of_each_card_is_kept),
        with_cards(kid_goes_with_its_card_and_not_with_a_pin),
        with_cards(reject_the_kid_of_a_card_that_does_not_tell_who_it_is),
        with_cards(kid_itself_is_not_in_the_file),
    };

    return cmocka_run_group_tests(tests, make_heap, NULL);
}
