/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fuzz-provider-request: what a consumer sends. */
#include "proto/provider-request.h"

#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_auto(AkmaProviderRequest) request = {0};
    AkmaRefusal refusal;

    akma_provider_request_from_json(data, size, &request, &refusal);

    return 0;
}
