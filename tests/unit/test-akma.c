/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "kdf/akma.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "kdf/kdf.h"
#include "tests/fakes/vectors.h"

static json_t *chain;
static AkmaKey256 k_ausf;

static int
set_up(void **state)
{
    (void)state;
    chain = test_vectors_load("chain.json");
    test_vectors_hex(chain, "kausf", k_ausf.bytes, 32);

    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    json_decref(chain);

    return 0;
}

static void
expect(json_t *root, const char *path, const void *bytes)
{
    uint8_t expected[32];

    test_vectors_hex(root, path, expected, 32);
    assert_memory_equal(bytes, expected, 32);
}

/*= TS 33.535 A.2: K_AKMA = KDF(K_AUSF, 0x80, "AKMA", SUPI) */
static void
k_akma_of_the_chain(void **state)
{
    AkmaKey256 k_akma;

    (void)state;
    assert_true(akma_kdf_k_akma(&k_ausf, test_vectors_string(chain, "supi_P1"), &k_akma, NULL));

    expect(chain, "kakma", k_akma.bytes);
}

/*= TS 33.535 A.3: A-TID = KDF(K_AUSF, 0x81, "A-TID", SUPI) */
static void
a_tid_of_the_chain(void **state)
{
    uint8_t a_tid[32];

    (void)state;
    assert_true(akma_kdf_a_tid(&k_ausf, test_vectors_string(chain, "supi_P1"), a_tid, NULL));

    expect(chain, "a_tid", a_tid);
}

/*= TS 33.535 A.4: K_AF = KDF(K_AKMA, 0x82, AF_ID) */
static void
k_af_of_the_chain_for_each_identifier(void **state)
{
    json_t *kaf = json_object_get(chain, "kaf");
    const char *ua_id;
    json_t *value;
    AkmaKey256 k_akma;

    (void)state;
    test_vectors_hex(chain, "kakma", k_akma.bytes, 32);
    json_object_foreach(kaf, ua_id, value)
    {
        g_autofree char *wire = g_strconcat("af.example.com", ua_id, NULL);
        AkmaAfId af_id;
        AkmaKey256 k_af;

        assert_true(akma_af_id_parse_wire(wire, &af_id, NULL));
        assert_true(akma_kdf_k_af(&k_akma, &af_id, &k_af, NULL));
        expect(kaf, ua_id, k_af.bytes);
    }
    assert_int_equal(json_object_size(kaf), 4);
}

static void
first_keys_of_the_protocol_differ_by_profile(void **state)
{
    static const char *const names[] = {
        [AKMA_UA_MESSAGE] = "first_keys.akma.message ff00000001",
        [AKMA_UA_PSK] = "first_keys.akma.psk 0100000007",
        [AKMA_UA_DIGEST] = "first_keys.akma.digest 0100000002",
    };
    json_t *root = test_vectors_load("protocol-vectors.json");
    AkmaKey256 k_akma;

    (void)state;
    test_vectors_hex(root, "k_akma", k_akma.bytes, 32);
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        AkmaAfId af_id;
        AkmaKey256 k_af;

        assert_true(akma_af_id_init(&af_id, "keys.example.com", (AkmaUaProfile)i, NULL));
        assert_true(akma_kdf_k_af(&k_akma, &af_id, &k_af, NULL));
        expect(root, names[i], k_af.bytes);
    }
    json_decref(root);
}

/*= TS 33.501 A.7.0: for a SUPI of type IMSI, P1 is the IMSI, the digits alone */
static void
reject_supi_with_its_prefix(void **state)
{
    g_autoptr(GError) error = NULL;
    const char *supi = "imsi-001010000000001";
    const AkmaKdfParameter parameters[] = {{"AKMA", 4}, {supi, strlen(supi)}};
    AkmaKey256 right;
    AkmaKey256 k_akma;

    (void)state;
    assert_false(akma_kdf_k_akma(&k_ausf, supi, &k_akma, &error));
    assert_true(g_error_matches(error, AKMA_ERROR, AKMA_ERROR_INVALID_ARGUMENT));
    assert_null(strstr(error->message, "00101"));

    /* what it would give is known, and it is another key */
    assert_true(akma_kdf(k_ausf.bytes, 32, 0x80, parameters, 2, &k_akma, NULL));
    expect(chain, "WRONG_imsi_prefix_kakma", k_akma.bytes);
    test_vectors_hex(chain, "kakma", right.bytes, 32);
    assert_memory_not_equal(k_akma.bytes, right.bytes, 32);
}

