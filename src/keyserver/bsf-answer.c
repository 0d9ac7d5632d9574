/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/bsf-answer.h"

#include <openssl/crypto.h>
#include <string.h>

#include "base/text.h"
#include "keyserver/impi.h"
#include "keyserver/terminal-id.h"
#include "proto/json.h"

/*= TS 29.309 BootstrappingInfoRequest: btId, nafId = {nafFqdn, uaSecProtId}, gbaUAware */
GBytes *
akma_bsf_request_new(const AkmaAfId *naf_id, const char *b_tid)
{
    g_autofree char *fqdn = akma_af_id_dup_fqdn(naf_id);
    char ua_id[AKMA_HEX_LEN(AKMA_UA_ID_LEN) + 1];
    json_auto_t *root = NULL;

    akma_hex_encode(naf_id->bytes + naf_id->len - AKMA_UA_ID_LEN, AKMA_UA_ID_LEN, ua_id);
    root = json_pack("{s:s, s:{s:s, s:s}, s:b}",
                     "btId",
                     b_tid,
                     "nafId",
                     "nafFqdn",
                     fqdn,
                     "uaSecProtId",
                     ua_id,
                     "gbaUAware",
                     0);

    return root ? akma_json_dump(root) : NULL;
}

/*= TS 29.309 GbaType: absent means 3G_GBA; others do not come from a USIM's AKA */
static bool
check_type(const json_t *root, AkmaRefusal *ret_refusal)
{
    const json_t *type = json_object_get(root, "gbaType");

    if (type && g_strcmp0(json_string_value(type), "3G_GBA") != 0)
        return akma_refuse(
            ret_refusal, AKMA_CAUSE_ANCHOR_REFUSED, "the terminal did not bootstrap with its USIM");

    return true;
}

/*= TS 29.309 KeyChoice: a BSF may demand the key that stays in the card, and we have none */
static bool
check_key_choice(const json_t *root, AkmaRefusal *ret_refusal)
{
    const json_t *list = json_object_get(root, "ussList");
    const json_t *item;
    size_t i;

    if (list && !json_is_array(list))
        return akma_refuse(
            ret_refusal, AKMA_CAUSE_ANCHOR_REFUSED, "the anchor's user settings are no list");

    json_array_foreach(list, i, item)
    {
        const json_t *choice = json_object_get(json_object_get(item, "uss"), "keyChoice");

        if (choice && g_strcmp0(json_string_value(choice), "ME_BASED_KEY") != 0)
            return akma_refuse(
                ret_refusal, AKMA_CAUSE_ANCHOR_REFUSED, "the anchor demands the key of the card");
    }

    return true;
}

static bool
read_identity(const json_t *root,
              AkmaIdentityKind kind,
              AkmaAnchorAnswer *answer,
              AkmaRefusal *ret_refusal)
{
    char identity[AKMA_IMPI_IDENTITY_SIZE];
    const char *impi;
    bool ok;

    /* an answer without one is anonymous: nobody to give keys to */
    ok = akma_json_get_text(root, "impi", 1, AKMA_IDENTITY_MAX, &impi) &&
         akma_impi_to_identity(impi, identity);
    ok = akma_anchor_take_identity(kind, ok ? identity : NULL, answer, ret_refusal);
    OPENSSL_cleanse(identity, sizeof identity);

    return ok;
}

/*= TS 29.309 BootstrappingInfoResponse: meKeyMaterial is the first key; keyExpiryTime may lack */
bool
akma_bsf_answer_parse(const uint8_t *body,
                      size_t len,
                      AkmaIdentityKind kind,
                      int64_t now,
                      AkmaAnchorAnswer *ret,
                      AkmaRefusal *ret_refusal)
{
    g_auto(AkmaAnchorAnswer) answer = {.expiry = AKMA_ANCHOR_NO_EXPIRY};
    /* jansson wipes what it frees: nothing of the key or the subscriber stays there */
    json_auto_t *root = akma_json_load(body, len, AKMA_ANCHOR_ANSWER_MAX, ret_refusal);

    if (!root)
        return akma_refuse(
            ret_refusal, AKMA_CAUSE_ANCHOR_REFUSED, "the anchor's answer is not JSON");

    if (!check_type(root, ret_refusal) || !check_key_choice(root, ret_refusal) ||
        !akma_anchor_read_key(root, "meKeyMaterial", &answer, ret_refusal))
        return false;
    if (json_object_get(root, "keyExpiryTime") &&
        !akma_anchor_read_expiry(root, "keyExpiryTime", now, &answer, ret_refusal))
        return false;
    if (!read_identity(root, kind, &answer, ret_refusal))
        return false;

    *ret = answer;
    answer = (AkmaAnchorAnswer){0};

    return true;
}
