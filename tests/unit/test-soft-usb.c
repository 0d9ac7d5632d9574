/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The simulated modem as a USB device, seen from the controller of a host at the other end of a
 * socket: what USB 2.0, CDC WDM 1.1 and MBIM 1.0 say, byte by byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/fakes/usb-host.h"

#define STALL (-32)
#define GONE  (-104)

#define MBIM_NOTIFY 1
#define AT_ENDPOINT 3

static const char *const model_names[] = {"mbim", "qmi"};

/* As the kernel does: 8 or 64 bytes first, then as many as it says there are. */
static void
the_device_is_enumerated(void **state)
{
    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(model_names); i++) {
        g_autoptr(Rig) rig = rig_new(model_names[i]);
        Answer answer = control_in(rig, "8006000100004000", 64);
        size_t total;
        unsigned interfaces = 0;

        assert_int_equal(answer.status, 0);
        assert_int_equal(answer.len, 18);
        assert_int_equal(answer.data[0], 18);
        assert_int_equal(answer.data[1], 1);
        assert_int_equal(answer.data[7], 64);

        answer = control_in(rig, "8006000200000900", 9);
        assert_int_equal(answer.len, 9);
        total = answer.data[2] + answer.data[3] * 256u;
        answer = control_in(rig, "800600020000ff00", 255);
        assert_int_equal(answer.len, total);
        for (size_t at = 0; at < total; at += answer.data[at]) {
            assert_true(answer.data[at] >= 2 && at + answer.data[at] <= total);
            if (answer.data[at + 1] == 4 && answer.data[at + 3] == 0)
                interfaces++;
        }
        assert_int_equal(interfaces, answer.data[4]);

        assert_int_equal(control_out(rig, "0009010000000000", NULL, 0).status, 0);
        answer = control_in(rig, "8008000000000100", 1);
        assert_int_equal(answer.data[0], 1);
    }
}

static void
strings_are_utf_16(void **state)
{
    static const uint8_t languages[] = {4, 3, 9, 4};
    static const uint8_t akmad[] = {12, 3, 'a', 0, 'k', 0, 'm', 0, 'a', 0, 'd', 0};
    g_autoptr(Rig) rig = rig_new("mbim");
    Answer answer = control_in(rig, "800600030000ff00", 255);

    (void)state;
    assert_int_equal(answer.len, sizeof languages);
    assert_memory_equal(answer.data, languages, sizeof languages);
    answer = control_in(rig, "800601030904ff00", 255);
    assert_int_equal(answer.len, sizeof akmad);
    assert_memory_equal(answer.data, akmad, sizeof akmad);
}

static void
reject_requests_that_the_device_does_not_know(void **state)
{
    static const char *const setups[] = {
        "800604030904ff00", /* string 4 */
        "800601020000ff00", /* configuration 1 */
        "800600060000ff00", /* the qualifier */
        "a183000000000200", /* the format of frames of the network */
        "c001000000000200", /* of the vendor */
        "810a000009000100", /* interface 9 */
        "a101000001000010", /* a message of the data interface */
    };
    g_autoptr(Rig) rig = rig_new("mbim");

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(setups); i++) {
        const size_t len =
            load((const uint8_t[]){0,
                                   0,
                                   (uint8_t)strtol(setups[i] + 14, NULL, 16),
                                   (uint8_t)(g_ascii_xdigit_value(setups[i][12]) << 4 |
                                             g_ascii_xdigit_value(setups[i][13]))});
        Answer answer = control_in(rig, setups[i], len);

        assert_int_equal(answer.status, STALL);
        assert_int_equal(answer.len, 0);
    }
    assert_int_equal(control_out(rig, "0009020000000000", NULL, 0).status, STALL);
    assert_int_equal(control_out(rig, "010b020001000000", NULL, 0).status, STALL);
}

