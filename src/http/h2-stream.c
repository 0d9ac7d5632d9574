/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* h2-stream: one request being collected, shown to the user, and answered. */
#include "base/wiping.h"
#include "http/h2-internal.h"

#define FIELD_OVERHEAD 32 /* as RFC 9113 6.5.2 counts */
#define DISCARD_MAX    (4 * 1024 * 1024)
#define BODY_FIRST     1024
#define HEADERS_MAX    16

AkmaH2Stream *
akma_h2_stream_new(AkmaH2Conn *conn, int32_t id)
{
    AkmaH2Stream *self = akma_wiping_calloc(1, sizeof *self);

    if (!self)
        return NULL;

    self->conn = conn;
    self->id = id;
    self->link.data = self;
    akma_h2_stream_move(self, &conn->streams);

    return self;
}

void
akma_h2_stream_move(AkmaH2Stream *self, GQueue *queue)
{
    if (self->queue)
        g_queue_unlink(self->queue, &self->link);
    self->queue = queue;
    if (queue)
        g_queue_push_tail_link(queue, &self->link);
}

static bool
is(nghttp2_vec text, const char *name)
{
    return text.len == strlen(name) && strncmp((const char *)text.base, name, text.len) == 0;
}

static void
check_content_length(AkmaH2Stream *self, nghttp2_vec value)
{
    /* nghttp2 has checked that it is one number that fits */
    if (g_ascii_strtoull((const char *)value.base, NULL, 10) >
        self->conn->server->limits.body_bytes)
        self->too_large = true;
}

void
akma_h2_stream_set_content_type(AkmaH2Stream *self, const char *value, size_t len)
{
    akma_field_media_type(value, len, self->content_type);
    self->has_content_type = true;
}

bool
akma_h2_stream_add_field(AkmaH2Stream *self, nghttp2_rcbuf *name, nghttp2_rcbuf *value, bool wanted)
{
    static const char *const names[AKMA_N_FIELDS] = {
        [AKMA_FIELD_METHOD] = ":method",
        [AKMA_FIELD_PATH] = ":path",
        [AKMA_FIELD_AUTHORITY] = ":authority",
        [AKMA_FIELD_HOST] = "host",
        [AKMA_FIELD_CONTENT_ENCODING] = "content-encoding",
        [AKMA_FIELD_AUTHORIZATION] = "authorization",
        [AKMA_FIELD_USER_AGENT] = "user-agent",
    };
    nghttp2_vec n = nghttp2_rcbuf_get_buf(name), v = nghttp2_rcbuf_get_buf(value);

    self->header_bytes += n.len + v.len + FIELD_OVERHEAD;
    if (self->header_bytes > self->conn->server->limits.header_bytes)
        return false;
    if (!wanted)
        return true;

    if (is(n, "content-type") && !self->has_content_type) {
        akma_h2_stream_set_content_type(self, (const char *)v.base, v.len);
        return true;
    }
    if (is(n, "content-length"))
        check_content_length(self, v);
    for (size_t i = 0; i < AKMA_N_FIELDS; i++) {
        if (!self->fields[i] && is(n, names[i])) {
            nghttp2_rcbuf_incref(value);
            self->bufs[i] = value;
            self->fields[i] = (const char *)v.base;
            break;
        }
    }

    return true;
}

bool
akma_h2_stream_add_body(AkmaH2Stream *self, const uint8_t *bytes, size_t len)
{
    size_t limit = self->conn->server->limits.body_bytes;

    /* the answer is on its way; clients that cannot take it before their last byte get so far */
    if (self->too_large) {
        self->discarded += len;
        return self->discarded <= DISCARD_MAX;
    }
    if (len > limit - self->body_len) {
        self->too_large = true;
        akma_wiping_free(g_steal_pointer(&self->body));
        self->body_len = 0;
        return true;
    }

    if (self->body_len + len > self->body_size) {
        /* what was only announced is worth no memory */
        size_t size = MAX(self->body_size * 2, BODY_FIRST);
        uint8_t *grown;

        size = MIN(MAX(size, self->body_len + len), limit);
        grown = akma_wiping_realloc(self->body, size);
        if (!grown)
            return false;
        self->body = grown;
        self->body_size = size;
    }
    memcpy(self->body + self->body_len, bytes, len);
    self->body_len += len;

    return true;
}

void
akma_h2_stream_complete(AkmaH2Stream *self)
{
    if (self->complete)
        return;

    self->complete = true;
    self->conn->waiting++;
    akma_h2_stream_move(self, &self->conn->ready);
}

