/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Requests are read back by libqmi, which names every part of them; those that it does not know,
 * and answers, are written out by hand.
 */
#include "modem/qmi/uim.h"

#include <gio/gio.h>
#include <libqmi-glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/secret.h"
#include "base/text.h"
#include "modem/qmi/general.h"
#include "modem/usim.h"

static const AkmaQmiApp primary = {.aid = {0xa0, 0x01}, .aid_len = 2, .is_primary = true};
static const AkmaQmiApp other = {.aid = {0xa0, 0x01}, .aid_len = 2, .by_upin = true};

/* What libqmi reads in @request. */
static char *
print(const AkmaQmiRequest *request)
{
    g_autoptr(QmiMessage) message =
        qmi_message_new((QmiService)request->service, 1, 1, request->id);
    AkmaReader tlvs = akma_reader_init(request->bytes, request->len);

    while (tlvs.left > 0) {
        uint8_t type = akma_reader_u8(&tlvs);
        size_t len;
        const uint8_t *value = akma_qmi_get_block16(&tlvs, &len);

        assert_true(qmi_message_add_raw_tlv(message, type, value, len, NULL));
    }

    return qmi_message_get_printable_full(message, NULL, "");
}

static void
has_lines(const AkmaQmiRequest *request, const char *const *lines)
{
    g_autofree char *text = print(request);

    for (size_t i = 0; lines[i]; i++) {
        if (!strstr(text, lines[i]))
            fail_msg("no \"%s\" in: %s", lines[i], text);
    }
}

static void
file_of_the_application_is_read_by_its_path(void **state)
{
    static const char *const lines[] = {
        "\"Read Transparent\" (0x0020)",
        "session_type = 'primary-gw-provisioning' application_identifier = '{}'",
        "file_id = '20229' file_path = '{ [0] = '0 ' [1] = '63 ' [2] = '255 ' [3] = '127 '"
        " [4] = '192 ' [5] = '95 '}'",
        "offset = '0' length = '34'",
        NULL};
    AkmaQmiRequest request;
    (void)state;

    akma_qmi_build_read(&request, 1, &primary, &akma_usim_5gauthkeys, 34);

    has_lines(&request, lines);
}

static void
file_of_another_application_is_read_in_a_session_of_its_own(void **state)
{
    static const char *const sessions[] = {"nonprovisioning-slot-1",
                                           "nonprovisioning-slot-2",
                                           "nonprovisioning-slot-3",
                                           "nonprovisioning-slot-4",
                                           "nonprovisioning-slot-5"};
    (void)state;

    for (uint8_t slot = 1; slot <= AKMA_QMI_SLOT_MAX; slot++) {
        g_autofree char *line =
            g_strdup_printf("session_type = '%s' application_identifier = '{ [0] = '160 ' [1] ="
                            " '1 '}'",
                            sessions[slot - 1]);
        const char *const lines[] = {line, "length = '0'", NULL};
        AkmaQmiRequest request;

        akma_qmi_build_read(&request, slot, &other, &akma_usim_imsi, 0);
        has_lines(&request, lines);
    }
}

static void
file_of_the_card_is_read_in_the_session_of_the_slot(void **state)
{
    static const char *const sessions[] = {
        "card-slot-1", "card-slot-2", "card-slot-3", "card-slot-4", "card-slot-5"};
    (void)state;

    for (uint8_t slot = 1; slot <= AKMA_QMI_SLOT_MAX; slot++) {
        g_autofree char *line = g_strdup_printf("session_type = '%s' application_identifier = '{}'",
                                                sessions[slot - 1]);
        const char *const lines[] = {
            line, "file_id = '12258' file_path = '{ [0] = '0 ' [1] = '63 '}'", NULL};
        AkmaQmiRequest request;

        akma_qmi_build_read(&request, slot, &primary, &akma_uicc_iccid, 10);
        has_lines(&request, lines);
    }
}

