/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/anchor-value.h"

#include <string.h>

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

static bool
refuse(AkmaRefusal *ret, const char *detail)
{
    return akma_refuse(ret, AKMA_CAUSE_ANCHOR_REFUSED, detail);
}

static bool
refuse_for_room(AkmaRefusal *ret)
{
    return akma_refuse(ret, AKMA_CAUSE_STORE_UNAVAILABLE, "no room left for keys");
}

bool
akma_anchor_read_key(const json_t *root,
                     const char *member,
                     AkmaAnchorAnswer *answer,
                     AkmaRefusal *ret_refusal)
{
    uint8_t *bytes;
    const char *text;

    answer->first_key = akma_secret_new_blank(KEY_LEN, &bytes, NULL);
    if (!answer->first_key)
        return refuse_for_room(ret_refusal);
    if (!akma_json_get_text(root, member, AKMA_HEX_LEN(KEY_LEN), AKMA_HEX_LEN(KEY_LEN), &text) ||
        !akma_hex_decode(text, AKMA_HEX_LEN(KEY_LEN), bytes, KEY_LEN))
        return refuse(ret_refusal, "the anchor's key is no key");

    return true;
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

bool
akma_anchor_read_expiry(const json_t *root,
                        const char *member,
                        int64_t now,
                        AkmaAnchorAnswer *answer,
                        AkmaRefusal *ret_refusal)
{
    const char *text;

    if (!akma_json_get_text(root, member, 1, 64, &text) || !parse_time(text, &answer->expiry))
        return refuse(ret_refusal, "the anchor's expiry is no time");
    if (answer->expiry <= now)
        return refuse(ret_refusal, "the anchor's key has expired");

    return true;
}

bool
akma_anchor_take_identity(AkmaIdentityKind kind,
                          const char *identity,
                          AkmaAnchorAnswer *answer,
                          AkmaRefusal *ret_refusal)
{
    if (!identity || !akma_identity_is_valid(kind, identity, strlen(identity)))
        return refuse(ret_refusal,
                      "the anchor names no subscriber of the kind that this store keeps");
    answer->identity = akma_secret_new(identity, strlen(identity), NULL);

    return answer->identity || refuse_for_room(ret_refusal);
}
