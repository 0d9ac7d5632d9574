/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The other end of the socket is this test: it takes one request and answers with any message. */
#include "modem/port/port-card.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>
#include <glib/gstdio.h>

#include "base/error.h"
#include "modem/port/message.h"
#include "tests/fakes/fake-card.h"

#define TIMEOUT_MS 1000

typedef struct {
    char *folder;
    char *path;
    int listener;
    int fd;
    AkmaPortMessage request; /* the last one taken */
    AkmaCard *card;
    AkmaResponse *response;
    GError *error;
    bool done;
    unsigned gone;
    unsigned card_changes;
    GCancellable *cancellable;
} Fixture;

static int
setup(void **state)
{
    Fixture *f = g_new0(Fixture, 1);
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    f->folder = g_dir_make_tmp("akma-XXXXXX", NULL);
    f->path = g_build_filename(f->folder, "port.sock", NULL);
    g_strlcpy(address.sun_path, f->path, sizeof address.sun_path);
    f->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(f->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(f->listener, 2), 0);
    f->fd = -1;
    *state = f;

    return 0;
}

static int
teardown(void **state)
{
    Fixture *f = *state;

    if (f->fd >= 0)
        close(f->fd);
    close(f->listener);
    g_clear_object(&f->card);
    g_clear_object(&f->cancellable);
    akma_response_free(f->response);
    g_clear_error(&f->error);
    g_unlink(f->path);
    g_rmdir(f->folder);
    g_free(f->path);
    g_free(f->folder);
    g_free(f);
    fake_card_settle();

    return 0;
}

static void
take_request(Fixture *f)
{
    uint8_t packet[AKMA_PORT_MESSAGE_MAX];
    ssize_t n = recv(f->fd, packet, sizeof packet, 0);

    assert_true(n > 0);
    assert_true(akma_port_message_decode(packet, (size_t)n, &f->request));
}

static void
say(Fixture *f, AkmaPortMessage message)
{
    uint8_t packet[AKMA_PORT_MESSAGE_MAX];
    size_t len = akma_port_message_encode(&message, packet);

    assert_int_equal(send(f->fd, packet, len, MSG_NOSIGNAL), len);
}

static void
answer(Fixture *f, AkmaPortMessage message)
{
    message.serial = f->request.serial;
    say(f, message);
}

static void
opened(GObject *source G_GNUC_UNUSED, GAsyncResult *res, gpointer user_data)
{
    Fixture *f = user_data;

    f->card = akma_port_card_open_finish(res, &f->error);
    f->done = true;
}

static void
begin_open(Fixture *f)
{
    const AkmaPortConfig config = {.device = "/dev/cdc-wdm0",
                                   .slot = 2,
                                   .proxy = AKMA_PROXY_ALWAYS,
                                   .timeout_ms = TIMEOUT_MS,
                                   .is_guess = true};

    f->done = false;
    akma_port_card_open_async(f->path, "mbim", &config, f->cancellable, opened, f);
    f->fd = accept(f->listener, NULL, NULL);
    take_request(f);
}

static void
count(unsigned *counter)
{
    ++*counter;
}

static void
open_card(Fixture *f)
{
    AkmaPortMessage message = {.kind = AKMA_PORT_OPENED};

    akma_port_message_set_text(message.text, "Foxconn");
    akma_port_message_set_text(message.text2, "T99W175");
    begin_open(f);
    answer(f, message);
    fake_card_run_until(&f->done);
    assert_non_null(f->card);
    g_signal_connect_swapped(f->card, "gone", G_CALLBACK(count), &f->gone);
    g_signal_connect_swapped(f->card, "card-changed", G_CALLBACK(count), &f->card_changes);
}

static void
responded(GObject *source, GAsyncResult *res, gpointer user_data)
{
    Fixture *f = user_data;

    f->response = akma_card_transmit_finish(AKMA_CARD(source), res, &f->error);
    f->done = true;
}

static void
begin_transmit(Fixture *f)
{
    AkmaCommand command;

    akma_command_init(&command, AKMA_INS_READ_BINARY, 0x85, 0, NULL, 0, 34);
    f->done = false;
    akma_card_transmit_async(f->card, 3, &command, responded, f);
}

static void
assert_error(const Fixture *f, int code)
{
    assert_non_null(f->error);
    assert_true(g_error_matches(f->error, AKMA_ERROR, code));
}

