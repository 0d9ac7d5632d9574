/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* first-request: the body of POST /v1/sessions (packaging/docs/protocol.md section 2). */
#pragma once

#include "proto/cause.h"

#include <stddef.h>
#include <stdint.h>

G_BEGIN_DECLS

#define AKMA_NONCE_LEN      32
#define AKMA_ANCHOR_KID_MAX 253

typedef enum {
    AKMA_ANCHOR_KIND_AKMA,
    AKMA_ANCHOR_KIND_GBA,
} AkmaAnchorKind;

typedef struct {
    AkmaAnchorKind anchor;
    char *kid; /* A-KID or B-TID: an identity; wiped when freed */
    uint8_t nonce[AKMA_NONCE_LEN];
    GStrv key_ids; /* the hint; NULL: none */
} AkmaFirstRequest;

AkmaFirstRequest *akma_first_request_new(AkmaAnchorKind anchor,
                                         const char *kid,
                                         const uint8_t nonce[static AKMA_NONCE_LEN],
                                         const char *const *key_ids);
void akma_first_request_free(AkmaFirstRequest *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaFirstRequest, akma_first_request_free)

/* "akma" or "gba"; borrowed for ever. */
const char *akma_anchor_kind_get_name(AkmaAnchorKind kind);
bool akma_anchor_kind_from_name(const char *name, AkmaAnchorKind *ret);

/* 3 to 253 characters 0x21-0x7E with exactly one '@', not at an end. */
bool akma_anchor_kid_is_valid(const char *kid);

/* Returns: (transfer full); NULL: no memory. */
GBytes *akma_first_request_to_json(const AkmaFirstRequest *self);

/* Returns: (transfer full); NULL: malformed or too_large. */
AkmaFirstRequest *akma_first_request_from_json(const void *body,
                                               size_t len,
                                               AkmaRefusal *ret_refusal);

G_END_DECLS
