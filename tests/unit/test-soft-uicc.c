/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/simulator/uicc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "modem/simulator/authenticate.h"
#include "tests/fakes/vectors.h"

typedef struct {
    AkmaMilenage keys;
    uint8_t rand[16];
    uint8_t sqn[6];
    uint8_t amf[2];
    uint64_t number;
} Set;

static void
read_set(json_t *one, Set *ret)
{
    test_vectors_hex(one, "k", ret->keys.k.bytes, 16);
    test_vectors_hex(one, "opc", ret->keys.opc.bytes, 16);
    test_vectors_hex(one, "rand", ret->rand, 16);
    test_vectors_hex(one, "sqn", ret->sqn, 6);
    test_vectors_hex(one, "amf", ret->amf, 2);
    ret->number = 0;
    for (size_t i = 0; i < sizeof ret->sqn; i++)
        ret->number = ret->number << 8 | ret->sqn[i];
}

/* AUTN from the published SQN, f5, AMF and f1, not from our own code. */
static void
read_autn(json_t *one, const Set *set, uint8_t ret[static 16])
{
    uint8_t ak[6];

    test_vectors_hex(one, "f5", ak, sizeof ak);
    for (size_t i = 0; i < sizeof ak; i++)
        ret[i] = set->sqn[i] ^ ak[i];
    memcpy(ret + 6, set->amf, 2);
    test_vectors_hex(one, "f1", ret + 8, 8);
}

static void
for_each_set(void (*check)(json_t *one, const Set *set))
{
    json_t *root = test_vectors_load("milenage.json");
    json_t *one;
    size_t i;

    json_array_foreach(json_object_get(root, "sets"), i, one)
    {
        Set set;

        read_set(one, &set);
        check(one, &set);
    }
    assert_int_equal(i, 20);
    json_decref(root);
}

static void
expect_keys(json_t *one, const Set *set)
{
    AkmaSoftResponse answer = {.sw = 0};
    AkmaSoftSqn sqn;
    uint8_t autn[16];
    uint8_t expected[16];

    read_autn(one, set, autn);
    akma_soft_sqn_init(&sqn, 0, UINT64_MAX);
    akma_soft_authenticate(&set->keys, &sqn, set->rand, autn, &answer);

    assert_int_equal(answer.sw, AKMA_SOFT_SW_OK);
    assert_int_equal(answer.len, 1 + 1 + 8 + 1 + 16 + 1 + 16);
    assert_int_equal(answer.data[0], 0xdb);
    test_vectors_hex(one, "f2", expected, 8);
    assert_memory_equal(answer.data + 2, expected, 8);
    test_vectors_hex(one, "f3", expected, 16);
    assert_memory_equal(answer.data + 11, expected, 16);
    test_vectors_hex(one, "f4", expected, 16);
    assert_memory_equal(answer.data + 28, expected, 16);
}

/*= TS 31.102 7.1.2.1: DB, RES, CK, IK, each with its length */
static void
every_published_set_authenticates(void **state)
{
    (void)state;
    for_each_set(expect_keys);
}

static void
expect_sync_failure(json_t *one, const Set *set)
{
    AkmaSoftResponse answer = {.sw = 0};
    AkmaSoftSqn sqn;
    uint8_t autn[16];
    uint8_t ak_star[6];

    read_autn(one, set, autn);
    akma_soft_sqn_init(&sqn, set->number, UINT64_MAX);
    akma_soft_authenticate(&set->keys, &sqn, set->rand, autn, &answer);

    assert_int_equal(answer.sw, AKMA_SOFT_SW_OK);
    assert_int_equal(answer.len, 16);
    assert_int_equal(answer.data[0], 0xdc);
    test_vectors_hex(one, "f5_star", ak_star, sizeof ak_star);
    for (size_t i = 0; i < sizeof ak_star; i++)
        assert_int_equal(answer.data[2 + i] ^ ak_star[i], set->sqn[i]);
}

/*= TS 31.102 7.1.2.1: DC, AUTS with its length */
static void
reject_used_sqn_of_every_set_with_its_number_in_auts(void **state)
{
    (void)state;
    for_each_set(expect_sync_failure);
}

