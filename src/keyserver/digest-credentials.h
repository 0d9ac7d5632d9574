/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * digest-credentials: HTTP Digest (RFC 7616) as a NAF of TS 24.109 and an AF of TS 33.535 B.1.2 use
 * it: what a client sends in Authorization, and what must stand there. Pure.
 *
 * MD5 only: it is what the 3GPP profile has, and clients of it read one WWW-Authenticate field,
 * so a second one with SHA-256 would keep some of them out. Nothing depends on collisions here:
 * the password has 256 random bits, and all of it is inside TLS.
 */
#pragma once

#include "base/secret.h"

G_BEGIN_DECLS

#define AKMA_DIGEST_LEN 16
#define AKMA_DIGEST_HEX (2 * AKMA_DIGEST_LEN)
/* A first key as password: base64 of 32 bytes. */
#define AKMA_DIGEST_PASSWORD_SIZE 45

/* What a client sent. Strings are borrowed from @text. */
typedef struct {
    char *text; /* wiped: it holds an identity */
    const char *username;
    const char *realm;
    const char *nonce;
    const char *uri;
    const char *cnonce;
    const char *nc;
    bool auth_int; /* else auth */
    uint8_t response[AKMA_DIGEST_LEN];
} AkmaDigestCredentials;

void akma_digest_credentials_clear(AkmaDigestCredentials *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(AkmaDigestCredentials, akma_digest_credentials_clear)

/* Is @authorization (NULL is fine) of the scheme Digest? */
bool akma_digest_is_scheme(const char *authorization);

/*
 * Strict: every parameter once, none missing, qop auth or auth-int, algorithm MD5 or not said,
 * cnonce fit to be quoted again.
 * Parameters that nobody knows are skipped. False: malformed; nothing is left in @ret.
 */
bool akma_digest_parse(const char *authorization, AkmaDigestCredentials *ret);

/* A message that a digest is made of. */
typedef struct {
    const char *method; /* "" for the digest of an answer */
    const uint8_t *body;
    size_t body_len;
} AkmaDigestMessage;

/*
 * What `response` must be, or for an answer what rspauth is. False: libcrypto has no MD5 (or no
 * memory).
 */
bool akma_digest_compute(const AkmaDigestCredentials *credentials,
                         const char *password,
                         const AkmaDigestMessage *message,
                         uint8_t ret[static AKMA_DIGEST_LEN]);

/* @first_key: 32 bytes. The caller wipes @ret. */
void akma_digest_password(const AkmaSecret *first_key, char ret[static AKMA_DIGEST_PASSWORD_SIZE]);

G_END_DECLS
