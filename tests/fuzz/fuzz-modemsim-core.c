/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the core answers: the challenge, and the confirmation. */
#include "modem/simulator/nausf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AkmaSoftChallenge challenge;
    uint8_t k_seaf[32];
    bool has_k_seaf;

    if (akma_soft_nausf_parse_challenge(data, size, &challenge, NULL)) {
        g_assert_true(challenge.confirmation[0] == '/');
        g_free(challenge.confirmation);
    }
    akma_soft_nausf_parse_confirmation(data, size, k_seaf, &has_k_seaf, NULL);

    return 0;
}