static void
expect_mac_failure(json_t *one, const Set *set)
{
    AkmaSoftSqn sqn;
    uint8_t autn[16];

    akma_soft_sqn_init(&sqn, 0, UINT64_MAX);
    for (size_t i = 0; i < sizeof autn; i++) {
        AkmaSoftResponse answer = {.sw = 0};

        read_autn(one, set, autn);
        autn[i] ^= 1;
        akma_soft_authenticate(&set->keys, &sqn, set->rand, autn, &answer);
        assert_int_equal(answer.sw, AKMA_SOFT_SW_MAC);
        assert_int_equal(answer.len, 0);
    }
}

/*= TS 33.102 6.3.3: first the MAC, then the sequence number */
static void
reject_autn_with_any_octet_changed(void **state)
{
    (void)state;
    for_each_set(expect_mac_failure);
}

/*= TS 33.102 C.2.1: not more than delta ahead of the highest; above the last one of its IND */
static void
window_takes_each_number_once_and_in_its_index(void **state)
{
    AkmaSoftSqn sqn;

    (void)state;
    akma_soft_sqn_init(&sqn, 100 << 5, 10);

    assert_false(akma_soft_sqn_accept(&sqn, 100 << 5)); /* used */
    assert_true(akma_soft_sqn_accept(&sqn, 101 << 5 | 3));
    assert_false(akma_soft_sqn_accept(&sqn, 101 << 5 | 3)); /* replayed */
    assert_false(akma_soft_sqn_accept(&sqn, 100 << 5 | 3)); /* older in this index */
    assert_true(akma_soft_sqn_accept(&sqn, 101 << 5 | 2));  /* late, another index */
    assert_false(akma_soft_sqn_accept(&sqn, 112 << 5));     /* too far ahead */
    assert_true(akma_soft_sqn_accept(&sqn, 111 << 5));
    assert_int_equal(akma_soft_sqn_get_highest(&sqn), 111 << 5);
}

static void
number_of_the_card_file_is_the_highest(void **state)
{
    const uint64_t numbers[] = {0, 0x20, 0x3f, 0xff9bb4d0b607, 0xffffffffffff};
    AkmaSoftSqn sqn;

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++) {
        akma_soft_sqn_init(&sqn, numbers[i], 1);
        assert_int_equal(akma_soft_sqn_get_highest(&sqn), numbers[i]);
        assert_false(akma_soft_sqn_accept(&sqn, numbers[i]));
    }
}

/*= TS 102 221 10.1.1: class 0X and 8X carry channels 0 to 3, 4X and CX channels 4 to 19 */
static void
class_byte_names_the_channel(void **state)
{
    const struct {
        uint8_t cla;
        unsigned channel;
        bool proprietary;
    } rows[] = {{0x00, 0, false},
                {0x03, 3, false},
                {0x81, 1, true},
                {0x40, 4, false},
                {0x4f, 19, false},
                {0xc5, 9, true}};
    AkmaSoftApdu apdu;

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        const uint8_t bytes[] = {rows[i].cla, 0xf2, 0, 0};

        assert_int_equal(akma_soft_apdu_parse(bytes, sizeof bytes, &apdu), AKMA_SOFT_SW_OK);
        assert_int_equal(apdu.channel, rows[i].channel);
        assert_int_equal(apdu.proprietary, rows[i].proprietary);
    }
}

static void
reject_commands_whose_lengths_do_not_fit(void **state)
{
    const uint8_t bytes[] = {0x00, 0xa4, 0x00, 0x04, 0x02, 0x3f, 0x00, 0x00, 0x00};
    AkmaSoftApdu apdu;

    (void)state;
    for (size_t len = 0; len <= sizeof bytes; len++) {
        bool fine = len == 4 || len == 5 || len == 7 || len == 8;

        assert_int_equal(akma_soft_apdu_parse(bytes, len, &apdu),
                         fine ? AKMA_SOFT_SW_OK : AKMA_SOFT_SW_WRONG_LENGTH);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_published_set_authenticates),
        cmocka_unit_test(reject_used_sqn_of_every_set_with_its_number_in_auts),
        cmocka_unit_test(reject_autn_with_any_octet_changed),
        cmocka_unit_test(window_takes_each_number_once_and_in_its_index),
        cmocka_unit_test(number_of_the_card_file_is_the_highest),
        cmocka_unit_test(class_byte_names_the_channel),
        cmocka_unit_test(reject_commands_whose_lengths_do_not_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
