/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fuzz-first-request: what is accepted must be written and read again alike. */
#include "proto/first-request.h"

#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AkmaRefusal refusal;
    g_autoptr(AkmaFirstRequest) request = akma_first_request_from_json(data, size, &refusal);
    g_autoptr(AkmaFirstRequest) again = NULL;
    g_autoptr(GBytes) body = NULL;
    gsize len;
    const void *bytes;

    if (!request)
        return 0;

    body = akma_first_request_to_json(request);
    bytes = g_bytes_get_data(body, &len);
    again = akma_first_request_from_json(bytes, len, &refusal);
    g_assert_true(again && g_str_equal(again->kid, request->kid));

    return 0;
}
