/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fuzz-lab-digest: the Authorization field of a terminal on Ub. */
#include "lab/digest.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *field = g_strndup((const char *)data, size);
    g_auto(AkmaLabCredentials) credentials = {0};
    char digest[AKMA_LAB_MD5_SIZE];

    if (akma_lab_credentials_parse(field, &credentials)) {
        g_assert_nonnull(credentials.text);
        g_assert_true(akma_lab_digest(&credentials, data, size, "GET", data, size, digest));
        g_assert_cmpuint(strlen(digest), ==, AKMA_LAB_MD5_SIZE - 1);
    }

    return 0;
}
