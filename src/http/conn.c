/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "http/conn.h"

#include <errno.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/wiping.h"

#define READS_A_TURN 8 /* chunks, then the others have their turn */
#define STACK_SCRUB  (16 * 1024)
#define VECTORS      512  /* enough for memcpy() to load each register that it uses */
#define LINGER_MS    1000 /* for the peer to close after us */

void
akma_conn_fail(AkmaConn *self, GError *error)
{
    if (self->state == AKMA_CONN_OVER) {
        g_clear_error(&error);
        return;
    }

    self->ended_in = self->state;
    self->state = AKMA_CONN_OVER;
    self->error = error;
    akma_conn_touch(self);
}

void
akma_conn_touch(AkmaConn *self)
{
    if (self->in_turn || self->dirty || self->ended)
        return;

    self->dirty = true;
    g_queue_push_tail_link(&self->io->dirty, &self->link);
    uv_idle_start(&self->io->idle, akma_io_turn);
}

void
akma_conn_resume(AkmaConn *self)
{
    self->suspended = false;
    self->drained = false;
    akma_conn_touch(self);
}

uint64_t
akma_conn_tell(const AkmaConn *self)
{
    return self->written + (self->kept_len - self->kept_done) + self->io->out_len;
}

static void
read_some(AkmaConn *self)
{
    AkmaIo *io = self->io;

    self->unread = false;
    for (unsigned i = 0; i < READS_A_TURN; i++) {
        size_t len = akma_conn_receive(self, io->in, sizeof io->in);
        bool good = true;

        if (len == 0)
            return;
        self->active_ms = self->read_ms = uv_now(io->loop);
        self->moved = true;
        if (self->state == AKMA_CONN_OPEN)
            good = self->wire->input(self, io->in, len);
        explicit_bzero(io->in, len);
        if (!good)
            return;
        if (!self->ssl && self->drained)
            return;
    }
    self->unread = true;
}

static bool
keep(AkmaConn *self, const uint8_t *bytes, size_t len)
{
    self->kept = akma_wiping_malloc(len);
    if (!self->kept) {
        akma_conn_unreachable(self, "no memory");
        return false;
    }

    memcpy(self->kept, bytes, len);
    self->kept_len = len;
    self->kept_done = 0;

    return true;
}

static void
count_written(AkmaConn *self, size_t n)
{
    if (n > 0) {
        self->moved = true;
        self->written += n;
        self->active_ms = uv_now(self->io->loop);
    }
}

/* True when nothing is kept any more. */
static bool
write_kept(AkmaConn *self)
{
    while (self->kept_done < self->kept_len && self->state != AKMA_CONN_OVER) {
        size_t n = akma_conn_transmit(
            self, self->kept + self->kept_done, self->kept_len - self->kept_done);

        if (n == 0)
            return false;
        count_written(self, n);
        self->kept_done += n;
    }
    akma_wiping_free(g_steal_pointer(&self->kept));
    self->kept_len = self->kept_done = 0;

    return self->state != AKMA_CONN_OVER;
}

/* Takes no more than goes out: a slow reader costs one chunk. */
static void
flush(AkmaConn *self)
{
    AkmaIo *io = self->io;

    while (write_kept(self)) {
        size_t done = 0, n;

        self->wire->output(self);
        if (io->out_len == 0)
            return;
        self->more = self->role->has_more(self);
        while (self->state != AKMA_CONN_OVER && done < io->out_len &&
               (n = akma_conn_transmit(self, io->out + done, io->out_len - done)) > 0)
            done += n;
        count_written(self, done);
        if (self->state != AKMA_CONN_OVER && done < io->out_len)
            keep(self, io->out + done, io->out_len - done);
        explicit_bzero(io->out, io->out_len);
        io->out_len = 0;
    }
}

static const char *
socket_reason(const AkmaConn *self)
{
    int code = 0;
    socklen_t len = sizeof code;

    if (getsockopt(self->fd, SOL_SOCKET, SO_ERROR, &code, &len) != 0)
        code = errno;

    return code ? g_strerror(code) : NULL;
}

