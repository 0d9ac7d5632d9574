/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * schedule: from the first key to the two keys of one session
 * (packaging/docs/protocol.md section 7).
 *
 *   B        = SHA-256(body of the first request)
 *   T        = SHA-256(B || session || nonce_server || AF_ID)
 *   PRK      = HKDF-Extract(nonce_terminal || nonce_server, first key)
 *   K_server = HKDF-Expand(PRK, "akma-key-delivery/1 server to terminal" || T, 32)
 *   K_term   = HKDF-Expand(PRK, "akma-key-delivery/1 terminal to server" || T, 32)
 */
#pragma once

#include "base/secret.h"
#include "kdf/af-id.h"
#include "proto/first-response.h"

G_BEGIN_DECLS

#define AKMA_FIRST_KEY_LEN 32
#define AKMA_DIGEST_LEN    32

/* Everything is borrowed. */
typedef struct {
    const uint8_t *body_digest;    /* B, AKMA_DIGEST_LEN */
    const uint8_t *session;        /* AKMA_SESSION_ID_LEN */
    const uint8_t *nonce_terminal; /* AKMA_NONCE_LEN, also the next */
    const uint8_t *nonce_server;
    const AkmaAfId *af_id;
    const AkmaSecret *first_key; /* AKMA_FIRST_KEY_LEN */
} AkmaScheduleInput;

/* In the secure heap. */
typedef struct {
    AkmaKey256 server; /* K_server: seals both responses */
    AkmaKey256 term;   /* K_term: seals the second request */
} AkmaSchedule;

/* B, of the octets as sent. False: libcrypto failed. */
bool akma_schedule_digest_body(const void *body, size_t len, uint8_t ret[static AKMA_DIGEST_LEN]);

/* T. False: libcrypto failed. */
bool akma_schedule_transcript(const AkmaScheduleInput *input, uint8_t ret[static AKMA_DIGEST_LEN]);

/* Errors: AKMA_ERROR_INTERNAL. */
bool akma_schedule_extract(const AkmaScheduleInput *input, AkmaKey256 *ret_prk, GError **error);

/* Returns: (transfer full): NULL with AKMA_ERROR_INTERNAL if the secure heap is full. */
AkmaSchedule *akma_schedule_new(const AkmaScheduleInput *input, GError **error);
void akma_schedule_free(AkmaSchedule *self); /* wipes; NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaSchedule, akma_schedule_free)

G_END_DECLS
