/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The card over QMI against a scripted modem: what the simulated one does not do. */
#include "modem/transport.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/secret.h"
#include "modem/usim.h"
#include "tests/fakes/fake-qmi.h"

#define TIMEOUT_MS 1000

enum {
    READ = 0x0020,
    VERIFY_PIN = 0x0026,
    CARD_STATUS = 0x002f,
    CARD_STATUS_CHANGED = 0x0032,
    SEND_APDU = 0x003b,
    LOGICAL_CHANNEL = 0x003f,
    OPEN_CHANNEL = 0x0042,
    SLOT_STATUS = 0x0047,
    SLOT_STATUS_CHANGED = 0x0048,
    SERVING_SYSTEM = 0x0024,
};

/* One card, one USIM that the modem uses; a slot that is empty and one with the card. */
#define NO_INDEXES "ffffffffffff"
#define USIM                                                                                       \
    "0207"                                                                                         \
    "00000000"                                                                                     \
    "08a0000000871002ff"                                                                           \
    "0003030a01030a"
#define CARD                                                                                       \
    "0101"                                                                                         \
    "030a0001" USIM
#define READY                                                                                      \
    "102500"                                                                                       \
    "0000" NO_INDEXES "01" CARD
#define ABSENT                                                                                     \
    "100f00"                                                                                       \
    "0000" NO_INDEXES "01"                                                                         \
    "000000000000"
#define SECOND                                                                                     \
    "102b00"                                                                                       \
    "0001" NO_INDEXES "02"                                                                         \
    "000000000000" CARD
#define SLOTS                                                                                      \
    "101500"                                                                                       \
    "02"                                                                                           \
    "010000000000000000"                                                                           \
    "00"                                                                                           \
    "020000000100000002"                                                                           \
    "00"

typedef struct {
    FakeQmi *fake;
    unsigned slot;
    AkmaCard *card;
    AkmaCardQueue *queue;
    AkmaChannel *channel;
    GError *error;
    AkmaResponse *response;
    AkmaCardState state;
    unsigned done;
    unsigned card_changes;
    unsigned registration_changes;
} Fixture;

static void
wait_done(Fixture *fixture)
{
    for (unsigned i = 0; fixture->done == 0 && i < 12000; i++)
        fake_qmi_settle(5);
    assert_int_equal(fixture->done, 1);
    fixture->done = 0;
}

static void
count(unsigned *counter)
{
    (*counter)++;
}

static void
opened(GObject *source G_GNUC_UNUSED, GAsyncResult *res, gpointer user_data)
{
    Fixture *fixture = user_data;

    fixture->card = akma_transport_qmi.open_finish(res, &fixture->error);
    fixture->done++;
}

static void
channel_opened(GObject *source, GAsyncResult *res, gpointer user_data)
{
    Fixture *fixture = user_data;

    g_clear_error(&fixture->error);
    fixture->channel = akma_card_queue_open_finish(AKMA_CARD_QUEUE(source), res, &fixture->error);
    fixture->done++;
}

static void
open_channel(Fixture *fixture)
{
    static const uint8_t aid[] = {0xa0, 0x00, 0x00, 0x00, 0x87, 0x10, 0x02};

    akma_card_queue_open_async(fixture->queue, aid, sizeof aid, NULL, channel_opened, fixture);
    wait_done(fixture);
}

static int
setup(void **state)
{
    Fixture *fixture = g_new0(Fixture, 1);

    fixture->fake = fake_qmi_new();
    fixture->slot = 1;
    fake_qmi_set_answer(fixture->fake, FAKE_QMI_UIM, CARD_STATUS, 0, READY);
    fake_qmi_set_answer(fixture->fake, FAKE_QMI_UIM, SLOT_STATUS, 71, "");
    fake_qmi_set_answer(fixture->fake, FAKE_QMI_UIM, OPEN_CHANNEL, 0, "10010003");
    fake_qmi_set_answer(fixture->fake, FAKE_QMI_UIM, SEND_APDU, 0, "10040002009000");
    fake_qmi_set_answer(fixture->fake, FAKE_QMI_UIM, READ, 0, "1104000200aabb");
    fake_qmi_set_answer(fixture->fake, FAKE_QMI_NAS, SERVING_SYSTEM, 0, "010600010101010108");
    *state = fixture;

    return 0;
}

