/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fuzz-token-answer: the body of a token endpoint's 200. */
#include "keyserver/anchor-token.h"

#include "base/wiping.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool ready;

    if (!ready) {
        akma_wiping_init();
        akma_secret_heap_init(AKMA_SECRET_HEAP_SIZE, NULL, NULL);
        ready = true;
    }

    {
        g_autoptr(AkmaSecret) header = NULL;
        unsigned lifetime_s;

        akma_token_answer_parse(data, size, &header, &lifetime_s);
    }

    return 0;
}
