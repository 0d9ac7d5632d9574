/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/uicc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "modem/usim.h"
#include "tests/fakes/fake-card.h"

typedef struct {
    FakeCard *card;
    AkmaCardQueue *queue;
    AkmaChannel *channel;
    AkmaResponse *response;
    AkmaFcp fcp;
    GError *error;
    bool done;
    unsigned n_done;
} Fixture;

static const AkmaFile plain_file = {"EF_PLAIN", {0x7f, 0xff, 0x5f, 0xc0}, 4, 0x4f01, 0};

static void
opened(GObject *source, GAsyncResult *res, gpointer user_data)
{
    Fixture *f = user_data;
    GError *error = NULL;
    AkmaChannel *channel = akma_card_queue_open_finish(AKMA_CARD_QUEUE(source), res, &error);

    if (channel)
        f->channel = channel;
    if (error) {
        g_clear_error(&f->error);
        f->error = error;
    }
    f->done = true;
    f->n_done++;
}

static void
begin_open(Fixture *f, GCancellable *cancellable)
{
    static const uint8_t aid[] = {0xa0, 0, 0, 0, 0x87, 0x10, 0x02};

    f->done = false;
    akma_card_queue_open_async(f->queue, aid, sizeof aid, cancellable, opened, f);
}

static int
setup(void **state)
{
    Fixture *f = g_new0(Fixture, 1);

    f->card = fake_card_new();
    f->queue = akma_card_queue_new(AKMA_CARD(f->card));
    begin_open(f, NULL);
    fake_card_run_until(&f->done);
    assert_non_null(f->channel);
    *state = f;

    return 0;
}

static int
teardown(void **state)
{
    Fixture *f = *state;

    fake_card_hold(f->card, false);
    g_clear_object(&f->channel);
    fake_card_settle();
    assert_int_equal(fake_card_count_open(f->card), 0);
    assert_int_equal(akma_card_queue_get_length(f->queue), 0);
    g_clear_object(&f->queue);
    g_clear_object(&f->card);
    akma_response_free(f->response);
    g_clear_error(&f->error);
    g_free(f);

    return 0;
}

static void
sent(GObject *source, GAsyncResult *res, gpointer user_data)
{
    Fixture *f = user_data;

    f->response = akma_uicc_send_finish(AKMA_CHANNEL(source), res, &f->error);
    f->done = true;
}

static void
send_command(Fixture *f, const AkmaCommand *command)
{
    g_clear_pointer(&f->response, akma_response_free);
    g_clear_error(&f->error);
    f->done = false;
    akma_uicc_send_async(f->channel, command, NULL, sent, f);
    fake_card_run_until(&f->done);
}

static void
read_done(GObject *source, GAsyncResult *res, gpointer user_data)
{
    Fixture *f = user_data;

    f->response = akma_uicc_read_finish(AKMA_CHANNEL(source), res, &f->error);
    f->done = true;
}

static void
read_file(Fixture *f, const AkmaFile *file, size_t len)
{
    g_clear_pointer(&f->response, akma_response_free);
    g_clear_error(&f->error);
    f->done = false;
    akma_uicc_read_async(f->channel, file, len, NULL, read_done, f);
    fake_card_run_until(&f->done);
}

/*= TS 102 221 7.3.1.1: 61xx announces xx bytes, 6Cxx names the right length */
static void
announced_bytes_are_fetched(void **state)
{
    Fixture *f = *state;
    AkmaCommand command;

    fake_card_set(f->card, "00b0000000", "6104");
    fake_card_set_once(f->card, "00c0000004", "aabb6102");
    fake_card_set(f->card, "00c0000002", "ccdd9000");
    akma_command_init(&command, AKMA_INS_READ_BINARY, 0, 0, NULL, 0, 0);
    send_command(f, &command);

    assert_int_equal(f->response->len, 4);
    assert_memory_equal(f->response->bytes, "\xaa\xbb\xcc\xdd", 4);
    assert_int_equal(f->response->sw, 0x9000);
}

