/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * key-set: the JWK Set of a second response (RFC 7517, with the members that
 * packaging/docs/protocol.md section 5 adds), and its one parser and writer.
 */
#pragma once

#include "base/secret.h"
#include "proto/cause.h"

G_BEGIN_DECLS

#define AKMA_KEY_ID_MAX  64 /* a second identifier: [a-z0-9][a-z0-9._-]* */
#define AKMA_KEY_IDS_MAX 16 /* in one request */
#define AKMA_KID_MAX     (AKMA_KEY_ID_MAX + 1 + 15)

/* One version of one application key. Times: Unix seconds of the server. */
typedef struct {
    char *key_id;
    char *kid; /* <key_id>:<version> */
    char *kty; /* "oct", or another JWK type */
    char *alg; /* NULL: not given; also @use and @identity */
    char *use;
    char *identity; /* PSK identity, one for each version */
    int64_t iat;
    int64_t exp;          /* 0: no expiry */
    char *previous_kid;   /* the version before, or NULL */
    int64_t previous_exp; /* when it stops to be accepted; 0: no previous */
    AkmaSecret *secret;   /* kty "oct": the raw key; else the JWK as JSON, known members only */
} AkmaKey;

AkmaKey *akma_key_new(void);
AkmaKey *akma_key_copy(const AkmaKey *self); /* shares the secret */
void akma_key_free(AkmaKey *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaKey, akma_key_free)

typedef struct {
    char *key_id;
    AkmaCause cause; /* one of those inside a second response */
} AkmaKeyError;

typedef struct {
    int64_t now;          /* the server's clock */
    unsigned ask_again_s; /* 0: not given; else 60..604800 */
    GPtrArray *keys;      /* AkmaKey, owned */
    GPtrArray *errors;    /* AkmaKeyError, owned */
} AkmaKeySet;

#define AKMA_ASK_AGAIN_MIN_S 60
#define AKMA_ASK_AGAIN_MAX_S 604800

AkmaKeySet *akma_key_set_new(int64_t now);
/* Within @seconds (0: no matter), unless it is to be sooner already: the shortest counts. */
void akma_key_set_ask_again(AkmaKeySet *self, unsigned seconds);
void akma_key_set_add_error(AkmaKeySet *self, const char *key_id, AkmaCause cause);
void akma_key_set_free(AkmaKeySet *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaKeySet, akma_key_set_free)

bool akma_key_id_is_valid(const char *key_id);

/* True if each of @asked stands exactly once in keys or errors, and no other. */
bool akma_key_set_answers(const AkmaKeySet *self, const char *const *asked);

/* The JSON of the set, unpadded. NULL: AKMA_ERROR_INTERNAL (secure heap full). */
AkmaSecret *akma_key_set_to_json(const AkmaKeySet *self, GError **error);

/*
 * Strict; @asked: each must stand exactly once in keys or errors, and no other (NULL: no check).
 * Errors: AKMA_ERROR_SERVER_REFUSED, AKMA_ERROR_INTERNAL.
 */
AkmaKeySet *akma_key_set_from_json(const uint8_t *json,
                                   size_t len,
                                   const char *const *asked,
                                   GError **error);

/*
 * One key alone, as a JWK with the members of ours, for @key_id and no other. @now: of the server,
 * as far as it is known. Strict as the set is; the same errors.
 */
AkmaKey *akma_key_from_jwk(
    const uint8_t *json, size_t len, const char *key_id, int64_t now, GError **error);

/* One key as a JWK on one line, "k" and members of ours included. NULL: AKMA_ERROR_INTERNAL. */
AkmaSecret *akma_key_to_jwk(const AkmaKey *self, GError **error);

G_END_DECLS
