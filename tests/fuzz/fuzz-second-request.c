/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fuzz-second-request: what a terminal sealed. */
#include "proto/second-request.h"

#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(AkmaSecret) plaintext = fuzz_secret(data, size);
    g_auto(GStrv) key_ids = NULL;
    AkmaRefusal refusal;

    if (plaintext)
        akma_second_request_from_json(plaintext, &key_ids, &refusal);

    return 0;
}
