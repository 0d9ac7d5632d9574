/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* h2-client-call: one request of the client and its answer. */
#include "base/error.h"
#include "base/wiping.h"
#include "http/h2-client-internal.h"

#define HEADERS_MAX 16
#define FIXED       5 /* :method :scheme :authority :path content-length */
#define BODY_FIRST  1024
#define TRIES       2

static bool
copy_headers(AkmaH2Call *self, const AkmaH2Header *headers, size_t n_headers)
{
    self->headers = akma_wiping_calloc(MAX(n_headers, 1), sizeof *headers);
    if (!self->headers)
        return false;

    self->n_headers = n_headers;
    for (size_t i = 0; i < n_headers; i++) {
        self->headers[i].name = akma_wiping_strdup(headers[i].name);
        self->headers[i].value = akma_wiping_strdup(headers[i].value);
        if (!self->headers[i].name || !self->headers[i].value)
            return false;
    }

    return true;
}

AkmaH2Call *
akma_h2_call_new(AkmaH2Client *client,
                 const char *method,
                 const char *path,
                 const AkmaH2Header *headers,
                 size_t n_headers,
                 const uint8_t *body,
                 size_t body_len)
{
    AkmaH2Call *self;

    g_return_val_if_fail(n_headers <= HEADERS_MAX, NULL);

    self = g_new0(AkmaH2Call, 1);
    self->client = client;
    self->link.data = self->age.data = self;
    self->method = akma_wiping_strdup(method);
    self->path = akma_wiping_strdup(path);
    if (!self->method || !self->path || !copy_headers(self, headers, n_headers) ||
        (body_len > 0 && !akma_conn_body_set(&self->body, body, body_len)))
        self->error = g_error_new_literal(AKMA_ERROR, AKMA_ERROR_INTERNAL, "no memory");

    return self;
}

void
akma_h2_call_move(AkmaH2Call *self, GQueue *queue)
{
    if (self->queue)
        g_queue_unlink(self->queue, &self->link);
    self->queue = queue;
    if (queue)
        g_queue_push_tail_link(queue, &self->link);
}

static void
forget_answer(AkmaH2Call *self)
{
    self->response = (AkmaH2Response){0};
    g_clear_pointer(&self->location, nghttp2_rcbuf_decref);
    akma_wiping_free(g_steal_pointer(&self->bytes));
    self->bytes_len = self->bytes_size = 0;
}

void
akma_h2_call_free(AkmaH2Call *self)
{
    akma_h2_call_move(self, NULL);
    g_queue_unlink(&self->client->calls, &self->age);
    forget_answer(self);
    for (size_t i = 0; i < self->n_headers; i++) {
        akma_wiping_free((char *)self->headers[i].name);
        akma_wiping_free((char *)self->headers[i].value);
    }
    akma_wiping_free(self->headers);
    akma_wiping_free(self->method);
    akma_wiping_free(self->path);
    akma_conn_body_clear(&self->body);
    g_clear_error(&self->error);
    g_free(self);
}

void
akma_h2_call_end(AkmaH2Call *self, const GError *error)
{
    if (!error)
        error = self->error;
    if (!error) {
        self->response.location =
            self->location ? (const char *)nghttp2_rcbuf_get_buf(self->location).base : NULL;
        self->response.body = self->bytes;
        self->response.body_len = self->bytes_len;
    }

    /* the user may do anything to the others, but not to this one */
    akma_h2_call_move(self, NULL);
    self->owner = NULL;
    self->ending = true;
    self->done(error ? NULL : &self->response, error, self->user_data);
    akma_h2_call_free(self);
}

static nghttp2_nv
field(const char *name, const char *value)
{
    return (nghttp2_nv){.name = (uint8_t *)name,
                        .value = (uint8_t *)value,
                        .namelen = strlen(name),
                        .valuelen = strlen(value)};
}