static void
reject_a_request_that_its_transfer_does_not_match(void **state)
{
    static const uint8_t bytes[16] = {0};
    g_autoptr(Rig) rig = rig_new("mbim");

    (void)state;
    assert_int_equal(control_in(rig, "8006000100004000", 18).status, STALL);
    assert_int_equal(control_out(rig, "8006000100001000", bytes, 16).status, STALL);
    assert_int_equal(control_in(rig, "2100000000001000", 16).status, STALL);
    assert_int_equal(control_in(rig, "2100000000000000", 16).status, STALL);
    assert_int_equal(control_in(rig, "8006000100004000", 64).status, 0);
}

static void
the_size_of_network_frames_is_agreed(void **state)
{
    static const uint8_t fine[] = {0, 0x08, 0, 0};
    static const uint8_t much[] = {1, 0x40, 0, 0};
    static const uint8_t little[] = {0xff, 0x07, 0, 0};
    g_autoptr(Rig) rig = rig_new("mbim");
    Answer answer = control_in(rig, "a180000001001c00", 28);

    (void)state;
    assert_int_equal(answer.len, 28);
    assert_int_equal(answer.data[0], 28);
    assert_int_equal(answer.data[2], 1);
    assert_int_equal(control_out(rig, "2186000001000400", fine, 4).status, 0);
    assert_int_equal(control_out(rig, "2186000001000400", much, 4).status, STALL);
    assert_int_equal(control_out(rig, "2186000001000400", little, 4).status, STALL);
    assert_int_equal(control_out(rig, "2186000001000300", fine, 3).status, STALL);
    answer = control_in(rig, "a185000001000400", 4);
    assert_memory_equal(answer.data, fine, sizeof fine);
}

/* MBIM_OPEN_MSG and MBIM_OPEN_DONE, MBIM 1.0 clauses 9.3.1 and 9.4.1 */
static const uint8_t open_message[] = {1, 0, 0, 0, 16, 0, 0, 0, 7, 0, 0, 0, 0, 16, 0, 0};
static const uint8_t open_done[] = {1, 0, 0, 0x80, 16, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0};

static void
a_message_is_answered_after_a_notification(void **state)
{
    static const uint8_t available[] = {0xa1, 1, 0, 0, 0, 0, 0, 0};
    g_autoptr(Rig) rig = rig_new("mbim");
    uint32_t waiting = submit(rig, MBIM_NOTIFY, true, NULL, NULL, 16);
    Answer answer;

    (void)state;
    assert_int_equal(akma_soft_usb_device_count_clients(rig->device), 1);
    assert_int_equal(control_out(rig, "2100000000001000", open_message, 16).status, 0);
    assert_true(receive(rig, true, &answer));
    assert_int_equal(answer.seqnum, waiting);
    assert_int_equal(answer.len, sizeof available);
    assert_memory_equal(answer.data, available, sizeof available);

    answer = control_in(rig, "a101000000000010", 4096);
    assert_int_equal(answer.len, sizeof open_done);
    assert_memory_equal(answer.data, open_done, sizeof open_done);
}

static void
a_message_is_fetched_once_and_told_once(void **state)
{
    g_autoptr(Rig) rig = rig_new("mbim");
    Answer answer;

    (void)state;
    assert_int_equal(control_out(rig, "2100000000001000", open_message, 16).status, 0);
    submit(rig, MBIM_NOTIFY, true, NULL, NULL, 16);
    assert_true(receive(rig, true, &answer));
    submit(rig, MBIM_NOTIFY, true, NULL, NULL, 16);
    assert_false(receive(rig, true, &answer));

    assert_int_equal(control_in(rig, "a101000000000010", 4096).len, sizeof open_done);
    assert_int_equal(control_in(rig, "a101000000000010", 4096).len, 0);
}

static void
what_does_not_fit_of_a_message_is_gone(void **state)
{
    g_autoptr(Rig) rig = rig_new("mbim");

    (void)state;
    control_out(rig, "2100000000001000", open_message, 16);
    assert_int_equal(control_in(rig, "a101000000000800", 8).len, 8);
    assert_int_equal(control_in(rig, "a101000000000010", 4096).len, 0);
}

