/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * provider-face: POST /v1/provider/keys: this server as the fifth server, which keeps the keys
 * that a third server hands out. All that a consumer causes stands under its name in the store.
 *
 *   who is it? --> parse --> deliver from the store --> 200 with a JWK Set
 */
#pragma once

#include "keyserver/front.h"

G_BEGIN_DECLS

/* A POST to this resource, where there are consumers. Answers @stream, now or later. */
void akma_provider_face_request(AkmaFront *front,
                                AkmaH2Stream *stream,
                                const AkmaH2Request *request);

G_END_DECLS
