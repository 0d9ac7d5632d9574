/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* h2-server: the listening socket, who gets in, and the orderly end. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "http/h2-internal.h"
#include "http/tls.h"

#define ACCEPTS_A_TURN    64
#define HANDSHAKE_FAIR_MS 2000  /* what each has, also in a flood of them */
#define DISTRUST_MS       10000 /* for what is under way of a client that is not trusted any more */
#define PAUSE_MS          100   /* without descriptors the socket stays readable: do not spin */

AkmaH2Server *
akma_h2_server_new(uv_loop_t *loop,
                   SSL_CTX *tls,
                   const AkmaH2Limits *limits,
                   const AkmaH2Handlers *handlers,
                   void *user_data)
{
    AkmaH2Server *self;

    g_return_val_if_fail(loop && limits && handlers && handlers->request, NULL);

    self = g_new0(AkmaH2Server, 1);
    self->limits = *limits;
    self->handlers = *handlers;
    self->user_data = user_data;
    self->fd = -1;
    self->versions = AKMA_HTTP_2;
    akma_h2_server_set_tls(self, tls);
    if (akma_io_init(&self->io, loop))
        akma_h2_frames_set_callbacks(&self->io);
    else
        akma_io_clear(&self->io); /* listen() says so */

    return self;
}

void
akma_h2_server_set_tls(AkmaH2Server *self, SSL_CTX *tls)
{
    if (tls)
        SSL_CTX_up_ref(tls);
    SSL_CTX_free(self->tls);
    self->tls = tls;
    if (tls)
        akma_tls_server_set_versions(tls, self->versions);
    if (tls && self->psk)
        akma_h2_psk_install(tls);

    /* one whose handshake is not over is looked at when it is */
    for (GList *l = self->conns.head; l; l = l->next) {
        AkmaH2Conn *conn = l->data;

        if (conn->base.state == AKMA_CONN_OPEN && !akma_h2_server_knows(self, conn))
            akma_h2_conn_finish(conn, DISTRUST_MS);
    }
}

bool
akma_h2_server_knows(const AkmaH2Server *self, const AkmaH2Conn *conn)
{
    const SSL *ssl = conn->base.ssl;

    return !ssl || !self->tls || SSL_get_SSL_CTX(ssl) == self->tls ||
           akma_tls_server_accepts(self->tls, ssl);
}

void
akma_h2_server_set_versions(AkmaH2Server *self, unsigned versions)
{
    g_return_if_fail(versions == AKMA_HTTP_1_1 || versions == AKMA_HTTP_2 ||
                     (self->tls && versions == (AKMA_HTTP_1_1 | AKMA_HTTP_2)));

    self->versions = versions;
    if (self->tls)
        akma_tls_server_set_versions(self->tls, versions);
}

void
akma_h2_server_limit(AkmaH2Server *self, AkmaH2Limit limit)
{
    if (self->handlers.limited)
        self->handlers.limited(limit, self->user_data);
}

static void on_acceptable(uv_poll_t *poll, int status, int events);

static void
resume(uv_timer_t *timer)
{
    AkmaH2Server *self = timer->data;

    uv_poll_start(&self->poll, UV_READABLE, on_acceptable);
}

/*
 * With all handshakes taken the oldest has to go once it had time enough: who opens connections
 * and says nothing keeps nobody out.
 */
static bool
make_room(AkmaH2Server *self)
{
    AkmaH2Conn *oldest;

    if (self->conns.length >= self->limits.connections) {
        akma_h2_server_limit(self, AKMA_H2_LIMIT_CONNECTIONS);
        return false;
    }
    if (!self->tls || self->handshakes.length < self->limits.handshakes)
        return true;

    oldest = g_queue_peek_head(&self->handshakes);
    if (!oldest || uv_now(self->io.loop) - oldest->since_ms < HANDSHAKE_FAIR_MS) {
        akma_h2_server_limit(self, AKMA_H2_LIMIT_HANDSHAKES);
        return false;
    }
    akma_h2_conn_abort_handshake(oldest);

    return true;
}