static void
pin_is_verified_as_pin_1_or_as_the_universal_one(void **state)
{
    static const char *const one[] = {"\"Verify PIN\" (0x0026)", "pin_id = 'pin1'", NULL};
    static const char *const universal[] = {"nonprovisioning-slot-2", "pin_id = 'upin'", NULL};
    static const uint8_t tail[] = {4, '1', '2', '3', '4'};
    g_auto(AkmaQmiRequest) request = {0};
    (void)state;

    akma_qmi_build_verify_pin(&request, 1, &primary, (const uint8_t *)"1234", 4);
    has_lines(&request, one);
    assert_memory_equal(request.bytes + request.len - sizeof tail, tail, sizeof tail);
    akma_qmi_build_verify_pin(&request, 2, &other, (const uint8_t *)"1234", 4);
    has_lines(&request, universal);
}

static void
news_of_card_slot_and_network_are_asked_for(void **state)
{
    static const char *const card[] = {"card-status", "physical-slot-status", NULL};
    static const char *const network[] = {"Serving System Events", "yes", NULL};
    AkmaQmiRequest request;
    (void)state;

    akma_qmi_build_register_events(&request);
    has_lines(&request, card);
    akma_qmi_build_register_network(&request);
    has_lines(&request, network);
}

static void
channel_and_apdu_requests_are_as_the_modem_wants_them(void **state)
{
    static const uint8_t open[] = {0x01, 0x01, 0x00, 0x02, 0x10, 0x03, 0x00, 0x02, 0xa0, 0x01};
    static const uint8_t bare[] = {0x01, 0x01, 0x00, 0x02};
    static const uint8_t close[] = {0x01, 0x01, 0x00, 0x02, 0x11, 0x01, 0x00, 0x03};
    static const uint8_t apdu[] = {0x01,
                                   0x01,
                                   0x00,
                                   0x01,
                                   0x02,
                                   0x07,
                                   0x00,
                                   0x05,
                                   0x00,
                                   0x03,
                                   0xb0,
                                   0x87,
                                   0x00,
                                   0x09,
                                   0x10,
                                   0x01,
                                   0x00,
                                   0x03};
    AkmaQmiRequest request;
    AkmaCommand command;
    (void)state;

    akma_qmi_build_open_channel(&request, AKMA_QMI_UIM_OPEN_CHANNEL, 2, other.aid, other.aid_len);
    assert_int_equal(request.len, sizeof open);
    assert_memory_equal(request.bytes, open, sizeof open);
    akma_qmi_build_open_channel(&request, AKMA_QMI_UIM_LOGICAL_CHANNEL, 2, NULL, 0);
    assert_int_equal(request.len, sizeof bare);
    assert_memory_equal(request.bytes, bare, sizeof bare);
    akma_qmi_build_close_channel(&request, 2, 3);
    assert_int_equal(request.len, sizeof close);
    assert_memory_equal(request.bytes, close, sizeof close);
    akma_command_init(&command, AKMA_INS_READ_BINARY, 0x87, 0, NULL, 0, 9);
    akma_qmi_build_send_apdu(&request, 1, 3, &command);
    assert_int_equal(request.len, sizeof apdu);
    assert_memory_equal(request.bytes, apdu, sizeof apdu);
}

static void
longest_apdu_fits(void **state)
{
    uint8_t data[AKMA_COMMAND_DATA_MAX] = {0};
    AkmaQmiRequest request;
    AkmaCommand command;
    (void)state;

    akma_command_init(&command, AKMA_INS_AUTHENTICATE, 0, 0x81, data, sizeof data, 0);
    akma_qmi_build_send_apdu(&request, 1, 1, &command);

    assert_int_equal(request.len, 4 + 3 + 2 + AKMA_COMMAND_MAX + 4);
}

/* An answer with @hex behind its result. */
typedef struct {
    uint8_t bytes[400];
    AkmaQmiAnswer answer;
} Built;

static const AkmaQmiAnswer *
build(Built *built, uint8_t qmi_error, const char *hex)
{
    size_t len = strlen(hex) / 2;
    const uint8_t head[] = {0x02,
                            0,
                            0,
                            0x20,
                            0,
                            (uint8_t)(7 + len),
                            (uint8_t)((7 + len) >> 8),
                            0x02,
                            4,
                            0,
                            qmi_error != 0,
                            0,
                            qmi_error,
                            0};

    memcpy(built->bytes, head, sizeof head);
    assert_true(akma_hex_decode(hex, strlen(hex), built->bytes + sizeof head, len));
    assert_true(akma_qmi_answer_init(&built->answer, built->bytes, sizeof head + len));

    return &built->answer;
}

