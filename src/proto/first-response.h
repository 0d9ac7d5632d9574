/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * first-response: the body of the 201, and the offer that is sealed in it
 * (packaging/docs/protocol.md section 3).
 */
#pragma once

#include "base/secret.h"
#include "proto/cause.h"
#include "proto/first-request.h"

G_BEGIN_DECLS

#define AKMA_SESSION_ID_LEN     16
#define AKMA_SESSION_LIFETIME_S 60
#define AKMA_OFFER_IDS_MAX      64
#define AKMA_TERMINAL_MAX       128

typedef struct {
    uint8_t session[AKMA_SESSION_ID_LEN];
    uint8_t nonce[AKMA_NONCE_LEN];
    unsigned expires_in_s; /* 1 to 60 */
    char *sealed;          /* JWE compact */
} AkmaFirstResponse;

void akma_first_response_clear(AkmaFirstResponse *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(AkmaFirstResponse, akma_first_response_clear)

/* Returns: (transfer full); NULL: no memory. */
GBytes *akma_first_response_to_json(const AkmaFirstResponse *self);
/* @ret: akma_first_response_clear(). */
bool akma_first_response_from_json(const void *body,
                                   size_t len,
                                   AkmaFirstResponse *ret,
                                   AkmaRefusal *ret_refusal);

/* What `sealed` says. */
typedef struct {
    char *server;   /* FQDN */
    char *terminal; /* the server's name for this terminal; NULL: not given; wiped when cleared */
    GStrv key_ids;  /* what it may ask for, at most 64, perhaps none */
} AkmaOffer;

void akma_offer_clear(AkmaOffer *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(AkmaOffer, akma_offer_clear)

/* @key_ids: the first 64 are told. Returns: (transfer full). Errors: AKMA_ERROR_INTERNAL. */
AkmaSecret *akma_offer_to_json(const char *server,
                               const char *terminal,
                               const char *const *key_ids,
                               GError **error);
/* @ret: akma_offer_clear(). */
bool akma_offer_from_json(const AkmaSecret *plaintext, AkmaOffer *ret, AkmaRefusal *ret_refusal);

G_END_DECLS
