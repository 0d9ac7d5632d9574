/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Messages are written out by hand; what they mean stands in libqmi's data/qmi-service-*.json. */
#include "modem/qmi/tlv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "modem/qmi/result.h"

/* An answer of message 002F: transaction 1, result "success", one TLV of three bytes. */
static const uint8_t good[] = {0x02, 0x01, 0x00, 0x2f, 0x00, 0x0d, 0x00, 0x02, 0x04, 0x00,
                               0x00, 0x00, 0x00, 0x00, 0x10, 0x03, 0x00, 0xaa, 0xbb, 0xcc};

#define RESULT_AT 10 /* the value of the result */

static AkmaQmiAnswer
read_answer(const uint8_t *bytes, size_t len)
{
    AkmaQmiAnswer answer;

    assert_true(akma_qmi_answer_init(&answer, bytes, len));

    return answer;
}

static void
request_is_types_lengths_and_values(void **state)
{
    static const uint8_t expected[] = {0x01,
                                       0x01,
                                       0x00,
                                       0x07,
                                       0x10,
                                       0x09,
                                       0x00,
                                       0x34,
                                       0x12,
                                       0x78,
                                       0x56,
                                       0x34,
                                       0x12,
                                       'a',
                                       'b',
                                       'c',
                                       0x11,
                                       0x00,
                                       0x00};
    g_auto(AkmaQmiRequest) request = {0};
    (void)state;

    akma_qmi_request_init(&request, AKMA_QMI_UIM, 0x0042);
    akma_qmi_put_type(&request, 0x01);
    akma_qmi_put_u8(&request, 7);
    akma_qmi_put_type(&request, 0x10);
    akma_qmi_put_u16(&request, 0x1234);
    akma_qmi_put_u32(&request, 0x12345678);
    akma_qmi_put_bytes(&request, "abc", 3);
    akma_qmi_put_type(&request, 0x11);

    assert_int_equal(request.id, 0x0042);
    assert_int_equal(request.len, sizeof expected);
    assert_memory_equal(request.bytes, expected, sizeof expected);
}

static void
request_of_the_greatest_length_fits(void **state)
{
    g_auto(AkmaQmiRequest) request = {0};
    uint8_t bytes[AKMA_COMMAND_MAX] = {0};
    (void)state;

    akma_qmi_request_init(&request, AKMA_QMI_UIM, 0x003b);
    akma_qmi_put_type(&request, 0x02);
    akma_qmi_put_bytes(&request, bytes, sizeof bytes);

    assert_int_equal(request.len, 3 + sizeof bytes);
    assert_int_equal(request.bytes[1] | request.bytes[2] << 8, sizeof bytes);
}

static void
cleared_request_holds_nothing(void **state)
{
    AkmaQmiRequest request;
    (void)state;

    akma_qmi_request_init(&request, AKMA_QMI_UIM, 0x0026);
    akma_qmi_put_type(&request, 0x02);
    akma_qmi_put_bytes(&request, "1234", 4);
    akma_qmi_request_clear(&request);

    for (size_t i = 0; i < sizeof request.bytes; i++)
        assert_int_equal(request.bytes[i], 0);
}

static void
answer_gives_the_value_of_a_type(void **state)
{
    AkmaQmiAnswer answer = read_answer(good, sizeof good);
    AkmaReader value;
    (void)state;

    assert_int_equal(answer.id, 0x002f);
    assert_true(akma_qmi_answer_find(&answer, 0x10, &value));
    assert_int_equal(value.left, 3);
    assert_int_equal(akma_reader_u8(&value), 0xaa);
    assert_false(akma_qmi_answer_find(&answer, 0x11, &value));
    assert_true(akma_qmi_answer_check(&answer, "x", NULL));
}

static void
reject_answer_cut_at_any_byte(void **state)
{
    AkmaQmiAnswer answer;
    (void)state;

    for (size_t len = 0; len < sizeof good; len++) {
        g_autofree uint8_t *bytes = g_memdup2(good, len);

        assert_false(akma_qmi_answer_init(&answer, bytes, len));
    }
}

static void
reject_answer_whose_lengths_do_not_meet(void **state)
{
    static const struct {
        size_t at;
        uint8_t value;
    } rows[] = {
        {5, 0x0c},  /* the message ends in a TLV */
        {5, 0x0e},  /* beyond the last */
        {6, 0x01},  /* by far */
        {8, 0x05},  /* the result swallows a type */
        {15, 0x02}, /* a byte is left */
        {15, 0x04}, /* one is missing */
        {16, 0xff},
    };
    AkmaQmiAnswer answer;
    (void)state;

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        uint8_t bytes[sizeof good];

        memcpy(bytes, good, sizeof good);
        bytes[rows[i].at] = rows[i].value;
        assert_false(akma_qmi_answer_init(&answer, bytes, sizeof bytes));
    }
}

static void
reject_type_that_is_there_twice(void **state)
{
    uint8_t bytes[sizeof good];
    AkmaQmiAnswer answer;
    (void)state;

    memcpy(bytes, good, sizeof good);
    bytes[14] = 0x02;

    assert_false(akma_qmi_answer_init(&answer, bytes, sizeof bytes));
}

static void
reject_message_that_is_no_answer(void **state)
{
    uint8_t bytes[sizeof good];
    AkmaQmiAnswer answer;
    (void)state;

    memcpy(bytes, good, sizeof good);
    bytes[0] = 0x00;

    assert_false(akma_qmi_answer_init(&answer, bytes, sizeof bytes));
}