static void
start(Fixture *fixture)
{
    akma_transport_qmi.open_async(&(AkmaPortConfig){.device = fake_qmi_get_path(fixture->fake),
                                                    .slot = fixture->slot,
                                                    .proxy = AKMA_PROXY_NEVER,
                                                    .timeout_ms = TIMEOUT_MS},
                                  NULL,
                                  opened,
                                  fixture);
    wait_done(fixture);
    assert_non_null(fixture->card);
    fixture->queue = akma_card_queue_new(fixture->card);
    g_signal_connect_swapped(
        fixture->card, "card-changed", G_CALLBACK(count), &fixture->card_changes);
    g_signal_connect_swapped(
        fixture->card, "registration-changed", G_CALLBACK(count), &fixture->registration_changes);
}

static int
teardown(void **state)
{
    Fixture *fixture = *state;

    g_clear_object(&fixture->channel);
    if (fixture->card)
        akma_card_close(fixture->card);
    fake_qmi_settle(20);
    g_clear_object(&fixture->queue);
    g_clear_object(&fixture->card);
    g_clear_error(&fixture->error);
    g_clear_pointer(&fixture->response, akma_response_free);
    fake_qmi_free(fixture->fake);
    fake_qmi_settle(20);
    g_free(fixture);

    return 0;
}

static void
transmitted(GObject *source, GAsyncResult *res, gpointer user_data)
{
    Fixture *fixture = user_data;

    g_clear_error(&fixture->error);
    g_clear_pointer(&fixture->response, akma_response_free);
    fixture->response = akma_channel_transmit_finish(AKMA_CHANNEL(source), res, &fixture->error);
    fixture->done++;
}

static void
transmit(Fixture *fixture, GCancellable *cancellable)
{
    AkmaCommand command;

    akma_command_init(&command, AKMA_INS_READ_BINARY, 0, 0, NULL, 0, 2);
    akma_channel_transmit_async(fixture->channel, &command, cancellable, transmitted, fixture);
}

static void
read_file(Fixture *fixture)
{
    akma_channel_read_async(fixture->channel, &akma_usim_imsi, 9, NULL, transmitted, fixture);
    wait_done(fixture);
}

static void
queried(GObject *source, GAsyncResult *res, gpointer user_data)
{
    Fixture *fixture = user_data;

    g_clear_error(&fixture->error);
    akma_card_query_finish(AKMA_CARD(source), res, &fixture->state, &fixture->error);
    fixture->done++;
}

static void
query(Fixture *fixture)
{
    akma_card_query_async(fixture->card, queried, fixture);
    wait_done(fixture);
}

static unsigned
count_uim(Fixture *fixture, uint16_t id)
{
    return fake_qmi_count(fixture->fake, FAKE_QMI_UIM, id);
}

static void
channel_of_the_card_is_opened_for_the_first_apdu_only(void **state)
{
    Fixture *fixture = *state;

    start(fixture);
    open_channel(fixture);
    read_file(fixture);
    assert_int_equal(count_uim(fixture, OPEN_CHANNEL), 0);

    transmit(fixture, NULL);
    wait_done(fixture);
    transmit(fixture, NULL);
    wait_done(fixture);
    assert_int_equal(count_uim(fixture, OPEN_CHANNEL), 1);
    assert_int_equal(count_uim(fixture, SEND_APDU), 2);
    assert_string_equal(fake_qmi_get_asked(fixture->fake, FAKE_QMI_UIM, OPEN_CHANNEL),
                        "01010001"
                        "10090008a0000000871002ff");

    g_clear_object(&fixture->channel);
    fake_qmi_settle(20);
    assert_string_equal(fake_qmi_get_asked(fixture->fake, FAKE_QMI_UIM, LOGICAL_CHANNEL),
                        "01010001"
                        "11010003");
}

static void
channel_that_opens_too_late_is_closed(void **state)
{
    Fixture *fixture = *state;

    start(fixture);
    open_channel(fixture);
    fake_qmi_hold(fixture->fake, 0, NULL, NULL);
    transmit(fixture, NULL);
    wait_done(fixture);
    assert_true(g_error_matches(fixture->error, AKMA_ERROR, AKMA_ERROR_MODEM_FAILED));
    assert_int_equal(count_uim(fixture, LOGICAL_CHANNEL), 0);

    fake_qmi_release(fixture->fake);
    fake_qmi_settle(20);
    assert_int_equal(count_uim(fixture, LOGICAL_CHANNEL), 1);
    assert_int_equal(count_uim(fixture, SEND_APDU), 0);
}

static void
cancel(gpointer user_data)
{
    g_cancellable_cancel(user_data);
}

