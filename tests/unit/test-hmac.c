/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "kdf/hmac.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"

#define THREADS 8

static void
expect(const void *key, size_t key_len, const AkmaHmacPiece *pieces, size_t n, const char *expected)
{
    uint8_t out[32];
    char text[AKMA_HEX_LEN(32) + 1];

    assert_true(akma_hmac_sha256(key, key_len, pieces, n, out, NULL));
    akma_hex_encode(out, sizeof out, text);

    assert_string_equal(text, expected);
}

/* RFC 4231 4.2, 4.3 and 4.7 */
static void
gives_the_published_values(void **state)
{
    const AkmaHmacPiece hi = {"Hi There", 8};
    const AkmaHmacPiece pieces[] = {{"what do ya", 10}, {NULL, 0}, {" want for nothing?", 18}};
    const AkmaHmacPiece large = {"Test Using Larger Than Block-Size Key - Hash Key First", 54};
    uint8_t key[131];

    (void)state;
    memset(key, 0x0b, 20);
    expect(key, 20, &hi, 1, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    expect("Jefe",
           4,
           pieces,
           G_N_ELEMENTS(pieces),
           "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof key);
    expect(key,
           sizeof key,
           &large,
           1,
           "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static gpointer
run_thread(gpointer data)
{
    const AkmaHmacPiece hi = {"Hi There", 8};
    uint8_t key[20];
    uint8_t out[32];

    (void)data;
    memset(key, 0x0b, sizeof key);
    for (size_t i = 0; i < 200; i++) {
        if (!akma_hmac_sha256(key, sizeof key, &hi, 1, out, NULL) || out[0] != 0xb0)
            return GUINT_TO_POINTER(1);
    }

    return NULL;
}

static void
threads_may_begin_at_once(void **state)
{
    GThread *threads[THREADS];

    (void)state;
    for (size_t i = 0; i < THREADS; i++)
        threads[i] = g_thread_new("hmac", run_thread, NULL);

    for (size_t i = 0; i < THREADS; i++)
        assert_null(g_thread_join(threads[i]));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_may_begin_at_once), /* first: nothing is fetched yet */
        cmocka_unit_test(gives_the_published_values),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
