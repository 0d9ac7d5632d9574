/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * psk-offer: whose first key a TLS client means by the PSK identities that it offers
 * (TS 33.535 B.1.3, TS 33.222 5.4). Pure.
 */
#pragma once

#include "proto/first-request.h"

G_BEGIN_DECLS

typedef struct {
    AkmaAnchorKind kind;
    const uint8_t *identity; /* as it was offered; borrowed */
    size_t len;
    char kid[AKMA_ANCHOR_KID_MAX + 1];
} AkmaPskIdentity;

/*
 * The first identity with a known prefix and a valid kid in @offer, the content of the extension
 * pre_shared_key. False: there is none; @ret is untouched.
 */
bool akma_psk_offer_find(const uint8_t *offer, size_t len, AkmaPskIdentity *ret);

G_END_DECLS
