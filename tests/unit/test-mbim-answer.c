/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/error.h"
#include "modem/mbim/answer-private.h"

#define USIM 0xa0, 0x00, 0x00, 0x00, 0x87, 0x10, 0x02

/* Layouts as in MBIM 1.0 and in Microsoft's pages, by hand. */
#define ANSWER(code, bytes)                                                                        \
    (&(AkmaMbimAnswer){.status = (code), .info = (bytes), .len = sizeof(bytes)})
#define U32(n) (n) & 0xff, (n) >> 8 & 0xff, (n) >> 16 & 0xff, (n) >> 24 & 0xff

static const uint8_t aka[] = {
    0xa1,   0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0,    0,    0,    0,
    0,      0,    0,    0, /* RES */
    U32(8),                /* its length */
    0x11,   0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11,
    0x11,   0x11, 0x11, 0x11, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc,
    0xcc,   0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xdd, 0xdd, 0xdd, 0xdd,
    0xdd,   0xdd, 0xdd, 0xdd, 0xdd, 0xdd, 0xdd, 0xdd, 0xdd, 0xdd, /* AUTS */
};

static AkmaMbimHabits *
habits_new(void)
{
    return akma_mbim_habits_get("", "test", "");
}

/* Takes @error. */
static void
assert_code(GError *error, int code)
{
    assert_non_null(error);
    assert_true(error->domain == AKMA_ERROR);
    assert_int_equal(error->code, code);
    g_error_free(error);
}

/*= MBIM 1.0 10.3: numbers are little endian */
static void
numbers_begin_with_their_lowest_byte(void **state G_GNUC_UNUSED)
{
    static const uint8_t bytes[] = {0xff, 0x78, 0x56, 0x34, 0x92};
    const AkmaMbimAnswer answer = {.info = bytes, .len = sizeof bytes};
    uint32_t n = 0;

    assert_true(akma_mbim_peek_u32(&answer, 1, &n));
    assert_int_equal(n, 0x92345678);

    assert_false(akma_mbim_peek_u32(&answer, 2, &n));
    assert_false(akma_mbim_peek_u32(&answer, UINT32_MAX, &n));
    assert_int_equal(n, 0x92345678);
}

/*= MBIM 1.0 9.4.5: status codes */
static void
status_tells_what_is_wrong_with_the_card(void **state G_GNUC_UNUSED)
{
    assert_code(akma_mbim_status_error_new("x", 3), AKMA_ERROR_NO_SIM);
    assert_code(akma_mbim_status_error_new("x", 5), AKMA_ERROR_PIN_REQUIRED);
    assert_code(akma_mbim_status_error_new("x", AKMA_MBIM_STATUS_NO_CHANNEL),
                AKMA_ERROR_MODEM_FAILED);
    assert_code(akma_mbim_status_error_new("x", 0xffffffff), AKMA_ERROR_MODEM_FAILED);
}

static void
a_refusal_is_not_what_tells_of_the_card(void **state G_GNUC_UNUSED)
{
    static const uint32_t refusals[] = {2, 9, 21, 28, 34, AKMA_MBIM_STATUS_SELECT_FAILED};
    static const uint32_t others[] = {0, 1, 3, 4, 5, 14, 35, 36, AKMA_MBIM_STATUS_NO_CHANNEL};

    for (size_t i = 0; i < G_N_ELEMENTS(refusals); i++)
        assert_true(akma_mbim_status_is_refusal(refusals[i]));
    for (size_t i = 0; i < G_N_ELEMENTS(others); i++)
        assert_false(akma_mbim_status_is_refusal(others[i]));
}

/*= MBIM 1.0 10.11.1.3: RES (16), its length, IK, CK, AUTS */
/*= TS 31.102 7.1.2.1: DB RES CK IK, or DC AUTS */
static void
aka_is_what_the_card_would_have_answered(void **state G_GNUC_UNUSED)
{
    g_autoptr(AkmaResponse) response = akma_response_new(NULL);

    assert_true(akma_mbim_take_aka(ANSWER(0, aka), response, NULL));

    assert_int_equal(response->sw, 0x9000);
    assert_int_equal(response->len, 1 + 1 + 8 + 1 + 16 + 1 + 16);
    assert_int_equal(response->bytes[0], 0xdb);
    assert_int_equal(response->bytes[1], 8);
    assert_memory_equal(response->bytes + 2, aka, 8);
    assert_int_equal(response->bytes[10], 16);
    assert_memory_equal(response->bytes + 11, aka + 36, 16); /* CK before IK */
    assert_int_equal(response->bytes[27], 16);
    assert_memory_equal(response->bytes + 28, aka + 20, 16);
}

