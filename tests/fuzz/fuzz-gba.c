/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a BSF or a NAF answers: the first byte says which part of it the rest is. */
#include <string.h>

#include "anchor/digest.h"
#include "anchor/gba-info.h"
#include "anchor/gba-names.h"
#include "tests/fuzz/fuzz.h"

static void
check_answer(const char *field)
{
    g_auto(AkmaDigestChallenge) challenge = {0};
    const AkmaDigestInput input = {
        .challenge = &challenge,
        .auth_int = true,
        .username = "a@b",
        .password = (const uint8_t *)"key",
        .password_len = 3,
        .method = "GET",
        .uri = "/",
        .cnonce = "c",
    };

    challenge.realm = g_strdup("r");
    challenge.nonce = g_strdup("n");
    akma_digest_check_answer(&input, field, NULL, 0, NULL);
}

static void
take_challenge(const char *field)
{
    g_auto(AkmaDigestChallenge) challenge = {0};
    g_auto(AkmaGbaNames) names = {0};

    if (!akma_digest_parse_challenge(field, &challenge, NULL) ||
        !akma_gba_names_init(&names, "001010123456789", 2, NULL, NULL, NULL))
        return;
    akma_gba_names_allow_realm(&names, challenge.realm);
    akma_gba_names_allow_domain(&names, challenge.domain);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = size > 0 ? g_strndup((const char *)data + 1, size - 1) : NULL;
    AkmaGbaInfo info;

    if (size == 0)
        return 0;
    switch (data[0] % 3) {
    case 0:
        take_challenge(text);
        break;
    case 1:
        check_answer(text);
        break;
    default:
        akma_gba_info_parse(data + 1, size - 1, &info, NULL);
        break;
    }

    return 0;
}
