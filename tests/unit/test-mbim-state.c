/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* modem/mbim/answer-state.c: services, model, slot, states. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "modem/mbim/answer.h"

#define ANSWER(bytes) (&(AkmaMbimAnswer){.info = (bytes), .len = sizeof(bytes)})
#define U8(n)         (uint8_t)((n)&0xff)
#define U32(n)        U8(n), U8((n) >> 8), U8((n) >> 16), U8((n) >> 24)

#define UUID_UICC                                                                                  \
    0xc2, 0xf6, 0x58, 0x8e, 0xf0, 0x37, 0x4b, 0xc9, 0x86, 0x65, 0xf4, 0xd4, 0x4b, 0xd0, 0x93, 0x67
#define UUID_AUTH                                                                                  \
    0x1d, 0x2b, 0x5f, 0xf7, 0x0a, 0xa1, 0x48, 0xb2, 0xaa, 0x52, 0x50, 0xf1, 0x57, 0x67, 0x17, 0x4e
#define UUID_EXTENSIONS                                                                            \
    0x3d, 0x01, 0xdc, 0xc5, 0xfe, 0xf5, 0x4d, 0x05, 0x0d, 0x3a, 0xbe, 0xf7, 0x05, 0x8e, 0x9a, 0xaf

/*= MBIM 1.0 10.5.29: count, number of sessions, offset and size of each service */
static const uint8_t services[] = {
    U32(2),
    U32(0),
    U32(24),
    U32(36),
    U32(60),
    U32(32), /* header, two pairs */
    UUID_UICC,
    U32(0),
    U32(0),
    U32(2),
    U32(2),
    U32(7), /* open channel, list */
    UUID_AUTH,
    U32(0),
    U32(0),
    U32(1),
    U32(1), /* AKA */
};

static void
services_are_those_that_are_listed(void **state G_GNUC_UNUSED)
{
    uint8_t other[sizeof services];
    AkmaMbimServices found;

    assert_true(akma_mbim_take_services(ANSWER(services), &found, NULL));
    assert_true(found.has_channels && found.has_applications && found.has_aka);
    assert_false(found.has_files);
    assert_false(found.has_slots);

    memcpy(other, services, sizeof other);
    other[24] ^= 1; /* the UUID of somebody else */
    assert_true(akma_mbim_take_services(ANSWER(other), &found, NULL));
    assert_false(found.has_channels);
    assert_true(found.has_aka);
}

static void
slots_are_a_service_of_their_own(void **state G_GNUC_UNUSED)
{
    static const uint8_t bytes[] = {
        U32(1), U32(0), U32(16), U32(32), UUID_EXTENSIONS, U32(0), U32(0), U32(1), U32(7)};
    AkmaMbimServices found;

    assert_true(akma_mbim_take_services(ANSWER(bytes), &found, NULL));
    assert_true(found.has_slots);
    assert_false(found.has_applications); /* its command 7 is another one */
}

static void
reject_truncated_services_and_wild_counts(void **state G_GNUC_UNUSED)
{
    uint8_t bad[sizeof services];
    AkmaMbimServices found;

    for (size_t len = 0; len < sizeof services; len++) {
        AkmaMbimAnswer answer = {.info = services, .len = len};

        assert_false(akma_mbim_take_services(&answer, &found, NULL));
    }
    memcpy(bad, services, sizeof bad);
    memset(bad, 0xff, 4);
    assert_false(akma_mbim_take_services(ANSWER(bad), &found, NULL));
    memcpy(bad, services, sizeof bad);
    memset(bad + 24 + 24, 0xff, 4); /* commands of one service: those that are there count */
    assert_true(akma_mbim_take_services(ANSWER(bad), &found, NULL));
    assert_true(found.has_channels);
}

/*= MBIM 1.0 10.5.1: eight numbers; custom class, device id, firmware, hardware */
static void
model_is_printable_text_or_nothing(void **state G_GNUC_UNUSED)
{
    uint8_t caps[64 + 8] = {
        [48] = 64, [52] = 4, [56] = 68, [60] = 4, [64] = 'F', [66] = '1', [68] = 'M', [70] = '2'};
    g_autofree char *model = g_strdup("");
    g_autofree char *firmware = g_strdup("");

    akma_mbim_take_model(ANSWER(caps), &model, &firmware);
    assert_string_equal(model, "M2");
    assert_string_equal(firmware, "F1");

    caps[70] = '\n';
    caps[53] = 0xff; /* longer than there is */
    akma_mbim_take_model(ANSWER(caps), &model, &firmware);
    assert_string_equal(model, "M2");
    assert_string_equal(firmware, "F1");

    caps[69] = 0xd8; /* half a character */
    akma_mbim_take_model(ANSWER(caps), &model, &firmware);
    assert_string_equal(model, "M2");
}

static void
slot_in_use_counts_from_1(void **state G_GNUC_UNUSED)
{
    uint8_t bytes[] = {U32(1), U32(12), U32(4), U32(1)};
    unsigned slot;

    assert_true(akma_mbim_take_slot(ANSWER(bytes), &slot, NULL));
    assert_int_equal(slot, 2);

    for (size_t len = 0; len < sizeof bytes; len++) {
        AkmaMbimAnswer answer = {.info = bytes, .len = len};

        assert_false(akma_mbim_take_slot(&answer, &slot, NULL));
    }
    bytes[15] = 1;
    assert_false(akma_mbim_take_slot(ANSWER(bytes), &slot, NULL));
    bytes[15] = 0;
    bytes[0] = 0;
    assert_false(akma_mbim_take_slot(ANSWER(bytes), &slot, NULL));
}

