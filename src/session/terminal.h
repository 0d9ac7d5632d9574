/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * terminal: the terminal's half of one exchange, as a pure state machine.
 *
 *   NEW --> first_request --> first_response --> second_response --> ENDED
 *
 * No I/O, no clock; random bytes are arguments. ENDED means: first key, PRK, K_server and
 * K_term are wiped (M6). Any error ends it.
 */
#pragma once

#include "kdf/af-id.h"
#include "proto/cause.h"
#include "proto/key-set.h"

G_BEGIN_DECLS

typedef struct _AkmaTerminalSession AkmaTerminalSession;

typedef struct {
    const char *anchor; /* "akma" or "gba" */
    const char *kid;    /* A-KID or B-TID */
    const char *fqdn;   /* of the server, from the configured URL */
    const AkmaAfId *af_id;
    AkmaSecret *first_key;      /* 32 bytes; a reference is taken and dropped at the end */
    const char *const *key_ids; /* what to ask for: 1..16 */
    const char *const *hints;   /* M8: what the first request names; NULL: the same */
    uint8_t nonce[32];          /* from the CSPRNG */
} AkmaTerminalParameters;

/* An answer as it came over HTTP. */
typedef struct {
    unsigned status;
    const char *content_type; /* NULL: none */
    const uint8_t *body;
    size_t len;
    unsigned retry_after_s; /* 0: none */
} AkmaAnswer;

/* Copies what it needs. */
AkmaTerminalSession *akma_terminal_session_new(const AkmaTerminalParameters *parameters);
void akma_terminal_session_free(AkmaTerminalSession *self); /* wipes; NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaTerminalSession, akma_terminal_session_free)

/* M1, M8: the body of POST /v1/sessions. Returns: (transfer full). */
GBytes *akma_terminal_session_first_request(AkmaTerminalSession *self, GError **error);

/*
 * M2, M7, M3: opens `sealed` and makes the second request. @ret_path: "/v1/sessions/<id>/keys",
 * g_free(). Returns: (transfer full): its body.
 * Errors: those of akma_cause_get_error(); AKMA_ERROR_SERVER_NOT_AUTHENTIC if `sealed` does not
 * open.
 */
GBytes *akma_terminal_session_first_response(AkmaTerminalSession *self,
                                             const AkmaAnswer *answer,
                                             const uint8_t iv[static 12],
                                             char **ret_path,
                                             GError **error);
/* What the first response said this terminal may ask for; borrowed; NULL before. */
const char *const *akma_terminal_session_get_offered(const AkmaTerminalSession *self);
/* The server's name for this terminal, for a fault report; borrowed; NULL before or not given. */
const char *akma_terminal_session_get_terminal(const AkmaTerminalSession *self);

/* M4, M9, M6: opens the second response, wipes, and gives the keys. Returns: (transfer full). */
AkmaKeySet *akma_terminal_session_second_response(AkmaTerminalSession *self,
                                                  const AkmaAnswer *answer,
                                                  GError **error);

/* The cause of the last refusal, AKMA_CAUSE_NONE if the error had none; and its Retry-After. */
AkmaCause akma_terminal_session_get_cause(const AkmaTerminalSession *self);
unsigned akma_terminal_session_get_retry_after_s(const AkmaTerminalSession *self);

/* M6 at once: cancelled, connection lost. */
void akma_terminal_session_end(AkmaTerminalSession *self);
bool akma_terminal_session_is_ended(const AkmaTerminalSession *self);

G_END_DECLS
