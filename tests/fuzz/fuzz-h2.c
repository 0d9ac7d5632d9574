/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fuzz-h2: what a peer may send to the server in clear text, HTTP/2. */
#include "tests/fuzz/fuzz-server.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_server(AKMA_HTTP_2, data, size);
}