static void
file_comes_with_its_status_word(void **state)
{
    Built built;
    g_autoptr(AkmaResponse) response =
        akma_qmi_parse_read(build(&built, 0, "100200900011050003000102ff"), NULL);
    (void)state;

    assert_non_null(response);
    assert_int_equal(response->sw, 0x9000);
    assert_int_equal(response->len, 3);
    assert_memory_equal(response->bytes, "\x01\x02\xff", 3);
}

static void
status_word_of_a_refused_file_is_the_answer(void **state)
{
    Built built;
    g_autoptr(AkmaResponse) response = akma_qmi_parse_read(build(&built, 80, "1002006a82"), NULL);
    (void)state;

    assert_non_null(response);
    assert_int_equal(response->sw, 0x6a82);
    assert_int_equal(response->len, 0);
}

static void
file_that_the_modem_does_not_read_is_not_supported(void **state)
{
    static const struct {
        uint8_t qmi_error;
        const char *hex;
    } rows[] = {{71, ""},
                {82, ""},
                {94, "1002009000"},
                {0,
                 "1105000300010203"
                 "13010001"}};
    Built built;
    (void)state;

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;

        assert_null(akma_qmi_parse_read(build(&built, rows[i].qmi_error, rows[i].hex), &error));
        assert_true(g_error_matches(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED));
    }
}

static void
reject_broken_files(void **state)
{
    static const char *const rows[] = {
        "",                 /* nothing */
        "1002009000",       /* no data */
        "110100ff",         /* no length */
        "110300020001",     /* a byte is missing */
        "11050002000102ff", /* one too many */
    };
    Built built;
    (void)state;

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;

        assert_null(akma_qmi_parse_read(build(&built, 0, rows[i]), &error));
        assert_true(g_error_matches(error, AKMA_ERROR, AKMA_ERROR_MODEM_FAILED));
    }
}

static void
reject_file_that_is_too_long(void **state)
{
    g_autofree char *zeros = g_strnfill(2 * (AKMA_RESPONSE_DATA_MAX + 1), '0');
    g_autofree char *hex = g_strconcat("1103010101", zeros, NULL);
    g_autoptr(GError) error = NULL;
    Built built;
    (void)state;

    assert_null(akma_qmi_parse_read(build(&built, 0, hex), &error));
    assert_true(g_error_matches(error, AKMA_ERROR, AKMA_ERROR_MODEM_FAILED));
}

static void
apdu_answer_is_data_and_status_word(void **state)
{
    Built built;
    g_autoptr(AkmaResponse) response =
        akma_qmi_parse_apdu(build(&built, 0, "1006000400aabb6110"), NULL);
    (void)state;

    assert_non_null(response);
    assert_int_equal(response->len, 2);
    assert_int_equal(response->sw, 0x6110);
}

static void
reject_broken_apdu_answers(void **state)
{
    static const char *const rows[] = {
        "", "1002000000", "100300010090", "1005000400900000", "10040001009000", "10040002000000"};
    Built built;
    (void)state;

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;

        assert_null(akma_qmi_parse_apdu(build(&built, 0, rows[i]), &error));
        assert_true(g_error_matches(error, AKMA_ERROR, AKMA_ERROR_MODEM_FAILED));
    }
}

static void
channel_is_one_that_a_card_can_have(void **state)
{
    static const struct {
        uint8_t qmi_error;
        const char *hex;
        uint8_t channel;
    } rows[] = {{0, "10010003", 3},
                {0, "10010013", 19},
                {0, "10010000", 0},
                {0, "10010014", 0},
                {0, "1002000300", 0},
                {0, "", 0},
                {3, "10010003", 0}};
    Built built;
    (void)state;

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        uint8_t channel = 0;

        assert_int_equal(
            akma_qmi_parse_channel(build(&built, rows[i].qmi_error, rows[i].hex), &channel),
            rows[i].channel != 0);
        assert_int_equal(channel, rows[i].channel);
    }
}