void
akma_h2_stream_give(AkmaH2Stream *self)
{
    AkmaH2Server *server = self->conn->server;
    const char *authority = self->fields[AKMA_FIELD_AUTHORITY];

    self->request = (AkmaH2Request){
        .method = self->fields[AKMA_FIELD_METHOD],
        .path = self->fields[AKMA_FIELD_PATH],
        .authority = authority ? authority : self->fields[AKMA_FIELD_HOST],
        .content_type = self->has_content_type ? self->content_type : NULL,
        .content_encoding = self->fields[AKMA_FIELD_CONTENT_ENCODING],
        .authorization = self->fields[AKMA_FIELD_AUTHORIZATION],
        .user_agent = self->fields[AKMA_FIELD_USER_AGENT],
        .body = self->body,
        .body_len = self->body_len,
        .too_large = self->too_large,
    };

    akma_h2_stream_move(self, &self->conn->streams);
    self->given = true;
    server->handlers.request(self, &self->request, server->user_data);
}

void
akma_h2_stream_end(AkmaH2Stream *self)
{
    AkmaH2Server *server = self->conn->server;

    akma_h2_stream_move(self, NULL);
    if (self->complete && !self->answered)
        self->conn->waiting--;
    self->answered = true;

    if (self->sent)
        self->sent(self->sent_data);
    if (self->given && server->handlers.stream_closed)
        server->handlers.stream_closed(self, server->user_data);
    if (self->destroy)
        self->destroy(self->data);

    for (size_t i = 0; i < AKMA_N_FIELDS; i++) {
        if (self->bufs[i])
            nghttp2_rcbuf_decref(self->bufs[i]);
    }
    akma_wiping_free(self->body);
    akma_conn_body_clear(&self->answer);
    akma_wiping_free(self);
}

static nghttp2_nv
field(const char *name, const char *value)
{
    return (nghttp2_nv){.name = (uint8_t *)name,
                        .value = (uint8_t *)value,
                        .namelen = strlen(name),
                        .valuelen = strlen(value)};
}

/* False: no memory, or nghttp2 does not want it. */
static bool
respond_h2(AkmaH2Stream *self,
           unsigned status,
           const char *content_type,
           const AkmaH2Header *headers,
           size_t n_headers,
           const uint8_t *body,
           size_t body_len)
{
    char code[8], length[24];
    nghttp2_nv fields[3 + HEADERS_MAX];
    nghttp2_data_provider source;
    size_t n = 0;

    g_snprintf(code, sizeof code, "%u", status);
    g_snprintf(length, sizeof length, "%zu", body_len);
    fields[n++] = field(":status", code);
    if (content_type)
        fields[n++] = field("content-type", content_type);
    if (status != 204 && status != 304)
        fields[n++] = field("content-length", length);
    for (size_t i = 0; i < n_headers; i++)
        fields[n++] = field(headers[i].name, headers[i].value);

    if (g_strcmp0(self->request.method, "HEAD") == 0)
        body_len = 0;
    if (body_len > 0 && !akma_conn_body_set(&self->answer, body, body_len))
        return false;
    source = akma_conn_body(&self->answer);

    return nghttp2_submit_response(
               self->conn->base.h2, self->id, fields, n, body_len > 0 ? &source : NULL) == 0;
}

void
akma_h2_respond(AkmaH2Stream *self,
                unsigned status,
                const char *content_type,
                const AkmaH2Header *headers,
                size_t n_headers,
                const uint8_t *body,
                size_t body_len,
                void (*sent)(void *user_data),
                void *user_data)
{
    AkmaConn *conn = &self->conn->base;

    g_return_if_fail(self->given && !self->responded);
    g_return_if_fail(status >= 200 && status <= 599 && n_headers <= HEADERS_MAX);

    /* whatever happens now, it is called when the stream ends */
    self->responded = true;
    self->sent = sent;
    self->sent_data = user_data;
    if (self->finished || conn->state != AKMA_CONN_OPEN)
        return;

    self->answered = true;
    self->conn->waiting--;
    if (self->conn->h1) {
        if (!akma_h1_respond(self, status, content_type, headers, n_headers, body, body_len))
            akma_h1_end(self->conn);
    } else if (!respond_h2(self, status, content_type, headers, n_headers, body, body_len)) {
        nghttp2_submit_rst_stream(conn->h2, NGHTTP2_FLAG_NONE, self->id, NGHTTP2_INTERNAL_ERROR);
    }
    akma_conn_touch(conn);
}

void
akma_h2_stream_set_data(AkmaH2Stream *self, void *data, void (*destroy)(void *data))
{
    self->data = data;
    self->destroy = destroy;
}

void *
akma_h2_stream_get_data(const AkmaH2Stream *self)
{
    return self->data;
}

AkmaH2Conn *
akma_h2_stream_get_conn(const AkmaH2Stream *self)
{
    return self->conn;
}