static void
finish_connect(AkmaConn *self)
{
    const char *reason = socket_reason(self);

    self->want_write = false;
    if (reason)
        akma_conn_unreachable(self, "%s", reason);
    else
        self->state = AKMA_CONN_HANDSHAKE;
}

static void
shake_hands(AkmaConn *self)
{
    int rv;

    if (self->ssl) {
        akma_conn_forget_errors();
        self->want_write = false;
        rv = SSL_do_handshake(self->ssl);
        self->active_ms = uv_now(self->io->loop);
        if (self->state != AKMA_CONN_HANDSHAKE)
            return;
        if (rv != 1) {
            int why = SSL_get_error(self->ssl, rv);

            self->suspended = why == SSL_ERROR_WANT_CLIENT_HELLO_CB;
            if (self->suspended)
                return;
            self->want_write = why == SSL_ERROR_WANT_WRITE;
            if (self->eof || (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE))
                akma_conn_unreachable(self, "TLS: %s", akma_conn_tls_reason(self));
            return;
        }
        self->unread = true;
    }

    self->wire = self->role->choose(self);
    if (!self->wire)
        return;
    self->state = AKMA_CONN_OPEN;
    if (!self->role->opened(self))
        g_warn_if_fail(self->state == AKMA_CONN_OVER);
}

static void
begin_linger(AkmaConn *self)
{
    if (self->ssl) {
        self->more = true;
        akma_conn_forget_errors();
        SSL_shutdown(self->ssl);
    }
    shutdown(self->fd, SHUT_WR);
    self->state = AKMA_CONN_LINGER;
    self->linger_ms = uv_now(self->io->loop) + LINGER_MS;
}

static uint64_t
get_due(const AkmaConn *self)
{
    if (self->state == AKMA_CONN_LINGER)
        return self->linger_ms;

    return self->role->due(self);
}

static void
on_timer(uv_timer_t *timer)
{
    AkmaConn *self = timer->data;
    bool expired = uv_now(self->io->loop) >= get_due(self);

    self->armed_ms = AKMA_CONN_NEVER;
    if (expired && self->state == AKMA_CONN_LINGER)
        akma_conn_fail(self, NULL);
    else if (expired)
        self->role->expired(self);
    akma_conn_turn(self);
}

static void
on_poll(uv_poll_t *poll, int status, int events)
{
    AkmaConn *self = poll->data;

    /* libuv has stopped the handle and does not tell what it is */
    if (status < 0) {
        self->hangup = true;
        self->events = 0;
    }
    self->drained = false;
    self->unread = self->unread || self->hangup || (events & UV_READABLE);
    self->eof = self->eof || (self->suspended && (events & UV_DISCONNECT));
    if (self->state == AKMA_CONN_CONNECTING && (self->hangup || (events & UV_WRITABLE)))
        finish_connect(self);
    akma_conn_turn(self);
}

static void
on_handle_closed(uv_handle_t *handle)
{
    AkmaConn *self = handle->data;

    if (--self->handles > 0)
        return;

    close(self->fd);
    g_clear_error(&self->error);
    self->role->freed(self);
}

static void
end(AkmaConn *self)
{
    self->ended = true;
    if (self->dirty)
        g_queue_unlink(&self->io->dirty, &self->link);
    self->dirty = false;

    self->role->ended(self);
    if (self->wire)
        self->wire->clear(self);
    g_clear_pointer(&self->ssl, SSL_free);
    akma_wiping_free(g_steal_pointer(&self->kept));
    uv_close((uv_handle_t *)&self->poll, on_handle_closed);
    uv_close((uv_handle_t *)&self->timer, on_handle_closed);
}

