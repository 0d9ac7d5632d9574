/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/anchor-answer.h"

#include "keyserver/terminal-id.h"
#include "proto/json.h"

/*= TS 29.535 retrieve-applicationkey: AkmaAfKeyRequest with afId, aKId and anonInd */
GBytes *
akma_anchor_request_new(const AkmaAfId *af_id, const char *kid)
{
    g_autofree char *wire = akma_af_id_dup_wire(af_id);
    json_auto_t *root = json_pack("{s:s,s:s,s:b}", "afId", wire, "aKId", kid, "anonInd", 0);

    return root ? akma_json_dump(root) : NULL;
}

bool
akma_anchor_answer_parse(const uint8_t *body,
                         size_t len,
                         AkmaIdentityKind kind,
                         int64_t now,
                         AkmaAnchorAnswer *ret,
                         AkmaRefusal *ret_refusal)
{
    const char *member = kind == AKMA_IDENTITY_SUPI ? "supi" : "gpsi";
    g_auto(AkmaAnchorAnswer) answer = {0};
    /* jansson wipes what it frees: nothing of the key or the subscriber stays there */
    json_auto_t *root = akma_json_load(body, len, AKMA_ANCHOR_ANSWER_MAX, ret_refusal);
    const char *identity = NULL;

    if (!root)
        return akma_refuse(
            ret_refusal, AKMA_CAUSE_ANCHOR_REFUSED, "the anchor's answer is not JSON");

    akma_json_get_text(root, member, 1, AKMA_IDENTITY_MAX, &identity);
    /*= TS 29.522 AkmaAfKeyData: kaf is a string; that it is 64 hexadecimal digits, we check */
    if (!akma_anchor_read_key(root, "kaf", &answer, ret_refusal) ||
        !akma_anchor_read_expiry(root, "expiry", now, &answer, ret_refusal) ||
        !akma_anchor_take_identity(kind, identity, &answer, ret_refusal))
        return false;

    *ret = answer;
    answer = (AkmaAnchorAnswer){0};

    return true;
}
