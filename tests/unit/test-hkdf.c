/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "kdf/hkdf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "tests/fakes/vectors.h"

static size_t
decode(json_t *one, const char *member, uint8_t ret[static 128])
{
    const char *text = test_vectors_string(one, member);
    size_t len = strlen(text) / 2;

    assert_in_range(len, 0, 128);
    assert_true(akma_hex_decode(text, strlen(text), ret, len));

    return len;
}

/*= RFC 5869 2.2: PRK = HMAC-Hash(salt, IKM) */
/*= RFC 5869 2.3: T(1) = HMAC-Hash(PRK, info || 0x01) */
static void
gives_the_published_values(void **state)
{
    json_t *root = test_vectors_load("hkdf.json");
    json_t *one;
    size_t i;

    (void)state;
    json_array_foreach(json_object_get(root, "cases"), i, one)
    {
        uint8_t ikm[128];
        uint8_t salt[128];
        uint8_t info[128];
        size_t ikm_len = decode(one, "ikm", ikm);
        size_t salt_len = decode(one, "salt", salt);
        size_t info_len = decode(one, "info", info);
        AkmaKey256 expected;
        AkmaKey256 prk;
        AkmaKey256 okm;

        assert_true(akma_hkdf_extract(salt, salt_len, ikm, ikm_len, &prk, NULL));
        test_vectors_hex(one, "prk", expected.bytes, 32);
        assert_memory_equal(prk.bytes, expected.bytes, 32);

        assert_true(akma_hkdf_expand32(&prk, info, info_len, &okm, NULL));
        test_vectors_hex(one, "okm", expected.bytes, 32);
        assert_memory_equal(okm.bytes, expected.bytes, 32);
    }
    assert_int_equal(i, 3);
    json_decref(root);
}

/* The key schedule of the key-delivery protocol, both directions. */
static void
gives_the_keys_of_the_protocol(void **state)
{
    json_t *root = test_vectors_load("protocol-vectors.json");
    json_t *akma = json_object_get(root, "akma");
    uint8_t salt[64];
    uint8_t info[70];
    AkmaKey256 first_key;
    AkmaKey256 expected;
    AkmaKey256 prk;
    AkmaKey256 out;

    (void)state;
    test_vectors_hex(akma, "first_key", first_key.bytes, 32);
    test_vectors_hex(akma, "nonce_terminal", salt, 32);
    test_vectors_hex(akma, "nonce_server", salt + 32, 32);

    assert_true(akma_hkdf_extract(salt, sizeof salt, first_key.bytes, 32, &prk, NULL));
    test_vectors_hex(akma, "PRK", expected.bytes, 32);
    assert_memory_equal(prk.bytes, expected.bytes, 32);

    test_vectors_hex(akma, "info_server", info, sizeof info);
    test_vectors_hex(akma, "K_server", expected.bytes, 32);
    assert_true(akma_hkdf_expand32(&prk, info, sizeof info, &out, NULL));
    assert_memory_equal(out.bytes, expected.bytes, 32);

    test_vectors_hex(akma, "info_term", info, sizeof info);
    test_vectors_hex(akma, "K_term", expected.bytes, 32);
    assert_true(akma_hkdf_expand32(&prk, info, sizeof info, &out, NULL));
    assert_memory_equal(out.bytes, expected.bytes, 32);
    json_decref(root);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_the_published_values),
        cmocka_unit_test(gives_the_keys_of_the_protocol),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