/* What to wait for until the next turn. */
static void
arm(AkmaConn *self)
{
    bool writing = self->want_write || self->kept_len > 0;
    int events = UV_READABLE | (writing ? UV_WRITABLE : 0);
    uint64_t now = uv_now(self->io->loop);
    uint64_t due = get_due(self);

    if (self->state == AKMA_CONN_CONNECTING)
        events = UV_WRITABLE;
    /* nothing is read: what comes waits in the socket, and then we only hear when the peer goes */
    if (self->suspended && !self->drained)
        events = UV_DISCONNECT;
    if (events != self->events)
        uv_poll_start(&self->poll, events, on_poll);
    self->events = events;

    /* a timer that is too early looks again: most turns only move the idle time */
    if (due < self->armed_ms) {
        uv_timer_start(&self->timer, on_timer, due > now ? due - now : 0, 0);
        self->armed_ms = due;
    }
}

static void
hang_up(AkmaConn *self)
{
    const char *reason = socket_reason(self);

    akma_conn_unreachable(self, "%s", reason ? reason : "connection lost");
}

/*
 * What was copied may still stand in vector registers, and a lazily bound call (or a signal)
 * stores all of them on the stack: seen with a key. So both are overwritten after a turn.
 */
__attribute__((noinline)) static void
scrub(void)
{
    static void *(*const volatile copy)(void *, const void *, size_t) = memcpy;
    uint8_t room[STACK_SCRUB];

    explicit_bzero(room, sizeof room);
    copy(room, room + VECTORS, VECTORS);
}

static void
turn(AkmaConn *self)
{
    bool reading;

    if (self->dirty) {
        self->dirty = false;
        g_queue_unlink(&self->io->dirty, &self->link);
    }

    self->in_turn = true;
    if (self->state == AKMA_CONN_HANDSHAKE && !self->suspended)
        shake_hands(self);
    if (self->unread && (self->state == AKMA_CONN_OPEN || self->state == AKMA_CONN_LINGER))
        read_some(self);
    if (self->state == AKMA_CONN_OPEN)
        self->role->deliver(self);
    if (self->state == AKMA_CONN_OPEN)
        flush(self);
    if (self->state == AKMA_CONN_OPEN)
        self->role->flushed(self);
    if (self->state == AKMA_CONN_OPEN && self->kept_len == 0 && self->wire->is_over(self))
        begin_linger(self);
    if (self->eof)
        akma_conn_fail(self, NULL);
    else if (self->hangup)
        hang_up(self);
    self->in_turn = false;

    if (self->state == AKMA_CONN_OVER) {
        end(self);
        return;
    }
    arm(self);
    /* what was not read yet, and what a callback queued after the flush */
    reading = self->state == AKMA_CONN_OPEN || self->state == AKMA_CONN_LINGER;
    if ((reading && self->unread) ||
        (self->state == AKMA_CONN_OPEN && self->kept_len == 0 && self->wire->has_output(self)))
        akma_conn_touch(self);
}

void
akma_conn_turn(AkmaConn *self)
{
    if (self->ended)
        return;

    self->moved = false;
    turn(self);
    if (self->moved)
        scrub();
}

bool
akma_conn_init(AkmaConn *self,
               const AkmaConnRole *role,
               AkmaIo *io,
               int fd,
               SSL *ssl,
               AkmaConnState state,
               GError **error)
{
    BIO *bio = ssl ? BIO_new(io->bio) : NULL;
    int rv;

    if (ssl && !bio) {
        g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "no memory");
        return false;
    }
    rv = uv_poll_init(io->loop, &self->poll, fd);
    if (rv != 0) {
        g_set_error(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "poll: %s", uv_strerror(rv));
        BIO_free(bio);
        return false;
    }
    uv_timer_init(io->loop, &self->timer);

    self->role = role;
    self->io = io;
    self->fd = fd;
    self->state = state;
    self->link.data = self;
    self->poll.data = self->timer.data = self;
    self->handles = 2;
    self->active_ms = uv_now(io->loop);
    self->armed_ms = AKMA_CONN_NEVER;
    self->want_write = state == AKMA_CONN_CONNECTING;
    self->ssl = ssl;
    if (ssl) {
        BIO_set_data(bio, self);
        BIO_set_init(bio, 1);
        SSL_set_bio(ssl, bio, bio);
    }
    arm(self);

    return true;
}
