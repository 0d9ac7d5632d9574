/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fuzz-jwe: opening an envelope of the vectors' session under K_term of the vectors (akma). */
#include "proto/jwe.h"

#include "base/text.h"
#include "base/wiping.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static AkmaKey256 key;
    static bool ready;
    AkmaRefusal refusal;

    if (!ready) {
        akma_wiping_init();
        akma_secret_heap_init(AKMA_SECRET_HEAP_SIZE, NULL, NULL);
        akma_hex_decode("63100ed9102efe3f54180fb7a613cfe31368449af74fb33ab056cde22c9dfa4c",
                        64,
                        key.bytes,
                        sizeof key.bytes);
        ready = true;
    }

    akma_secret_unref(akma_jwe_open(
        &key, AKMA_JWE_SECOND_REQUEST, "a1rsZXtgsmFRMJcGGfRq8w", data, size, &refusal));

    return 0;
}
