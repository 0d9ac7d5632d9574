/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fuzz-digest-credentials: Authorization and User-Agent of the HTTP Digest face; what is parsed is
 * computed. */
#include "keyserver/digest-credentials.h"

#include "keyserver/digest-challenge.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const AkmaDigestMessage message = {"GET", data, size};
    g_autofree char *text = g_strndup((const char *)data, size);
    g_auto(AkmaDigestCredentials) credentials = {0};
    uint8_t digest[AKMA_DIGEST_LEN];

    akma_digest_get_kinds(text);
    if (akma_digest_parse(text, &credentials))
        akma_digest_compute(&credentials, "password", &message, digest);

    return 0;
}
