/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "proto/first-request.h"

#include <string.h>

#include "base/text.h"
#include "base/wiping.h"
#include "proto/json.h"
#include "proto/key-set.h"

static const char *const anchor_names[] = {
    [AKMA_ANCHOR_KIND_AKMA] = "akma",
    [AKMA_ANCHOR_KIND_GBA] = "gba",
};

AkmaFirstRequest *
akma_first_request_new(AkmaAnchorKind anchor,
                       const char *kid,
                       const uint8_t nonce[static AKMA_NONCE_LEN],
                       const char *const *key_ids)
{
    AkmaFirstRequest *self = g_new0(AkmaFirstRequest, 1);

    self->anchor = anchor;
    self->kid = akma_wiping_strdup(kid);
    memcpy(self->nonce, nonce, AKMA_NONCE_LEN);
    self->key_ids = g_strdupv((char **)key_ids);

    return self;
}

void
akma_first_request_free(AkmaFirstRequest *self)
{
    if (!self)
        return;

    akma_wiping_free(self->kid);
    g_strfreev(self->key_ids);
    g_free(self);
}

const char *
akma_anchor_kind_get_name(AkmaAnchorKind kind)
{
    g_return_val_if_fail((size_t)kind < G_N_ELEMENTS(anchor_names), NULL);

    return anchor_names[kind];
}

bool
akma_anchor_kind_from_name(const char *name, AkmaAnchorKind *ret)
{
    for (size_t i = 0; i < G_N_ELEMENTS(anchor_names); i++) {
        if (strcmp(anchor_names[i], name) == 0) {
            *ret = (AkmaAnchorKind)i;
            return true;
        }
    }

    return false;
}

bool
akma_anchor_kid_is_valid(const char *kid)
{
    const char *at = strchr(kid, '@');
    size_t len = strlen(kid);

    return len >= 3 && len <= AKMA_ANCHOR_KID_MAX && akma_text_is_graphic(kid) && at && at != kid &&
           at[1] != '\0' && !strchr(at + 1, '@');
}

GBytes *
akma_first_request_to_json(const AkmaFirstRequest *self)
{
    char nonce[AKMA_BASE64URL_LEN(AKMA_NONCE_LEN) + 1];
    json_auto_t *root = NULL;

    akma_base64url_encode(self->nonce, AKMA_NONCE_LEN, nonce);
    root = json_pack("{s:s, s:s, s:s}",
                     "anchor",
                     akma_anchor_kind_get_name(self->anchor),
                     "kid",
                     self->kid,
                     "nonce",
                     nonce);
    if (!root)
        return NULL;
    if (self->key_ids && self->key_ids[0] &&
        json_object_set_new(
            root, "key_ids", akma_json_from_strv((const char *const *)self->key_ids)) < 0)
        return NULL;

    return akma_json_dump(root);
}

AkmaFirstRequest *
akma_first_request_from_json(const void *body, size_t len, AkmaRefusal *ret_refusal)
{
    json_auto_t *root = akma_json_load(body, len, AKMA_REQUEST_MAX, ret_refusal);
    g_auto(GStrv) key_ids = NULL;
    uint8_t nonce[AKMA_NONCE_LEN];
    AkmaAnchorKind anchor;
    const char *detail = NULL;
    const char *name;
    const char *kid;

    if (!root)
        return NULL;

    if (!akma_json_get_text(root, "anchor", 1, 16, &name) ||
        !akma_anchor_kind_from_name(name, &anchor))
        detail = "anchor is neither akma nor gba";
    else if (!akma_json_get_text(root, "kid", 3, AKMA_ANCHOR_KID_MAX, &kid) ||
             !akma_anchor_kid_is_valid(kid))
        detail = "kid is not an A-KID or B-TID";
    else if (!akma_json_get_bytes(root, "nonce", nonce, sizeof nonce))
        detail = "nonce is not 32 bytes in base64url";
    else if (json_object_get(root, "key_ids") &&
             !akma_json_get_key_ids(root, "key_ids", 1, AKMA_KEY_IDS_MAX, &key_ids))
        detail = "key_ids are not 1 to 16 different identifiers";

    if (detail) {
        akma_refuse(ret_refusal, AKMA_CAUSE_MALFORMED, detail);
        return NULL;
    }

    return akma_first_request_new(anchor, kid, nonce, (const char *const *)key_ids);
}