void
akma_h2_call_send(AkmaH2Call *self, AkmaH2Link *link)
{
    AkmaH2Client *client = self->client;
    nghttp2_nv fields[FIXED + HEADERS_MAX];
    nghttp2_data_provider source = akma_conn_body(&self->body);
    char length[24];
    size_t n = 0;

    g_snprintf(length, sizeof length, "%zu", self->body.len);
    fields[n++] = field(":method", self->method);
    fields[n++] = field(":scheme", client->tls ? "https" : "http");
    fields[n++] = field(":authority", client->authority);
    fields[n++] = field(":path", self->path);
    if (self->body.len > 0)
        fields[n++] = field("content-length", length);
    for (size_t i = 0; i < self->n_headers; i++)
        fields[n++] = field(self->headers[i].name, self->headers[i].value);

    self->body.sent = 0;
    self->tries++;
    self->sent_ms = uv_now(client->io.loop);
    self->owner = link;
    self->id = nghttp2_submit_request(
        link->base.h2, NULL, fields, n, self->body.len > 0 ? &source : NULL, self);
    if (self->id < 0) {
        self->error =
            g_error_new(AKMA_ERROR, AKMA_ERROR_INTERNAL, "request: %s", nghttp2_strerror(self->id));
        akma_h2_call_move(self, &link->done);
    } else {
        akma_h2_call_move(self, &link->calls);
    }
    akma_conn_touch(&link->base);
}

void
akma_h2_call_abandon(AkmaH2Call *self)
{
    AkmaH2Link *link = self->owner;

    if (!link || self->queue != &link->calls || link->base.state != AKMA_CONN_OPEN)
        return;

    nghttp2_session_set_stream_user_data(link->base.h2, self->id, NULL);
    nghttp2_submit_rst_stream(link->base.h2, NGHTTP2_FLAG_NONE, self->id, NGHTTP2_CANCEL);
    akma_conn_touch(&link->base);
}

static bool
is(nghttp2_vec text, const char *name)
{
    return text.len == strlen(name) && strncmp((const char *)text.base, name, text.len) == 0;
}

void
akma_h2_call_add_field(AkmaH2Call *self, nghttp2_rcbuf *name, nghttp2_rcbuf *value)
{
    nghttp2_vec n = nghttp2_rcbuf_get_buf(name), v = nghttp2_rcbuf_get_buf(value);
    const char *text = (const char *)v.base;

    if (self->final)
        return; /* trailers */

    if (is(n, ":status")) {
        /* nghttp2 has checked that it is three digits; an interim answer comes before another */
        forget_answer(self);
        self->response.status = (unsigned)g_ascii_strtoull(text, NULL, 10);
    } else if (is(n, "content-type") && !self->response.content_type) {
        akma_field_media_type(text, v.len, self->content_type);
        self->response.content_type = self->content_type;
    } else if (is(n, "location") && !self->location) {
        nghttp2_rcbuf_incref(value);
        self->location = value;
    } else if (is(n, "retry-after")) {
        self->response.retry_after_s = akma_field_retry_after(text, v.len);
    }
}

bool
akma_h2_call_add_body(AkmaH2Call *self, const uint8_t *bytes, size_t len)
{
    size_t limit = self->client->body_bytes;

    if (len > limit - self->bytes_len) {
        self->error = g_error_new(
            AKMA_ERROR, AKMA_ERROR_SERVER_REFUSED, "the answer has more than %zu bytes", limit);
        return false;
    }

    if (self->bytes_len + len > self->bytes_size) {
        size_t size = MAX(MAX(self->bytes_size * 2, self->bytes_len + len), BODY_FIRST);
        uint8_t *grown = akma_wiping_realloc(self->bytes, MIN(size, limit));

        if (!grown) {
            self->error = g_error_new_literal(AKMA_ERROR, AKMA_ERROR_INTERNAL, "no memory");
            return false;
        }
        self->bytes = grown;
        self->bytes_size = MIN(size, limit);
    }
    memcpy(self->bytes + self->bytes_len, bytes, len);
    self->bytes_len += len;

    return true;
}

bool
akma_h2_call_retry(AkmaH2Call *self)
{
    if (self->began || self->error || self->tries >= TRIES || self->client->closing)
        return false;

    akma_h2_call_move(self, &self->client->waiting);
    self->owner = NULL;
    akma_h2_client_touch(self->client);

    return true;
}
