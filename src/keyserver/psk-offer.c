/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/psk-offer.h"

#include <string.h>

#include "base/bytes.h"

#define AGE_LEN 4

/* @ret_kid: what is behind the prefix; NULL: another prefix. */
static AkmaAnchorKind
split(const char *identity, const char **ret_kid)
{
    static const struct {
        const char *prefix;
        AkmaAnchorKind kind;
    } rows[] = {
        {"3GPP-bootstrapping;", AKMA_ANCHOR_KIND_GBA},
        {"3GPP-AKMA;", AKMA_ANCHOR_KIND_AKMA},
        /*= TS 33.535 B.1.3.2.2: the prefix is 3GPP-AKMA; no separator is named */
        {"3GPP-AKMA", AKMA_ANCHOR_KIND_AKMA},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (g_str_has_prefix(identity, rows[i].prefix)) {
            *ret_kid = identity + strlen(rows[i].prefix);
            return rows[i].kind;
        }
    }
    *ret_kid = NULL;

    return AKMA_ANCHOR_KIND_AKMA;
}

static bool
parse(const uint8_t *bytes, size_t len, AkmaPskIdentity *ret)
{
    char text[sizeof "3GPP-bootstrapping;" + AKMA_ANCHOR_KID_MAX];
    const char *kid;
    AkmaAnchorKind kind;

    if (len >= sizeof text || memchr(bytes, '\0', len))
        return false;
    memcpy(text, bytes, len);
    text[len] = '\0';
    kind = split(text, &kid);
    if (!kid || !akma_anchor_kid_is_valid(kid))
        return false;

    ret->kind = kind;
    ret->identity = bytes;
    ret->len = len;
    g_strlcpy(ret->kid, kid, sizeof ret->kid);

    return true;
}

/*= RFC 8446 4.2.11: each identity is an opaque with a length of 2 octets, and 4 octets of age */
bool
akma_psk_offer_find(const uint8_t *offer, size_t len, AkmaPskIdentity *ret)
{
    AkmaReader reader = akma_reader_init(offer, len);
    size_t list_len = akma_reader_u16(&reader);
    const uint8_t *list_bytes = akma_reader_take(&reader, list_len);
    AkmaReader list;

    if (!list_bytes)
        return false;

    list = akma_reader_init(list_bytes, list_len);
    while (list.left > 0) {
        size_t identity_len = akma_reader_u16(&list);
        const uint8_t *identity = akma_reader_take(&list, identity_len);

        akma_reader_take(&list, AGE_LEN);
        if (list.bad || identity_len == 0)
            return false;
        if (parse(identity, identity_len, ret))
            return true;
    }

    return false;
}
