/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "kdf/sha256.h"

#include <openssl/evp.h>

/* It lives as long as the process: fetching it anew costs more than to hash a short text. */
static const EVP_MD *
get_sha256(void)
{
    static EVP_MD *md;
    static gsize once;

    if (g_once_init_enter(&once)) {
        md = EVP_MD_fetch(NULL, "SHA256", NULL);
        g_once_init_leave(&once, 1);
    }

    return md;
}

bool
akma_sha256(const void *bytes, size_t len, uint8_t ret[static AKMA_SHA256_LEN])
{
    const EVP_MD *md = get_sha256();

    return md && EVP_Digest(bytes, len, ret, NULL, md, NULL) == 1;
}
