/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* io: what the connections of one owner share: scratch buffers, callbacks, and who has work. */
#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>
#include <sys/socket.h>

#include "base/wiping.h"
#include "http/conn.h"

#define OUTBOUND_ACKS 64 /* replies to PING and SETTINGS that may wait for a slow reader */
#define SETTINGS_MAX  16 /* entries of one SETTINGS frame */

static ssize_t
queue_bytes(nghttp2_session *h2 G_GNUC_UNUSED,
            const uint8_t *data,
            size_t len,
            int flags G_GNUC_UNUSED,
            void *user_data)
{
    AkmaConn *conn = user_data;
    AkmaIo *io = conn->io;
    size_t n = MIN(len, sizeof io->out - io->out_len);

    if (n == 0)
        return NGHTTP2_ERR_WOULDBLOCK;

    memcpy(io->out + io->out_len, data, n);
    io->out_len += n;

    return (ssize_t)n;
}

/* DATA does not pass through the buffers of nghttp2, where it would stay. */
static int
queue_data(nghttp2_session *h2 G_GNUC_UNUSED,
           nghttp2_frame *frame G_GNUC_UNUSED,
           const uint8_t *head,
           size_t len,
           nghttp2_data_source *source,
           void *user_data)
{
    AkmaConn *conn = user_data;
    AkmaIo *io = conn->io;
    AkmaConnBody *body = source->ptr;
    const size_t head_len = 9;

    if (head_len + len > sizeof io->out - io->out_len)
        return NGHTTP2_ERR_WOULDBLOCK;

    memcpy(io->out + io->out_len, head, head_len);
    memcpy(io->out + io->out_len + head_len, body->bytes + body->sent, len);
    io->out_len += head_len + len;
    body->sent += len;

    return 0;
}

static ssize_t
offer_body(nghttp2_session *h2 G_GNUC_UNUSED,
           int32_t id G_GNUC_UNUSED,
           uint8_t *buf G_GNUC_UNUSED,
           size_t size,
           uint32_t *flags,
           nghttp2_data_source *source,
           void *user_data G_GNUC_UNUSED)
{
    const AkmaConnBody *body = source->ptr;
    size_t left = body->len - body->sent;
    size_t n = MIN(left, MIN(size, AKMA_CONN_CHUNK));

    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (n == left)
        *flags |= NGHTTP2_DATA_FLAG_EOF;

    return (ssize_t)n;
}

bool
akma_conn_body_set(AkmaConnBody *self, const uint8_t *bytes, size_t len)
{
    self->bytes = akma_wiping_malloc(MAX(len, 1));
    if (!self->bytes)
        return false;

    if (len > 0)
        memcpy(self->bytes, bytes, len);
    self->len = len;
    self->sent = 0;

    return true;
}

void
akma_conn_body_clear(AkmaConnBody *self)
{
    akma_wiping_free(g_steal_pointer(&self->bytes));
    self->len = self->sent = 0;
}

nghttp2_data_provider
akma_conn_body(AkmaConnBody *self)
{
    return (nghttp2_data_provider){.source.ptr = self, .read_callback = offer_body};
}

/* OpenSSL's own socket BIO raises SIGPIPE, and asks a socket again that it has just emptied. */
static int
bio_read(BIO *bio, char *buf, size_t size, size_t *ret_len)
{
    AkmaConn *conn = BIO_get_data(bio);
    ssize_t n;

    BIO_clear_retry_flags(bio);
    if (conn->drained) {
        BIO_set_retry_read(bio);
        return 0;
    }

    n = recv(conn->fd, buf, size, 0);
    conn->drained = n < 0 || (size_t)n < size;
    if (n > 0) {
        *ret_len = (size_t)n;
        return 1;
    }
    if (n == 0)
        conn->eof = true;
    else if (errno == EAGAIN || errno == EINTR)
        BIO_set_retry_read(bio);

    return 0;
}

static int
bio_write(BIO *bio, const char *buf, size_t len, size_t *ret_len)
{
    AkmaConn *conn = BIO_get_data(bio);
    ssize_t n = send(conn->fd, buf, len, MSG_NOSIGNAL | (conn->more ? MSG_MORE : 0));

    BIO_clear_retry_flags(bio);
    if (n >= 0) {
        *ret_len = (size_t)n;
        return 1;
    }
    if (errno == EAGAIN || errno == EINTR)
        BIO_set_retry_write(bio);

    return 0;
}

static long
bio_control(BIO *bio, int command, long number G_GNUC_UNUSED, void *pointer G_GNUC_UNUSED)
{
    const AkmaConn *conn = BIO_get_data(bio);

    if (command == BIO_CTRL_FLUSH)
        return 1;
    if (command == BIO_CTRL_EOF)
        return conn->eof;

    return 0;
}

static void *
h2_malloc(size_t size, void *user_data G_GNUC_UNUSED)
{
    return akma_wiping_malloc(size);
}

static void *
h2_calloc(size_t n, size_t size, void *user_data G_GNUC_UNUSED)
{
    return akma_wiping_calloc(n, size);
}

static void *
h2_realloc(void *block, size_t size, void *user_data G_GNUC_UNUSED)
{
    return akma_wiping_realloc(block, size);
}

static void
h2_free(void *block, void *user_data G_GNUC_UNUSED)
{
    akma_wiping_free(block);
}

void
akma_io_turn(uv_idle_t *idle)
{
    AkmaIo *self = (AkmaIo *)(void *)((char *)idle - G_STRUCT_OFFSET(AkmaIo, idle));

    /* who becomes dirty meanwhile waits for the next turn of the loop */
    for (guint left = self->dirty.length; left > 0 && self->dirty.head; left--)
        akma_conn_turn(self->dirty.head->data);

    if (!self->dirty.head)
        uv_idle_stop(&self->idle);
}

bool
akma_io_init(AkmaIo *self, uv_loop_t *loop)
{
    memset(self, 0, sizeof *self);
    self->loop = loop;
    self->mem = (nghttp2_mem){NULL, h2_malloc, h2_free, h2_calloc, h2_realloc};
    g_queue_init(&self->dirty);

    self->bio = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "akmad socket");
    if (!self->bio || nghttp2_session_callbacks_new(&self->callbacks) != 0 ||
        nghttp2_option_new(&self->option) != 0)
        return false;

    nghttp2_session_callbacks_set_send_callback(self->callbacks, queue_bytes);
    nghttp2_session_callbacks_set_send_data_callback(self->callbacks, queue_data);
    nghttp2_option_set_max_outbound_ack(self->option, OUTBOUND_ACKS);
    nghttp2_option_set_max_settings(self->option, SETTINGS_MAX);
    nghttp2_option_set_no_closed_streams(self->option, 1);
    /* what was sent once does not stay in a table */
    nghttp2_option_set_max_deflate_dynamic_table_size(self->option, 0);

    return BIO_meth_set_read_ex(self->bio, bio_read) == 1 &&
           BIO_meth_set_write_ex(self->bio, bio_write) == 1 &&
           BIO_meth_set_ctrl(self->bio, bio_control) == 1;
}

void
akma_io_start(AkmaIo *self, void *owner)
{
    uv_idle_init(self->loop, &self->idle);
    self->idle.data = owner;
}

void
akma_io_clear(AkmaIo *self)
{
    g_clear_pointer(&self->callbacks, nghttp2_session_callbacks_del);
    g_clear_pointer(&self->option, nghttp2_option_del);
    g_clear_pointer(&self->bio, BIO_meth_free);
}
