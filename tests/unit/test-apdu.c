/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/apdu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"

static const uint8_t data[] = {0x3f, 0x00};

static void
command_without_data_is_header_and_le(void **state)
{
    AkmaCommand command;
    (void)state;

    akma_command_init(&command, AKMA_INS_READ_BINARY, 0x85, 0x00, NULL, 0, 34);

    assert_int_equal(command.len, 5);
    assert_memory_equal(command.bytes, "\x00\xb0\x85\x00\x22", 5);
    assert_true(akma_command_wants_data(&command));
}

static void
command_with_data_and_no_le_wants_no_data(void **state)
{
    AkmaCommand command;
    (void)state;

    akma_command_init(&command, AKMA_INS_SELECT, 0x00, 0x0c, data, sizeof data, AKMA_NO_LE);

    assert_int_equal(command.len, 7);
    assert_memory_equal(command.bytes, "\x00\xa4\x00\x0c\x02\x3f\x00", 7);
    assert_false(akma_command_wants_data(&command));
}

static void
le_is_replaced_or_added(void **state)
{
    AkmaCommand command;
    (void)state;

    akma_command_init(&command, AKMA_INS_READ_BINARY, 0x84, 0x00, NULL, 0, 0);
    akma_command_set_le(&command, 17);
    assert_int_equal(command.len, 5);
    assert_int_equal(command.bytes[4], 17);

    akma_command_init(&command, AKMA_INS_SELECT, 0x00, 0x04, data, sizeof data, AKMA_NO_LE);
    akma_command_set_le(&command, 9);
    assert_int_equal(command.len, 8);
    assert_int_equal(command.bytes[7], 9);
    assert_true(akma_command_wants_data(&command));
}

/*= TS 102 221 10.1.1: channels 0 to 3 in b2 b1 of the class, 4 to 19 in b4..b1 of class 4X */
static void
channel_goes_into_the_class(void **state)
{
    AkmaCommand command;
    (void)state;

    akma_command_init(&command, AKMA_INS_READ_BINARY, 0, 0, NULL, 0, 0);

    akma_command_set_channel(&command, 3);
    assert_int_equal(command.bytes[0], 0x03);
    akma_command_set_channel(&command, 4);
    assert_int_equal(command.bytes[0], 0x40);
    akma_command_set_channel(&command, 19);
    assert_int_equal(command.bytes[0], 0x4f);
    command.bytes[0] = 0x80; /* STATUS */
    akma_command_set_channel(&command, 2);
    assert_int_equal(command.bytes[0], 0x82);
    akma_command_set_channel(&command, 4);
    assert_int_equal(command.bytes[0], 0xc0);
}

static void
response_is_split_from_its_status_word(void **state)
{
    g_autoptr(AkmaResponse) response = akma_response_new(NULL);
    (void)state;

    memcpy(response->bytes, "\x01\x02\x90\x00", 4);

    assert_true(akma_response_split(response, 4, NULL));
    assert_int_equal(response->len, 2);
    assert_int_equal(response->sw, 0x9000);
}

static void
reject_response_without_status_word(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
    } bad[] = {{"", 0}, {"\x90", 1}, {"\x01\x02", 2}, {"\x90\x00\x01", 3}};
    (void)state;

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(AkmaResponse) response = akma_response_new(NULL);
        g_autoptr(GError) error = NULL;

        memcpy(response->bytes, bad[i].bytes, bad[i].len);
        assert_false(akma_response_split(response, bad[i].len, &error));
        assert_true(g_error_matches(error, AKMA_ERROR, AKMA_ERROR_MODEM_FAILED));
    }
}

/*= TS 102 221 10.2.1: status words of the UICC */
/*= TS 31.102 7.3.1: 9862 is an incorrect MAC */
static void
status_words_become_errors(void **state)
{
    static const struct {
        uint16_t sw;
        int code;
    } rows[] = {
        {0x6982, AKMA_ERROR_PIN_REQUIRED},
        {0x6983, AKMA_ERROR_SIM_BLOCKED},
        {0x6a82, AKMA_ERROR_ANCHOR_UNSUPPORTED},
        {0x9862, AKMA_ERROR_ANCHOR_REJECTED},
        {0x6a81, AKMA_ERROR_MODEM_FAILED},
        {0x6f00, AKMA_ERROR_MODEM_FAILED},
    };
    (void)state;

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;

        akma_sw_set_error(rows[i].sw, "reading EF_X", &error);
        assert_true(g_error_matches(error, AKMA_ERROR, rows[i].code));
        assert_non_null(strstr(error->message, "reading EF_X"));
    }
}

static void
warnings_are_done_and_a_wrong_pin_is_not(void **state)
{
    (void)state;

    assert_true(akma_sw_is_done(0x9000));
    assert_true(akma_sw_is_done(0x910f));
    assert_true(akma_sw_is_done(0x6282));
    assert_true(akma_sw_is_done(0x6310));
    assert_false(akma_sw_is_done(0x63c2));
    assert_false(akma_sw_is_done(0x9862));
    assert_false(akma_sw_is_done(0x6c10));
    assert_false(akma_sw_is_done(0x9001));
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(command_without_data_is_header_and_le),
        cmocka_unit_test(command_with_data_and_no_le_wants_no_data),
        cmocka_unit_test(le_is_replaced_or_added),
        cmocka_unit_test(channel_goes_into_the_class),
        cmocka_unit_test(response_is_split_from_its_status_word),
        cmocka_unit_test(reject_response_without_status_word),
        cmocka_unit_test(status_words_become_errors),
        cmocka_unit_test(warnings_are_done_and_a_wrong_pin_is_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
