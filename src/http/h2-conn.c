/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* h2-conn: one connection of the server, from its handshake to its end; patience has limits. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <unistd.h>

#include "base/error.h"
#include "http/h2-internal.h"

/* NGHTTP2_ERR_TOO_MANY_CONTINUATIONS, a name that the library has only since that was mended. */
#define TOO_MANY_CONTINUATIONS (-905)

static void
end_handshake(AkmaH2Conn *self)
{
    if (self->handshake.data)
        g_queue_unlink(&self->server->handshakes, &self->handshake);
    self->handshake.data = NULL;
}

void
akma_h2_conn_limit(AkmaH2Conn *self, AkmaH2Limit limit)
{
    if (self->limited)
        return;

    self->limited = true;
    akma_h2_server_limit(self->server, limit);
}

void
akma_h2_conn_abort_handshake(AkmaH2Conn *self)
{
    akma_h2_conn_limit(self, AKMA_H2_LIMIT_HANDSHAKES);
    end_handshake(self);
    akma_conn_fail(&self->base, NULL);
}

static bool
open_h2(AkmaH2Conn *self)
{
    AkmaConn *conn = &self->base;
    const AkmaH2Limits *limits = &self->server->limits;
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits->streams},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, (uint32_t)limits->header_bytes},
        /* no table that keeps what passed, and no tree of priorities */
        {NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, 0},
        {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
    };

    if (nghttp2_session_server_new3(
            &conn->h2, conn->io->callbacks, self, conn->io->option, &conn->io->mem) != 0 ||
        nghttp2_submit_settings(conn->h2, NGHTTP2_FLAG_NONE, settings, G_N_ELEMENTS(settings)) !=
            0) {
        akma_conn_fail(conn, g_error_new(AKMA_ERROR, AKMA_ERROR_INTERNAL, "no memory"));
        return false;
    }

    return true;
}

static const AkmaConnWire *
choose(AkmaConn *conn)
{
    AkmaH2Conn *self = (AkmaH2Conn *)conn;

    if (!(self->server->versions & AKMA_HTTP_1_1) || akma_conn_has_alpn(conn, "h2"))
        return akma_conn_require_h2(conn);

    return akma_h1_new(self);
}

static bool
opened(AkmaConn *conn)
{
    AkmaH2Conn *self = (AkmaH2Conn *)conn;

    end_handshake(self);
    if (self->server->psk && !akma_h2_psk_opened(self))
        return false;
    if (!akma_h2_server_knows(self->server, self)) {
        akma_conn_fail(conn,
                       g_error_new_literal(AKMA_ERROR,
                                           AKMA_ERROR_SERVER_REFUSED,
                                           "its certificate is not trusted any more"));
        return false;
    }
    if (!self->h1 && !open_h2(self))
        return false;
    if (self->server->handlers.opened)
        self->server->handlers.opened(self, self->server->user_data);

    return conn->state == AKMA_CONN_OPEN;
}

static void
deliver(AkmaConn *conn)
{
    AkmaH2Conn *self = (AkmaH2Conn *)conn;

    while (self->ready.head && conn->state == AKMA_CONN_OPEN) {
        AkmaH2Stream *stream = self->ready.head->data;

        if (stream->finished)
            akma_h2_stream_move(stream, &self->streams);
        else
            akma_h2_stream_give(stream);
    }
}

static void
flushed(AkmaConn *conn)
{
    AkmaH2Conn *self = (AkmaH2Conn *)conn;
    GList *next;

    for (GList *l = self->gone.head; l; l = next) {
        AkmaH2Stream *stream = l->data;

        next = l->next;
        if (stream->end <= conn->written)
            akma_h2_stream_end(stream);
    }

    if (self->h1)
        akma_h1_flushed(self);
    /* only now: some clients take nothing after GOAWAY */
    else if (self->closing && !self->streams.head && !self->ready.head && !self->gone.head)
        nghttp2_session_terminate_session(conn->h2, NGHTTP2_NO_ERROR);
}

