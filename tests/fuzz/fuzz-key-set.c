/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fuzz-key-set: the second response; what is accepted must be written and read again alike. */
#include "proto/key-set.h"

#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const asked[] = {"mqtt", "vpn", NULL};
    g_autoptr(AkmaSecret) plaintext = fuzz_secret(data, size); /* makes the secure heap */
    g_autoptr(AkmaKeySet) matching = akma_key_set_from_json(data, size, asked, NULL);
    g_autoptr(AkmaKeySet) keys = akma_key_set_from_json(data, size, NULL, NULL);
    g_autoptr(AkmaKey) alone = akma_key_from_jwk(data, size, "mqtt", 0, NULL);
    g_autoptr(AkmaKeySet) again = NULL;
    g_autoptr(AkmaSecret) json = NULL;
    const uint8_t *bytes;
    size_t len;

    g_assert_true(!matching || keys);
    g_assert_true(!alone || g_str_equal(alone->key_id, "mqtt"));
    if (!plaintext || !keys)
        return 0;

    json = akma_key_set_to_json(keys, NULL);
    g_assert_nonnull(json);
    bytes = akma_secret_peek(json, &len);
    again = akma_key_set_from_json(bytes, len, NULL, NULL);
    g_assert_true(again && again->keys->len == keys->keys->len);

    return 0;
}