/*= MBIM 1.0 10.5.2: the state of the card is the first number */
static void
ready_state_is_that_of_the_card(void **state G_GNUC_UNUSED)
{
    static const AkmaSimState wanted[] = {AKMA_SIM_UNKNOWN,
                                          AKMA_SIM_READY,
                                          AKMA_SIM_ABSENT,
                                          AKMA_SIM_UNKNOWN,
                                          AKMA_SIM_UNKNOWN,
                                          AKMA_SIM_READY,
                                          AKMA_SIM_UNKNOWN,
                                          AKMA_SIM_ABSENT,
                                          AKMA_SIM_UNKNOWN};
    AkmaCardState card = {.sim = AKMA_SIM_BLOCKED};

    for (size_t i = 0; i < G_N_ELEMENTS(wanted); i++) {
        uint8_t bytes[] = {U32(i)};

        assert_true(akma_mbim_take_ready(ANSWER(bytes), &card, NULL));
        assert_int_equal(card.sim, wanted[i]);
        assert_false(akma_mbim_take_ready(&(AkmaMbimAnswer){.info = bytes, .len = 3}, &card, NULL));
    }
}

/*= MBIM 1.0 10.5.4: the PIN that is asked for, its state, the attempts that are left */
static void
pin_says_what_it_waits_for(void **state G_GNUC_UNUSED)
{
    uint8_t bytes[] = {U32(2), U32(1), U32(3)};
    AkmaCardState card = {.sim = AKMA_SIM_UNKNOWN, .pin_tries = AKMA_PIN_TRIES_UNKNOWN};

    assert_true(akma_mbim_take_pin(ANSWER(bytes), &card, NULL));
    assert_int_equal(card.sim, AKMA_SIM_PIN_REQUIRED);
    assert_int_equal(card.pin_tries, 3);

    memset(bytes + 8, 0xff, 4);
    assert_true(akma_mbim_take_pin(ANSWER(bytes), &card, NULL));
    assert_int_equal(card.pin_tries, AKMA_PIN_TRIES_UNKNOWN);

    bytes[0] = 11;
    assert_true(akma_mbim_take_pin(ANSWER(bytes), &card, NULL));
    assert_int_equal(card.sim, AKMA_SIM_BLOCKED);
    assert_int_equal(card.pin_tries, 0);

    assert_false(akma_mbim_take_pin(&(AkmaMbimAnswer){.info = bytes, .len = 11}, &card, NULL));
}

static void
pin_of_the_network_and_unlocked_pin_change_nothing(void **state G_GNUC_UNUSED)
{
    static const uint8_t unlocked[] = {U32(2), U32(0), U32(3)};
    static const uint8_t network[] = {U32(6), U32(1), U32(3)};
    AkmaCardState card = {.sim = AKMA_SIM_UNKNOWN, .pin_tries = AKMA_PIN_TRIES_UNKNOWN};

    assert_true(akma_mbim_take_pin(ANSWER(unlocked), &card, NULL));
    assert_true(akma_mbim_take_pin(ANSWER(network), &card, NULL));
    assert_int_equal(card.sim, AKMA_SIM_UNKNOWN);
    assert_int_equal(card.pin_tries, AKMA_PIN_TRIES_UNKNOWN);
}

/*= MBIM 1.0 10.5.9: the state of the registration is the second number */
static void
registration_is_the_second_number(void **state G_GNUC_UNUSED)
{
    static const AkmaRegistration wanted[] = {AKMA_REGISTRATION_UNKNOWN,
                                              AKMA_REGISTRATION_IDLE,
                                              AKMA_REGISTRATION_SEARCHING,
                                              AKMA_REGISTRATION_HOME,
                                              AKMA_REGISTRATION_ROAMING,
                                              AKMA_REGISTRATION_ROAMING,
                                              AKMA_REGISTRATION_DENIED,
                                              AKMA_REGISTRATION_UNKNOWN};
    AkmaCardState card = {.sim = AKMA_SIM_READY};

    for (size_t i = 0; i < G_N_ELEMENTS(wanted); i++) {
        uint8_t bytes[] = {U32(77), U32(i)};

        assert_true(akma_mbim_take_registration(ANSWER(bytes), &card, NULL));
        assert_int_equal(card.registration, wanted[i]);
        assert_false(
            akma_mbim_take_registration(&(AkmaMbimAnswer){.info = bytes, .len = 7}, &card, NULL));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(services_are_those_that_are_listed),
        cmocka_unit_test(slots_are_a_service_of_their_own),
        cmocka_unit_test(reject_truncated_services_and_wild_counts),
        cmocka_unit_test(model_is_printable_text_or_nothing),
        cmocka_unit_test(slot_in_use_counts_from_1),
        cmocka_unit_test(ready_state_is_that_of_the_card),
        cmocka_unit_test(pin_says_what_it_waits_for),
        cmocka_unit_test(pin_of_the_network_and_unlocked_pin_change_nothing),
        cmocka_unit_test(registration_is_the_second_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
