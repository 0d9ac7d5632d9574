/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* h2-frames: what nghttp2 reads on a connection of the server becomes requests, within limits. */
#include "http/h2-internal.h"

/*
 * What leads to no answer (resets, PING, SETTINGS, PRIORITY, window updates, scraps of DATA)
 * costs; answers and time give back. Rapid reset, floods of control frames: all end here.
 */
#define CALM_A_STREAM 16
#define CALM_A_SECOND 4
#define RESET_COST    8
#define DATA_SCRAP    256 /* a DATA frame below this, and not the last, costs too */

static void
refill(AkmaH2Conn *self)
{
    uint64_t now = uv_now(self->server->io.loop);
    uint64_t seconds = (now - self->calm_ms) / 1000;

    if (seconds == 0)
        return;

    self->calm = (unsigned)MIN(self->calm + MIN(seconds, AKMA_H2_CALM_MAX) * CALM_A_SECOND,
                               AKMA_H2_CALM_MAX);
    self->calm_ms += seconds * 1000;
}

static void
spend(AkmaH2Conn *self, unsigned cost, AkmaH2Limit limit)
{
    refill(self);
    if (self->calm >= cost) {
        self->calm -= cost;
        return;
    }

    akma_h2_conn_limit(self, limit);
    self->draining = true;
    self->until_ms = MIN(self->until_ms, uv_now(self->base.io->loop) + AKMA_H2_CLOSE_MS);
    nghttp2_session_terminate_session(self->base.h2, NGHTTP2_ENHANCE_YOUR_CALM);
}

static int
on_begin_frame(nghttp2_session *h2 G_GNUC_UNUSED, const nghttp2_frame_hd *head, void *user_data)
{
    AkmaH2Conn *self = user_data;

    switch (head->type) {
    case NGHTTP2_HEADERS:
        return 0;
    case NGHTTP2_DATA:
        if (head->length >= DATA_SCRAP || (head->flags & NGHTTP2_FLAG_END_STREAM))
            return 0;
        break;
    default:
        break;
    }
    spend(self,
          1,
          head->type == NGHTTP2_CONTINUATION ? AKMA_H2_LIMIT_CONTINUATIONS : AKMA_H2_LIMIT_FRAMES);

    return 0;
}

static int
on_begin_headers(nghttp2_session *h2, const nghttp2_frame *frame, void *user_data)
{
    AkmaH2Conn *self = user_data;
    AkmaH2Stream *stream;

    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    if (self->draining) {
        nghttp2_submit_rst_stream(
            h2, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_REFUSED_STREAM);
        return 0;
    }

    stream = akma_h2_stream_new(self, frame->hd.stream_id);
    if (!stream)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;

    return nghttp2_session_set_stream_user_data(h2, frame->hd.stream_id, stream);
}

static int
on_header(nghttp2_session *h2,
          const nghttp2_frame *frame,
          nghttp2_rcbuf *name,
          nghttp2_rcbuf *value,
          uint8_t flags G_GNUC_UNUSED,
          void *user_data)
{
    AkmaH2Stream *stream = nghttp2_session_get_stream_user_data(h2, frame->hd.stream_id);

    /* of trailers only the size counts */
    if (!stream ||
        akma_h2_stream_add_field(stream, name, value, frame->headers.cat == NGHTTP2_HCAT_REQUEST))
        return 0;

    akma_h2_conn_limit(user_data, AKMA_H2_LIMIT_HEADERS);

    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static int
on_data(nghttp2_session *h2,
        uint8_t flags G_GNUC_UNUSED,
        int32_t id,
        const uint8_t *data,
        size_t len,
        void *user_data)
{
    AkmaH2Stream *stream = nghttp2_session_get_stream_user_data(h2, id);

    if (!stream || akma_h2_stream_add_body(stream, data, len))
        return 0;

    akma_h2_conn_limit(user_data, AKMA_H2_LIMIT_BODY);
    nghttp2_submit_rst_stream(h2, NGHTTP2_FLAG_NONE, id, NGHTTP2_ENHANCE_YOUR_CALM);

    return 0;
}

static int
on_frame(nghttp2_session *h2, const nghttp2_frame *frame, void *user_data)
{
    AkmaH2Conn *self = user_data;
    AkmaH2Stream *stream;

    if (frame->hd.type == NGHTTP2_SETTINGS)
        self->shaking = false;
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
        return 0;

    stream = nghttp2_session_get_stream_user_data(h2, frame->hd.stream_id);
    if (!stream)
        return 0;
    /* nghttp2 has refused what lacks a pseudo header; CONNECT needs no path, but we do */
    if (!stream->fields[AKMA_FIELD_PATH]) {
        nghttp2_submit_rst_stream(
            h2, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_PROTOCOL_ERROR);
        return 0;
    }
    if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) || stream->too_large)
        akma_h2_stream_complete(stream);

    return 0;
}

static int
on_stream_close(nghttp2_session *h2, int32_t id, uint32_t code, void *user_data)
{
    AkmaH2Conn *self = user_data;
    AkmaH2Stream *stream = nghttp2_session_get_stream_user_data(h2, id);

    /* a peer may take back what it asked for with any code, also with that of no error */
    if (code == NGHTTP2_NO_ERROR && stream && stream->answered)
        self->calm = MIN(self->calm + CALM_A_STREAM, AKMA_H2_CALM_MAX);
    else
        spend(self, RESET_COST, AKMA_H2_LIMIT_RESETS);
    if (!stream)
        return 0;

    stream->finished = true;
    stream->end = code == NGHTTP2_NO_ERROR ? akma_conn_tell(&self->base) : 0;
    akma_h2_stream_move(stream, &self->gone);

    return 0;
}

void
akma_h2_frames_set_callbacks(AkmaIo *io)
{
    nghttp2_session_callbacks *callbacks = io->callbacks;

    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, on_begin_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback2(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
}
