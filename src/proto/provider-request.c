/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "proto/provider-request.h"

#include "base/text.h"
#include "proto/json.h"
#include "proto/key-set.h"

#define TERMINAL_BYTES 32
#define TERMINAL_LEN   AKMA_BASE64URL_LEN(TERMINAL_BYTES)

void
akma_provider_request_clear(AkmaProviderRequest *self)
{
    g_clear_pointer(&self->terminal, g_free);
    g_clear_pointer(&self->key_ids, g_strfreev);
}

GBytes *
akma_provider_request_to_json(const char *terminal, const char *const *key_ids)
{
    json_auto_t *root =
        json_pack("{s:s, s:o}", "terminal", terminal, "key_ids", akma_json_from_strv(key_ids));

    return root ? akma_json_dump(root) : NULL;
}

bool
akma_provider_request_from_json(const uint8_t *json,
                                size_t len,
                                AkmaProviderRequest *ret,
                                AkmaRefusal *ret_refusal)
{
    json_auto_t *root = akma_json_load(json, len, AKMA_REQUEST_MAX, ret_refusal);
    uint8_t bytes[TERMINAL_BYTES];
    const char *terminal;

    if (!root)
        return false;
    if (!akma_json_get_bytes(root, "terminal", bytes, sizeof bytes) ||
        !akma_json_get_text(root, "terminal", TERMINAL_LEN, TERMINAL_LEN, &terminal))
        return akma_refuse(
            ret_refusal, AKMA_CAUSE_MALFORMED, "terminal is not 32 bytes in base64url");
    if (!akma_json_get_key_ids(root, "key_ids", 1, AKMA_KEY_IDS_MAX, &ret->key_ids))
        return akma_refuse(
            ret_refusal, AKMA_CAUSE_MALFORMED, "key_ids are not 1 to 16 different identifiers");
    ret->terminal = g_strdup(terminal);

    return true;
}
