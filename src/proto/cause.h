/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* cause: every refusal of the key-delivery protocol, with its HTTP status and meaning. */
#pragma once

#include "base/error.h"

#include <stddef.h>

G_BEGIN_DECLS

/* A message longer than this is too_large. */
#define AKMA_REQUEST_MAX  ((size_t)16 * 1024)
#define AKMA_RESPONSE_MAX ((size_t)64 * 1024)

typedef enum {
    AKMA_CAUSE_NONE,
    /* of a whole answer, application/problem+json */
    AKMA_CAUSE_MALFORMED,
    AKMA_CAUSE_NOT_AUTHENTIC,
    AKMA_CAUSE_ANCHOR_KEY_UNKNOWN,
    AKMA_CAUSE_SESSION_UNKNOWN,
    AKMA_CAUSE_SESSION_USED,
    AKMA_CAUSE_TOO_LARGE,
    AKMA_CAUSE_UNSUPPORTED_MEDIA_TYPE,
    AKMA_CAUSE_WRONG_SERVER,
    AKMA_CAUSE_RATE_LIMITED,
    AKMA_CAUSE_ANCHOR_REFUSED,
    AKMA_CAUSE_ANCHOR_UNAVAILABLE,
    AKMA_CAUSE_STORE_UNAVAILABLE,
    /* of one second identifier, inside the second response */
    AKMA_CAUSE_NOT_ENTITLED,
    AKMA_CAUSE_REVOKED,
    AKMA_CAUSE_UPSTREAM_REFUSED,
    AKMA_CAUSE_UPSTREAM_UNAVAILABLE,
} AkmaCause;

/* Why a message is refused. @detail: for a person, static, without identities. */
typedef struct {
    AkmaCause cause;
    const char *detail;
} AkmaRefusal;

/* Fills @ret_refusal. Returns: false, always, so that a parser can end with it. */
bool akma_refuse(AkmaRefusal *ret_refusal, AkmaCause cause, const char *detail);

/* "anchor_key_unknown"; borrowed for ever; NULL for AKMA_CAUSE_NONE. */
const char *akma_cause_get_name(AkmaCause cause);
/* AKMA_CAUSE_NONE if @name is not one. */
AkmaCause akma_cause_from_name(const char *name);
/* The HTTP status that goes with it; 0 for those inside a second response. */
unsigned akma_cause_get_status(AkmaCause cause);
/* What it is for the terminal: one code of the error table. */
AkmaError akma_cause_get_error(AkmaCause cause);

G_END_DECLS
