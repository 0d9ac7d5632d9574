/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "kdf/gba.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "kdf/milenage.h"
#include "tests/fakes/vectors.h"

#define IMPI "001010000000001@ims.mnc001.mcc001.3gppnetwork.org"

static uint8_t challenge[16];
static AkmaMilenageF2345 out;

static int
set_up(void **state)
{
    json_t *root = test_vectors_load("chain.json");
    AkmaMilenage keys;

    (void)state;
    test_vectors_hex(root, "k", keys.k.bytes, 16);
    test_vectors_hex(root, "opc", keys.opc.bytes, 16);
    test_vectors_hex(root, "rand", challenge, 16);
    assert_true(akma_milenage_f2345(&keys, challenge, &out, NULL));
    json_decref(root);

    return 0;
}

static void
expect(json_t *root, const char *path, const char *wire)
{
    uint8_t expected[32];
    AkmaKey256 ks_naf;
    AkmaAfId id;

    assert_true(akma_af_id_parse_wire(wire, &id, NULL));
    assert_true(akma_kdf_ks_naf(&out.ck, &out.ik, challenge, IMPI, &id, &ks_naf, NULL));

    test_vectors_hex(root, path, expected, 32);
    assert_memory_equal(ks_naf.bytes, expected, 32);
}

/*= TS 33.220 4.5.2: Ks = CK || IK */
/*= TS 33.220 B.3: Ks_NAF = KDF(Ks, 0x01, "gba-me", RAND, IMPI, NAF_Id) */
static void
ks_naf_of_the_chain_and_of_the_protocol(void **state)
{
    json_t *chain = test_vectors_load("chain.json");
    json_t *root = test_vectors_load("protocol-vectors.json");

    (void)state;
    expect(chain,
           "ks_naf_naf_example_com_0100000002_impi_001010000000001_at_ims",
           "naf.example.com0100000002");
    expect(root, "first_keys.gba.message ff00000001", "keys.example.comff00000001");
    expect(root, "first_keys.gba.psk 0100000007", "keys.example.com0100000007");
    expect(root, "first_keys.gba.digest 0100000002", "keys.example.com0100000002");
    json_decref(chain);
    json_decref(root);
}

static void
reject_empty_impi(void **state)
{
    g_autoptr(GError) error = NULL;
    AkmaKey256 ks_naf;
    AkmaAfId id;

    (void)state;
    assert_true(akma_af_id_init(&id, "a.b", AKMA_UA_MESSAGE, NULL));
    assert_false(akma_kdf_ks_naf(&out.ck, &out.ik, challenge, "", &id, &ks_naf, &error));

    assert_true(g_error_matches(error, AKMA_ERROR, AKMA_ERROR_INVALID_ARGUMENT));
}

static void
expect_card_keys(json_t *root, const json_t *set, json_t *one)
{
    AkmaKey128 ck, ik;
    AkmaKey256 key;
    AkmaAfId id;
    uint8_t expected[32];
    uint8_t random[16];
    const char *impi = json_string_value(json_object_get(root, "impi"));
    const char *wire = json_string_value(json_object_get(root, "naf_id"));

    test_vectors_hex((json_t *)set, "f3", ck.bytes, 16);
    test_vectors_hex((json_t *)set, "f4", ik.bytes, 16);
    test_vectors_hex((json_t *)set, "rand", random, 16);
    assert_true(akma_af_id_parse_wire(wire, &id, NULL));

    assert_true(akma_kdf_ks_naf(&ck, &ik, random, impi, &id, &key, NULL));
    test_vectors_hex(one, "ks_naf", expected, 32);
    assert_memory_equal(key.bytes, expected, 32);
    assert_true(akma_kdf_ks_int_naf(&ck, &ik, random, impi, &id, &key, NULL));
    test_vectors_hex(one, "ks_int_naf", expected, 32);
    assert_memory_equal(key.bytes, expected, 32);
}

/*= TS 33.220 B.3: Ks_int_NAF = KDF(Ks, 0x01, "gba-u", RAND, IMPI, NAF_Id) */
static void
keys_of_every_published_set(void **state)
{
    json_t *milenage = test_vectors_load("milenage.json");
    json_t *root = test_vectors_load("gba.json");
    json_t *one;
    size_t i;

    (void)state;
    json_array_foreach(json_object_get(root, "sets"), i, one)
    {
        expect_card_keys(root, json_array_get(json_object_get(milenage, "sets"), i), one);
    }
    assert_int_equal(i, 20);
    json_decref(root);
    json_decref(milenage);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_of_every_published_set),
        cmocka_unit_test(ks_naf_of_the_chain_and_of_the_protocol),
        cmocka_unit_test(reject_empty_impi),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
