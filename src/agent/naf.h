/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * naf: the terminal's half of the HTTP Digest profile (TS 24.109 5.2, TS 33.535 B.1.2) towards a
 * NAF: for each key one GET that is challenged and one with the proof. Pure: no I/O, the cnonce is
 * an argument; the first key is wiped on free.
 *
 * The second identifier and the second key travel under TLS alone.
 */
#pragma once

#include "anchor/anchor.h"
#include "anchor/digest.h"
#include "proto/key-set.h"

G_BEGIN_DECLS

typedef struct _AkmaNaf AkmaNaf;

/* What of an HTTP answer counts; borrowed. */
typedef struct {
    unsigned status;
    const char *content_type;
    const char *const *challenges; /* WWW-Authenticate, NULL behind the last */
    const char *authentication_info;
    const uint8_t *body;
    size_t len;
    unsigned retry_after_s;
} AkmaNafAnswer;

typedef enum {
    AKMA_NAF_FAILED,  /* the error says why, akma_naf_get_cause() what it means */
    AKMA_NAF_KEY,     /* the key is there */
    AKMA_NAF_REFUSED, /* this key is refused, for a cause of one key */
    AKMA_NAF_AGAIN,   /* the nonce was too old: akma_naf_authorize() for the new one */
} AkmaNafResult;

/*
 * @first_key: 32 bytes; the password is its base64. @fqdn: the name that TLS verifies, which the
 * realm must have. Errors: AKMA_ERROR_INTERNAL.
 */
AkmaNaf *akma_naf_new(const AkmaAnchor *anchor,
                      const char *fqdn,
                      const AkmaSecret *first_key,
                      GError **error);
void akma_naf_free(AkmaNaf *self); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaNaf, akma_naf_free)

/* The product token for User-Agent: "3gpp-akma" or "3gpp-gba". Borrowed. */
const char *akma_naf_get_token(const AkmaNaf *self);

/*
 * The answer to a GET without proof. Errors: AKMA_ERROR_SERVER_NOT_AUTHENTIC (the realm names
 * another server), AKMA_ERROR_SERVER_REFUSED (no challenge for this anchor), or that of the cause.
 */
bool akma_naf_challenged(AkmaNaf *self, const AkmaNafAnswer *answer, GError **error);

/* Authorization for GET @path. @cnonce: AKMA_DIGEST_CNONCE_LEN random bytes. Returns: g_free(). */
char *akma_naf_authorize(AkmaNaf *self,
                         const char *path,
                         const uint8_t cnonce[static AKMA_DIGEST_CNONCE_LEN],
                         GError **error);

/*
 * The answer to that, which is for @key_id: with AKMA_NAF_KEY @ret_key is (transfer full), with
 * AKMA_NAF_REFUSED @ret_cause says why. Errors: AKMA_ERROR_SERVER_NOT_AUTHENTIC: it does not prove
 * that it has the first key too; AKMA_ERROR_SERVER_REFUSED; that of the cause.
 */
AkmaNafResult akma_naf_answered(AkmaNaf *self,
                                const AkmaNafAnswer *answer,
                                const char *path,
                                const char *key_id,
                                int64_t now,
                                AkmaKey **ret_key,
                                AkmaCause *ret_cause,
                                GError **error);

/* Of the answer that failed. */
AkmaCause akma_naf_get_cause(const AkmaNaf *self);
unsigned akma_naf_get_retry_after_s(const AkmaNaf *self);

G_END_DECLS
