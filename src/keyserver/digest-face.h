/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * digest-face: GET /v1/keys/<key id> for stock clients of AKMA and GBA, by HTTP Digest inside TLS
 * (TS 24.109, TS 33.222 5.3, TS 33.535 B.1.2). The second key travels under TLS alone.
 *
 *   401 with a nonce --> Authorization --> ask the anchor --> right? --> the store --> 200
 *
 * Rates, sessions and audit are those of the message profile. Who is refused before a first key
 * was had learns what that profile tells, too; without a realm, as B.1.2 wants it.
 */
#pragma once

#include "keyserver/digest-challenge.h"
#include "keyserver/digest-credentials.h"
#include "keyserver/front.h"

G_BEGIN_DECLS

typedef struct {
    AkmaFront *front;
    AkmaAfId af_id;  /* of the profile */
    char *realms[2]; /* by AkmaAnchorKind */
} AkmaDigestFace;

/* @front: configured; it must live as long. The name of the server may not change afterwards. */
void akma_digest_face_init(AkmaDigestFace *self, AkmaFront *front, const AkmaAfId *af_id);
void akma_digest_face_clear(AkmaDigestFace *self);

/* For akma_h2_server_new(), with the AkmaDigestFace as user data. */
extern const AkmaH2Handlers akma_digest_face_handlers;

/* The key id in "/v1/keys/<key id>"; borrowed from @path. NULL: another resource. Pure. */
const char *akma_digest_face_route(const char *path);

/*
 * Answers @stream with 401 and a new nonce of its connection for each of @kinds. @stale: only the
 * nonce was wrong.
 */
void akma_digest_face_challenge(AkmaDigestFace *self,
                                AkmaH2Stream *stream,
                                unsigned kinds,
                                bool stale);

/* Answers with why a key is not given to a terminal that is proven. */
void akma_digest_face_refuse_key(AkmaH2Stream *stream, AkmaCause cause);

/*
 * digest-exchange.c: one request with credentials whose nonce is good. @credentials are taken,
 * @key_id is borrowed from @request. Answers @stream, now or later; whatever ends it wipes all.
 */
void akma_digest_exchange_begin(AkmaDigestFace *face,
                                AkmaH2Stream *stream,
                                const AkmaH2Request *request,
                                AkmaAnchorKind kind,
                                const char *key_id,
                                AkmaDigestCredentials *credentials);

G_END_DECLS