static void
sync_failure_brings_auts_and_wrong_mac_nothing(void **state G_GNUC_UNUSED)
{
    g_autoptr(AkmaResponse) response = akma_response_new(NULL);

    assert_true(akma_mbim_take_aka(ANSWER(36, aka), response, NULL));
    assert_int_equal(response->sw, 0x9000);
    assert_int_equal(response->len, 16);
    assert_int_equal(response->bytes[0], 0xdc);
    assert_int_equal(response->bytes[1], 14);
    assert_memory_equal(response->bytes + 2, aka + 52, 14);

    assert_true(
        akma_mbim_take_aka(&(AkmaMbimAnswer){.status = 35, .info = aka, .len = 0}, response, NULL));
    assert_int_equal(response->sw, 0x9862);
    assert_int_equal(response->len, 0);
}

static void
reject_truncated_aka_and_bad_length_of_res(void **state G_GNUC_UNUSED)
{
    g_autoptr(AkmaResponse) response = akma_response_new(NULL);
    uint8_t bad[sizeof aka];
    GError *error = NULL;

    for (size_t len = 0; len < sizeof aka; len++) {
        for (uint32_t status = 0; status <= 36; status += 36) {
            AkmaMbimAnswer answer = {.status = status, .info = aka, .len = len};

            assert_false(akma_mbim_take_aka(&answer, response, &error));
            assert_code(g_steal_pointer(&error), AKMA_ERROR_MODEM_FAILED);
        }
    }
    memcpy(bad, aka, sizeof aka);
    for (unsigned len = 0; len < 256; len++) {
        bad[16] = (uint8_t)len;
        assert_int_equal(akma_mbim_take_aka(ANSWER(0, bad), response, NULL), len >= 4 && len <= 16);
    }
    assert_false(akma_mbim_take_aka(ANSWER(2, aka), response, NULL));
}

/*= MBIM MS UICC APP_LIST: version, count, active one, size of the list; offset and size of each */
static const uint8_t applications[] = {
    U32(1),  U32(3),  U32(0),  U32(0),                    /* header */
    U32(40), U32(12), U32(52), U32(28), U32(80), U32(19), /* where they are */
    U32(1),  U32(0),  U32(0),                             /* MF: no AID */
    U32(4),  U32(12), U32(16), USIM,    1,       2,       3,    4,    5,    6,    7,    8,
    9,       U32(6),  U32(12), U32(7),  0xa0,    0x00,    0x00, 0x00, 0x87, 0x10, 0x04,
};

static void
application_is_found_by_the_beginning_of_its_aid(void **state G_GNUC_UNUSED)
{
    static const uint8_t usim[] = {USIM};
    static const uint8_t other[] = {0xa0, 0x00, 0x00, 0x00, 0x87, 0x10, 0x05};
    AkmaMbimApplications list;
    int row;

    assert_true(akma_mbim_take_applications(ANSWER(0, applications), &list, NULL));
    assert_int_equal(list.n, 2);
    row = akma_mbim_applications_find(&list, usim, sizeof usim);
    assert_int_equal(row, 0);
    assert_int_equal(list.rows[row].len, 16);
    assert_memory_equal(list.rows[row].aid, applications + 64, 16);

    assert_int_equal(akma_mbim_applications_find(&list, other, sizeof other), -1);
    assert_int_equal(akma_mbim_applications_find(&list, applications + 64, 16), 0);
    assert_int_equal(akma_mbim_applications_find(&list, applications + 92, 8), -1); /* longer */
}

static void
reject_applications_that_are_not_there(void **state G_GNUC_UNUSED)
{
    uint8_t bad[sizeof applications];
    AkmaMbimApplications list;

    for (size_t len = 0; len < sizeof applications; len++) {
        AkmaMbimAnswer answer = {.info = applications, .len = len};

        assert_false(akma_mbim_take_applications(&answer, &list, NULL));
    }
    memcpy(bad, applications, sizeof bad);
    memset(bad + 4, 0xff, 4); /* four thousand million of them */
    assert_false(akma_mbim_take_applications(ANSWER(0, bad), &list, NULL));
    memcpy(bad, applications, sizeof bad);
    memset(bad + 24, 0xff, 8); /* far away, and long */
    assert_false(akma_mbim_take_applications(ANSWER(0, bad), &list, NULL));
}

static void
application_with_a_longer_aid_than_there_is_is_left_out(void **state G_GNUC_UNUSED)
{
    uint8_t bad[sizeof applications];
    AkmaMbimApplications list;

    memcpy(bad, applications, sizeof bad);
    bad[60] = 17; /* size of the AID */
    assert_true(akma_mbim_take_applications(ANSWER(0, bad), &list, NULL));
    assert_int_equal(list.n, 1);
}