/*= TS 51.011 9.4.1: 9Fxx of a GSM answer announces as 61xx does */
static void
old_announcement_and_right_length_are_followed(void **state)
{
    Fixture *f = *state;
    AkmaCommand command;

    fake_card_set(f->card, "00b0000000", "9f01");
    fake_card_set(f->card, "00c0000001", "ee9000");
    akma_command_init(&command, AKMA_INS_READ_BINARY, 0, 0, NULL, 0, 0);
    send_command(f, &command);
    assert_int_equal(f->response->len, 1);

    fake_card_set(f->card, "00b0000000", "6c02");
    fake_card_set(f->card, "00b0000002", "12349000");
    send_command(f, &command);
    assert_int_equal(f->response->len, 2);
}

static void
reject_card_that_announces_for_ever(void **state)
{
    Fixture *f = *state;
    AkmaCommand command;

    fake_card_set(f->card, "00b0000000", "6101");
    fake_card_set(f->card, "00c0000001", "aa6101");
    akma_command_init(&command, AKMA_INS_READ_BINARY, 0, 0, NULL, 0, 0);
    send_command(f, &command);

    assert_true(g_error_matches(f->error, AKMA_ERROR, AKMA_ERROR_MODEM_FAILED));
}

static void
reject_second_wrong_length(void **state)
{
    Fixture *f = *state;

    fake_card_set(f->card, "00a4080c047fff5fc0", "9000");
    fake_card_set(f->card, "00b0850022", "6c10");
    fake_card_set(f->card, "00b0850010", "6c22");
    read_file(f, &akma_usim_5gauthkeys, 34);

    assert_null(f->response);
    assert_true(g_error_matches(f->error, AKMA_ERROR, AKMA_ERROR_MODEM_FAILED));
}

static void
reject_announced_bytes_beyond_the_limit(void **state)
{
    Fixture *f = *state;
    AkmaCommand command;
    g_autoptr(GString) long_answer = g_string_new(NULL);

    for (int i = 0; i < 200; i++)
        g_string_append(long_answer, "aa");
    g_string_append(long_answer, "61c8");
    fake_card_set(f->card, "00b0000000", "61c8");
    fake_card_set(f->card, "00c00000c8", long_answer->str);
    akma_command_init(&command, AKMA_INS_READ_BINARY, 0, 0, NULL, 0, 0);
    send_command(f, &command);

    assert_true(g_error_matches(f->error, AKMA_ERROR, AKMA_ERROR_MODEM_FAILED));
}

/*= TS 31.102 4.2, 4.4.11: file identifiers and short file identifiers below ADF USIM and DF_5GS */
static void
folder_is_selected_once(void **state)
{
    Fixture *f = *state;
    unsigned before;

    fake_card_set(f->card, "00a4080c047fff5fc0", "9000");
    fake_card_set(f->card, "00b0850022", "aa9000");
    fake_card_set(f->card, "00b08a0004", "f09000");
    read_file(f, &akma_usim_5gauthkeys, 34);
    assert_non_null(f->response);

    before = fake_card_count_commands(f->card);
    read_file(f, &akma_usim_routing_indicator, 4);
    assert_non_null(f->response);
    assert_int_equal(fake_card_count_commands(f->card) - before, 1);
}

/*= TS 102 221 11.1.1.2: a path does not begin with 3F00; 3F00 and 7FFF alone go by id */
static void
card_without_short_identifiers_is_read_by_path(void **state)
{
    static const char *const refusals[] = {"6981", "6986", "6a82", "6a86", "6b00"};
    Fixture *f = *state;

    for (size_t i = 0; i < G_N_ELEMENTS(refusals); i++) {
        fake_card_set(f->card, "00a4080c047fff5fc0", "9000");
        fake_card_set(f->card, "00b0850022", refusals[i]);
        fake_card_set(f->card, "00a4080c067fff5fc04f05", "9000");
        fake_card_set(f->card, "00b0000022", "bb9000");
        read_file(f, &akma_usim_5gauthkeys, 34);

        assert_non_null(f->response);
        assert_int_equal(f->response->bytes[0], 0xbb);
    }
}

static void
file_without_short_identifier_is_selected(void **state)
{
    Fixture *f = *state;

    fake_card_set(f->card, "00a4080c067fff5fc04f01", "9000");
    fake_card_set(f->card, "00b0000000", "0102036282");
    read_file(f, &plain_file, 0);

    assert_non_null(f->response);
    assert_int_equal(f->response->len, 3);
}

