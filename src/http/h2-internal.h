/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* h2-internal: the server, its connections and their streams, as h2-*.c share them. */
#pragma once

#include "base/secret.h"
#include "http/conn.h"
#include "http/fields.h"
#include "http/h2.h"

G_BEGIN_DECLS

#define AKMA_H2_CLOSE_MS 2000 /* to take what is still to be sent when we close */
#define AKMA_H2_CALM_MAX 256  /* what a peer may do at once that leads to nothing */

typedef enum {
    AKMA_FIELD_METHOD,
    AKMA_FIELD_PATH,
    AKMA_FIELD_AUTHORITY,
    AKMA_FIELD_HOST,
    AKMA_FIELD_CONTENT_ENCODING,
    AKMA_FIELD_AUTHORIZATION,
    AKMA_FIELD_USER_AGENT,
    AKMA_N_FIELDS,
} AkmaH2Field;

typedef struct _AkmaH1 AkmaH1; /* h1-conn.c: what HTTP/1.1 needs on a connection */

struct _AkmaH2Server {
    AkmaIo io;
    SSL_CTX *tls;
    unsigned versions;
    AkmaH2Limits limits;
    AkmaH2Handlers handlers;
    void *user_data;
    GQueue conns;
    GQueue handshakes; /* connections in theirs, the oldest first */
    int fd;
    uv_poll_t poll;
    uv_timer_t timer; /* accept again after a lack of descriptors; end of grace */
    unsigned handles;
    bool psk; /* external PSKs in place of a certificate */
    bool listening, stopping;
    void (*done)(void *user_data);
    void *done_data;
};

typedef enum {
    AKMA_H2_PSK_NEW,
    AKMA_H2_PSK_WAITING,
    AKMA_H2_PSK_GIVEN,
    AKMA_H2_PSK_REFUSED,
} AkmaH2PskState;

/* Until the handshake is over. */
typedef struct {
    AkmaH2PskState state;
    uint8_t *identity; /* the one that counts; NULL: the first */
    size_t identity_len;
    AkmaSecret *key;
} AkmaH2Psk;

struct _AkmaH2Conn {
    AkmaConn base; /* first */
    AkmaH2Server *server;
    AkmaH1 *h1; /* NULL for HTTP/2 */
    AkmaH2Psk psk;
    GList link;                  /* in server->conns */
    GList handshake;             /* in server->handshakes, while it has data */
    GQueue streams, ready, gone; /* each stream is in one of them */
    uint64_t since_ms;           /* accepted; HTTP/1.1: or the request began */
    uint64_t until_ms;           /* at the latest closed; AKMA_CONN_NEVER */
    uint64_t calm_ms;            /* when @calm was last filled up */
    unsigned calm;               /* what the peer may still do that leads to nothing */
    unsigned waiting;            /* requests that we have not answered */
    bool shaking;                /* until the peer's SETTINGS, or its whole request */
    bool draining;               /* no new requests */
    bool trusted;                /* more streams, no lifetime */
    bool closing;                /* GOAWAY after the last answer */
    bool limited;                /* and the user heard of it */
    char peer[48];
    void *data;
    void (*destroy)(void *data);
};

/*
 * receiving (conn->streams) -> complete (conn->ready) -> with the user (conn->streams)
 * -> closed for nghttp2, but perhaps not yet written (conn->gone) -> freed
 */
struct _AkmaH2Stream {
    AkmaH2Conn *conn;
    GQueue *queue;
    GList link; /* in @queue */
    int32_t id;
    const char *fields[AKMA_N_FIELDS];
    nghttp2_rcbuf *bufs[AKMA_N_FIELDS]; /* where they stand; HTTP/1.1: in the head */
    char content_type[AKMA_MEDIA_TYPE_SIZE];
    bool has_content_type;
    size_t header_bytes;
    uint8_t *body;
    size_t body_len, body_size, discarded;
    AkmaH2Request request; /* as the user sees it */
    bool too_large, complete, given;
    bool responded; /* the user said what to answer */
    bool answered;  /* nghttp2 has it, or nobody waits any more */
    bool finished;  /* closed or about to be: nothing may be submitted */
    AkmaConnBody answer;
    uint64_t end; /* where it ends in the output of the connection */
    void (*sent)(void *user_data);
    void *sent_data;
    void *data;
    void (*destroy)(void *data);
};

/* h2-conn.c */
/* @fd is taken over in any case. */
void akma_h2_conn_accept(AkmaH2Server *server, int fd, const struct sockaddr *peer);
/* In its TLS handshake: over, and counted no more. */
void akma_h2_conn_abort_handshake(AkmaH2Conn *self);
/* Tells the user, the first time. */
void akma_h2_conn_limit(AkmaH2Conn *self, AkmaH2Limit limit);
/* GOAWAY; requests under way have @grace_ms. */
void akma_h2_conn_drain(AkmaH2Conn *self, unsigned grace_ms);
/* The same, with GOAWAY after the last answer: some clients take nothing behind it. */
void akma_h2_conn_finish(AkmaH2Conn *self, unsigned grace_ms);

/* h2-frames.c */
void akma_h2_frames_set_callbacks(AkmaIo *io);

/* h2-stream.c */
AkmaH2Stream *akma_h2_stream_new(AkmaH2Conn *conn, int32_t id);
void akma_h2_stream_move(AkmaH2Stream *self, GQueue *queue);
/* Not @wanted: only counted. False: too many bytes of headers. */
bool akma_h2_stream_add_field(AkmaH2Stream *self,
                              nghttp2_rcbuf *name,
                              nghttp2_rcbuf *value,
                              bool wanted);
/* False: no memory, or far more than may be. */
bool akma_h2_stream_add_body(AkmaH2Stream *self, const uint8_t *bytes, size_t len);
/* Absent: NULL. */
void akma_h2_stream_set_content_type(AkmaH2Stream *self, const char *value, size_t len);
/* What may be given to the user: everything is there, or the body is too large. */
void akma_h2_stream_complete(AkmaH2Stream *self);
void akma_h2_stream_give(AkmaH2Stream *self);
/* Calls back, wipes, frees. */
void akma_h2_stream_end(AkmaH2Stream *self);

/* h1-conn.c */
/* Makes @conn->h1. */
const AkmaConnWire *akma_h1_new(AkmaH2Conn *conn);
/* False: no memory. */
bool akma_h1_respond(AkmaH2Stream *stream,
                     unsigned status,
                     const char *content_type,
                     const AkmaH2Header *headers,
                     size_t n_headers,
                     const uint8_t *body,
                     size_t body_len);
/* After the streams that are done were ended: the next request, or the end. */
void akma_h1_flushed(AkmaH2Conn *conn);
/* Nothing is read any more, and what is not yet queued is not sent. */
void akma_h1_end(AkmaH2Conn *conn);

/* h2-psk.c */
void akma_h2_psk_install(SSL_CTX *tls);
/* After the handshake. False: it did not use the PSK, and the connection failed. */
bool akma_h2_psk_opened(AkmaH2Conn *self);
void akma_h2_psk_clear(AkmaH2Conn *self);

/* h2-server.c */
void akma_h2_server_limit(AkmaH2Server *self, AkmaH2Limit limit);
void akma_h2_server_conn_gone(AkmaH2Server *self);
/* Has it no certificate, or one that is trusted now? Asked when its handshake is over. */
bool akma_h2_server_knows(const AkmaH2Server *self, const AkmaH2Conn *conn);

G_END_DECLS
