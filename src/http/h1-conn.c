/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * h1-conn: HTTP/1.1 on a connection of the server: one request, its answer, the next one.
 *
 *   HEAD -> BODY -> ANSWER -> HEAD
 *     \       \        \
 *      `-------`--------`--> END: what is in @out goes out, then the connection closes
 */
#include <string.h>

#include "base/error.h"
#include "base/wiping.h"
#include "http/h1.h"
#include "http/h2-internal.h"

#define HEAD_FIRST  1024
#define ANSWER_HEAD 8192          /* room for the head of an answer */
#define DISCARD_MAX (1024 * 1024) /* what a client may send too much and still get its answer */

typedef enum { STATE_HEAD, STATE_BODY, STATE_ANSWER, STATE_END } State;

struct _AkmaH1 {
    State state;
    bool last;     /* no other request after this one */
    uint8_t *head; /* wiped */
    size_t head_len, head_size;
    AkmaH2Stream *stream; /* in BODY and ANSWER */
    uint64_t body_left;
    size_t discarded;
    AkmaConnBody out; /* an answer with its head */
};

static bool
is_last(const AkmaH2Conn *conn)
{
    return conn->h1->last || conn->draining;
}

static void
forget_head(AkmaH1 *self)
{
    akma_wiping_free(g_steal_pointer(&self->head));
    self->head_len = self->head_size = 0;
}

void
akma_h1_end(AkmaH2Conn *conn)
{
    conn->h1->state = STATE_END;
    conn->shaking = false;
    akma_conn_touch(&conn->base);
}

static AkmaConnBody
write_answer(AkmaH2Conn *conn,
             unsigned status,
             const char *content_type,
             const AkmaH2Header *headers,
             size_t n_headers,
             size_t body_len)
{
    AkmaConnBody answer = {.bytes = akma_wiping_malloc(ANSWER_HEAD + body_len)};
    AkmaWriter writer = akma_writer_init(answer.bytes, answer.bytes ? ANSWER_HEAD : 0);
    char length[24];

    g_snprintf(length, sizeof length, "%zu", body_len);
    akma_h1_put_status(&writer, status);
    akma_h1_put_date(&writer, g_get_real_time() / G_USEC_PER_SEC);
    if (content_type)
        akma_h1_put_field(&writer, "content-type", content_type);
    if (status != 204 && status != 304)
        akma_h1_put_field(&writer, "content-length", length);
    for (size_t i = 0; i < n_headers; i++)
        akma_h1_put_field(&writer, headers[i].name, headers[i].value);
    if (is_last(conn))
        akma_h1_put_field(&writer, "connection", "close");
    akma_h1_put_end(&writer);

    if (writer.bad)
        akma_conn_body_clear(&answer);
    else
        answer.len = writer.len;

    return answer;
}

bool
akma_h1_respond(AkmaH2Stream *stream,
                unsigned status,
                const char *content_type,
                const AkmaH2Header *headers,
                size_t n_headers,
                const uint8_t *body,
                size_t body_len)
{
    AkmaH1 *self = stream->conn->h1;

    self->out = write_answer(stream->conn, status, content_type, headers, n_headers, body_len);
    if (!self->out.bytes)
        return false;
    if (body_len > 0 && strcmp(stream->request.method, "HEAD") != 0) {
        memcpy(self->out.bytes + self->out.len, body, body_len);
        self->out.len += body_len;
    }

    return true;
}

/* The answer to what is no request; nobody above sees it. */
static void
refuse(AkmaH2Conn *conn, unsigned status)
{
    conn->h1->last = true;
    conn->h1->out = write_answer(conn, status, NULL, NULL, 0, 0);
    akma_h1_end(conn);
}

static void
complete(AkmaH2Conn *conn)
{
    conn->h1->state = STATE_ANSWER;
    conn->shaking = false;
    akma_h2_stream_complete(conn->h1->stream);
}

/* The whole head is there. */
static void
begin_request(AkmaH2Conn *conn)
{
    AkmaH1 *self = conn->h1;
    AkmaH2Stream *stream;
    AkmaH1Head head;
    unsigned status = akma_h1_parse((char *)self->head, self->head_len, &head);

    if (status != 0) {
        refuse(conn, status);
        return;
    }
    stream = akma_h2_stream_new(conn, 1);
    if (!stream) {
        refuse(conn, 503);
        return;
    }

    stream->fields[AKMA_FIELD_METHOD] = head.method;
    stream->fields[AKMA_FIELD_PATH] = head.path;
    stream->fields[AKMA_FIELD_AUTHORITY] = head.authority;
    stream->fields[AKMA_FIELD_CONTENT_ENCODING] = head.content_encoding;
    stream->fields[AKMA_FIELD_AUTHORIZATION] = head.authorization;
    stream->fields[AKMA_FIELD_USER_AGENT] = head.user_agent;
    if (head.content_type)
        akma_h2_stream_set_content_type(stream, head.content_type, strlen(head.content_type));
    stream->too_large = head.body_len > conn->server->limits.body_bytes;
    self->stream = stream;
    self->body_left = head.body_len;
    self->last = self->last || head.close || stream->too_large;
    self->state = STATE_BODY;
    if (self->body_left == 0 || stream->too_large)
        complete(conn);
}

static bool
grow_head(AkmaH1 *self, size_t len, size_t limit)
{
    size_t size = MIN(MAX(self->head_len + len, MAX(self->head_size * 2, HEAD_FIRST)), limit);
    uint8_t *grown;

    if (self->head_len + len <= self->head_size)
        return true;
    grown = akma_wiping_realloc(self->head, size);
    if (!grown)
        return false;
    self->head = grown;
    self->head_size = size;

    return true;
}

/* Returns how many bytes belonged to the head. */
static size_t
take_head(AkmaH2Conn *conn, const uint8_t *bytes, size_t len)
{
    AkmaH1 *self = conn->h1;
    size_t limit = conn->server->limits.header_bytes;
    size_t before = self->head_len;
    size_t n = MIN(len, limit - before);
    size_t head_len;

    if (before == 0) {
        conn->shaking = true;
        conn->since_ms = uv_now(conn->base.io->loop);
    }
    if (!grow_head(self, n, limit)) {
        refuse(conn, 503);
        return len;
    }
    memcpy(self->head + before, bytes, n);
    self->head_len += n;

    switch (akma_h1_scan((const char *)self->head, self->head_len, before, &head_len)) {
    case AKMA_H1_WHOLE:
        /* what follows is no part of it, and is looked at where it came from */
        explicit_bzero(self->head + head_len, self->head_len - head_len);
        self->head_len = head_len;
        begin_request(conn);
        return head_len - before;
    case AKMA_H1_BROKEN:
        refuse(conn, 400);
        return n;
    case AKMA_H1_PART:
        if (self->head_len == limit) {
            akma_h2_conn_limit(conn, AKMA_H2_LIMIT_HEADERS);
            refuse(conn, 431);
        }
        return n;
    }

    g_return_val_if_reached(len);
}

static size_t
take_body(AkmaH2Conn *conn, const uint8_t *bytes, size_t len)
{
    AkmaH1 *self = conn->h1;
    size_t n = (size_t)MIN(len, self->body_left);

    if (!akma_h2_stream_add_body(self->stream, bytes, n)) {
        akma_conn_fail(&conn->base, g_error_new(AKMA_ERROR, AKMA_ERROR_INTERNAL, "no memory"));
        return len;
    }
    self->body_left -= n;
    if (self->body_left == 0)
        complete(conn);

    return n;
}

static bool
input(AkmaConn *base, const uint8_t *bytes, size_t len)
{
    AkmaH2Conn *conn = (AkmaH2Conn *)base;
    AkmaH1 *self = conn->h1;

    while (len > 0 && base->state == AKMA_CONN_OPEN) {
        size_t n = len;

        switch (self->state) {
        case STATE_HEAD:
            n = take_head(conn, bytes, len);
            break;
        case STATE_BODY:
            n = take_body(conn, bytes, len);
            break;
        case STATE_ANSWER:
        case STATE_END:
            self->last = true;
            self->discarded += len;
            if (self->discarded > DISCARD_MAX) {
                akma_h2_conn_limit(conn, AKMA_H2_LIMIT_BODY);
                akma_conn_fail(base, NULL);
            }
            break;
        }
        bytes += n;
        len -= n;
    }

    return base->state == AKMA_CONN_OPEN;
}

static void
output(AkmaConn *base)
{
    AkmaH2Conn *conn = (AkmaH2Conn *)base;
    AkmaH1 *self = conn->h1;
    AkmaIo *io = base->io;
    size_t n = MIN(self->out.len - self->out.sent, sizeof io->out);

    if (n == 0)
        return;
    memcpy(io->out, self->out.bytes + self->out.sent, n);
    io->out_len = n;
    self->out.sent += n;
    if (self->out.sent < self->out.len)
        return;

    akma_conn_body_clear(&self->out);
    if (self->stream) {
        self->stream->finished = true;
        self->stream->end = akma_conn_tell(base);
        akma_h2_stream_move(self->stream, &conn->gone);
    }
}

void
akma_h1_flushed(AkmaH2Conn *conn)
{
    AkmaH1 *self = conn->h1;
    bool idle = !conn->streams.head && !conn->ready.head && !conn->gone.head;

    if (self->stream && idle) {
        self->stream = NULL;
        self->state = self->state == STATE_END ? STATE_END : STATE_HEAD;
        forget_head(self);
    }
    if (idle && is_last(conn))
        akma_h1_end(conn);
}

static bool
has_output(const AkmaConn *base)
{
    const AkmaH2Conn *conn = (const AkmaH2Conn *)base;

    return conn->h1->out.len > 0;
}

static bool
is_over(const AkmaConn *base)
{
    const AkmaH2Conn *conn = (const AkmaH2Conn *)base;

    return conn->h1->state == STATE_END && conn->h1->out.len == 0;
}

static void
clear(AkmaConn *base)
{
    AkmaH2Conn *conn = (AkmaH2Conn *)base;

    forget_head(conn->h1);
    akma_conn_body_clear(&conn->h1->out);
    g_clear_pointer(&conn->h1, g_free);
}

static const AkmaConnWire wire_h1 = {
    .input = input,
    .output = output,
    .has_output = has_output,
    .is_over = is_over,
    .clear = clear,
};

const AkmaConnWire *
akma_h1_new(AkmaH2Conn *conn)
{
    conn->h1 = g_new0(AkmaH1, 1);

    return &wire_h1;
}
