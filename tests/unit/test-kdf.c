/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "kdf/kdf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "tests/fakes/vectors.h"

/*= TS 33.220 B.2.2: S = FC || P0 || L0 || P1 || L1 ..., lengths in two octets, big endian */
static void
derives_the_chain_from_its_pieces(void **state)
{
    json_t *root = test_vectors_load("chain.json");
    const char *supi = test_vectors_string(root, "supi_P1");
    const AkmaKdfParameter parameters[] = {{"AKMA", 4}, {supi, strlen(supi)}};
    AkmaKey256 k_ausf;
    AkmaKey256 expected;
    AkmaKey256 k_akma;

    (void)state;
    test_vectors_hex(root, "kausf", k_ausf.bytes, 32);
    test_vectors_hex(root, "kakma", expected.bytes, 32);

    assert_true(akma_kdf(k_ausf.bytes, 32, 0x80, parameters, 2, &k_akma, NULL));

    assert_memory_equal(k_akma.bytes, expected.bytes, 32);
    json_decref(root);
}

static void
length_keeps_parameters_apart(void **state)
{
    const AkmaKdfParameter one[] = {{"ab", 2}, {"c", 1}};
    const AkmaKdfParameter other[] = {{"a", 1}, {"bc", 2}};
    const AkmaKey256 key = {{1}};
    AkmaKey256 first;
    AkmaKey256 second;

    (void)state;
    assert_true(akma_kdf(key.bytes, 32, 1, one, 2, &first, NULL));
    assert_true(akma_kdf(key.bytes, 32, 1, other, 2, &second, NULL));

    assert_memory_not_equal(first.bytes, second.bytes, 32);
}

static void
reject_parameter_over_65535_octets(void **state)
{
    g_autofree uint8_t *large = g_malloc0(65536);
    AkmaKdfParameter parameter = {large, 65536};
    const AkmaKey256 key = {{1}};
    AkmaKey256 out = {{0x5a}};
    g_autoptr(GError) error = NULL;

    (void)state;
    assert_false(akma_kdf(key.bytes, 32, 1, &parameter, 1, &out, &error));
    assert_true(g_error_matches(error, AKMA_ERROR, AKMA_ERROR_INTERNAL));
    assert_int_equal(out.bytes[0], 0x5a);

    parameter.len = 65535;
    assert_true(akma_kdf(key.bytes, 32, 1, &parameter, 1, &out, NULL));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(derives_the_chain_from_its_pieces),
        cmocka_unit_test(length_keeps_parameters_apart),
        cmocka_unit_test(reject_parameter_over_65535_octets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
