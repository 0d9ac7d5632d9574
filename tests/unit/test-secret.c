/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "base/secret.h"

#include <openssl/crypto.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"

static void
secret_keeps_its_bytes_and_length(void **state G_GNUC_UNUSED)
{
    g_autoptr(AkmaSecret) secret = akma_secret_new("0123456789abcdef", 16, NULL);
    size_t len;

    assert_non_null(secret);
    assert_memory_equal(akma_secret_peek(secret, &len), "0123456789abcdef", 16);
    assert_int_equal(len, 16);
    assert_true(CRYPTO_secure_allocated(secret));
}

static void
secrets_compare_by_content_and_length(void **state G_GNUC_UNUSED)
{
    g_autoptr(AkmaSecret) a = akma_secret_new("aaaa", 4, NULL);
    g_autoptr(AkmaSecret) b = akma_secret_new("aaaa", 4, NULL);
    g_autoptr(AkmaSecret) c = akma_secret_new("aaab", 4, NULL);
    g_autoptr(AkmaSecret) d = akma_secret_new("aaaaa", 5, NULL);

    assert_true(akma_secret_equal(a, b));
    assert_false(akma_secret_equal(a, c));
    assert_false(akma_secret_equal(a, d));
}

static void
last_reference_wipes(void **state G_GNUC_UNUSED)
{
    AkmaSecret *secret = akma_secret_new("wipe me, wipe me, wipe me, wipe.", 32, NULL);
    AkmaSecret *other = akma_secret_ref(secret);
    size_t len;
    const uint8_t *bytes = akma_secret_peek(secret, &len);

    akma_secret_unref(secret);
    assert_int_equal(bytes[0], 'w');
    akma_secret_unref(other);
    /* the page stays ours, so the block can be looked at; the heap's own links stand at its start
     */
    for (size_t i = 16; i < len; i++)
        assert_int_equal(bytes[i], 0);
}

static void
stack_key_is_wiped_on_return(void **state G_GNUC_UNUSED)
{
    AkmaKey256 key;

    memset(&key, 0xaa, sizeof key);
    akma_key256_clear(&key);
    for (size_t i = 0; i < sizeof key.bytes; i++)
        assert_int_equal(key.bytes[i], 0);
}

static void
full_heap_is_an_error_not_an_abort(void **state G_GNUC_UNUSED)
{
    g_autoptr(GPtrArray) held = g_ptr_array_new_with_free_func((GDestroyNotify)akma_secret_unref);
    g_autoptr(GError) error = NULL;
    uint8_t *room;
    AkmaSecret *secret;

    while ((secret = akma_secret_new_blank(32 * 1024, &room, &error)))
        g_ptr_array_add(held, secret);

    assert_true(held->len > 0);
    assert_true(g_error_matches(error, AKMA_ERROR, AKMA_ERROR_INTERNAL));
}

static int
heap(void **state G_GNUC_UNUSED)
{
    size_t size;

    return akma_secret_heap_init(1, &size, NULL) && size == AKMA_SECRET_HEAP_MIN ? 0 : -1;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(secret_keeps_its_bytes_and_length),
        cmocka_unit_test(secrets_compare_by_content_and_length),
        cmocka_unit_test(last_reference_wipes),
        cmocka_unit_test(stack_key_is_wiped_on_return),
        cmocka_unit_test(full_heap_is_an_error_not_an_abort),
    };

    return cmocka_run_group_tests(tests, heap, NULL);
}
