/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "kdf/milenage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "tests/fakes/vectors.h"

typedef struct {
    AkmaMilenage keys;
    uint8_t rand[16];
    uint8_t sqn[6];
    uint8_t amf[2];
} Set;

static void
read_set(json_t *one, Set *ret)
{
    test_vectors_hex(one, "k", ret->keys.k.bytes, 16);
    test_vectors_hex(one, "opc", ret->keys.opc.bytes, 16);
    test_vectors_hex(one, "rand", ret->rand, 16);
    test_vectors_hex(one, "sqn", ret->sqn, 6);
    test_vectors_hex(one, "amf", ret->amf, 2);
}

static void
expect(json_t *one, const char *member, const void *bytes, size_t len)
{
    uint8_t expected[16];

    test_vectors_hex(one, member, expected, len);
    assert_memory_equal(bytes, expected, len);
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

/*= TS 35.206 4.1: OPc = OP xor E[OP]_K */
static void
check_opc(json_t *one, const Set *set)
{
    AkmaKey128 op;
    AkmaKey128 opc;

    test_vectors_hex(one, "op", op.bytes, 16);
    assert_true(akma_milenage_opc(&set->keys.k, &op, &opc, NULL));
    expect(one, "opc", opc.bytes, 16);
}

static void
opc_of_all_sets_of_ts_35_208(void **state)
{
    (void)state;
    for_each_set(check_opc);
}

/*= TS 35.206 4.1: TEMP = E[RAND xor OPc]_K */
/*= TS 35.206 4.1: OUT1 = E[TEMP xor rot(IN1 xor OPc, 64)]_K xor OPc */
static void
check_f1(json_t *one, const Set *set)
{
    uint8_t mac_a[8];
    uint8_t mac_s[8];

    assert_true(akma_milenage_f1(&set->keys, set->rand, set->sqn, set->amf, mac_a, mac_s, NULL));
    expect(one, "f1", mac_a, 8);
    expect(one, "f1_star", mac_s, 8);
}

static void
f1_and_f1_star_of_all_sets_of_ts_35_208(void **state)
{
    (void)state;
    for_each_set(check_f1);
}

/*= TS 35.206 4.1: OUT2..OUT5 = E[rot(TEMP xor OPc, r) xor c]_K xor OPc */
/*= TS 35.206 4.1: r2..r4 = 0, 32, 64 bits, c2..c4 = 1, 2, 4 */
/*= TS 35.206 4.1: r5 = 96 bits, c5 = 8 */
static void
check_f2345(json_t *one, const Set *set)
{
    g_auto(AkmaMilenageF2345) out = {0};
    uint8_t ak[6];

    assert_true(akma_milenage_f2345(&set->keys, set->rand, &out, NULL));
    expect(one, "f2", out.res, 8);
    expect(one, "f3", out.ck.bytes, 16);
    expect(one, "f4", out.ik.bytes, 16);
    expect(one, "f5", out.ak, 6);

    assert_true(akma_milenage_f5_star(&set->keys, set->rand, ak, NULL));
    expect(one, "f5_star", ak, 6);
}

static void
f2_to_f5_star_of_all_sets_of_ts_35_208(void **state)
{
    (void)state;
    for_each_set(check_f2345);
}

/*= TS 33.102 6.3.2: AUTN = SQN xor AK || AMF || MAC */
static void
check_autn(json_t *one, const Set *set)
{
    uint8_t autn[16];
    uint8_t ak[6];

    assert_true(akma_milenage_autn(&set->keys, set->rand, set->sqn, set->amf, autn, NULL));

    test_vectors_hex(one, "f5", ak, 6);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(autn[i], set->sqn[i] ^ ak[i]);
    expect(one, "amf", autn + 6, 2);
    expect(one, "f1", autn + 8, 8);
}

static void
autn_is_made_of_the_published_values(void **state)
{
    (void)state;
    for_each_set(check_autn);
}

/*= TS 33.102 6.3.3: AUTS = SQN_MS xor AK* || MAC-S, with an AMF of zero */
/*= TS 33.102 6.3.5: SQN_MS counts only if MAC-S is right */
static void
auts_of_other_projects_gives_sqn_ms(void **state)
{
    json_t *root = test_vectors_load("milenage.json");
    json_t *one;
    size_t i;

    (void)state;
    json_array_foreach(json_object_get(root, "auts"), i, one)
    {
        AkmaMilenage keys;
        uint8_t rand[16];
        uint8_t auts[14];
        uint8_t sqn[6];
        uint8_t again[14];

        test_vectors_hex(one, "k", keys.k.bytes, 16);
        test_vectors_hex(one, "opc", keys.opc.bytes, 16);
        test_vectors_hex(one, "rand", rand, 16);
        test_vectors_hex(one, "auts", auts, 14);

        assert_true(akma_milenage_check_auts(&keys, rand, auts, sqn, NULL));
        expect(one, "sqn_ms", sqn, 6);

        assert_true(akma_milenage_auts(&keys, rand, sqn, again, NULL));
        assert_memory_equal(again, auts, 14);
    }
    assert_int_equal(i, 2);
    json_decref(root);
}

static void
reject_auts_with_any_octet_changed(void **state)
{
    json_t *root = test_vectors_load("milenage.json");
    Set set;
    uint8_t auts[14];
    uint8_t sqn[6] = {0x5a};

    (void)state;
    read_set(json_array_get(json_object_get(root, "sets"), 0), &set);
    assert_true(akma_milenage_auts(&set.keys, set.rand, set.sqn, auts, NULL));

    for (size_t i = 0; i < sizeof auts; i++) {
        g_autoptr(GError) error = NULL;

        auts[i] ^= 0x01;
        assert_false(akma_milenage_check_auts(&set.keys, set.rand, auts, sqn, &error));
        assert_true(g_error_matches(error, AKMA_ERROR, AKMA_ERROR_ANCHOR_REJECTED));
        assert_int_equal(sqn[0], 0x5a);
        auts[i] ^= 0x01;
    }
    json_decref(root);
}

static void
reject_auts_for_another_rand(void **state)
{
    json_t *root = test_vectors_load("milenage.json");
    g_autoptr(GError) error = NULL;
    Set set;
    uint8_t auts[14];
    uint8_t sqn[6];

    (void)state;
    read_set(json_array_get(json_object_get(root, "sets"), 0), &set);
    assert_true(akma_milenage_auts(&set.keys, set.rand, set.sqn, auts, NULL));

    set.rand[15] ^= 0x80;
    assert_false(akma_milenage_check_auts(&set.keys, set.rand, auts, sqn, &error));

    assert_true(g_error_matches(error, AKMA_ERROR, AKMA_ERROR_ANCHOR_REJECTED));
    json_decref(root);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opc_of_all_sets_of_ts_35_208),
        cmocka_unit_test(f1_and_f1_star_of_all_sets_of_ts_35_208),
        cmocka_unit_test(f2_to_f5_star_of_all_sets_of_ts_35_208),
        cmocka_unit_test(autn_is_made_of_the_published_values),
        cmocka_unit_test(auts_of_other_projects_gives_sqn_ms),
        cmocka_unit_test(reject_auts_with_any_octet_changed),
        cmocka_unit_test(reject_auts_for_another_rand),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
