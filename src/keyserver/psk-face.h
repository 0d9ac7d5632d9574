/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * psk-face: GET /v1/keys/<key id> in TLS 1.3 with the first key as external PSK (TS 33.222 5.4,
 * TS 33.535 B.1.3), on a port without a certificate.
 *
 *   ClientHello --> ask the anchor ... the handshake waits ... --> PSK right? --> GET --> the store
 *        --> 200 --> closed
 *
 * The handshake is first request and first response, the GET the second request: rates, sessions
 * and audit are those of the message profile. An identity that is no kid, or that nobody knows,
 * gets a random PSK, so that it fails as a wrong one does. One connection, one exchange.
 */
#pragma once

#include "keyserver/front.h"

G_BEGIN_DECLS

typedef struct {
    AkmaFront *front;
    AkmaAfId af_id; /* of the profile */
} AkmaPskFace;

/*
 * @front: configured; it must live as long. The name of the server may not change afterwards.
 * Once more: for what is new, after a change of the configuration.
 */
void akma_psk_face_init(AkmaPskFace *self, AkmaFront *front, const AkmaAfId *af_id);

/*
 * For akma_h2_server_new(), with the AkmaPskFace as user data; akma_h2_server_use_psk() goes with
 * it.
 */
extern const AkmaH2Handlers akma_psk_face_handlers;

/* --- psk-exchange.c: one exchange, which lives in its connection and ends with it --- */

/* A ClientHello with these identities: asks the anchor, and lets the handshake go on. */
void akma_psk_exchange_begin(AkmaPskFace *face, AkmaH2Conn *conn, const uint8_t *offer, size_t len);
/* The terminal is proven. */
void akma_psk_exchange_opened(AkmaH2Conn *conn);
/* The second request. Answers @stream, now or later, and closes the connection. */
void akma_psk_exchange_continue(AkmaH2Stream *stream, const char *key_id);
/* @stream cannot be answered any more. */
void akma_psk_exchange_stream_closed(AkmaH2Stream *stream);

G_END_DECLS
