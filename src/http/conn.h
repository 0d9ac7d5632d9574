/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * conn: one HTTP connection over a socket, clear text or TLS, for either role. Inside http only.
 *
 * The pump between socket, TLS and what makes messages of bytes: nghttp2 for HTTP/2, or
 * h1-conn.c. Nothing is read or written but in a turn of the loop, and a role is called back
 * outside nghttp2 only, so it may do anything in its callbacks. What was read, and what was
 * written in clear, is wiped in the same turn.
 */
#pragma once

#include <glib.h>
#include <nghttp2/nghttp2.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

G_BEGIN_DECLS

#define AKMA_CONN_CHUNK ((size_t)16 * 1024)    /* one TLS record, one DATA frame */
#define AKMA_CONN_OUT   (AKMA_CONN_CHUNK + 64) /* and its frame header */
#define AKMA_CONN_NEVER UINT64_MAX

typedef struct _AkmaConn AkmaConn;

/* What all connections of one owner share: it has one loop, and only one is busy at a time. */
typedef struct {
    uv_loop_t *loop;
    uv_idle_t idle; /* runs while @dirty has somebody */
    GQueue dirty;
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *option;
    BIO_METHOD *bio;
    nghttp2_mem mem;
    size_t out_len;
    uint8_t in[AKMA_CONN_CHUNK];
    uint8_t out[AKMA_CONN_OUT];
} AkmaIo;

/* Sets what both roles need; the owner adds its own callbacks and options. False: no memory. */
bool akma_io_init(AkmaIo *self, uv_loop_t *loop);
/* Makes @idle, with @owner as its data; the owner closes it. */
void akma_io_start(AkmaIo *self, void *owner);
void akma_io_clear(AkmaIo *self); /* after that, or after a failed init */

/*
 * CONNECTING -> HANDSHAKE -> OPEN -> LINGER -> OVER
 * LINGER: our last byte is sent, the peer's are thrown away until it closes too.
 */
typedef enum {
    AKMA_CONN_CONNECTING,
    AKMA_CONN_HANDSHAKE,
    AKMA_CONN_OPEN,
    AKMA_CONN_LINGER,
    AKMA_CONN_OVER,
} AkmaConnState;

/* Bytes to messages and back. */
typedef struct {
    /* Takes all of @bytes. False: akma_conn_fail() was called. */
    bool (*input)(AkmaConn *self, const uint8_t *bytes, size_t len);
    /* Puts into io->out what goes out next, as much as fits. */
    void (*output)(AkmaConn *self);
    bool (*has_output)(const AkmaConn *self);
    /* Nothing will be read or written any more. */
    bool (*is_over)(const AkmaConn *self);
    void (*clear)(AkmaConn *self);
} AkmaConnWire;

typedef struct {
    /* TLS is up (at once for clear text). NULL: akma_conn_fail() was called. */
    const AkmaConnWire *(*choose)(AkmaConn *self);
    /* @wire is chosen: make what it needs. False: akma_conn_fail() was called. */
    bool (*opened)(AkmaConn *self);
    /* Bytes came: hand out what is complete; what that queues is sent next. */
    void (*deliver)(AkmaConn *self);
    /* Bytes were written: end what is done. */
    void (*flushed)(AkmaConn *self);
    /* What is written now may wait for what follows soon: a segment and a wake-up less. */
    bool (*has_more)(const AkmaConn *self);
    /* When expired() is to be called; in loop time, AKMA_CONN_NEVER = not at all. */
    uint64_t (*due)(const AkmaConn *self);
    void (*expired)(AkmaConn *self);
    /* State OVER for the first time; @error says why or is NULL. Streams are still there. */
    void (*ended)(AkmaConn *self);
    /* Nothing refers to it any more: free it. */
    void (*freed)(AkmaConn *self);
} AkmaConnRole;

/* The first member of the connection of each role. */
struct _AkmaConn {
    const AkmaConnRole *role;
    AkmaIo *io;
    AkmaConnState state, ended_in; /* where OVER came from */
    int fd;
    SSL *ssl;
    const AkmaConnWire *wire; /* NULL before choose() */
    nghttp2_session *h2;
    GError *error;      /* why it ended */
    int h2_error;       /* what nghttp2 said to bytes that ended it; 0: it did not */
    uint64_t active_ms; /* the last byte, either way */
    uint64_t read_ms;   /* the last byte that came */
    uint64_t written;   /* bytes that TLS or the socket has taken */
    uint64_t linger_ms;
    uint64_t armed_ms;
    uint8_t *kept; /* what they have not taken yet */
    size_t kept_len, kept_done;
    GList link; /* in io->dirty */
    uv_poll_t poll;
    uv_timer_t timer;
    int events;
    unsigned handles;
    bool dirty, in_turn, ended, eof;
    bool hangup;     /* the socket is broken, but may still hold something */
    bool moved;      /* bytes, in this turn */
    bool drained;    /* the socket had no more */
    bool unread;     /* there may be more, in the socket or in TLS */
    bool want_write; /* TLS or connect() waits for the socket */
    bool more;       /* more follows what is written: the kernel waits for it, 200 ms at most */
    bool suspended;  /* the handshake waits for the user: akma_conn_resume() */
};

/*
 * @fd is taken over, non-blocking; @ssl may be NULL; both only on success. @self is zero but for
 * what due() needs. State CONNECTING, or HANDSHAKE.
 */
bool akma_conn_init(AkmaConn *self,
                    const AkmaConnRole *role,
                    AkmaIo *io,
                    int fd,
                    SSL *ssl,
                    AkmaConnState state,
                    GError **error);

/* Something is to be sent, or the state changed: a turn comes before the loop sleeps. */
void akma_conn_touch(AkmaConn *self);

/* A handshake that a callback of OpenSSL has suspended goes on; one that is not does so anyway. */
void akma_conn_resume(AkmaConn *self);

/* Did ALPN choose @protocol? False without TLS. */
bool akma_conn_has_alpn(const AkmaConn *self, const char *protocol);
/* For choose(). NULL, and the connection failed, where TLS is up without ALPN h2. */
const AkmaConnWire *akma_conn_require_h2(AkmaConn *self);

/* For io.c and conn.c only. */
void akma_conn_turn(AkmaConn *self);
void akma_io_turn(uv_idle_t *idle);

/* Over at once, without a word to the peer. @error is taken. */
void akma_conn_fail(AkmaConn *self, GError *error);

/* The place in the output where what was just queued ends; sent when written >= it. */
uint64_t akma_conn_tell(const AkmaConn *self);

/* conn-bytes.c, for conn.c only: a failure ends the connection. */
void akma_conn_unreachable(AkmaConn *self, const char *format, ...) G_GNUC_PRINTF(2, 3);
void akma_conn_forget_errors(void);
const char *akma_conn_tls_reason(const AkmaConn *self); /* for a person */
/* 0: nothing now (or the end: @eof). */
size_t akma_conn_receive(AkmaConn *self, uint8_t *buf, size_t size);
size_t akma_conn_transmit(AkmaConn *self, const uint8_t *bytes, size_t len);

/* A body to send: the source of a nghttp2_data_provider made by akma_conn_body(). */
typedef struct {
    uint8_t *bytes; /* wiped and freed by akma_conn_body_clear() */
    size_t len, sent;
} AkmaConnBody;

bool akma_conn_body_set(AkmaConnBody *self, const uint8_t *bytes, size_t len);
void akma_conn_body_clear(AkmaConnBody *self);
nghttp2_data_provider akma_conn_body(AkmaConnBody *self);

G_END_DECLS