static void
caller_that_cancels_at_any_step_leaves_no_channel(void **state)
{
    Fixture *fixture = *state;

    start(fixture);
    for (unsigned step = 0; step < 2; step++) { /* opening, the APDU */
        g_autoptr(GCancellable) cancellable = g_cancellable_new();
        unsigned n_closed = count_uim(fixture, LOGICAL_CHANNEL);

        open_channel(fixture);
        fake_qmi_hold(fixture->fake, step, cancel, cancellable);
        transmit(fixture, cancellable);
        wait_done(fixture);
        assert_true(g_error_matches(fixture->error, G_IO_ERROR, G_IO_ERROR_CANCELLED));
        g_clear_object(&fixture->channel);
        fake_qmi_release(fixture->fake);
        fake_qmi_settle(20);
        assert_int_equal(count_uim(fixture, LOGICAL_CHANNEL), n_closed + 1);
        assert_int_equal(akma_card_queue_get_length(fixture->queue), 0);
    }
}

static void
channel_that_is_not_closed_is_closed_before_the_next(void **state)
{
    Fixture *fixture = *state;

    start(fixture);
    fake_qmi_set_answer(fixture->fake, FAKE_QMI_UIM, LOGICAL_CHANNEL, 3, "");
    open_channel(fixture);
    transmit(fixture, NULL);
    wait_done(fixture);
    g_clear_object(&fixture->channel);
    fake_qmi_settle(20);
    assert_int_equal(count_uim(fixture, LOGICAL_CHANNEL), 1);

    fake_qmi_set_answer(fixture->fake, FAKE_QMI_UIM, LOGICAL_CHANNEL, 0, "");
    open_channel(fixture);
    transmit(fixture, NULL);
    wait_done(fixture);
    assert_int_equal(count_uim(fixture, LOGICAL_CHANNEL), 2);
    assert_int_equal(count_uim(fixture, OPEN_CHANNEL), 2);
}

static void
closing_the_card_gives_its_channel_back(void **state)
{
    Fixture *fixture = *state;

    start(fixture);
    open_channel(fixture);
    transmit(fixture, NULL);
    wait_done(fixture);
    akma_card_close(fixture->card);
    fake_qmi_settle(20);

    assert_int_equal(count_uim(fixture, LOGICAL_CHANNEL), 1);
    assert_int_equal(fake_qmi_count(fixture->fake, FAKE_QMI_CTL, FAKE_QMI_RELEASE_CLIENT), 3);
}

static void
modem_that_does_not_read_is_asked_once(void **state)
{
    Fixture *fixture = *state;

    start(fixture);
    fake_qmi_set_answer(fixture->fake, FAKE_QMI_UIM, READ, 71, "");
    open_channel(fixture);
    for (unsigned i = 0; i < 2; i++) {
        read_file(fixture);
        assert_true(g_error_matches(fixture->error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED));
    }

    assert_int_equal(count_uim(fixture, READ), 1);
}

static void
file_that_the_modem_keeps_to_itself_is_asked_for_each_time(void **state)
{
    Fixture *fixture = *state;

    start(fixture);
    fake_qmi_set_answer(fixture->fake, FAKE_QMI_UIM, READ, 82, "");
    open_channel(fixture);
    for (unsigned i = 0; i < 2; i++) {
        read_file(fixture);
        assert_true(g_error_matches(fixture->error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED));
    }

    assert_int_equal(count_uim(fixture, READ), 2);
}

static void
card_in_the_second_slot_is_reached_by_its_logical_slot(void **state)
{
    Fixture *fixture = *state;

    fixture->slot = 2;
    fake_qmi_set_answer(fixture->fake, FAKE_QMI_UIM, SLOT_STATUS, 0, SLOTS);
    fake_qmi_set_answer(fixture->fake, FAKE_QMI_UIM, CARD_STATUS, 0, SECOND);
    start(fixture);
    query(fixture);
    assert_int_equal(fixture->state.sim, AKMA_SIM_READY);
    assert_int_equal(fixture->state.registration, AKMA_REGISTRATION_HOME);

    open_channel(fixture);
    transmit(fixture, NULL);
    wait_done(fixture);
    assert_memory_equal(fake_qmi_get_asked(fixture->fake, FAKE_QMI_UIM, SEND_APDU), "01010002", 8);
    assert_int_equal(count_uim(fixture, SLOT_STATUS), 1);
}

