/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * server: the first server's half of one exchange, as a pure state machine.
 *
 *   NEW --first_request--> ASKED --first_response--> OPEN --second_request--> TAKEN
 *    |                       |                         |                        |
 *    +----- any error -------+------- any error -------+----- second_response --+--> ENDED
 *
 * It does no I/O and has no clock: the shell asks the anchor and the store between the calls,
 * and brings random bytes. A call in another state than its own is refused with a cause. ENDED
 * means: first key, PRK, K_server, K_term and the subscriber's terminal id are wiped.
 */
#pragma once

#include "kdf/af-id.h"
#include "proto/cause.h"
#include "proto/first-response.h"
#include "proto/key-set.h"

G_BEGIN_DECLS

typedef struct _AkmaServerSession AkmaServerSession;

/* From the CSPRNG, fresh for each response. */
typedef struct {
    uint8_t session[AKMA_SESSION_ID_LEN];
    uint8_t nonce[32];
    uint8_t iv[12];
} AkmaFirstResponseRandom;

/* @fqdn: the server's configured name. */
AkmaServerSession *akma_server_session_new(const char *fqdn, const AkmaAfId *af_id);
void akma_server_session_free(AkmaServerSession *self); /* wipes; NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaServerSession, akma_server_session_free)

/*
 * M1. Parses and remembers SHA-256 of @body as sent. False: answer @ret_refusal.
 * Afterwards the shell asks the anchor for (kind, kid) once.
 */
bool akma_server_session_first_request(AkmaServerSession *self,
                                       const uint8_t *body,
                                       size_t len,
                                       AkmaRefusal *ret_refusal);
AkmaAnchorKind akma_server_session_get_anchor(const AkmaServerSession *self);
/* Borrowed; never log. NULL once the session has ended, also the next two. */
const char *akma_server_session_get_kid(const AkmaServerSession *self);
const char *akma_server_session_get_realm(const AkmaServerSession *self); /* after the '@' */
/* M8: what the first request named; NULL: nothing. */
const char *const *akma_server_session_get_hints(const AkmaServerSession *self);

/*
 * M2, M7. @first_key: 32 bytes, a reference is taken and dropped at the end. @terminal: terminal
 * id, or NULL: not told. @key_ids: what this terminal may ask for (NULL: nothing), at most 64 are
 * told. @lifetime_s: what is left of the first key, if less than AKMA_SESSION_LIFETIME_S; else
 * that. @random becomes the session's id, its nonce and the IV.
 * Returns: (transfer full): the body of the 201; NULL with @ret_refusal: answer that, the session
 * has ended (anchor_refused: no such first key; store_unavailable: no room left for keys).
 */
GBytes *akma_server_session_first_response(AkmaServerSession *self,
                                           AkmaSecret *first_key,
                                           const char *terminal,
                                           const char *const *key_ids,
                                           unsigned lifetime_s,
                                           const AkmaFirstResponseRandom *random,
                                           AkmaRefusal *ret_refusal);
const char *akma_server_session_get_id(const AkmaServerSession *self); /* base64url, or NULL */
const char *akma_server_session_get_terminal(const AkmaServerSession *self); /* or NULL */

/*
 * M3. @session: as it stands in the path. True: the session is taken, and the shell reads or
 * makes the keys of akma_server_session_get_asked(). False: answer @ret_refusal; unless its cause
 * is session_used the session has ended.
 */
bool akma_server_session_second_request(AkmaServerSession *self,
                                        const char *session,
                                        const uint8_t *body,
                                        size_t len,
                                        AkmaRefusal *ret_refusal);
const char *const *akma_server_session_get_asked(const AkmaServerSession *self); /* borrowed */

/*
 * M4, M9: @answer holds each identifier asked for exactly once. Returns: (transfer full): the
 * body of the 200, application/jose; it is made once. Call akma_server_session_end() when it was
 * handed to TLS. NULL with @ret_refusal: the session has ended.
 */
GBytes *akma_server_session_second_response(AkmaServerSession *self,
                                            const AkmaKeySet *answer,
                                            const uint8_t iv[static 12],
                                            AkmaRefusal *ret_refusal);

/* M5: wipes now. Time, the end of the connection and errors of the shell come here too. */
void akma_server_session_end(AkmaServerSession *self);
bool akma_server_session_is_ended(const AkmaServerSession *self);

G_END_DECLS
