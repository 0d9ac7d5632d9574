/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fuzz-tpm-blob: the file of a sealed key; what is read comes back when written. */
#include "tpm/blob.h"

#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GByteArray) again = NULL;
    AkmaTpmBlob blob;

    if (!akma_tpm_blob_read(data, size, &blob, NULL))
        return 0;
    again = akma_tpm_blob_write(&blob);
    if (again->len != size)
        abort();
    for (size_t i = 0; i < size; i++) {
        if (again->data[i] != data[i])
            abort();
    }

    return 0;
}
