/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fuzz-problem: how a server refuses. */
#include "proto/problem.h"

#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AkmaCause cause = akma_problem_get_cause(404, data, size);

    g_assert_true(cause == AKMA_CAUSE_NONE || akma_cause_get_status(cause) == 404);

    return 0;
}
