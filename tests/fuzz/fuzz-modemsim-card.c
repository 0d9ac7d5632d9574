/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The card file. */
#include "tests/fakes/soft-card.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AkmaSoftProfile *profile = soft_card_load((const char *)data, size);

    if (profile)
        akma_soft_uicc_free(akma_soft_uicc_new(profile, NULL));

    return 0;
}