static void
channel_that_is_not_opened_says_why(void **state)
{
    static const struct {
        uint8_t qmi_error;
        const char *hex;
        AkmaError code;
    } rows[] = {{3, "1102006a82", AKMA_ERROR_ANCHOR_UNSUPPORTED},
                {68, "", AKMA_ERROR_MODEM_FAILED},
                {102, "", AKMA_ERROR_NO_SIM},
                {0, "", AKMA_ERROR_MODEM_FAILED},
                {0, "1102009000", AKMA_ERROR_MODEM_FAILED}};
    Built built;
    (void)state;

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;

        akma_qmi_set_open_error(build(&built, rows[i].qmi_error, rows[i].hex), &error);
        assert_true(g_error_matches(error, AKMA_ERROR, (int)rows[i].code));
    }
}

static void
registration_is_told_from_roaming(void **state)
{
    static const struct {
        const char *hex;
        AkmaRegistration registration;
    } rows[] = {{"010600000101010108", AKMA_REGISTRATION_IDLE},
                {"010600010101010108", AKMA_REGISTRATION_HOME},
                {"01060001010101010810010001", AKMA_REGISTRATION_HOME},
                {"01060001010101010810010000", AKMA_REGISTRATION_ROAMING},
                {"010600020101010108", AKMA_REGISTRATION_SEARCHING},
                {"010600030101010108", AKMA_REGISTRATION_DENIED},
                {"010600040101010108", AKMA_REGISTRATION_UNKNOWN},
                {"010600ff0101010108", AKMA_REGISTRATION_UNKNOWN},
                {"010000", AKMA_REGISTRATION_UNKNOWN},
                {"", AKMA_REGISTRATION_UNKNOWN}};
    Built built;
    (void)state;

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        assert_int_equal(akma_qmi_parse_registration(build(&built, 0, rows[i].hex)),
                         rows[i].registration);
}

static void
name_is_text_that_can_be_printed(void **state)
{
    static const struct {
        uint8_t qmi_error;
        const char *hex;
        const char *name;
    } rows[] = {{0, "010300414243", "ABC"},
                {0, "010300410a43", ""},
                {0,
                 "0103004100"
                 "43",
                 ""},
                {0, "010300c3a443", ""},
                {0, "010000", ""},
                {0, "", ""},
                {3, "010300414243", ""}};
    Built built;
    (void)state;

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *name = akma_qmi_parse_name(build(&built, rows[i].qmi_error, rows[i].hex));

        assert_string_equal(name, rows[i].name);
    }
}

static int
make_heap(void **state)
{
    (void)state;

    return akma_secret_heap_init(AKMA_SECRET_HEAP_MIN, NULL, NULL) ? 0 : -1;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(file_of_the_application_is_read_by_its_path),
        cmocka_unit_test(file_of_another_application_is_read_in_a_session_of_its_own),
        cmocka_unit_test(file_of_the_card_is_read_in_the_session_of_the_slot),
        cmocka_unit_test(pin_is_verified_as_pin_1_or_as_the_universal_one),
        cmocka_unit_test(news_of_card_slot_and_network_are_asked_for),
        cmocka_unit_test(channel_and_apdu_requests_are_as_the_modem_wants_them),
        cmocka_unit_test(longest_apdu_fits),
        cmocka_unit_test(file_comes_with_its_status_word),
        cmocka_unit_test(status_word_of_a_refused_file_is_the_answer),
        cmocka_unit_test(file_that_the_modem_does_not_read_is_not_supported),
        cmocka_unit_test(reject_broken_files),
        cmocka_unit_test(reject_file_that_is_too_long),
        cmocka_unit_test(apdu_answer_is_data_and_status_word),
        cmocka_unit_test(reject_broken_apdu_answers),
        cmocka_unit_test(channel_is_one_that_a_card_can_have),
        cmocka_unit_test(channel_that_is_not_opened_says_why),
        cmocka_unit_test(registration_is_told_from_roaming),
        cmocka_unit_test(name_is_text_that_can_be_printed),
    };

    return cmocka_run_group_tests(tests, make_heap, NULL);
}
