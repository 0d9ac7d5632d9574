/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "kdf/sha256.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"

#define THREADS 8

static void
expect(const char *text, const char *expected)
{
    uint8_t digest[AKMA_SHA256_LEN];
    char hex[AKMA_HEX_LEN(AKMA_SHA256_LEN) + 1];

    assert_true(akma_sha256(text, strlen(text), digest));
    akma_hex_encode(digest, sizeof digest, hex);

    assert_string_equal(hex, expected);
}

/* FIPS 180-2 B.1, B.2, and the empty message of the NIST CAVP (SHA256ShortMsg) */
static void
gives_the_published_values(void **state)
{
    (void)state;

    expect("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    expect("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
           "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    expect("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static gpointer
run_thread(gpointer data)
{
    uint8_t digest[AKMA_SHA256_LEN];

    (void)data;

    return GINT_TO_POINTER(akma_sha256("abc", 3, digest) && digest[0] == 0xba &&
                           digest[AKMA_SHA256_LEN - 1] == 0xad);
}

static void
serves_threads_that_all_come_first(void **state)
{
    GThread *threads[THREADS];

    (void)state;

    for (size_t i = 0; i < THREADS; i++)
        threads[i] = g_thread_new("sha256", run_thread, NULL);
    for (size_t i = 0; i < THREADS; i++)
        assert_true(GPOINTER_TO_INT(g_thread_join(threads[i])));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(serves_threads_that_all_come_first),
        cmocka_unit_test(gives_the_published_values),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
