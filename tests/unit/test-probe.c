/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "anchor/probe.h"

#include "tests/fakes/usim-fixture.h"

static AkmaProbe *report;

static void
looked(GObject *source G_GNUC_UNUSED, GAsyncResult *res, gpointer user_data)
{
    Fixture *f = user_data;

    report = akma_probe_finish(res, &f->error);
    f->done = true;
}

static void
look(Fixture *f, GCancellable *cancellable)
{
    f->done = false;
    akma_probe_async(f->modem, cancellable, looked, f);
    if (cancellable)
        g_cancellable_cancel(cancellable);
    fake_card_run_until(&f->done);
}

static int
teardown_probe(void **state)
{
    g_clear_pointer(&report, akma_probe_free);

    return teardown(state);
}

static void
card_with_a_key_is_readable(void **state)
{
    look(*state, NULL);

    assert_true(report->has_channel && report->has_apdu && report->has_services);
    assert_true(report->service_123);
    assert_int_equal(report->key_file, AKMA_KEY_FILE_READABLE);
    assert_null(report->error);
}

/* The key file answers @answer: what the report says of it. */
static AkmaKeyFile
look_at_key_file(Fixture *f, const char *answer)
{
    g_clear_pointer(&report, akma_probe_free);
    fake_card_set(f->card, KEYS, answer);
    look(f, NULL);

    return report->key_file;
}

static void
file_that_the_card_keeps_is_unreadable(void **state)
{
    Fixture *f = *state;

    assert_int_equal(look_at_key_file(f, "6985"), AKMA_KEY_FILE_UNREADABLE);
    assert_non_null(report->error);
    assert_int_equal(look_at_key_file(f, "6982"), AKMA_KEY_FILE_UNREADABLE);
    assert_true(g_error_matches(report->error, AKMA_ERROR, AKMA_ERROR_PIN_REQUIRED));
}

static void
file_of_another_length_is_broken_or_empty_but_never_readable(void **state)
{
    Fixture *f = *state;

    assert_int_equal(look_at_key_file(f, "80209000"), AKMA_KEY_FILE_UNREADABLE);
    assert_int_equal(look_at_key_file(f,
                                      "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
                                      "ffffffffff9000"),
                     AKMA_KEY_FILE_EMPTY);
    assert_null(report->error);
}

static void
card_without_service_123_has_no_file(void **state)
{
    Fixture *f = *state;

    fake_card_set(f->card, UST, "000000000000000008000000000000009000"); /* 68 only */
    look(f, NULL);

    assert_true(report->service_68 && !report->service_123 && !report->service_124);
    assert_int_equal(report->key_file, AKMA_KEY_FILE_ABSENT);
    assert_null(report->error);
}

static void
missing_card_is_a_result(void **state)
{
    Fixture *f = *state;

    fake_card_set_state(f->card, AKMA_SIM_ABSENT, AKMA_REGISTRATION_IDLE);
    look(f, NULL);

    assert_false(report->has_channel);
    assert_true(g_error_matches(report->error, AKMA_ERROR, AKMA_ERROR_NO_SIM));
}

static void
modem_without_a_channel_is_a_result(void **state)
{
    Fixture *f = *state;

    fake_card_fail_open(f->card, AKMA_ERROR_MODEM_FAILED);
    look(f, NULL);

    assert_false(report->has_channel);
    assert_int_equal(report->key_file, AKMA_KEY_FILE_UNKNOWN);
    assert_true(g_error_matches(report->error, AKMA_ERROR, AKMA_ERROR_MODEM_FAILED));
}

static void
reject_cancelled(void **state)
{
    Fixture *f = *state;
    g_autoptr(GCancellable) cancellable = g_cancellable_new();

    look(f, cancellable);

    assert_null(report);
    assert_true(g_error_matches(f->error, G_IO_ERROR, G_IO_ERROR_CANCELLED));
}

static void
every_file_has_a_name(void **state G_GNUC_UNUSED)
{
    assert_string_equal(akma_key_file_get_name(AKMA_KEY_FILE_UNKNOWN), "unknown");
    assert_string_equal(akma_key_file_get_name(AKMA_KEY_FILE_STALE), "stale");
}

static int
start(void **state G_GNUC_UNUSED)
{
    return akma_secret_heap_init(AKMA_SECRET_HEAP_MIN, NULL, NULL) ? 0 : -1;
}

#define with_modem(test) cmocka_unit_test_setup_teardown(test, setup, teardown_probe)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        with_modem(card_with_a_key_is_readable),
        with_modem(file_that_the_card_keeps_is_unreadable),
        with_modem(file_of_another_length_is_broken_or_empty_but_never_readable),
        with_modem(card_without_service_123_has_no_file),
        with_modem(missing_card_is_a_result),
        with_modem(modem_without_a_channel_is_a_result),
        with_modem(reject_cancelled),
        cmocka_unit_test(every_file_has_a_name),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
