/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/psk-face.h"

#include <string.h>

#include "proto/key-set.h"

#define KEYS "/v1/keys/"

void
akma_psk_face_init(AkmaPskFace *self, AkmaFront *front, const AkmaAfId *af_id)
{
    self->front = front;
    self->af_id = *af_id;
}

/* The key id in "/v1/keys/<key id>"; NULL: another resource. */
static const char *
route(const char *path)
{
    const char *key_id = path + strlen(KEYS);

    return g_str_has_prefix(path, KEYS) && akma_key_id_is_valid(key_id) ? key_id : NULL;
}

static void
on_request(AkmaH2Stream *stream, const AkmaH2Request *request, void *user_data)
{
    const AkmaPskFace *self = user_data;
    const char *key_id = route(request->path);
    AkmaRefusal refusal = {AKMA_CAUSE_NONE, NULL};

    if (!key_id)
        akma_front_refuse_resource(stream);
    else if (strcmp(request->method, "GET") != 0)
        akma_front_refuse_method(stream, "GET");
    else if (!akma_front_is_for(request->authority, self->front->name))
        akma_refuse(&refusal, AKMA_CAUSE_WRONG_SERVER, "this server has another name");
    else if (request->too_large)
        akma_refuse(&refusal, AKMA_CAUSE_TOO_LARGE, "the body is too large");
    else {
        akma_psk_exchange_continue(stream, key_id);
        return;
    }

    if (refusal.cause != AKMA_CAUSE_NONE)
        akma_front_refuse(stream, &refusal, 0);
    /* every answer to a second request ends the exchange, but for "sent twice at once" */
    akma_h2_conn_close(akma_h2_stream_get_conn(stream));
}

static bool
on_accept(const struct sockaddr *peer, void *user_data)
{
    const AkmaPskFace *self = user_data;

    return akma_front_handlers.accept(peer, self->front);
}

static void
on_offered(AkmaH2Conn *conn, const uint8_t *offer, size_t len, void *user_data)
{
    akma_psk_exchange_begin(user_data, conn, offer, len);
}

static void
on_opened(AkmaH2Conn *conn, void *user_data G_GNUC_UNUSED)
{
    akma_psk_exchange_opened(conn);
}

static void
on_stream_closed(AkmaH2Stream *stream, void *user_data G_GNUC_UNUSED)
{
    akma_psk_exchange_stream_closed(stream);
}

static void
on_limited(AkmaH2Limit limit, void *user_data)
{
    const AkmaPskFace *self = user_data;

    akma_front_handlers.limited(limit, self->front);
}

const AkmaH2Handlers akma_psk_face_handlers = {
    .accept = on_accept,
    .offered = on_offered,
    .opened = on_opened,
    .request = on_request,
    .stream_closed = on_stream_closed,
    .limited = on_limited,
};