static void
on_acceptable(uv_poll_t *poll, int status G_GNUC_UNUSED, int events G_GNUC_UNUSED)
{
    AkmaH2Server *self = poll->data;

    for (unsigned i = 0; i < ACCEPTS_A_TURN && !self->stopping; i++) {
        struct sockaddr_storage peer = {0};
        socklen_t len = sizeof peer;
        struct sockaddr *address = (struct sockaddr *)(void *)&peer;
        int fd = accept4(self->fd, address, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)) {
            uv_poll_stop(&self->poll);
            uv_timer_start(&self->timer, resume, PAUSE_MS, 0);
            return;
        }
        if (fd < 0 && (errno == ECONNABORTED || errno == EINTR))
            continue;
        if (fd < 0)
            return;

        if ((!self->handlers.accept || self->handlers.accept(address, self->user_data)) &&
            make_room(self))
            akma_h2_conn_accept(self, fd, address);
        else
            close(fd);
    }
}

bool
akma_h2_server_listen(AkmaH2Server *self, int fd, GError **error)
{
    int on = 1, rv;

    g_return_val_if_fail(!self->listening, false);

    if (!self->io.bio) {
        g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "no memory");
        return false;
    }
    /* accepted sockets inherit it; a Unix socket has none */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    rv = uv_poll_init(self->io.loop, &self->poll, fd);
    if (rv != 0) {
        g_set_error(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "cannot listen: %s", uv_strerror(rv));
        return false;
    }

    self->fd = fd;
    self->poll.data = self->timer.data = self;
    uv_timer_init(self->io.loop, &self->timer);
    akma_io_start(&self->io, self);
    uv_poll_start(&self->poll, UV_READABLE, on_acceptable);
    self->handles = 3;
    self->listening = true;

    return true;
}

void
akma_h2_conn_trust(AkmaH2Conn *self, unsigned streams)
{
    const nghttp2_settings_entry more = {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, streams};

    if (self->trusted || self->draining || !self->base.h2)
        return;

    self->trusted = true;
    self->until_ms = AKMA_CONN_NEVER;
    nghttp2_submit_settings(self->base.h2, NGHTTP2_FLAG_NONE, &more, 1);
    akma_conn_touch(&self->base);
}

unsigned
akma_h2_server_get_connections(const AkmaH2Server *self)
{
    return self->conns.length;
}

unsigned
akma_h2_server_get_handshakes(const AkmaH2Server *self)
{
    return self->handshakes.length;
}

static void
on_closed(uv_handle_t *handle)
{
    AkmaH2Server *self = handle->data;

    if (handle == (uv_handle_t *)&self->poll) {
        close(self->fd);
        self->fd = -1;
    }
    if (--self->handles == 0) {
        self->listening = false;
        /* last: it may free us */
        if (self->done)
            self->done(self->done_data);
    }
}

void
akma_h2_server_conn_gone(AkmaH2Server *self)
{
    if (!self->stopping || self->conns.length > 0)
        return;

    uv_close((uv_handle_t *)&self->timer, on_closed);
    uv_close((uv_handle_t *)&self->io.idle, on_closed);
}

static void
on_grace_over(uv_timer_t *timer)
{
    AkmaH2Server *self = timer->data;

    for (GList *l = self->conns.head; l; l = l->next)
        akma_conn_fail(&((AkmaH2Conn *)l->data)->base, NULL);
    /* nobody was there */
    akma_h2_server_conn_gone(self);
}

void
akma_h2_server_stop(AkmaH2Server *self,
                    unsigned grace_ms,
                    void (*done)(void *user_data),
                    void *user_data)
{
    g_return_if_fail(self->listening && !self->stopping);

    self->stopping = true;
    self->done = done;
    self->done_data = user_data;
    uv_close((uv_handle_t *)&self->poll, on_closed);
    for (GList *l = self->conns.head; l; l = l->next)
        akma_h2_conn_drain(l->data, grace_ms);
    uv_timer_start(&self->timer, on_grace_over, self->conns.head ? grace_ms : 0, 0);
}

void
akma_h2_server_free(AkmaH2Server *self)
{
    if (!self)
        return;
    g_return_if_fail(!self->listening);

    SSL_CTX_free(self->tls);
    akma_io_clear(&self->io);
    OPENSSL_cleanse(&self->io, sizeof self->io);
    g_free(self);
}