static void
reject_slot_that_is_inactive_or_missing(void **state)
{
    Fixture *fixture = *state;

    fake_qmi_set_answer(fixture->fake, FAKE_QMI_UIM, SLOT_STATUS, 0, SLOTS);
    start(fixture);
    query(fixture);
    assert_true(g_error_matches(fixture->error, AKMA_ERROR, AKMA_ERROR_MODEM_FAILED));
    assert_non_null(strstr(fixture->error->message, "slot 1 is not active"));
    open_channel(fixture);
    assert_null(fixture->channel);

    fake_qmi_set_answer(fixture->fake, FAKE_QMI_UIM, SLOT_STATUS, 0, "10010000");
    query(fixture);
    assert_non_null(strstr(fixture->error->message, "no slot 1"));
    fake_qmi_set_answer(fixture->fake, FAKE_QMI_UIM, SLOT_STATUS, 0, "10010001");
    query(fixture);
    assert_non_null(strstr(fixture->error->message, "broken"));
}

static void
news_are_told_once(void **state)
{
    Fixture *fixture = *state;

    start(fixture);
    query(fixture);
    fake_qmi_indicate(fixture->fake, FAKE_QMI_UIM, 0, CARD_STATUS_CHANGED, READY);
    fake_qmi_settle(20);
    assert_int_equal(fixture->card_changes, 0);

    for (unsigned i = 0; i < 3; i++)
        fake_qmi_indicate(fixture->fake, FAKE_QMI_UIM, 0, CARD_STATUS_CHANGED, ABSENT);
    fake_qmi_settle(20);
    assert_int_equal(fixture->card_changes, 1);
    fake_qmi_indicate(fixture->fake, FAKE_QMI_UIM, 0, CARD_STATUS_CHANGED, READY);
    fake_qmi_indicate(fixture->fake, FAKE_QMI_UIM, 0, CARD_STATUS_CHANGED, "100100ff");
    fake_qmi_indicate(fixture->fake, FAKE_QMI_NAS, 0, SERVING_SYSTEM, "010600010101010108");
    fake_qmi_settle(20);
    assert_int_equal(fixture->card_changes, 3); /* a broken one may be news */
    assert_int_equal(fixture->registration_changes, 1);
}

static void
slots_are_asked_for_again_after_they_changed(void **state)
{
    Fixture *fixture = *state;

    start(fixture);
    query(fixture);
    query(fixture);
    assert_int_equal(count_uim(fixture, SLOT_STATUS), 1);
    fake_qmi_indicate(fixture->fake, FAKE_QMI_UIM, 0, SLOT_STATUS_CHANGED, SLOTS);
    fake_qmi_settle(20);
    assert_int_equal(fixture->card_changes, 1);

    query(fixture);
    assert_int_equal(count_uim(fixture, SLOT_STATUS), 2);
}

static void
broken_card_status_is_an_error(void **state)
{
    Fixture *fixture = *state;

    start(fixture);
    fake_qmi_set_answer(fixture->fake, FAKE_QMI_UIM, CARD_STATUS, 0, "100100ff");
    query(fixture);
    assert_true(g_error_matches(fixture->error, AKMA_ERROR, AKMA_ERROR_MODEM_FAILED));
    open_channel(fixture);
    assert_null(fixture->channel);

    fake_qmi_set_answer(fixture->fake, FAKE_QMI_UIM, CARD_STATUS, 0, READY);
    open_channel(fixture);
    assert_non_null(fixture->channel);
}

static int
make_heap(void **state)
{
    (void)state;

    return akma_secret_heap_init(AKMA_SECRET_HEAP_MIN, NULL, NULL) ? 0 : -1;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(channel_of_the_card_is_opened_for_the_first_apdu_only),
        TEST(channel_that_opens_too_late_is_closed),
        TEST(caller_that_cancels_at_any_step_leaves_no_channel),
        TEST(channel_that_is_not_closed_is_closed_before_the_next),
        TEST(closing_the_card_gives_its_channel_back),
        TEST(modem_that_does_not_read_is_asked_once),
        TEST(file_that_the_modem_keeps_to_itself_is_asked_for_each_time),
        TEST(card_in_the_second_slot_is_reached_by_its_logical_slot),
        TEST(reject_slot_that_is_inactive_or_missing),
        TEST(news_are_told_once),
        TEST(slots_are_asked_for_again_after_they_changed),
        TEST(broken_card_status_is_an_error),
    };

    return cmocka_run_group_tests(tests, make_heap, NULL);
}
