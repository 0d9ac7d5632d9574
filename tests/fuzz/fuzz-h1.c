/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fuzz-h1: heads of HTTP/1.1; however they are cut, the end is found at the same place. */
#include "http/h1.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static AkmaH1Scan
scan_in_steps(const char *bytes, size_t size, size_t *ret_len)
{
    AkmaH1Scan result = AKMA_H1_PART;

    for (size_t i = 0; i < size && result == AKMA_H1_PART; i++)
        result = akma_h1_scan(bytes, i + 1, i, ret_len);

    return result;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t len = 0, len_in_steps = 0;
    AkmaH1Scan result = akma_h1_scan((const char *)data, size, 0, &len);
    g_autofree char *head = NULL;
    AkmaH1Head parsed;

    g_assert_true(result == scan_in_steps((const char *)data, size, &len_in_steps));
    g_assert_true(len == len_in_steps && len <= size);
    if (result != AKMA_H1_WHOLE)
        return 0;

    head = g_memdup2(data, len);
    if (akma_h1_parse(head, len, &parsed) == 0) {
        g_assert_true(parsed.method && parsed.authority && *parsed.authority);
        g_assert_true(parsed.path && (*parsed.path == '/' || strcmp(parsed.path, "*") == 0));
    }

    return 0;
}