static void
reject_file_that_is_not_there_or_closed(void **state)
{
    static const struct {
        const char *sw;
        int code;
    } rows[] = {
        {"6a82", AKMA_ERROR_ANCHOR_UNSUPPORTED},
        {"6982", AKMA_ERROR_PIN_REQUIRED},
        {"6f00", AKMA_ERROR_MODEM_FAILED},
    };
    Fixture *f = *state;

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        fake_card_set(f->card, "00a4080c067fff5fc04f01", rows[i].sw);
        read_file(f, &plain_file, 0);
        assert_null(f->response);
        assert_true(g_error_matches(f->error, AKMA_ERROR, rows[i].code));
        assert_non_null(strstr(f->error->message, "EF_PLAIN"));
    }
}

static void
reject_more_bytes_than_asked(void **state)
{
    Fixture *f = *state;

    fake_card_set(f->card, "00a4080c047fff5fc0", "9000");
    fake_card_set(f->card, "00b08a0004", "f0ffffffff9000");
    read_file(f, &akma_usim_routing_indicator, 4);

    assert_true(g_error_matches(f->error, AKMA_ERROR, AKMA_ERROR_MODEM_FAILED));
}

static void
transactions_wait_for_their_turn(void **state)
{
    Fixture *f = *state;

    begin_open(f, NULL);
    begin_open(f, NULL);
    fake_card_settle();
    assert_false(f->done);
    assert_int_equal(akma_card_queue_get_length(f->queue), 3);

    for (unsigned turn = 2; turn <= 3; turn++) {
        g_clear_object(&f->channel);
        fake_card_settle();
        assert_int_equal(f->n_done, turn);
        assert_int_equal(fake_card_count_open(f->card), 1);
    }
}

static void
cancelled_waiter_never_touches_the_card(void **state)
{
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    Fixture *f = *state;

    begin_open(f, cancellable);
    g_cancellable_cancel(cancellable);
    fake_card_run_until(&f->done);

    assert_true(g_error_matches(f->error, G_IO_ERROR, G_IO_ERROR_CANCELLED));
    assert_int_equal(akma_card_queue_get_length(f->queue), 1);
    g_clear_object(&f->channel);
    fake_card_settle();
    assert_int_equal(fake_card_count_opened(f->card), 1);
}

static void
next_transaction_waits_for_the_answer_of_a_cancelled_command(void **state)
{
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    Fixture *f = *state;
    AkmaCommand command;

    fake_card_hold(f->card, true);
    akma_command_init(&command, AKMA_INS_READ_BINARY, 0, 0, NULL, 0, 0);
    f->done = false;
    akma_uicc_send_async(f->channel, &command, cancellable, sent, f);
    fake_card_settle();
    g_cancellable_cancel(cancellable);
    fake_card_run_until(&f->done);
    assert_true(g_error_matches(f->error, G_IO_ERROR, G_IO_ERROR_CANCELLED));

    g_clear_object(&f->channel);
    begin_open(f, NULL);
    fake_card_settle();
    assert_false(f->done);
    assert_int_equal(fake_card_count_open(f->card), 1); /* the old one, still busy */

    fake_card_release(f->card); /* the late answer */
    fake_card_settle();
    assert_int_equal(fake_card_count_open(f->card), 1);
    fake_card_release(f->card); /* closed */
    fake_card_settle();
    assert_int_equal(fake_card_count_open(f->card), 0);
    fake_card_release(f->card); /* opened */
    fake_card_run_until(&f->done);
    assert_non_null(f->channel);
}

static void
failed_opening_lets_the_next_one_go(void **state)
{
    Fixture *f = *state;

    g_clear_object(&f->channel);
    fake_card_settle();
    fake_card_fail_open(f->card, AKMA_ERROR_NO_SIM);
    begin_open(f, NULL);
    fake_card_run_until(&f->done);
    assert_true(g_error_matches(f->error, AKMA_ERROR, AKMA_ERROR_NO_SIM));

    fake_card_fail_open(f->card, 0);
    begin_open(f, NULL);
    fake_card_run_until(&f->done);
    assert_non_null(f->channel);
}

static void
authenticated(GObject *source, GAsyncResult *res, gpointer user_data)
{
    Fixture *f = user_data;
    g_auto(AkmaAkaResult) aka = {0};

    f->n_done = akma_usim_authenticate_finish(AKMA_CHANNEL(source), res, &aka, &f->error)
                    ? (unsigned)aka.outcome
                    : 99;
    f->done = true;
}

