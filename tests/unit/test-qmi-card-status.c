/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Written out by hand after libqmi's data/qmi-service-uim.json, "UIM Card Status". */
#include "modem/qmi/card-status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"

#define AID_USIM "a0000000871002ff"
#define AID_ISIM "a0000000871004ff"

/* Two cards: an empty slot; a USIM that the modem uses and an ISIM that it does not. */
#define INDEXES                                                                                    \
    "0001" /* application 0 of card 1 */                                                           \
    "ffff"                                                                                         \
    "ffff"                                                                                         \
    "ffff"
#define NO_CARD                                                                                    \
    "00"                                                                                           \
    "00000000" /* UPIN, error */
#define CARD_HEAD                                                                                  \
    "01"                                                                                           \
    "01050a00"
#define USIM_HEAD                                                                                  \
    "0207"                                                                                         \
    "00000000"                                                                                     \
    "08" AID_USIM
#define USIM_PIN                                                                                   \
    "0002030a"                                                                                     \
    "01030a"
#define ISIM                                                                                       \
    "0501"                                                                                         \
    "00000000"                                                                                     \
    "08" AID_ISIM "0001020a"                                                                       \
    "01030a"

#define TWO_CARDS INDEXES "02" NO_CARD "00" CARD_HEAD "02" USIM_HEAD USIM_PIN ISIM

static uint8_t *
from_hex(const char *hex, size_t *ret_len)
{
    size_t len = strlen(hex) / 2;
    uint8_t *bytes = g_malloc(len);

    assert_true(akma_hex_decode(hex, strlen(hex), bytes, len));
    *ret_len = len;

    return bytes;
}

static bool
parse(const char *hex, unsigned slot, AkmaQmiCardStatus *ret)
{
    size_t len;
    g_autofree uint8_t *bytes = from_hex(hex, &len);

    return akma_qmi_parse_card_status(akma_reader_init(bytes, len), slot, ret);
}

static void
card_of_the_slot_is_found_with_its_applications(void **state)
{
    AkmaQmiCardStatus status;
    (void)state;

    assert_true(parse(TWO_CARDS, 2, &status));
    assert_true(status.is_present);
    assert_int_equal(status.n_apps, 2);
    assert_int_equal(status.apps[0].type, AKMA_QMI_APP_USIM);
    assert_int_equal(status.apps[0].aid_len, 8);
    assert_true(status.apps[0].is_primary);
    assert_int_equal(status.apps[0].pin_tries, 3);
    assert_false(status.apps[1].is_primary);
    assert_int_equal(status.apps[1].pin_tries, 2);
}

static void
slot_without_a_card_is_absent(void **state)
{
    AkmaQmiCardStatus status;
    int tries;
    (void)state;

    for (unsigned slot = 1; slot <= 5; slot += 2) {
        assert_true(parse(TWO_CARDS, slot, &status));
        assert_int_equal(akma_qmi_card_status_get_sim(&status, &tries), AKMA_SIM_ABSENT);
        assert_int_equal(tries, AKMA_PIN_TRIES_UNKNOWN);
    }
}

static void
application_is_found_by_the_beginning_of_its_aid(void **state)
{
    static const uint8_t usim[] = {0xa0, 0x00, 0x00, 0x00, 0x87, 0x10, 0x02};
    static const uint8_t other[] = {0xa0, 0x00, 0x00, 0x00, 0x87, 0x10, 0x03};
    static const uint8_t longer[] = {0xa0, 0x00, 0x00, 0x00, 0x87, 0x10, 0x02, 0xff, 0x00};
    AkmaQmiCardStatus status;
    (void)state;

    assert_true(parse(TWO_CARDS, 2, &status));
    assert_ptr_equal(akma_qmi_card_status_find(&status, usim, sizeof usim), &status.apps[0]);
    assert_null(akma_qmi_card_status_find(&status, other, sizeof other));
    assert_null(akma_qmi_card_status_find(&status, longer, sizeof longer));
}

static void
state_of_the_usim_is_the_state_of_the_card(void **state)
{
    static const struct {
        const char *app; /* application state, PIN state */
        AkmaSimState sim;
    } rows[] = {
        {"0702", AKMA_SIM_READY},
        {"0703", AKMA_SIM_READY},
        {"0201", AKMA_SIM_PIN_REQUIRED},
        {"0304", AKMA_SIM_BLOCKED},
        {"0505", AKMA_SIM_BLOCKED},
        {"0403", AKMA_SIM_READY},
        {"0103", AKMA_SIM_READY},
        {"0101", AKMA_SIM_PIN_REQUIRED},
        {"0104", AKMA_SIM_BLOCKED},
        {"0100", AKMA_SIM_UNKNOWN},
        {"0003", AKMA_SIM_UNKNOWN},
        {"0603", AKMA_SIM_UNKNOWN},
        {"0903", AKMA_SIM_UNKNOWN},
    };
    (void)state;

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *hex = g_strdup_printf("%s01%s0102%.2s0000000008%s00%.2s030a01030a",
                                               INDEXES,
                                               CARD_HEAD,
                                               rows[i].app,
                                               AID_USIM,
                                               rows[i].app + 2);
        AkmaQmiCardStatus status;
        int tries;

        assert_true(parse(hex, 1, &status));
        assert_int_equal(akma_qmi_card_status_get_sim(&status, &tries), rows[i].sim);
        assert_int_equal(tries, g_str_equal(rows[i].app + 2, "00") ? AKMA_PIN_TRIES_UNKNOWN : 3);
    }
}