static void
it_opens_what_it_was_told(void **state)
{
    Fixture *f = *state;

    open_card(f);

    assert_int_equal(f->request.kind, AKMA_PORT_OPEN);
    assert_string_equal(f->request.text, "mbim");
    assert_string_equal(f->request.text2, "/dev/cdc-wdm0");
    assert_int_equal(f->request.slot, 2);
    assert_int_equal(f->request.proxy, AKMA_PROXY_ALWAYS);
    assert_true(f->request.is_guess);
    assert_string_equal(akma_card_get_protocol(f->card), "mbim");
    assert_string_equal(akma_card_get_manufacturer(f->card), "Foxconn");
    assert_string_equal(akma_card_get_model(f->card), "T99W175");
}

static void
a_command_goes_there_and_its_answer_comes_back(void **state)
{
    Fixture *f = *state;
    AkmaPortMessage message = {.kind = AKMA_PORT_RESPONSE, .sw = 0x9000};

    open_card(f);
    begin_transmit(f);
    take_request(f);
    assert_int_equal(f->request.kind, AKMA_PORT_TRANSMIT);
    assert_int_equal(f->request.channel, 3);
    assert_int_equal(f->request.len, 5);
    akma_port_message_set_bytes(&message, "\x80\x20key", 5);
    answer(f, message);
    fake_card_run_until(&f->done);

    assert_non_null(f->response);
    assert_int_equal(f->response->sw, 0x9000);
    assert_int_equal(f->response->len, 5);
    assert_memory_equal(f->response->bytes, "\x80\x20key", 5);
}

static void
channel_opened(GObject *source, GAsyncResult *res, gpointer user_data)
{
    Fixture *f = user_data;

    assert_int_equal(akma_card_open_channel_finish(AKMA_CARD(source), res, &f->error), 7);
    f->done = true;
}

static void
a_channel_comes_with_whether_it_ends_with_the_card(void **state)
{
    Fixture *f = *state;

    open_card(f);
    for (unsigned i = 0; i < 3; i++) {
        bool ends = i != 1;

        f->done = false;
        akma_card_open_channel_async(f->card, NULL, 0, channel_opened, f);
        take_request(f);
        answer(f,
               (AkmaPortMessage){.kind = AKMA_PORT_CHANNEL, .channel = 7, .ends_with_card = ends});
        fake_card_run_until(&f->done);
        assert_int_equal(akma_card_channel_ends_with_card(f->card, 7), ends);
    }
}

static void
errors_keep_their_code(void **state)
{
    Fixture *f = *state;
    AkmaPortMessage message = {.kind = AKMA_PORT_ERROR, .code = AKMA_ERROR_NO_SIM};

    open_card(f);
    begin_transmit(f);
    take_request(f);
    akma_port_message_set_text(message.text, "no SIM");
    answer(f, message);
    fake_card_run_until(&f->done);
    assert_error(f, AKMA_ERROR_NO_SIM);

    g_clear_error(&f->error);
    begin_transmit(f);
    take_request(f);
    message.code = AKMA_PORT_NOT_SUPPORTED;
    answer(f, message);
    fake_card_run_until(&f->done);
    assert_true(g_error_matches(f->error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED));
}

static void
events_become_signals(void **state)
{
    Fixture *f = *state;

    open_card(f);
    say(f, (AkmaPortMessage){.kind = AKMA_PORT_CARD_CHANGED});
    say(f, (AkmaPortMessage){.kind = AKMA_PORT_GONE});
    fake_card_settle();
    fake_card_settle();

    assert_int_equal(f->card_changes, 1);
    assert_int_equal(f->gone, 1);
    begin_transmit(f);
    fake_card_run_until(&f->done);
    assert_error(f, AKMA_ERROR_NO_MODEM);
}

static void
cancelled_opening_hangs_up(void **state)
{
    Fixture *f = *state;
    char byte;

    f->cancellable = g_cancellable_new();
    begin_open(f);
    g_cancellable_cancel(f->cancellable);
    fake_card_run_until(&f->done);

    assert_true(g_error_matches(f->error, G_IO_ERROR, G_IO_ERROR_CANCELLED));
    fake_card_settle();
    assert_int_equal(recv(f->fd, &byte, 1, 0), 0);
}

