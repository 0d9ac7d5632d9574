/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fuzz-upstream-answer: what a provider answers; what is delivered of it must be well formed. */
#include "keyserver/upstream-answer.h"

#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const asked[] = {"broker", NULL};
    char application[] = "mqtt";
    char upstream_id[] = "broker";
    const AkmaKsUpstream wanted = {
        .application = application, .upstream_id = upstream_id, .base = 7};
    g_autoptr(AkmaKeySet) set = akma_key_set_new(1793836800);
    g_autoptr(AkmaKeySet) answer = NULL;
    g_autoptr(AkmaSecret) json = NULL;
    const char *const told[] = {"mqtt", NULL};
    AkmaCause cause;

    /* makes the secure heap, once */
    json = fuzz_secret((const uint8_t *)"x", 1);
    g_clear_pointer(&json, akma_secret_unref);
    answer = akma_upstream_parse(data, size, asked, &cause);
    if (!answer)
        return 0;

    akma_upstream_add(set, &wanted, answer);
    json = akma_key_set_to_json(set, NULL);
    if (json) {
        size_t len;
        const uint8_t *bytes = akma_secret_peek(json, &len);
        AkmaKeySet *again = akma_key_set_from_json(bytes, len, told, NULL);

        if (!again)
            abort();
        akma_key_set_free(again);
    }

    return 0;
}