static void
universal_pin_stands_for_pin_1_where_the_card_says_so(void **state)
{
    AkmaQmiCardStatus status;
    int tries;
    (void)state;

    assert_true(parse(INDEXES "01" CARD_HEAD "01"
                              "0202"
                              "00000000"
                              "08" AID_USIM "0103000a01030a",
                      1,
                      &status));
    assert_int_equal(akma_qmi_card_status_get_sim(&status, &tries), AKMA_SIM_PIN_REQUIRED);
    assert_true(status.apps[0].by_upin);
    assert_int_equal(status.apps[0].pin_state, 1);
    assert_int_equal(tries, 5);
}

static void
status_differs_by_anything_that_matters(void **state)
{
    AkmaQmiCardStatus first;
    AkmaQmiCardStatus other;
    (void)state;

    assert_true(parse(TWO_CARDS, 2, &first));
    assert_true(parse(TWO_CARDS, 2, &other));
    assert_true(akma_qmi_card_status_equal(&first, &other));
    other.apps[1].pin_tries--;
    assert_false(akma_qmi_card_status_equal(&first, &other));
    assert_true(parse(TWO_CARDS, 2, &other));
    other.apps[0].aid[7]++;
    assert_false(akma_qmi_card_status_equal(&first, &other));
    assert_true(parse(TWO_CARDS, 1, &other));
    assert_false(akma_qmi_card_status_equal(&first, &other));
}

static void
application_with_an_aid_that_is_too_long_is_passed_over(void **state)
{
    AkmaQmiCardStatus status;
    (void)state;

    assert_true(parse(INDEXES "01" CARD_HEAD "02"
                              "0207"
                              "00000000"
                              "11" AID_USIM AID_USIM "00" USIM_PIN ISIM,
                      1,
                      &status));
    assert_int_equal(status.n_apps, 1);
    assert_int_equal(status.apps[0].type, 5);
}

static void
reject_status_cut_at_any_byte_or_with_more_behind(void **state)
{
    size_t len;
    g_autofree uint8_t *bytes = from_hex(TWO_CARDS "00", &len);
    AkmaQmiCardStatus status;
    (void)state;

    for (size_t cut = 0; cut <= len; cut++) {
        g_autofree uint8_t *copy = g_memdup2(bytes, cut);
        bool is_whole = cut == len - 1;

        assert_int_equal(akma_qmi_parse_card_status(akma_reader_init(copy, cut), 2, &status),
                         is_whole);
    }
}

/* Slot 1: active, logical slot 1, empty; slot 2: inactive, a card; slot 3: active as 2. */
#define SLOTS                                                                                      \
    "03"                                                                                           \
    "01000000"                                                                                     \
    "01000000"                                                                                     \
    "01"                                                                                           \
    "00"                                                                                           \
    "02000000"                                                                                     \
    "00000000"                                                                                     \
    "00"                                                                                           \
    "0a98001032547698103254"                                                                       \
    "02000000"                                                                                     \
    "01000000"                                                                                     \
    "02"                                                                                           \
    "00"

static void
physical_slot_becomes_the_logical_one(void **state)
{
    static const AkmaQmiSlot expected[] = {AKMA_QMI_SLOT_OK,
                                           AKMA_QMI_SLOT_INACTIVE,
                                           AKMA_QMI_SLOT_OK,
                                           AKMA_QMI_SLOT_MISSING,
                                           AKMA_QMI_SLOT_MISSING};
    size_t len;
    g_autofree uint8_t *bytes = from_hex(SLOTS, &len);
    (void)state;

    for (unsigned slot = 1; slot <= G_N_ELEMENTS(expected); slot++) {
        uint8_t logical = 0;

        assert_int_equal(akma_qmi_parse_slot_status(akma_reader_init(bytes, len), slot, &logical),
                         expected[slot - 1]);
        assert_int_equal(logical, slot == 1 ? 1 : slot == 3 ? 2 : 0);
    }
}

static void
reject_slots_cut_at_any_byte(void **state)
{
    size_t len;
    g_autofree uint8_t *bytes = from_hex(SLOTS, &len);
    uint8_t logical;
    (void)state;

    for (size_t cut = 0; cut < len; cut++) {
        g_autofree uint8_t *copy = g_memdup2(bytes, cut);

        assert_int_equal(akma_qmi_parse_slot_status(akma_reader_init(copy, cut), 1, &logical),
                         AKMA_QMI_SLOT_BROKEN);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(card_of_the_slot_is_found_with_its_applications),
        cmocka_unit_test(slot_without_a_card_is_absent),
        cmocka_unit_test(application_is_found_by_the_beginning_of_its_aid),
        cmocka_unit_test(state_of_the_usim_is_the_state_of_the_card),
        cmocka_unit_test(universal_pin_stands_for_pin_1_where_the_card_says_so),
        cmocka_unit_test(status_differs_by_anything_that_matters),
        cmocka_unit_test(application_with_an_aid_that_is_too_long_is_passed_over),
        cmocka_unit_test(reject_status_cut_at_any_byte_or_with_more_behind),
        cmocka_unit_test(physical_slot_becomes_the_logical_one),
        cmocka_unit_test(reject_slots_cut_at_any_byte),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