static void
errors_of_the_modem_become_ours(void **state)
{
    static const struct {
        uint8_t qmi;
        AkmaError code;
    } rows[] = {
        {12, AKMA_ERROR_PIN_REQUIRED},
        {35, AKMA_ERROR_SIM_BLOCKED},
        {36, AKMA_ERROR_SIM_BLOCKED},
        {68, AKMA_ERROR_MODEM_FAILED},
        {80, AKMA_ERROR_ANCHOR_UNSUPPORTED},
        {102, AKMA_ERROR_NO_SIM},
        {104, AKMA_ERROR_PIN_REQUIRED},
        {106, AKMA_ERROR_SIM_BLOCKED},
        {3, AKMA_ERROR_MODEM_FAILED},
    };
    (void)state;

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        uint8_t bytes[sizeof good];
        AkmaQmiAnswer answer;

        memcpy(bytes, good, sizeof good);
        bytes[RESULT_AT] = 1;
        bytes[RESULT_AT + 2] = rows[i].qmi;
        answer = read_answer(bytes, sizeof bytes);
        assert_false(akma_qmi_answer_check(&answer, "asking", &error));
        assert_true(g_error_matches(error, AKMA_ERROR, (int)rows[i].code));
    }
}

static void
reject_result_that_contradicts_itself(void **state)
{
    static const uint8_t results[][4] = {{1, 0, 0, 0}, {0, 0, 3, 0}, {2, 0, 3, 0}, {0, 1, 0, 0}};
    (void)state;

    for (size_t i = 0; i < G_N_ELEMENTS(results); i++) {
        g_autoptr(GError) error = NULL;
        uint8_t bytes[sizeof good];
        AkmaQmiAnswer answer;

        memcpy(bytes, good, sizeof good);
        memcpy(bytes + RESULT_AT, results[i], sizeof results[i]);
        answer = read_answer(bytes, sizeof bytes);
        assert_false(akma_qmi_answer_check(&answer, "asking", &error));
        assert_true(g_error_matches(error, AKMA_ERROR, AKMA_ERROR_MODEM_FAILED));
        assert_false(akma_qmi_answer_is_unknown(&answer));
        assert_false(akma_qmi_answer_is_unsupported(&answer));
    }
}

static void
reject_answer_without_a_result(void **state)
{
    g_autoptr(GError) error = NULL;
    uint8_t bytes[sizeof good];
    AkmaQmiAnswer answer;
    (void)state;

    memcpy(bytes, good, sizeof good);
    bytes[7] = 0x03;
    answer = read_answer(bytes, sizeof bytes);

    assert_false(akma_qmi_answer_check(&answer, "asking", &error));
    assert_true(g_error_matches(error, AKMA_ERROR, AKMA_ERROR_MODEM_FAILED));
}

static void
request_that_a_modem_lacks_is_told_from_one_it_refuses(void **state)
{
    static const struct {
        uint8_t qmi;
        bool is_unknown;
        bool is_unsupported;
    } rows[] = {
        {71, true, true},
        {94, true, true},
        {25, true, true},
        {82, false, true},
        {48, false, true},
        {100, false, true},
        {102, false, false},
        {3, false, false},
    };
    (void)state;

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        uint8_t bytes[sizeof good];
        AkmaQmiAnswer answer;

        memcpy(bytes, good, sizeof good);
        bytes[RESULT_AT] = 1;
        bytes[RESULT_AT + 2] = rows[i].qmi;
        answer = read_answer(bytes, sizeof bytes);
        assert_int_equal(akma_qmi_answer_is_unknown(&answer), rows[i].is_unknown);
        assert_int_equal(akma_qmi_answer_is_unsupported(&answer), rows[i].is_unsupported);
    }
}

static void
status_word_is_two_bytes_that_are_one(void **state)
{
    static const struct {
        uint8_t len;
        uint8_t bytes[3];
        bool is_good;
    } rows[] = {{2, {0x6a, 0x82}, true},
                {2, {0x90, 0x00}, true},
                {2, {0x00, 0x00}, false},
                {2, {0x82, 0x6a}, false},
                {1, {0x90}, false},
                {3, {0x90, 0x00, 0x00}, false}};
    (void)state;

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        uint8_t bytes[7 + 3 + 3] = {0x02, 0, 0, 0x20, 0, 0, 0, 0x10};
        AkmaQmiAnswer answer;
        uint16_t sw = 0;

        bytes[5] = (uint8_t)(3 + rows[i].len);
        bytes[8] = rows[i].len;
        memcpy(bytes + 10, rows[i].bytes, rows[i].len);
        answer = read_answer(bytes, (size_t)10 + rows[i].len);
        assert_int_equal(akma_qmi_answer_get_sw(&answer, 0x10, &sw), rows[i].is_good);
        assert_int_equal(sw, rows[i].is_good ? rows[i].bytes[0] << 8 | rows[i].bytes[1] : 0);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_is_types_lengths_and_values),
        cmocka_unit_test(request_of_the_greatest_length_fits),
        cmocka_unit_test(cleared_request_holds_nothing),
        cmocka_unit_test(answer_gives_the_value_of_a_type),
        cmocka_unit_test(reject_answer_cut_at_any_byte),
        cmocka_unit_test(reject_answer_whose_lengths_do_not_meet),
        cmocka_unit_test(reject_type_that_is_there_twice),
        cmocka_unit_test(reject_message_that_is_no_answer),
        cmocka_unit_test(errors_of_the_modem_become_ours),
        cmocka_unit_test(reject_result_that_contradicts_itself),
        cmocka_unit_test(reject_answer_without_a_result),
        cmocka_unit_test(request_that_a_modem_lacks_is_told_from_one_it_refuses),
        cmocka_unit_test(status_word_is_two_bytes_that_are_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
