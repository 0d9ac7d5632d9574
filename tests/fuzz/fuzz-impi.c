/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fuzz-impi: the private identity in a BSF's answer; what is taken must be a SUPI. */
#include "keyserver/impi.h"

#include <stdlib.h>
#include <string.h>

#include "keyserver/terminal-id.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    char identity[AKMA_IMPI_IDENTITY_SIZE];

    if (akma_impi_to_identity(text, identity) &&
        !akma_identity_is_valid(AKMA_IDENTITY_SUPI, identity, strlen(identity)))
        abort();

    return 0;
}