/*= MBIM MS UICC OPEN_CHANNEL: status word, channel, size and offset of the response */
static void
channel_has_a_number_up_to_19(void **state G_GNUC_UNUSED)
{
    g_autoptr(AkmaMbimHabits) habits = habits_new();
    uint8_t bytes[] = {U32(0x0090), U32(19), U32(0), U32(0)};
    unsigned channel;
    uint16_t sw;

    assert_true(akma_mbim_take_channel(ANSWER(0, bytes), habits, &channel, &sw, NULL));
    assert_int_equal(channel, 19);
    assert_int_equal(sw, 0x9000);

    bytes[4] = 20;
    assert_false(akma_mbim_take_channel(ANSWER(0, bytes), habits, &channel, &sw, NULL));
    bytes[4] = 1;
    bytes[0] = 0;
    assert_false(akma_mbim_take_channel(ANSWER(0, bytes), habits, &channel, &sw, NULL));
    assert_false(akma_mbim_take_channel(
        &(AkmaMbimAnswer){.info = bytes, .len = 7}, habits, &channel, &sw, NULL));
}

/*= MBIM MS UICC APDU: status word, size and offset of the response */
static void
apdu_has_data_and_status_word(void **state G_GNUC_UNUSED)
{
    g_autoptr(AkmaMbimHabits) habits = habits_new();
    g_autoptr(AkmaResponse) response = akma_response_new(NULL);
    uint8_t bytes[] = {U32(0x0090), U32(2), U32(12), 0xab, 0xcd};

    assert_true(akma_mbim_take_apdu(ANSWER(0, bytes), habits, response, NULL));
    assert_int_equal(response->sw, 0x9000);
    assert_int_equal(response->len, 2);
    assert_memory_equal(response->bytes, bytes + 12, 2);

    bytes[4] = 3; /* one more than there are */
    assert_false(akma_mbim_take_apdu(ANSWER(0, bytes), habits, response, NULL));
    bytes[4] = 0; /* no data: where it would be does not matter */
    bytes[8] = 0xff;
    assert_true(akma_mbim_take_apdu(ANSWER(0, bytes), habits, response, NULL));
    assert_int_equal(response->len, 0);
}

static void
reject_more_data_than_a_card_can_answer(void **state G_GNUC_UNUSED)
{
    g_autoptr(AkmaMbimHabits) habits = habits_new();
    g_autoptr(AkmaResponse) response = akma_response_new(NULL);
    uint8_t apdu[12 + 257] = {U32(0x0090), U32(257), U32(12)};
    uint8_t file[20 + 257] = {U32(1), U32(0x90), U32(0), U32(20), U32(257)};

    assert_false(akma_mbim_take_apdu(ANSWER(0, apdu), habits, response, NULL));
    assert_false(akma_mbim_take_file(ANSWER(0, file), response, NULL));
    apdu[4] = 0; /* 256 */
    file[16] = 0;
    assert_true(akma_mbim_take_apdu(ANSWER(0, apdu), habits, response, NULL));
    assert_true(akma_mbim_take_file(ANSWER(0, file), response, NULL));
    assert_int_equal(response->len, 256);
}

/*= MBIM MS UICC RESPONSE: version, SW1, SW2, offset and size of the data */
static void
file_has_data_and_status_word(void **state G_GNUC_UNUSED)
{
    g_autoptr(AkmaResponse) response = akma_response_new(NULL);
    uint8_t bytes[] = {U32(1), U32(0x62), U32(0x82), U32(20), U32(3), 1, 2, 3};

    assert_true(akma_mbim_take_file(ANSWER(0, bytes), response, NULL));
    assert_int_equal(response->sw, 0x6282);
    assert_int_equal(response->len, 3);

    for (size_t len = 0; len < sizeof bytes; len++) {
        AkmaMbimAnswer answer = {.info = bytes, .len = len};

        assert_false(akma_mbim_take_file(&answer, response, NULL));
    }
    bytes[5] = 1; /* SW1 of 0162 */
    assert_false(akma_mbim_take_file(ANSWER(0, bytes), response, NULL));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_begin_with_their_lowest_byte),
        cmocka_unit_test(status_tells_what_is_wrong_with_the_card),
        cmocka_unit_test(a_refusal_is_not_what_tells_of_the_card),
        cmocka_unit_test(aka_is_what_the_card_would_have_answered),
        cmocka_unit_test(sync_failure_brings_auts_and_wrong_mac_nothing),
        cmocka_unit_test(reject_truncated_aka_and_bad_length_of_res),
        cmocka_unit_test(application_is_found_by_the_beginning_of_its_aid),
        cmocka_unit_test(reject_applications_that_are_not_there),
        cmocka_unit_test(application_with_a_longer_aid_than_there_is_is_left_out),
        cmocka_unit_test(channel_has_a_number_up_to_19),
        cmocka_unit_test(apdu_has_data_and_status_word),
        cmocka_unit_test(reject_more_data_than_a_card_can_answer),
        cmocka_unit_test(file_has_data_and_status_word),
    };

    if (!akma_secret_heap_init(AKMA_SECRET_HEAP_MIN, NULL, NULL))
        return 1;

    return cmocka_run_group_tests(tests, NULL, NULL);
}
