/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * digest: the client's half of HTTP Digest (RFC 2617, RFC 7616) as 3GPP uses it: AKAv1-MD5 (RFC
 * 3310) on Ub, MD5 and SHA-256 on Ua. Pure: header fields in, header fields out.
 *
 * Parsers take one field value and are strict: one Digest challenge, no parameter twice, no
 * escapes in quoted strings, printable ASCII only. What they refuse is AKMA_ERROR_SERVER_REFUSED.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

G_BEGIN_DECLS

#define AKMA_DIGEST_FIELD_MAX  4096 /* of a whole field value */
#define AKMA_DIGEST_HEX_MAX    64
#define AKMA_DIGEST_CNONCE_LEN 16 /* bytes behind the cnonce */

typedef enum {
    AKMA_DIGEST_AKAV1_MD5, /* RFC 3310: the password is RES */
    AKMA_DIGEST_MD5,
    AKMA_DIGEST_SHA_256,
} AkmaDigestAlgorithm;

typedef struct {
    AkmaDigestAlgorithm algorithm;
    char *realm;
    char *nonce;
    char *opaque; /* NULL: none; so is domain */
    char *domain;
    bool has_auth;
    bool has_auth_int;
    bool is_stale;
} AkmaDigestChallenge;

void akma_digest_challenge_clear(AkmaDigestChallenge *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(AkmaDigestChallenge, akma_digest_challenge_clear)

/* WWW-Authenticate. @ret is untouched on failure. */
bool akma_digest_parse_challenge(const char *field, AkmaDigestChallenge *ret, GError **error);

/* What one request and its answer are proven with; all borrowed. */
typedef struct {
    const AkmaDigestChallenge *challenge;
    bool auth_int; /* else "auth" */
    const char *username;
    const uint8_t *password; /* not NULL; RES may hold any bytes */
    size_t password_len;
    const char *method;
    const char *uri; /* as in the request line */
    const char *cnonce;
} AkmaDigestInput;

/*
 * Authorization for a request with @body (NULL: none). @auts (14 bytes, or NULL): RFC 3310 3.4,
 * the password is then empty. Returns: (transfer full): wipe it. Errors: AKMA_ERROR_INTERNAL.
 */
char *akma_digest_authorization(const AkmaDigestInput *input,
                                const uint8_t *body,
                                size_t body_len,
                                const uint8_t *auts,
                                GError **error);

/* Authorization of the first request of Ub, which names who asks and proves nothing. */
char *akma_digest_first_authorization(const char *username, const char *realm, const char *uri);

/*
 * Authentication-Info of the answer with @body: does the server know the password too?
 * Errors: AKMA_ERROR_SERVER_NOT_AUTHENTIC (also without the field: NULL),
 * AKMA_ERROR_SERVER_REFUSED.
 */
bool akma_digest_check_answer(const AkmaDigestInput *input,
                              const char *field,
                              const uint8_t *body,
                              size_t body_len,
                              GError **error);

G_END_DECLS
