/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fuzz-bsf-answer: the body of a BSF's 200, for both kinds of identity. */
#include "keyserver/bsf-answer.h"

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

    for (AkmaIdentityKind kind = AKMA_IDENTITY_SUPI; kind <= AKMA_IDENTITY_GPSI; kind++) {
        g_auto(AkmaAnchorAnswer) answer = {0};
        AkmaRefusal refusal;

        akma_bsf_answer_parse(data, size, kind, 1793836800, &answer, &refusal);
    }

    return 0;
}