static void
reject_the_formula_of_another_project(void **state)
{
    AkmaKey256 k_akma;
    uint8_t wrong[32];

    (void)state;
    test_vectors_hex(chain, "WRONG_ueransim_kakma", wrong, 32);
    assert_true(akma_kdf_k_akma(&k_ausf, test_vectors_string(chain, "supi_P1"), &k_akma, NULL));

    assert_memory_not_equal(k_akma.bytes, wrong, 32);
}

/*= TS 33.535 6.1: A-KID = username@realm, with RID and A-TID in the username */
static void
a_kid_in_both_layouts(void **state)
{
    json_t *root = test_vectors_load("protocol-vectors.json");
    uint8_t a_tid[32];
    g_autofree char *dot = NULL;
    g_autofree char *hex = NULL;
    g_autofree char *prefixed = NULL;

    (void)state;
    test_vectors_hex(chain, "a_tid", a_tid, 32);
    dot = akma_kdf_a_kid(AKMA_A_KID_DOT_BASE64URL, "0", a_tid, "", "001", "01", NULL);
    hex = akma_kdf_a_kid(AKMA_A_KID_HEX, "0123", a_tid, "", "001", "001", NULL);
    prefixed = akma_kdf_a_kid(AKMA_A_KID_DOT_BASE64URL, "12", a_tid, "akma.", "310", "410", NULL);

    assert_string_equal(dot, test_vectors_string(root, "akma.kid"));
    assert_string_equal(hex,
                        "a4763ff6a5427c58fa51f62e036c2aa33c88343cdda5f17db86cf1ab7b5661b6"
                        "0123@5gc.mnc001.mcc001.3gppnetwork.org");
    assert_string_equal(prefixed,
                        "12.pHY_9qVCfFj6UfYuA2wqozyINDzdpfF9uGzxq3tWYbY"
                        "@akma.5gc.mnc410.mcc310.3gppnetwork.org");
    json_decref(root);
}

/*= TS 31.102 4.4.11.11: the routing indicator has 1 to 4 digits */
static void
reject_a_kid_of_bad_parts(void **state)
{
    static const struct {
        const char *rid, *prefix, *mcc, *mnc;
    } bad[] = {
        {"", "", "001", "01"},
        {"12345", "", "001", "01"},
        {"F", "", "001", "01"},
        {"0", "akma", "001", "01"},
        {"0", ".", "001", "01"},
        {"0", "a..", "001", "01"},
        {"0", "a@b.", "001", "01"},
        {"0", "", "01", "01"},
        {"0", "", "001", "1"},
        {"0", "", "001", "0001"},
        {"0", "", "0x1", "01"},
    };
    const uint8_t a_tid[32] = {0};
    g_autofree char *dots = g_strnfill(201, 'a');

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;

        assert_null(akma_kdf_a_kid(AKMA_A_KID_DOT_BASE64URL,
                                   bad[i].rid,
                                   a_tid,
                                   bad[i].prefix,
                                   bad[i].mcc,
                                   bad[i].mnc,
                                   &error));
        assert_true(g_error_matches(error, AKMA_ERROR, AKMA_ERROR_INVALID_ARGUMENT));
    }

    dots[200] = '.';
    assert_null(akma_kdf_a_kid(AKMA_A_KID_HEX, "0", a_tid, dots, "001", "01", NULL));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(k_akma_of_the_chain),
        cmocka_unit_test(a_tid_of_the_chain),
        cmocka_unit_test(k_af_of_the_chain_for_each_identifier),
        cmocka_unit_test(first_keys_of_the_protocol_differ_by_profile),
        cmocka_unit_test(reject_supi_with_its_prefix),
        cmocka_unit_test(reject_the_formula_of_another_project),
        cmocka_unit_test(a_kid_in_both_layouts),
        cmocka_unit_test(reject_a_kid_of_bad_parts),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