static void
a_reset_of_the_function_drops_what_waits(void **state)
{
    g_autoptr(Rig) rig = rig_new("mbim");
    Answer answer;

    (void)state;
    control_out(rig, "2100000000001000", open_message, 16);
    assert_int_equal(control_out(rig, "2105000000000000", NULL, 0).status, 0);
    submit(rig, MBIM_NOTIFY, true, NULL, NULL, 16);

    assert_false(receive(rig, true, &answer));
    assert_int_equal(control_in(rig, "a101000000000010", 4096).len, 0);
}

/* What a program reads from the AT port in as many transfers as it takes. */
static char *
read_serial(Rig *rig, size_t each)
{
    g_autoptr(GString) text = g_string_new(NULL);
    Answer answer;

    for (;;) {
        uint32_t seqnum = submit(rig, AT_ENDPOINT, true, NULL, NULL, each);

        if (!receive(rig, true, &answer)) {
            unlink_transfer(rig, seqnum);
            assert_true(receive(rig, false, &answer));
            return g_string_free(g_steal_pointer(&text), FALSE);
        }
        assert_int_equal(answer.seqnum, seqnum);
        assert_in_range(answer.len, 1, each);
        g_string_append_len(text, (const char *)answer.data, (gssize)answer.len);
    }
}

static void
check_serial_line(Rig *rig)
{
    g_autofree char *small = NULL;
    g_autofree char *large = NULL;
    Answer answer;

    submit(rig, AT_ENDPOINT, false, NULL, "ATE0\r", 5);
    assert_true(receive(rig, false, &answer));
    assert_int_equal(answer.status, 0);
    assert_int_equal(answer.len, 5);
    submit(rig, AT_ENDPOINT, false, NULL, "AT+CGMI\r", 8);
    assert_true(receive(rig, false, &answer));
    small = read_serial(rig, 3);
    assert_string_equal(small, "ATE0\r\r\nOK\r\n\r\nakmad\r\n\r\nOK\r\n");

    submit(rig, AT_ENDPOINT, false, NULL, "AT+CGMI\r", 8);
    assert_true(receive(rig, false, &answer));
    large = read_serial(rig, 512);
    assert_string_equal(large, "\r\nakmad\r\n\r\nOK\r\n");
}

static void
a_serial_line_carries_commands(void **state)
{
    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(model_names); i++) {
        g_autoptr(Rig) rig = rig_new(model_names[i]);

        check_serial_line(rig);
    }
}

static void
an_answer_that_comes_late_is_gone_when_the_port_is_closed(void **state)
{
    g_autoptr(Rig) rig = rig_new("qmi");
    g_autofree char *hello = NULL;
    g_autofree char *text = NULL;
    uint32_t waiting;
    Answer answer;

    (void)state;
    submit(rig, AT_ENDPOINT, false, NULL, "ATE0\r", 5);
    assert_true(receive(rig, false, &answer));
    hello = read_serial(rig, 64);
    waiting = submit(rig, AT_ENDPOINT, true, NULL, NULL, 64);
    assert_int_equal(akma_soft_usb_device_count_clients(rig->device), 1);

    akma_soft_modem_set_delay_ms(rig->modem, 1);
    submit(rig, AT_ENDPOINT, false, NULL, "AT+CGMI\r", 8);
    assert_true(receive(rig, false, &answer));
    unlink_transfer(rig, waiting);
    assert_true(receive(rig, false, &answer));
    assert_int_equal(answer.status, GONE);
    g_usleep(20 * 1000); /* the answer would be out by now */
    turn();

    assert_int_equal(akma_soft_usb_device_count_clients(rig->device), 0);
    text = read_serial(rig, 512);
    assert_string_equal(text, "");
}

static void
what_happens_unasked_is_told_to_who_listens(void **state)
{
    g_autoptr(Rig) rig = rig_new("qmi");
    Answer answer;

    (void)state;
    akma_soft_usb_device_tell(rig->device, AKMA_SOFT_EVENT_UNSOLICITED, "RING");
    submit(rig, AT_ENDPOINT, true, NULL, NULL, 64);
    assert_false(receive(rig, true, &answer));
    akma_soft_usb_device_tell(rig->device, AKMA_SOFT_EVENT_UNSOLICITED, "NO CARRIER");

    assert_true(receive(rig, true, &answer));
    assert_string_equal((const char *)answer.data, "\r\nNO CARRIER\r\n");
}

