/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fuzz-first-response: the body of a 201, and the same bytes as the offer sealed in it. */
#include "proto/first-response.h"

#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_auto(AkmaFirstResponse) response = {0};
    g_auto(AkmaOffer) offer = {0};
    g_autoptr(AkmaSecret) plaintext = fuzz_secret(data, size);
    AkmaRefusal refusal;

    akma_first_response_from_json(data, size, &response, &refusal);
    if (plaintext)
        akma_offer_from_json(plaintext, &offer, &refusal);

    return 0;
}
