/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/anchor-answer.h"

#include <openssl/crypto.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "keyserver/terminal-id.h"
#include "proto/json.h"

#define KEY_LEN 32

void
akma_anchor_answer_clear(AkmaAnchorAnswer *self)
{
    g_clear_pointer(&self->first_key, akma_secret_unref);
    g_clear_pointer(&self->identity, akma_secret_unref);
}

/*= TS 29.535 retrieve-applicationkey: AkmaAfKeyRequest with afId, aKId and anonInd */
GBytes *
akma_anchor_request_new(const char *af_id, const char *kid)
{
    json_t *root = json_pack("{s:s,s:s,s:b}", "afId", af_id, "aKId", kid, "anonInd", 0);
    GBytes *body = root ? akma_json_dump(root) : NULL;

    json_decref(root);

    return body;
}

static bool
refuse(AkmaRefusal *ret, AkmaCause cause, const char *detail)
{
    *ret = (AkmaRefusal){.cause = cause, .detail = detail};

    return false;
}

/* RFC 3339: a date and a time with a zone. */
static bool
parse_time(const char *text, int64_t *ret)
{
    size_t len = strlen(text);
    g_autoptr(GDateTime) time = NULL;

    if (len < strlen("2026-01-01T00:00:00Z") || len > 40 || text[4] != '-' || text[7] != '-' ||
        (text[10] != 'T' && text[10] != 't') || text[13] != ':' || text[16] != ':')
        return false;
    time = g_date_time_new_from_iso8601(text, NULL);
    if (!time)
        return false;
    *ret = g_date_time_to_unix(time);

    return true;
}

/*= TS 29.522 AkmaAfKeyData: kaf is a string; that it is 64 hexadecimal digits, we check */
static bool
read_key(const json_t *root, AkmaAnchorAnswer *answer, AkmaRefusal *ret_refusal)
{
    uint8_t *bytes;
    const char *text;

    answer->first_key = akma_secret_new_blank(KEY_LEN, &bytes, NULL);
    if (!answer->first_key)
        return refuse(ret_refusal, AKMA_CAUSE_STORE_UNAVAILABLE, "no room left for keys");
    if (!akma_json_get_text(root, "kaf", AKMA_HEX_LEN(KEY_LEN), AKMA_HEX_LEN(KEY_LEN), &text) ||
        !akma_hex_decode(text, AKMA_HEX_LEN(KEY_LEN), bytes, KEY_LEN))
        return refuse(ret_refusal, AKMA_CAUSE_ANCHOR_REFUSED, "the anchor's key is no key");

    return true;
}

static bool
read_expiry(const json_t *root, int64_t now, AkmaAnchorAnswer *answer, AkmaRefusal *ret_refusal)
{
    const char *text;

    if (!akma_json_get_text(root, "expiry", 1, 64, &text) || !parse_time(text, &answer->expiry))
        return refuse(ret_refusal, AKMA_CAUSE_ANCHOR_REFUSED, "the anchor's expiry is no time");
    if (answer->expiry <= now)
        return refuse(ret_refusal, AKMA_CAUSE_ANCHOR_REFUSED, "the anchor's key has expired");

    return true;
}

static bool
read_identity(const json_t *root,
              AkmaIdentityKind kind,
              AkmaAnchorAnswer *answer,
              AkmaRefusal *ret_refusal)
{
    const char *member = kind == AKMA_IDENTITY_SUPI ? "supi" : "gpsi";
    const char *text;

    if (!akma_json_get_text(root, member, 1, AKMA_IDENTITY_MAX, &text) ||
        !akma_identity_is_valid(kind, text, strlen(text)))
        return refuse(ret_refusal,
                      AKMA_CAUSE_ANCHOR_REFUSED,
                      "the anchor names no subscriber of the kind that this store keeps");
    answer->identity = akma_secret_new(text, strlen(text), NULL);

    return answer->identity ||
           refuse(ret_refusal, AKMA_CAUSE_STORE_UNAVAILABLE, "no room left for keys");
}

bool
akma_anchor_answer_parse(const uint8_t *body,
                         size_t len,
                         AkmaIdentityKind kind,
                         int64_t now,
                         AkmaAnchorAnswer *ret,
                         AkmaRefusal *ret_refusal)
{
    g_auto(AkmaAnchorAnswer) answer = {0};
    json_t *root = akma_json_load(body, len, AKMA_ANCHOR_ANSWER_MAX, ret_refusal);
    bool ok;

    if (!root)
        return refuse(ret_refusal, AKMA_CAUSE_ANCHOR_REFUSED, "the anchor's answer is not JSON");

    ok = read_key(root, &answer, ret_refusal) && read_expiry(root, now, &answer, ret_refusal) &&
         read_identity(root, kind, &answer, ret_refusal);
    /* jansson wipes what it frees: nothing of the key or the subscriber stays there */
    json_decref(root);
    if (!ok)
        return false;

    *ret = answer;
    answer = (AkmaAnchorAnswer){0};

    return true;
}
