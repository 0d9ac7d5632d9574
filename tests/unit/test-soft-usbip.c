/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Messages of USB/IP. The bytes are those of the example in the kernel's document
 * usbip_protocol.rst, taken from a wire: an interrupt transfer each way.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "modem/simulator/usbip.h"

#define CMD_INTR_IN                                                                                \
    "00000001"                                                                                     \
    "00000d05"                                                                                     \
    "0001000f"                                                                                     \
    "00000001"                                                                                     \
    "00000001"                                                                                     \
    "00000200"                                                                                     \
    "00000040"                                                                                     \
    "ffffffff"                                                                                     \
    "00000000"                                                                                     \
    "00000004"                                                                                     \
    "00000000"                                                                                     \
    "00000000"
#define CMD_INTR_OUT                                                                               \
    "00000001"                                                                                     \
    "00000d06"                                                                                     \
    "0001000f"                                                                                     \
    "00000000"                                                                                     \
    "00000001"                                                                                     \
    "00000000"                                                                                     \
    "00000040"                                                                                     \
    "ffffffff"                                                                                     \
    "00000000"                                                                                     \
    "00000004"                                                                                     \
    "00000000"                                                                                     \
    "00000000"
#define ZEROS    "00000000000000000000000000000000"
#define DATA_OUT "ffffffff860008a784ce5ae212376300" ZEROS ZEROS ZEROS
#define RET_INTR_OUT                                                                               \
    "00000003"                                                                                     \
    "00000d06"                                                                                     \
    "00000000"                                                                                     \
    "00000000"                                                                                     \
    "00000000"                                                                                     \
    "00000000"                                                                                     \
    "00000040"                                                                                     \
    "ffffffff"                                                                                     \
    "00000000"                                                                                     \
    "00000000"                                                                                     \
    "00000000"                                                                                     \
    "00000000"
/* By the tables of the same document. */
#define CMD_UNLINK                                                                                 \
    "00000002"                                                                                     \
    "00000d07"                                                                                     \
    "0001000f"                                                                                     \
    "00000000"                                                                                     \
    "00000000"                                                                                     \
    "00000d05"                                                                                     \
    "00000000"                                                                                     \
    "00000000"                                                                                     \
    "00000000"                                                                                     \
    "00000000"                                                                                     \
    "00000000"                                                                                     \
    "00000000"
#define RET_UNLINK                                                                                 \
    "00000004"                                                                                     \
    "00000d07"                                                                                     \
    "00000000"                                                                                     \
    "00000000"                                                                                     \
    "00000000"                                                                                     \
    "ffffff98"                                                                                     \
    "00000000"                                                                                     \
    "00000000"                                                                                     \
    "00000000"                                                                                     \
    "00000000"                                                                                     \
    "00000000"                                                                                     \
    "00000000"

#define START_FRAME 28 /* "shall be set to 0 for non-ISO transfers"; the example did not */

typedef struct {
    uint8_t bytes[256];
    size_t len;
    AkmaSoftUsbTransfer transfer;
    uint32_t unlink;
    size_t used;
} Wire;

static Wire
wire_from(const char *hex)
{
    Wire wire = {.len = strlen(hex) / 2};

    assert_true(wire.len <= sizeof wire.bytes);
    assert_true(akma_hex_decode(hex, strlen(hex), wire.bytes, wire.len));

    return wire;
}

static AkmaSoftUsbipKind
parse(Wire *wire)
{
    return akma_soft_usbip_parse(
        wire->bytes, wire->len, &wire->transfer, &wire->unlink, &wire->used);
}

/* The message with the number at @at changed. */
static AkmaSoftUsbipKind
parse_with(const char *hex, size_t at, uint32_t value)
{
    Wire wire = wire_from(hex);

    for (size_t i = 0; i < 4; i++)
        wire.bytes[at + i] = (uint8_t)(value >> (24 - 8 * i));

    return parse(&wire);
}

static void
a_transfer_to_the_host_is_read(void **state)
{
    Wire wire = wire_from(CMD_INTR_IN);

    (void)state;
    assert_int_equal(parse(&wire), AKMA_SOFT_USBIP_SUBMIT);

    assert_int_equal(wire.transfer.seqnum, 0xd05);
    assert_int_equal(wire.transfer.endpoint, 1);
    assert_true(wire.transfer.in);
    assert_int_equal(wire.transfer.len, 64);
    assert_null(wire.transfer.data);
    assert_int_equal(wire.used, 48);
}

static void
a_transfer_to_the_device_brings_its_data(void **state)
{
    Wire wire = wire_from(CMD_INTR_OUT DATA_OUT);

    (void)state;
    assert_int_equal(parse(&wire), AKMA_SOFT_USBIP_SUBMIT);

    assert_int_equal(wire.transfer.seqnum, 0xd06);
    assert_false(wire.transfer.in);
    assert_int_equal(wire.transfer.len, 64);
    assert_ptr_equal(wire.transfer.data, wire.bytes + 48);
    assert_int_equal(wire.used, 48 + 64);
}

