/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fuzz: what the fuzz targets of proto share. */
#pragma once

#include "base/secret.h"

#include <openssl/crypto.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* @data in the secure heap, which is made first; NULL if it is empty or too long for a secret. */
static inline AkmaSecret *
fuzz_secret(const uint8_t *data, size_t size)
{
    if (!CRYPTO_secure_malloc_initialized())
        akma_secret_heap_init(AKMA_SECRET_HEAP_SIZE, NULL, NULL);

    return size > 0 && size <= AKMA_SECRET_LEN_MAX ? akma_secret_new(data, size, NULL) : NULL;
}