/*
 * Our SETTINGS, which come first, go with the answer to a request that came with the handshake.
 * After the last answer come GOAWAY, the end of TLS and that of the connection.
 */
static bool
has_more(const AkmaConn *conn)
{
    const AkmaH2Conn *self = (const AkmaH2Conn *)conn;

    return self->waiting > 0 ? conn->written == 0 : self->closing;
}

static uint64_t
due(const AkmaConn *conn)
{
    const AkmaH2Conn *self = (const AkmaH2Conn *)conn;
    const AkmaH2Limits *limits = &self->server->limits;

    if (self->shaking)
        return MIN(self->since_ms + limits->handshake_ms, self->until_ms);
    /* it is not the peer who is idle when it waits for our answer */
    if (self->draining || (self->waiting > 0 && conn->kept_len == 0))
        return self->until_ms;

    return MIN(conn->active_ms + limits->idle_ms, self->until_ms);
}

/* Which of the times in due() is over; one that we close has had its limit. */
static AkmaH2Limit
get_expired(const AkmaH2Conn *self)
{
    if (uv_now(self->base.io->loop) >= self->until_ms)
        return AKMA_H2_LIMIT_LIFETIME;
    if (self->shaking)
        return AKMA_H2_LIMIT_HANDSHAKE_TIME;

    return self->base.kept_len > 0 ? AKMA_H2_LIMIT_UNREAD : AKMA_H2_LIMIT_IDLE;
}

static void
expired(AkmaConn *conn)
{
    AkmaH2Conn *self = (AkmaH2Conn *)conn;

    if (!self->draining)
        akma_h2_conn_limit(self, get_expired(self));
    if (self->shaking || self->draining || conn->kept_len > 0) {
        akma_conn_fail(conn, NULL);
    } else {
        self->until_ms = AKMA_CONN_NEVER; /* close() sets another */
        akma_h2_conn_close(self);
    }
}

static void
end_all(GQueue *streams)
{
    while (streams->head)
        akma_h2_stream_end(streams->head->data);
}

static void
ended(AkmaConn *conn)
{
    AkmaH2Conn *self = (AkmaH2Conn *)conn;
    AkmaH2Server *server = self->server;

    if (conn->error)
        g_debug("a connection ended: %s", conn->error->message);
    if (conn->h2_error == TOO_MANY_CONTINUATIONS)
        akma_h2_conn_limit(self, AKMA_H2_LIMIT_CONTINUATIONS);
    else if (conn->h2_error == NGHTTP2_ERR_FLOODED)
        akma_h2_conn_limit(self, AKMA_H2_LIMIT_FRAMES);
    end_handshake(self);
    end_all(&self->gone);
    end_all(&self->ready);
    end_all(&self->streams);
    if (server->handlers.conn_closed)
        server->handlers.conn_closed(self, server->user_data);
    if (self->destroy)
        self->destroy(self->data);
    akma_h2_psk_clear(self);
}

static void
freed(AkmaConn *conn)
{
    AkmaH2Conn *self = (AkmaH2Conn *)conn;
    AkmaH2Server *server = self->server;

    g_queue_unlink(&server->conns, &self->link);
    g_free(self);
    akma_h2_server_conn_gone(server);
}

static const AkmaConnRole server_role = {
    .choose = choose,
    .opened = opened,
    .deliver = deliver,
    .flushed = flushed,
    .has_more = has_more,
    .due = due,
    .expired = expired,
    .ended = ended,
    .freed = freed,
};

static void
name_peer(const struct sockaddr *peer, char *ret, size_t size)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)peer;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)peer;

    if (peer->sa_family == AF_INET)
        inet_ntop(AF_INET, &v4->sin_addr, ret, (socklen_t)size);
    else if (peer->sa_family != AF_INET6)
        g_strlcpy(ret, "unix", size);
    else if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
        inet_ntop(AF_INET, v6->sin6_addr.s6_addr + 12, ret, (socklen_t)size);
    else
        inet_ntop(AF_INET6, &v6->sin6_addr, ret, (socklen_t)size);
}