static void
a_transfer_is_given_up_once(void **state)
{
    g_autoptr(Rig) rig = rig_new("mbim");
    uint32_t waiting = submit(rig, MBIM_NOTIFY, true, NULL, NULL, 16);
    Answer answer;

    (void)state;
    unlink_transfer(rig, waiting);
    assert_true(receive(rig, false, &answer));
    assert_int_equal(answer.command, 4);
    assert_int_equal(answer.seqnum, rig->seqnum);
    assert_int_equal(answer.status, GONE);
    assert_int_equal(akma_soft_usb_device_count_clients(rig->device), 0);

    unlink_transfer(rig, waiting);
    assert_true(receive(rig, false, &answer));
    assert_int_equal(answer.status, 0);
}

static void
reject_more_transfers_than_a_driver_has(void **state)
{
    g_autoptr(Rig) rig = rig_new("mbim");
    Answer answer;

    (void)state;
    for (unsigned i = 0; i < 256; i++)
        submit(rig, 2, true, NULL, NULL, 16384);
    assert_false(receive(rig, true, &answer));
    submit(rig, 2, true, NULL, NULL, 16384);

    assert_true(receive(rig, true, &answer));
    assert_int_equal(answer.status, STALL);
}

static void
a_message_that_comes_in_pieces_is_put_together(void **state)
{
    static const uint8_t get_device[48] = {
        [3] = 1, [7] = 9, [15] = 1, [27] = 18, [40] = 0x80, 6, 0, 1, 0, 0, 18};
    g_autoptr(Rig) rig = rig_new("mbim");
    Answer answer;

    (void)state;
    for (size_t i = 0; i + 1 < sizeof get_device; i++)
        host_write(rig, get_device + i, 1);
    assert_false(receive(rig, true, &answer));
    host_write(rig, get_device + sizeof get_device - 1, 1);

    assert_true(receive(rig, true, &answer));
    assert_int_equal(answer.seqnum, 9);
    assert_int_equal(answer.len, 18);
}

static void
reject_a_host_that_does_not_speak_usbip(void **state)
{
    static const uint8_t other[48] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    g_autoptr(Rig) rig = rig_new("mbim");

    (void)state;
    host_write(rig, other, sizeof other);

    assert_string_equal(rig->ended, "the host does not speak USB/IP");
}

static void
a_host_that_lets_go_is_noticed(void **state)
{
    g_autoptr(Rig) rig = rig_new("mbim");

    (void)state;
    close(rig->host);
    rig->host = -1;
    turn();

    assert_string_equal(rig->ended, "the host let go");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_device_is_enumerated),
        cmocka_unit_test(strings_are_utf_16),
        cmocka_unit_test(reject_requests_that_the_device_does_not_know),
        cmocka_unit_test(reject_a_request_that_its_transfer_does_not_match),
        cmocka_unit_test(the_size_of_network_frames_is_agreed),
        cmocka_unit_test(a_message_is_answered_after_a_notification),
        cmocka_unit_test(a_message_is_fetched_once_and_told_once),
        cmocka_unit_test(what_does_not_fit_of_a_message_is_gone),
        cmocka_unit_test(a_reset_of_the_function_drops_what_waits),
        cmocka_unit_test(a_serial_line_carries_commands),
        cmocka_unit_test(an_answer_that_comes_late_is_gone_when_the_port_is_closed),
        cmocka_unit_test(what_happens_unasked_is_told_to_who_listens),
        cmocka_unit_test(a_transfer_is_given_up_once),
        cmocka_unit_test(reject_more_transfers_than_a_driver_has),
        cmocka_unit_test(a_message_that_comes_in_pieces_is_put_together),
        cmocka_unit_test(reject_a_host_that_does_not_speak_usbip),
        cmocka_unit_test(a_host_that_lets_go_is_noticed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
