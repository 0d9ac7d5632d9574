/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * provider-request: what a third server asks a fifth server: POST /v1/provider/keys, inside TLS.
 * The answer is the JWK Set of key-set.h.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "proto/cause.h"

G_BEGIN_DECLS

#define AKMA_PROVIDER_PATH      "/v1/provider/keys"
#define AKMA_KEY_SET_MEDIA_TYPE "application/jwk-set+json" /* RFC 7517 8.5.2 */

typedef struct {
    char *terminal; /* base64url of 32 bytes: what the third server calls the terminal */
    GStrv key_ids;  /* 1 to 16, no one twice */
} AkmaProviderRequest;

void akma_provider_request_clear(AkmaProviderRequest *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(AkmaProviderRequest, akma_provider_request_clear)

/* NULL: no memory. */
GBytes *akma_provider_request_to_json(const char *terminal, const char *const *key_ids);

/* Strict. False: too_large or malformed; @ret is untouched. */
bool akma_provider_request_from_json(const uint8_t *json,
                                     size_t len,
                                     AkmaProviderRequest *ret,
                                     AkmaRefusal *ret_refusal);

G_END_DECLS
