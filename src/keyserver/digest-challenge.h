/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* digest-challenge: what the HTTP Digest face asks for: realms, nonces, WWW-Authenticate. Pure. */
#pragma once

#include "proto/first-request.h"

G_BEGIN_DECLS

#define AKMA_DIGEST_NONCE_BYTES 32
#define AKMA_DIGEST_NONCE_SIZE  44 /* as base64url, with NUL */
#define AKMA_DIGEST_NONCES      4  /* open at once on a connection, as many as it has streams */
#define AKMA_DIGEST_NONCE_MS    30000

/* A bit for each AkmaAnchorKind. */
#define AKMA_DIGEST_KIND(kind) (1U << (kind))

/*
 * The kinds that the product tokens of a User-Agent (NULL is fine) name: "3gpp-akma", "3gpp-gba".
 * Others that begin alike, as "3gpp-gba-uicc", are other things.
 */
unsigned akma_digest_get_kinds(const char *user_agent);

/* "3GPP-bootstrapping-akma@<fqdn>" or "3GPP-bootstrapping@<fqdn>". g_free(). */
char *akma_digest_dup_realm(AkmaAnchorKind kind, const char *fqdn);

/* The value of WWW-Authenticate. g_free(). */
char *akma_digest_dup_challenge(const char *realm, const char *nonce, bool stale);

/* The nonces of one connection: each is good once, for a time, and there only. Zero: none. */
typedef struct {
    char text[AKMA_DIGEST_NONCES][AKMA_DIGEST_NONCE_SIZE]; /* "": none */
    uint64_t until_ms[AKMA_DIGEST_NONCES];
    unsigned next;
} AkmaDigestNonces;

/* @random: from the CSPRNG. @now_ms: of any clock. The oldest makes room. Returns: borrowed. */
const char *akma_digest_nonces_add(AkmaDigestNonces *self,
                                   const uint8_t random[static AKMA_DIGEST_NONCE_BYTES],
                                   uint64_t now_ms);
/* True once for each nonce that was added. */
bool akma_digest_nonces_take(AkmaDigestNonces *self, const char *nonce, uint64_t now_ms);

G_END_DECLS
