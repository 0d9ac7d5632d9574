/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "kdf/aes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"

/* FIPS 197 C.1 */
static void
gives_the_published_block(void **state)
{
    g_auto(AkmaAes) aes = {0};
    AkmaKey128 key;
    uint8_t block[16];
    char text[AKMA_HEX_LEN(16) + 1];

    (void)state;
    assert_true(akma_hex_decode("000102030405060708090a0b0c0d0e0f", 32, key.bytes, 16));
    assert_true(akma_hex_decode("00112233445566778899aabbccddeeff", 32, block, 16));

    assert_true(akma_aes_init(&aes, &key, NULL));
    assert_true(akma_aes_encrypt(&aes, block, block, NULL));

    akma_hex_encode(block, sizeof block, text);
    assert_string_equal(text, "69c4e0d86a7b0430d8cdb78070b4c55a");
}

static void
each_block_stands_alone(void **state)
{
    g_auto(AkmaAes) aes = {0};
    const AkmaKey128 key = {0};
    const uint8_t in[16] = {1};
    uint8_t first[16];
    uint8_t second[16];

    (void)state;
    assert_true(akma_aes_init(&aes, &key, NULL));

    assert_true(akma_aes_encrypt(&aes, in, first, NULL));
    assert_true(akma_aes_encrypt(&aes, in, second, NULL));

    assert_memory_equal(first, second, sizeof first);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_the_published_block),
        cmocka_unit_test(each_block_stands_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
