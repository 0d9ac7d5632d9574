/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "kdf/fiveg.h"

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

typedef struct {
    json_t *root;
    const char *sn;
    uint8_t rand[16];
    uint8_t autn[16];
    AkmaMilenageF2345 out;
} Chain;

static int
set_up(void **state)
{
    Chain *chain = g_new0(Chain, 1);
    AkmaMilenage keys;

    chain->root = test_vectors_load("chain.json");
    chain->sn = test_vectors_string(chain->root, "sn");
    test_vectors_hex(chain->root, "k", keys.k.bytes, 16);
    test_vectors_hex(chain->root, "opc", keys.opc.bytes, 16);
    test_vectors_hex(chain->root, "rand", chain->rand, 16);
    test_vectors_hex(chain->root, "autn", chain->autn, 16);
    assert_true(akma_milenage_f2345(&keys, chain->rand, &chain->out, NULL));
    *state = chain;

    return 0;
}

static int
tear_down(void **state)
{
    Chain *chain = *state;

    json_decref(chain->root);
    g_free(chain);

    return 0;
}

static void
expect(const Chain *chain, const char *member, const void *bytes, size_t len)
{
    uint8_t expected[32];

    test_vectors_hex(chain->root, member, expected, len);
    assert_memory_equal(bytes, expected, len);
}

/*= TS 33.501 A.2: K_AUSF = KDF(CK || IK, 0x6A, SN name, SQN xor AK) */
static void
k_ausf_of_the_chain(void **state)
{
    Chain *chain = *state;
    AkmaKey256 k_ausf;

    assert_true(
        akma_kdf_k_ausf(&chain->out.ck, &chain->out.ik, chain->sn, chain->autn, &k_ausf, NULL));

    expect(chain, "kausf", k_ausf.bytes, 32);
}

static void
reject_k_ausf_with_an_mnc_that_is_not_padded(void **state)
{
    Chain *chain = *state;
    uint8_t expected[32];
    AkmaKey256 k_ausf;

    test_vectors_hex(chain->root, "kausf", expected, 32);
    assert_true(akma_kdf_k_ausf(&chain->out.ck,
                                &chain->out.ik,
                                "5G:mnc01.mcc001.3gppnetwork.org",
                                chain->autn,
                                &k_ausf,
                                NULL));

    assert_memory_not_equal(k_ausf.bytes, expected, 32);
}

/*= TS 33.501 A.4: RES* is the 128 least significant bits */
static void
res_star_of_the_chain(void **state)
{
    Chain *chain = *state;
    uint8_t res_star[16];

    assert_true(akma_kdf_res_star(&chain->out.ck,
                                  &chain->out.ik,
                                  chain->sn,
                                  chain->rand,
                                  chain->out.res,
                                  sizeof chain->out.res,
                                  res_star,
                                  NULL));

    expect(chain, "res_star", res_star, 16);
}

/*= TS 33.501 A.5: HXRES* is the 128 least significant bits of SHA-256(RAND || XRES*) */
static void
hxres_star_is_half_of_a_hash(void **state)
{
    Chain *chain = *state;
    g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
    uint8_t res_star[16];
    uint8_t hxres_star[16];
    uint8_t digest[32];
    gsize len = sizeof digest;

    test_vectors_hex(chain->root, "res_star", res_star, 16);
    assert_true(akma_kdf_hxres_star(chain->rand, res_star, hxres_star, NULL));

    g_checksum_update(checksum, chain->rand, 16);
    g_checksum_update(checksum, res_star, 16);
    g_checksum_get_digest(checksum, digest, &len);
    assert_memory_equal(hxres_star, digest + 16, 16);
}

/*= TS 33.501 A.6: K_SEAF = KDF(K_AUSF, 0x6C, SN name) */
static void
k_seaf_of_the_chain(void **state)
{
    Chain *chain = *state;
    AkmaKey256 k_ausf;
    AkmaKey256 k_seaf;

    test_vectors_hex(chain->root, "kausf", k_ausf.bytes, 32);
    assert_true(akma_kdf_k_seaf(&k_ausf, chain->sn, &k_seaf, NULL));

    expect(chain, "kseaf", k_seaf.bytes, 32);
}

/*= TS 33.501 A.3: CK' || IK' = KDF(CK || IK, 0x20, SN name, SQN xor AK) */
static void
ck_and_ik_prime_of_rfc_5448_and_of_the_chain(void **state)
{
    Chain *chain = *state;
    json_t *root = test_vectors_load("eap-aka-prime.json");
    AkmaKey128 out[2];
    json_t *one;
    size_t i;

    json_array_foreach(json_object_get(root, "cases"), i, one)
    {
        AkmaKey128 ck;
        AkmaKey128 ik;
        uint8_t autn[16];
        uint8_t expected[16];

        test_vectors_hex(one, "ck", ck.bytes, 16);
        test_vectors_hex(one, "ik", ik.bytes, 16);
        test_vectors_hex(one, "autn", autn, 16);
        assert_true(akma_kdf_ck_ik_prime(
            &ck, &ik, test_vectors_string(one, "network"), autn, &out[0], &out[1], NULL));

        test_vectors_hex(one, "ck_prime", expected, 16);
        assert_memory_equal(out[0].bytes, expected, 16);
        test_vectors_hex(one, "ik_prime", expected, 16);
        assert_memory_equal(out[1].bytes, expected, 16);
    }
    assert_int_equal(i, 4);

    assert_true(akma_kdf_ck_ik_prime(
        &chain->out.ck, &chain->out.ik, chain->sn, chain->autn, &out[0], &out[1], NULL));
    expect(chain, "ckp_ikp", out, 32);
    json_decref(root);
}

/*= TS 24.501 9.12.1: "5G:" and the domain of the serving network */
static void
serving_network_has_an_mnc_of_three_digits(void **state)
{
    Chain *chain = *state;
    g_autofree char *padded = akma_kdf_serving_network("001", "01", NULL);
    g_autofree char *three = akma_kdf_serving_network("310", "410", NULL);

    assert_string_equal(padded, chain->sn);
    assert_string_equal(three, "5G:mnc410.mcc310.3gppnetwork.org");
}

static void
reject_serving_network_that_is_not_digits(void **state)
{
    g_autoptr(GError) error = NULL;

    (void)state;
    assert_null(akma_kdf_serving_network("001", "1", &error));

    assert_true(g_error_matches(error, AKMA_ERROR, AKMA_ERROR_INVALID_ARGUMENT));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(k_ausf_of_the_chain),
        cmocka_unit_test(reject_k_ausf_with_an_mnc_that_is_not_padded),
        cmocka_unit_test(res_star_of_the_chain),
        cmocka_unit_test(hxres_star_is_half_of_a_hash),
        cmocka_unit_test(k_seaf_of_the_chain),
        cmocka_unit_test(ck_and_ik_prime_of_rfc_5448_and_of_the_chain),
        cmocka_unit_test(serving_network_has_an_mnc_of_three_digits),
        cmocka_unit_test(reject_serving_network_that_is_not_digits),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
