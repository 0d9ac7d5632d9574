/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fuzz-store: the bytes inside the sealed file; what is read must come back when written. */

#include "store/plain.h"

#include <openssl/crypto.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    g_auto(AkmaPlain) again = {0};
    g_autoptr(GPtrArray) entries = NULL;
    int64_t last_time;

    if (!CRYPTO_secure_malloc_initialized() &&
        !akma_secret_heap_init(AKMA_SECRET_HEAP_SIZE, NULL, NULL))
        return 0;

    entries = akma_plain_read(bytes, len, &last_time, NULL);
    if (entries && akma_plain_write(&again, entries, last_time, NULL)) {
        g_assert_cmpuint(again.len, ==, len);
        for (size_t i = 0; i < len; i++)
            g_assert_cmpint(again.bytes[i], ==, bytes[i]);
    }

    return 0;
}
