/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * exchange: one run of the key-delivery protocol on one connection: the session machine of
 * session/server.h with the anchor, the store, the clock and randomness around it.
 *
 *   begin --> ask the anchor --> ask the store what is allowed --> 201 --> wait
 *   continue --> deliver from the store --> 200 --> handed to TLS --> end
 *
 * A connection has at most one. Whatever ends it wipes what it held; who is still waiting for an
 * answer on it gets one.
 */
#pragma once

#include "keyserver/front.h"

G_BEGIN_DECLS

/* A first request; the one before has ended. Answers @stream, now or later. */
void akma_exchange_begin(AkmaFront *front, AkmaH2Stream *stream, const AkmaH2Request *request);

/* A second request for @session, as it stands in the path. Answers @stream, now or later. */
void akma_exchange_continue(AkmaH2Stream *stream,
                            const AkmaH2Request *request,
                            const char *session);

/* Ends what there is on @conn. */
void akma_exchange_end_on(AkmaH2Conn *conn);
/* @stream cannot be answered any more. */
void akma_exchange_stream_closed(AkmaH2Stream *stream);

G_END_DECLS
