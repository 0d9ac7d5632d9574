/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* h2-client-link: one connection of the client, from connect() to its end. */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "http/h2-client-internal.h"

#define MARGIN_MS 1000 /* what waits for it has come to its end before */

static AkmaH2Call *
find_call(nghttp2_session *h2, int32_t id)
{
    return nghttp2_session_get_stream_user_data(h2, id);
}

static int
on_header(nghttp2_session *h2,
          const nghttp2_frame *frame,
          nghttp2_rcbuf *name,
          nghttp2_rcbuf *value,
          uint8_t flags G_GNUC_UNUSED,
          void *user_data G_GNUC_UNUSED)
{
    AkmaH2Call *call = find_call(h2, frame->hd.stream_id);

    if (call)
        akma_h2_call_add_field(call, name, value);

    return 0;
}

static int
on_begin_headers(nghttp2_session *h2, const nghttp2_frame *frame, void *user_data G_GNUC_UNUSED)
{
    AkmaH2Call *call = find_call(h2, frame->hd.stream_id);

    if (call)
        call->began = true;

    return 0;
}

static int
on_data(nghttp2_session *h2,
        uint8_t flags G_GNUC_UNUSED,
        int32_t id,
        const uint8_t *data,
        size_t len,
        void *user_data G_GNUC_UNUSED)
{
    AkmaH2Call *call = find_call(h2, id);

    if (call && !call->error && !akma_h2_call_add_body(call, data, len))
        nghttp2_submit_rst_stream(h2, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);

    return 0;
}

static int
on_frame(nghttp2_session *h2, const nghttp2_frame *frame, void *user_data)
{
    AkmaH2Link *self = user_data;
    AkmaH2Call *call;

    /* it finishes what it has; the next call opens another */
    if (frame->hd.type == NGHTTP2_GOAWAY && self->client->link == self)
        self->client->link = NULL;
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
        return 0;

    call = find_call(h2, frame->hd.stream_id);
    if (!call)
        return 0;
    if (frame->hd.type == NGHTTP2_HEADERS && call->response.status >= 200)
        call->final = true;
    if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
        call->complete = call->final;

    return 0;
}

static int
on_frame_sent(nghttp2_session *h2 G_GNUC_UNUSED, const nghttp2_frame *frame, void *user_data)
{
    AkmaH2Link *self = user_data;

    /* nghttp2 gives up on what it got */
    if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.error_code != NGHTTP2_NO_ERROR)
        self->broken = true;

    return 0;
}

static int
on_stream_close(nghttp2_session *h2, int32_t id, uint32_t code, void *user_data)
{
    AkmaH2Link *self = user_data;
    AkmaH2Call *call = find_call(h2, id);

    if (!call)
        return 0;

    nghttp2_session_set_stream_user_data(h2, id, NULL);
    if (code == NGHTTP2_REFUSED_STREAM && akma_h2_call_retry(call))
        return 0;
    if (!call->error && !call->complete)
        call->error =
            g_error_new(AKMA_ERROR,
                        code == NGHTTP2_HTTP_1_1_REQUIRED || code == NGHTTP2_PROTOCOL_ERROR
                            ? AKMA_ERROR_SERVER_REFUSED
                            : AKMA_ERROR_SERVER_UNREACHABLE,
                        "the answer was broken off (%s)",
                        nghttp2_http2_strerror(code));
    akma_h2_call_move(call, &self->done);

    return 0;
}

void
akma_h2_link_set_callbacks(AkmaIo *io)
{
    nghttp2_session_callbacks *callbacks = io->callbacks;

    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback2(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_sent);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
}

static bool
opened(AkmaConn *conn)
{
    AkmaH2Link *self = (AkmaH2Link *)conn;
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        {NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, 0},
    };

    if (nghttp2_session_client_new3(
            &conn->h2, conn->io->callbacks, self, conn->io->option, &conn->io->mem) != 0 ||
        nghttp2_submit_settings(conn->h2, NGHTTP2_FLAG_NONE, settings, G_N_ELEMENTS(settings)) !=
            0) {
        akma_conn_fail(conn, g_error_new(AKMA_ERROR, AKMA_ERROR_INTERNAL, "no memory"));
        return false;
    }
    akma_h2_client_link_open(self->client, self);

    return true;
}

static void
deliver(AkmaConn *conn)
{
    AkmaH2Link *self = (AkmaH2Link *)conn;

    while (self->done.head)
        akma_h2_call_end(self->done.head->data, NULL);
}

static void
flushed(AkmaConn *conn)
{
    AkmaH2Link *self = (AkmaH2Link *)conn;

    deliver(conn);
    if (self->broken)
        akma_conn_fail(conn,
                       g_error_new_literal(AKMA_ERROR,
                                           AKMA_ERROR_SERVER_REFUSED,
                                           "the server does not speak HTTP/2 as it should"));
}