static void
a_transfer_is_given_up(void **state)
{
    Wire wire = wire_from(CMD_UNLINK);

    (void)state;
    assert_int_equal(parse(&wire), AKMA_SOFT_USBIP_UNLINK);

    assert_int_equal(wire.transfer.seqnum, 0xd07);
    assert_int_equal(wire.unlink, 0xd05);
    assert_int_equal(wire.used, 48);
}

static void
only_the_first_message_is_taken(void **state)
{
    Wire wire = wire_from(CMD_INTR_IN CMD_UNLINK);

    (void)state;
    assert_int_equal(parse(&wire), AKMA_SOFT_USBIP_SUBMIT);
    assert_int_equal(wire.used, 48);
}

static void
a_message_that_is_cut_waits_for_more(void **state)
{
    const char *messages[] = {CMD_INTR_IN, CMD_INTR_OUT DATA_OUT, CMD_UNLINK};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        Wire wire = wire_from(messages[i]);

        for (wire.len--; wire.len > 0; wire.len--)
            assert_int_equal(parse(&wire), AKMA_SOFT_USBIP_MORE);
    }
}

static void
reject_what_is_no_command(void **state)
{
    (void)state;
    assert_int_equal(parse_with(CMD_INTR_IN, 0, 0), AKMA_SOFT_USBIP_BAD);
    assert_int_equal(parse_with(CMD_INTR_IN, 0, 3), AKMA_SOFT_USBIP_BAD);
    assert_int_equal(parse_with(CMD_INTR_IN, 0, 0x01000000), AKMA_SOFT_USBIP_BAD);
}

static void
reject_numbers_out_of_range(void **state)
{
    (void)state;
    assert_int_equal(parse_with(CMD_INTR_IN, 12, 2), AKMA_SOFT_USBIP_BAD);
    assert_int_equal(parse_with(CMD_INTR_IN, 16, 15), AKMA_SOFT_USBIP_SUBMIT);
    assert_int_equal(parse_with(CMD_INTR_IN, 16, 16), AKMA_SOFT_USBIP_BAD);
    assert_int_equal(parse_with(CMD_INTR_IN, 24, 0x80000000), AKMA_SOFT_USBIP_BAD);
}

static void
reject_more_data_than_there_is_room(void **state)
{
    (void)state;
    assert_int_equal(parse_with(CMD_INTR_OUT, 24, AKMA_SOFT_USBIP_DATA_MAX), AKMA_SOFT_USBIP_MORE);
    assert_int_equal(parse_with(CMD_INTR_OUT, 24, AKMA_SOFT_USBIP_DATA_MAX + 1),
                     AKMA_SOFT_USBIP_BAD);
}

static void
reject_isochronous_transfers(void **state)
{
    (void)state;
    assert_int_equal(parse_with(CMD_INTR_IN, 32, 0xffffffff), AKMA_SOFT_USBIP_SUBMIT);
    assert_int_equal(parse_with(CMD_INTR_IN, 32, 1), AKMA_SOFT_USBIP_BAD);
}

static void
the_end_of_a_transfer_is_written(void **state)
{
    Wire expected = wire_from(RET_INTR_OUT);
    uint8_t header[AKMA_SOFT_USBIP_HEADER_LEN];

    (void)state;
    memset(expected.bytes + START_FRAME, 0, 4);
    akma_soft_usbip_put_submitted(header, 0xd06, 0, 64);

    assert_memory_equal(header, expected.bytes, sizeof header);
}

static void
a_stall_is_written_as_a_negative_errno(void **state)
{
    static const uint8_t stall[] = {0xff, 0xff, 0xff, 0xe0};
    uint8_t header[AKMA_SOFT_USBIP_HEADER_LEN];

    (void)state;
    akma_soft_usbip_put_submitted(header, 1, -32, 0);

    assert_memory_equal(header + 20, stall, sizeof stall);
}

static void
the_answer_to_unlink_says_whether_it_came_too_late(void **state)
{
    Wire expected = wire_from(RET_UNLINK);
    uint8_t header[AKMA_SOFT_USBIP_HEADER_LEN];

    (void)state;
    akma_soft_usbip_put_unlinked(header, 0xd07, true);
    assert_memory_equal(header, expected.bytes, sizeof header);

    memset(expected.bytes + 20, 0, 4);
    akma_soft_usbip_put_unlinked(header, 0xd07, false);
    assert_memory_equal(header, expected.bytes, sizeof header);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_transfer_to_the_host_is_read),
        cmocka_unit_test(a_transfer_to_the_device_brings_its_data),
        cmocka_unit_test(a_transfer_is_given_up),
        cmocka_unit_test(only_the_first_message_is_taken),
        cmocka_unit_test(a_message_that_is_cut_waits_for_more),
        cmocka_unit_test(reject_what_is_no_command),
        cmocka_unit_test(reject_numbers_out_of_range),
        cmocka_unit_test(reject_more_data_than_there_is_room),
        cmocka_unit_test(reject_isochronous_transfers),
        cmocka_unit_test(the_end_of_a_transfer_is_written),
        cmocka_unit_test(a_stall_is_written_as_a_negative_errno),
        cmocka_unit_test(the_answer_to_unlink_says_whether_it_came_too_late),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
