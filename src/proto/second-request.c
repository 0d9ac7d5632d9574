/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "proto/second-request.h"

#include "proto/json.h"
#include "proto/key-set.h"

AkmaSecret *
akma_second_request_to_json(const char *const *key_ids, GError **error)
{
    json_auto_t *root = json_pack("{s:o}", "key_ids", akma_json_from_strv(key_ids));

    return akma_json_dump_secret(root, error);
}

bool
akma_second_request_from_json(const AkmaSecret *plaintext,
                              GStrv *ret_key_ids,
                              AkmaRefusal *ret_refusal)
{
    size_t len;
    const uint8_t *bytes = akma_secret_peek(plaintext, &len);
    json_auto_t *root = akma_json_load(bytes, len, AKMA_REQUEST_MAX, ret_refusal);

    if (!root)
        return false;
    if (!akma_json_get_key_ids(root, "key_ids", 1, AKMA_KEY_IDS_MAX, ret_key_ids))
        return akma_refuse(
            ret_refusal, AKMA_CAUSE_MALFORMED, "key_ids are not 1 to 16 different identifiers");

    return true;
}