static bool
has_more(const AkmaConn *conn G_GNUC_UNUSED)
{
    return false;
}

/*
 * Calls have their own time, and an idle connection may stay. One that does not come to be may not:
 * it was perhaps opened ahead of all calls, and the first one would wait for it in vain.
 */
static uint64_t
due(const AkmaConn *conn)
{
    const AkmaH2Link *self = (const AkmaH2Link *)conn;

    if (conn->state >= AKMA_CONN_OPEN)
        return AKMA_CONN_NEVER;

    return self->since_ms + self->client->timeout_ms + MARGIN_MS;
}

static void
expired(AkmaConn *conn)
{
    akma_conn_fail(conn,
                   g_error_new_literal(
                       AKMA_ERROR, AKMA_ERROR_SERVER_UNREACHABLE, "it takes too long to connect"));
}

static void
ended(AkmaConn *conn)
{
    AkmaH2Link *self = (AkmaH2Link *)conn;
    g_autoptr(GError) error = g_steal_pointer(&conn->error);

    if (!error)
        error = g_error_new_literal(
            AKMA_ERROR, AKMA_ERROR_SERVER_UNREACHABLE, "the server closed the connection");
    conn->error = g_error_copy(error);
    g_prefix_error(&error, "%s: ", self->client->authority);

    if (self->client->link == self)
        self->client->link = NULL;
    deliver(conn);
    while (self->calls.head) {
        AkmaH2Call *call = self->calls.head->data;

        if (error->code != AKMA_ERROR_SERVER_UNREACHABLE || !akma_h2_call_retry(call))
            akma_h2_call_end(call, error);
    }
    akma_h2_client_link_ended(self->client, self);
}

static void
freed(AkmaConn *conn)
{
    AkmaH2Link *self = (AkmaH2Link *)conn;
    AkmaH2Client *client = self->client;

    g_queue_unlink(&client->links, &self->link);
    g_free(self);
    akma_h2_client_link_freed(client);
}

static const AkmaConnRole client_role = {
    .choose = akma_conn_require_h2,
    .opened = opened,
    .deliver = deliver,
    .flushed = flushed,
    .has_more = has_more,
    .due = due,
    .expired = expired,
    .ended = ended,
    .freed = freed,
};

/* NULL: no memory */
static SSL *
new_tls(const AkmaH2Client *client)
{
    SSL *ssl = SSL_new(client->tls);
    X509_VERIFY_PARAM *rules = ssl ? SSL_get0_param(ssl) : NULL;
    bool is_address = g_hostname_is_ip_address(client->host);

    if (ssl && (is_address ? X509_VERIFY_PARAM_set1_ip_asc(rules, client->host) == 1
                           : SSL_set1_host(ssl, client->host) == 1 &&
                                 SSL_set_tlsext_host_name(ssl, client->host) == 1)) {
        X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        SSL_set_connect_state(ssl);
        return ssl;
    }
    SSL_free(ssl);

    return NULL;
}

/* -1 with errno */
static int
begin_connect(const struct addrinfo *address)
{
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1, saved;

    if (fd < 0)
        return -1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(fd, address->ai_addr, address->ai_addrlen) == 0 || errno == EINPROGRESS)
        return fd;

    saved = errno;
    close(fd);
    errno = saved;

    return -1;
}

AkmaH2Link *
akma_h2_link_new(AkmaH2Client *client, const struct addrinfo *address, GError **error)
{
    int fd = begin_connect(address);
    AkmaH2Link *self;
    SSL *ssl = NULL;

    if (fd < 0) {
        g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_SERVER_UNREACHABLE, g_strerror(errno));
        return NULL;
    }
    if (client->tls) {
        ssl = new_tls(client);
        if (!ssl) {
            g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "no memory");
            close(fd);
            return NULL;
        }
    }

    self = g_new0(AkmaH2Link, 1);
    self->client = client;
    self->since_ms = uv_now(client->io.loop);
    self->link.data = self;
    if (!akma_conn_init(
            &self->base, &client_role, &client->io, fd, ssl, AKMA_CONN_CONNECTING, error)) {
        SSL_free(ssl);
        close(fd);
        g_free(self);
        return NULL;
    }
    g_queue_push_tail_link(&client->links, &self->link);

    return self;
}

void
akma_h2_link_close(AkmaH2Link *self)
{
    AkmaConn *conn = &self->base;

    if (conn->state == AKMA_CONN_OPEN) {
        nghttp2_session_terminate_session(conn->h2, NGHTTP2_NO_ERROR);
        akma_conn_touch(conn);
    } else if (conn->state != AKMA_CONN_LINGER) {
        akma_conn_fail(conn, NULL);
    }
}
