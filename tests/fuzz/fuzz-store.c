/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * fuzz-store: the bytes inside the sealed file, in this version and the one before; what is read in
 * this one must come back when written.
 */

#include "store/plain.h"

#include <openssl/crypto.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void
read_as(uint8_t version, const uint8_t *bytes, size_t len)
{
    const AkmaPlain plain = {.bytes = (uint8_t *)bytes, .len = len, .version = version};
    g_auto(AkmaPlain) again = {0};
    g_autoptr(GPtrArray) times = NULL;
    g_autoptr(GPtrArray) entries = akma_plain_read(&plain, &times, NULL);

    if (!entries || !akma_plain_write(&again, times, entries, NULL) ||
        version != AKMA_PLAIN_VERSION)
        return;
    g_assert_cmpuint(again.len, ==, len);
    for (size_t i = 0; i < len; i++)
        g_assert_cmpint(again.bytes[i], ==, bytes[i]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (!CRYPTO_secure_malloc_initialized() &&
        !akma_secret_heap_init(AKMA_SECRET_HEAP_SIZE, NULL, NULL))
        return 0;

    read_as(AKMA_PLAIN_VERSION, bytes, len);
    read_as(AKMA_PLAIN_VERSION_BEFORE, bytes, len);

    return 0;
}