/*= TS 31.102 7.1.2: AUTHENTICATE, P2 81, data 10 RAND 10 AUTN */
static void
authenticate_ends_in_keys_resynchronisation_or_refusal(void **state)
{
    static const char command[] = "0088008122"
                                  "1023553cbe9637a89d218ae64dae47bf35"
                                  "1055f328b43577b9b94a9ffac354dfafb3"
                                  "00";
    static const uint8_t rand[16] = "\x23\x55\x3c\xbe\x96\x37\xa8\x9d"
                                    "\x21\x8a\xe6\x4d\xae\x47\xbf\x35";
    static const uint8_t autn[16] = "\x55\xf3\x28\xb4\x35\x77\xb9\xb9"
                                    "\x4a\x9f\xfa\xc3\x54\xdf\xaf\xb3";
    static const struct {
        const char *answer;
        unsigned outcome; /* 99: refused */
    } rows[] = {
        {"db08a54211d5e3ba50bf10b40ba9a3c58b2a05bbf0d987b21bf8cb10"
         "f769bcd751044604127672711c6d34419000",
         AKMA_AKA_OK},
        {"dc0e4cb8ad56bbf7a1b2c3d4e5f607089000", AKMA_AKA_SYNC_FAILURE},
        {"9862", 99},
    };
    Fixture *f = *state;

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        f->done = false;
        fake_card_set(f->card, command, rows[i].answer);
        akma_usim_authenticate_async(f->channel, rand, autn, NULL, authenticated, f);
        fake_card_run_until(&f->done);
        assert_int_equal(f->n_done, rows[i].outcome);
    }
    assert_true(g_error_matches(f->error, AKMA_ERROR, AKMA_ERROR_ANCHOR_REJECTED));
}

static void
key_read(GObject *source, GAsyncResult *res, gpointer user_data)
{
    Fixture *f = user_data;
    g_autoptr(AkmaSecret) key = akma_usim_read_k_ausf_finish(AKMA_CHANNEL(source), res, &f->error);

    f->n_done = key ? 32 : 0;
    f->done = true;
}

static void
whole_key_file_is_read_only_if_k_ausf_is_not_first(void **state)
{
    static const char k_seaf[] = "8dff166c02edd5b177950d50cdd3fe93756cc53951856a95cb5ee9aabd35e220";
    g_autofree char *first = g_strconcat("8120", k_seaf, "9000", NULL);
    g_autofree char *whole = g_strconcat("8120", k_seaf, "8020", k_seaf, "9000", NULL);
    Fixture *f = *state;

    fake_card_set(f->card, "00a4080c047fff5fc0", "9000");
    fake_card_set(f->card, "00b0850022", first);
    fake_card_set(f->card, "00b0850000", whole);
    f->done = false;
    akma_usim_read_k_ausf_async(f->channel, NULL, key_read, f);
    fake_card_run_until(&f->done);
    assert_null(f->error);
    assert_int_equal(f->n_done, 32);
}

static int
make_heap(void **state G_GNUC_UNUSED)
{
    return akma_secret_heap_init(AKMA_SECRET_HEAP_MIN, NULL, NULL) ? 0 : -1;
}

#define with_channel(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        with_channel(announced_bytes_are_fetched),
        with_channel(old_announcement_and_right_length_are_followed),
        with_channel(reject_card_that_announces_for_ever),
        with_channel(reject_second_wrong_length),
        with_channel(reject_announced_bytes_beyond_the_limit),
        with_channel(folder_is_selected_once),
        with_channel(card_without_short_identifiers_is_read_by_path),
        with_channel(file_without_short_identifier_is_selected),
        with_channel(reject_file_that_is_not_there_or_closed),
        with_channel(reject_more_bytes_than_asked),
        with_channel(transactions_wait_for_their_turn),
        with_channel(cancelled_waiter_never_touches_the_card),
        with_channel(next_transaction_waits_for_the_answer_of_a_cancelled_command),
        with_channel(failed_opening_lets_the_next_one_go),
        with_channel(authenticate_ends_in_keys_resynchronisation_or_refusal),
        with_channel(whole_key_file_is_read_only_if_k_ausf_is_not_first),
    };

    return cmocka_run_group_tests(tests, make_heap, NULL);
}
