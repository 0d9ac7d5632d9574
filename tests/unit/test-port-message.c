/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/port/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static AkmaPortMessage
sample(AkmaPortKind kind)
{
    AkmaPortMessage message = {.kind = kind};

    message.serial = akma_port_kind_is_event(kind) ? 0 : 0x1234;
    message.code = 11;
    message.channel = 0x100003;
    message.ends_with_card = true;
    message.slot = 2;
    message.proxy = AKMA_PROXY_ALWAYS;
    message.timeout_ms = 70000;
    message.is_guess = true;
    message.file_id = 0x6f07;
    message.sfi = 7;
    message.read_len = 256;
    message.state = (AkmaCardState){AKMA_SIM_READY, AKMA_REGISTRATION_HOME, 3};
    message.sw = 0x9862;
    akma_port_message_set_bytes(&message, "\x7f\xff\x5f\xc0", 4);
    akma_port_message_set_text(message.text, "mbim");
    akma_port_message_set_text(message.text2, "/dev/cdc-wdm0");

    return message;
}

static void
every_kind_comes_back_the_same(void **state G_GNUC_UNUSED)
{
    for (AkmaPortKind kind = 0; kind < AKMA_PORT_N_KINDS; kind++) {
        AkmaPortMessage message = sample(kind);
        uint8_t packet[AKMA_PORT_MESSAGE_MAX];
        uint8_t again[AKMA_PORT_MESSAGE_MAX];
        size_t len = akma_port_message_encode(&message, packet);
        AkmaPortMessage back;

        assert_true(akma_port_message_decode(packet, len, &back));
        assert_int_equal(back.kind, kind);
        assert_int_equal(back.serial, message.serial);
        assert_int_equal(akma_port_message_encode(&back, again), len);
        assert_memory_equal(again, packet, len);
    }
}

static void
bytes_on_the_wire_are_these(void **state G_GNUC_UNUSED)
{
    static const uint8_t expected[] = {
        6, 0x12, 0x34, 0, 0x10, 0, 3, 0, 4, 0x7f, 0xff, 0x5f, 0xc0, 0x6f, 0x07, 7, 1, 0};
    AkmaPortMessage message = sample(AKMA_PORT_READ);
    uint8_t packet[AKMA_PORT_MESSAGE_MAX];

    assert_int_equal(akma_port_message_encode(&message, packet), sizeof expected);
    assert_memory_equal(packet, expected, sizeof expected);
}

static void
unknown_tries_stay_unknown(void **state G_GNUC_UNUSED)
{
    AkmaPortMessage message = sample(AKMA_PORT_STATE);
    uint8_t packet[AKMA_PORT_MESSAGE_MAX];
    AkmaPortMessage back;

    message.state.pin_tries = AKMA_PIN_TRIES_UNKNOWN;
    assert_true(
        akma_port_message_decode(packet, akma_port_message_encode(&message, packet), &back));
    assert_int_equal(back.state.pin_tries, AKMA_PIN_TRIES_UNKNOWN);
}

static void
text_is_cut_and_made_fit_to_show(void **state G_GNUC_UNUSED)
{
    char text[AKMA_PORT_TEXT_MAX + 1];
    g_autofree char *longer = g_strnfill(AKMA_PORT_TEXT_MAX + 10, 'x');

    akma_port_message_set_text(text, longer);
    assert_true(strlen(text) <= AKMA_PORT_TEXT_MAX);
    akma_port_message_set_text(text, "a\nb\x1b");
    assert_string_equal(text, "a?b?");
    akma_port_message_set_text(text, "\xff");
    assert_true(g_utf8_validate(text, -1, NULL));
}

static void
reject_truncated_and_longer_messages(void **state G_GNUC_UNUSED)
{
    for (AkmaPortKind kind = 0; kind < AKMA_PORT_N_KINDS; kind++) {
        AkmaPortMessage message = sample(kind);
        uint8_t packet[AKMA_PORT_MESSAGE_MAX + 1] = {0};
        size_t len = akma_port_message_encode(&message, packet);
        AkmaPortMessage back;

        for (size_t cut = 0; cut < len; cut++)
            assert_false(akma_port_message_decode(packet, cut, &back));
        assert_false(akma_port_message_decode(packet, len + 1, &back));
        assert_int_equal(back.kind, AKMA_PORT_N_KINDS);
        assert_int_equal(back.len, 0);
    }
}

/* Encodes the sample of @kind, puts @value at @offset and wants it refused. */
static void
reject_byte(AkmaPortKind kind, size_t offset, uint8_t value)
{
    AkmaPortMessage message = sample(kind);
    uint8_t packet[AKMA_PORT_MESSAGE_MAX];
    size_t len = akma_port_message_encode(&message, packet);
    AkmaPortMessage back;

    assert_true(offset < len);
    packet[offset] = value;
    assert_false(akma_port_message_decode(packet, len, &back));
}

static void
reject_values_out_of_range(void **state G_GNUC_UNUSED)
{
    AkmaPortMessage message = sample(AKMA_PORT_READ);
    uint8_t packet[AKMA_PORT_MESSAGE_MAX];
    AkmaPortMessage back;

    reject_byte(AKMA_PORT_QUERY, 0, AKMA_PORT_N_KINDS);
    reject_byte(AKMA_PORT_QUERY, 0, AKMA_PORT_GONE);     /* an event with a serial */
    reject_byte(AKMA_PORT_CARD_CHANGED, 2, 1);           /* likewise */
    reject_byte(AKMA_PORT_STATE, 3, AKMA_SIM_READY + 1); /* states that there are not */
    reject_byte(AKMA_PORT_STATE, 4, AKMA_REGISTRATION_ROAMING + 1);
    reject_byte(AKMA_PORT_ERROR, 3, 0);      /* an error that is none */
    reject_byte(AKMA_PORT_CHANNEL, 3, 0x80); /* a negative channel */
    reject_byte(AKMA_PORT_CHANNEL, 7, 2);    /* neither yes nor no */
    reject_byte(AKMA_PORT_OPEN, 4, '\n');    /* text that cannot be shown */
    reject_byte(AKMA_PORT_OPEN, 4, 0xff);
    reject_byte(AKMA_PORT_OPEN, 22, 0); /* slot 0 */
    reject_byte(AKMA_PORT_OPEN, 23, AKMA_PROXY_NEVER + 1);
    reject_byte(AKMA_PORT_OPEN, 28, 2); /* neither a guess nor none */

    akma_port_message_set_bytes(&message, "12345678", 8); /* a path that is too long */
    assert_false(
        akma_port_message_decode(packet, akma_port_message_encode(&message, packet), &back));
    message = sample(AKMA_PORT_READ);
    message.read_len = 257;
    assert_false(
        akma_port_message_decode(packet, akma_port_message_encode(&message, packet), &back));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_comes_back_the_same),
        cmocka_unit_test(bytes_on_the_wire_are_these),
        cmocka_unit_test(unknown_tries_stay_unknown),
        cmocka_unit_test(text_is_cut_and_made_fit_to_show),
        cmocka_unit_test(reject_truncated_and_longer_messages),
        cmocka_unit_test(reject_values_out_of_range),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
