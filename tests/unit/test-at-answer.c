/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/at/answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"

static void
session_is_a_number_with_or_without_its_name(void **state)
{
    static const char *const bad[] = {
        "", "+CCHO:", "+CCHO: x", "+CCHO: 1,2", "1x", "-1", "99999", "+CGLA: 1"};
    int session = 0;
    (void)state;

    assert_true(akma_at_parse_session("+CCHO: 257", &session) && session == 257);
    assert_true(akma_at_parse_session("+CCHO:3", &session) && session == 3);
    assert_true(akma_at_parse_session("2", &session) && session == 2);
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
        assert_false(akma_at_parse_session(bad[i], &session));
    assert_int_equal(session, 2);
}

static void
unsolicited_registration_is_not_the_answer(void **state)
{
    static const char *const bad[] = {"+CREG: 1",
                                      "+CREG: 1,\"00A1\",\"01\",7",
                                      "+CREG:",
                                      "+CREG: x,1",
                                      "+CEREG: 0,1",
                                      "+CREG: 0,1x"};
    AkmaRegistration registration = AKMA_REGISTRATION_UNKNOWN;
    (void)state;

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
        assert_false(akma_at_parse_registration(bad[i], "+CREG:", &registration));
    assert_true(akma_at_parse_registration("+CREG: 2,5,\"A\",\"B\"", "+CREG:", &registration));
    assert_int_equal(registration, AKMA_REGISTRATION_ROAMING);
    assert_true(akma_at_parse_registration("+CREG:0, 3", "+CREG:", &registration));
    assert_int_equal(registration, AKMA_REGISTRATION_DENIED);
    assert_true(akma_at_parse_registration("+CREG: 0,42", "+CREG:", &registration));
    assert_int_equal(registration, AKMA_REGISTRATION_UNKNOWN);
}

static bool
take(const char *const *lines, AkmaResponse *response)
{
    AkmaAtApdu apdu = {.response = response};

    for (; *lines; lines++)
        akma_at_apdu_take(&apdu, "+CGLA:", *lines, strlen(*lines));

    return akma_at_apdu_finish(&apdu, NULL);
}

static void
answer_of_the_card_is_read_in_each_manner(void **state)
{
    static const char *const rows[][4] = {
        {"+CGLA: 8,\"CAFE9000\""},
        {"+CGLA:8,cafe9000"},
        {"+CGLA: 8, \"cafe9000\""},
        {"+CGLA: 4,\"cafe9000\""}, /* the length in bytes */
        {"+CGLA: 8,\"ca", "+CREG: 1", "fe9000\""},
        {"+CGLA: 8,\"cafe9000", "\""},
        {"+CGLA: 8,cafe", "9000"},
    };
    (void)state;

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        AkmaResponse response = {0};

        assert_true(take(rows[i], &response));
        assert_int_equal(response.len, 2);
        assert_memory_equal(response.bytes, "\xca\xfe", 2);
        assert_int_equal(response.sw, 0x9000);
    }
}

static void
reject_answers_that_do_not_add_up(void **state)
{
    static const char *const rows[][4] = {
        {NULL},
        {"+CGLA: 8,\"cafe900\""},
        {"+CGLA: 8,\"cafe90000\""},
        {"+CGLA: 8,\"cafe9000"},
        {"+CGLA: 8,cafe9000\""},
        {"+CGLA: 8,\"cafe\"9000\""},
        {"+CGLA: 8,\"cafe\"", "9000"},
        {"+CGLA: 8;\"cafe9000\""},
        {"+CGLA: \"cafe9000\""},
        {"+CSIM: 8,\"cafe9000\""},
        {"+CGLA: 8,\"ca", "xe9000\""},
        {"+CGLA: 2,\"90\""},
    };
    (void)state;

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        AkmaResponse response = {0};

        assert_false(take(rows[i], &response));
    }
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(session_is_a_number_with_or_without_its_name),
        cmocka_unit_test(unsolicited_registration_is_not_the_answer),
        cmocka_unit_test(answer_of_the_card_is_read_in_each_manner),
        cmocka_unit_test(reject_answers_that_do_not_add_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