static void
closing_is_no_news(void **state)
{
    Fixture *f = *state;
    char byte;

    open_card(f);
    begin_transmit(f);
    akma_card_close(f->card);
    fake_card_run_until(&f->done);

    assert_error(f, AKMA_ERROR_MODEM_FAILED);
    assert_int_equal(f->gone, 0);
    take_request(f);
    assert_int_equal(recv(f->fd, &byte, 1, 0), 0);
}

static void
reject_a_helper_that_is_not_there(void **state)
{
    Fixture *f = *state;
    const AkmaPortConfig config = {.device = "/dev/x", .slot = 1, .timeout_ms = TIMEOUT_MS};

    akma_port_card_open_async("/proc/nonexistent/port.sock", "qmi", &config, NULL, opened, f);
    fake_card_run_until(&f->done);

    assert_error(f, AKMA_ERROR_MODEM_FAILED);
    assert_non_null(strstr(f->error->message, "/proc/nonexistent/port.sock"));
}

static void
reject_a_helper_that_hangs_up_at_once(void **state)
{
    Fixture *f = *state;

    begin_open(f);
    close(f->fd);
    f->fd = -1;
    fake_card_run_until(&f->done);

    assert_error(f, AKMA_ERROR_MODEM_FAILED);
    assert_int_equal(f->gone, 0);
}

/* It is not believed any more after any of these. */
static void
reject_message(Fixture *f, AkmaPortMessage message, bool with_serial)
{
    open_card(f);
    begin_transmit(f);
    take_request(f);
    message.serial = with_serial ? f->request.serial : 0;
    say(f, message);
    fake_card_run_until(&f->done);

    assert_error(f, AKMA_ERROR_MODEM_FAILED);
    assert_null(f->response);
    assert_int_equal(f->gone, 1);
}

static void
reject_an_answer_to_another_question(void **state)
{
    reject_message(*state, (AkmaPortMessage){.kind = AKMA_PORT_CHANNEL, .channel = 1}, true);
}

static void
reject_a_request_from_the_helper(void **state)
{
    reject_message(*state, (AkmaPortMessage){.kind = AKMA_PORT_QUERY}, true);
}

static void
reject_bytes_that_are_no_message(void **state)
{
    Fixture *f = *state;

    open_card(f);
    begin_transmit(f);
    take_request(f);
    assert_int_equal(send(f->fd, "\xff\xff", 2, 0), 2);
    fake_card_run_until(&f->done);

    assert_error(f, AKMA_ERROR_MODEM_FAILED);
    assert_int_equal(f->gone, 1);
}

static void
reject_an_answer_that_comes_twice(void **state)
{
    Fixture *f = *state;
    AkmaPortMessage message = {.kind = AKMA_PORT_RESPONSE, .sw = 0x9000};

    open_card(f);
    begin_transmit(f);
    take_request(f);
    answer(f, message);
    answer(f, message);
    fake_card_run_until(&f->done);
    fake_card_settle();

    assert_non_null(f->response);
    assert_int_equal(f->gone, 0);
    g_clear_pointer(&f->response, akma_response_free);
    begin_transmit(f);
    take_request(f);
    answer(f, message);
    fake_card_run_until(&f->done);
    assert_non_null(f->response);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_opens_what_it_was_told, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_command_goes_there_and_its_answer_comes_back, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_channel_comes_with_whether_it_ends_with_the_card, setup, teardown),
        cmocka_unit_test_setup_teardown(errors_keep_their_code, setup, teardown),
        cmocka_unit_test_setup_teardown(events_become_signals, setup, teardown),
        cmocka_unit_test_setup_teardown(cancelled_opening_hangs_up, setup, teardown),
        cmocka_unit_test_setup_teardown(closing_is_no_news, setup, teardown),
        cmocka_unit_test_setup_teardown(reject_a_helper_that_is_not_there, setup, teardown),
        cmocka_unit_test_setup_teardown(reject_a_helper_that_hangs_up_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(reject_an_answer_to_another_question, setup, teardown),
        cmocka_unit_test_setup_teardown(reject_a_request_from_the_helper, setup, teardown),
        cmocka_unit_test_setup_teardown(reject_bytes_that_are_no_message, setup, teardown),
        cmocka_unit_test_setup_teardown(reject_an_answer_that_comes_twice, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