void
akma_h2_conn_accept(AkmaH2Server *server, int fd, const struct sockaddr *peer)
{
    AkmaH2Conn *self = g_new0(AkmaH2Conn, 1);
    SSL *ssl = server->tls ? SSL_new(server->tls) : NULL;
    uint64_t now = uv_now(server->io.loop);
    g_autoptr(GError) error = NULL;

    self->server = server;
    self->since_ms = self->calm_ms = now;
    self->until_ms =
        server->limits.lifetime_ms ? now + server->limits.lifetime_ms : AKMA_CONN_NEVER;
    self->calm = AKMA_H2_CALM_MAX;
    self->shaking = true;
    self->link.data = self;
    name_peer(peer, self->peer, sizeof self->peer);
    if (ssl) {
        SSL_set_accept_state(ssl);
        SSL_set_app_data(ssl, self);
    }

    if ((server->tls && !ssl) ||
        !akma_conn_init(
            &self->base, &server_role, &server->io, fd, ssl, AKMA_CONN_HANDSHAKE, &error)) {
        g_debug("a connection was dropped: %s", error ? error->message : "no memory");
        SSL_free(ssl);
        close(fd);
        g_free(self);
        return;
    }
    if (ssl) {
        self->handshake.data = self;
        g_queue_push_tail_link(&server->handshakes, &self->handshake);
    }
    g_queue_push_tail_link(&server->conns, &self->link);
}

/* No new requests; the last word is for the caller. False: it is over or will be at once. */
static bool
begin_drain(AkmaH2Conn *self, unsigned grace_ms)
{
    AkmaConn *conn = &self->base;

    self->until_ms = MIN(self->until_ms, uv_now(conn->io->loop) + grace_ms);
    self->draining = true;
    self->shaking = false;
    if (!conn->wire)
        akma_conn_fail(conn, NULL);
    akma_conn_touch(conn);

    return conn->state == AKMA_CONN_OPEN;
}

void
akma_h2_conn_drain(AkmaH2Conn *self, unsigned grace_ms)
{
    nghttp2_session *h2 = self->base.h2;

    if (!self->draining && begin_drain(self, grace_ms) && h2)
        nghttp2_submit_goaway(h2,
                              NGHTTP2_FLAG_NONE,
                              nghttp2_session_get_last_proc_stream_id(h2),
                              NGHTTP2_NO_ERROR,
                              NULL,
                              0);
}

void
akma_h2_conn_finish(AkmaH2Conn *self, unsigned grace_ms)
{
    if (!self->draining && begin_drain(self, grace_ms))
        self->closing = true;
}

static void
drop_unanswered(AkmaH2Conn *self, GQueue *streams)
{
    for (GList *l = streams->head; l; l = l->next) {
        AkmaH2Stream *stream = l->data;

        if (stream->answered)
            continue;
        stream->finished = true;
        if (self->h1)
            akma_h1_end(self);
        else
            nghttp2_submit_rst_stream(self->base.h2, NGHTTP2_FLAG_NONE, stream->id, NGHTTP2_CANCEL);
    }
}

void
akma_h2_conn_close(AkmaH2Conn *self)
{
    if (!begin_drain(self, AKMA_H2_CLOSE_MS))
        return;

    self->closing = true;
    drop_unanswered(self, &self->streams);
    drop_unanswered(self, &self->ready);
}

void
akma_h2_conn_set_data(AkmaH2Conn *self, void *data, void (*destroy)(void *data))
{
    self->data = data;
    self->destroy = destroy;
}

void *
akma_h2_conn_get_data(const AkmaH2Conn *self)
{
    return self->data;
}

const char *
akma_h2_conn_get_peer(const AkmaH2Conn *self)
{
    return self->peer;
}

X509 *
akma_h2_conn_get_peer_certificate(const AkmaH2Conn *self)
{
    return self->base.ssl ? SSL_get0_peer_certificate(self->base.ssl) : NULL;
}
