/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * h2: the HTTP server side on libuv: one connection type for the key server and the lab,
 * TLS 1.3 or clear text, whose every buffer is ours and wiped.
 *
 * A server belongs to one loop and one thread. Bodies are complete before the handler sees
 * them. What a request or response held is wiped when its stream is closed.
 *
 * It speaks HTTP/2, in clear text with prior knowledge. HTTP/1.1, alone or beside it, needs one
 * call of akma_h2_server_set_versions() and nothing else: handlers are the same, each request is
 * a stream, one at a time on a connection. What is no request by h1.h is answered here (4xx, 505)
 * and ends the connection. A client that sends a request before it has the answer to the last
 * one is cut off after that answer, its request unread.
 */
#pragma once

#include <glib.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <uv.h>

#include "base/secret.h"

G_BEGIN_DECLS

typedef enum {
    AKMA_HTTP_1_1 = 1 << 0,
    AKMA_HTTP_2 = 1 << 1,
} AkmaHttpVersion;

typedef struct _AkmaH2Server AkmaH2Server;
typedef struct _AkmaH2Conn AkmaH2Conn;
typedef struct _AkmaH2Stream AkmaH2Stream;

/* Borrowed until the stream is answered or closed. Absent header: NULL. */
typedef struct {
    const char *method;
    const char *path;
    const char *authority;
    const char *content_type; /* lower case, without parameters */
    const char *content_encoding;
    const char *authorization;
    const char *user_agent;
    const uint8_t *body;
    size_t body_len;
    bool too_large; /* the body was over the limit and is not here */
} AkmaH2Request;

typedef struct {
    unsigned connections;  /* open at once; over it: closed at accept */
    unsigned handshakes;   /* TLS in progress; over it: the oldest makes room if it is slow */
    unsigned streams;      /* concurrent on one connection */
    size_t header_bytes;   /* of one request, decompressed */
    size_t body_bytes;     /* of one request */
    unsigned handshake_ms; /* TLS handshake, and a request of HTTP/1.1, must be done by then */
    unsigned idle_ms;      /* no byte for so long: closed */
    unsigned lifetime_ms;  /* of a whole connection; 0 = no limit */
} AkmaH2Limits;

/* What a connection ran into, first of all. Values of configurations are in AkmaH2Limits. */
typedef enum {
    AKMA_H2_LIMIT_CONNECTIONS,    /* closed at accept: as many are open as may be */
    AKMA_H2_LIMIT_HANDSHAKES,     /* the same, of those in their handshake; also the slow one */
    AKMA_H2_LIMIT_HANDSHAKE_TIME, /* handshake, SETTINGS or request of HTTP/1.1 not in time */
    AKMA_H2_LIMIT_IDLE,
    AKMA_H2_LIMIT_UNREAD, /* it does not take what we send */
    AKMA_H2_LIMIT_LIFETIME,
    AKMA_H2_LIMIT_RESETS, /* requests taken back: rapid reset */
    AKMA_H2_LIMIT_FRAMES, /* PING, SETTINGS and what else leads to nothing; scraps of DATA */
    AKMA_H2_LIMIT_CONTINUATIONS,
    AKMA_H2_LIMIT_HEADERS, /* of one request; the connection goes on */
    AKMA_H2_LIMIT_BODY,    /* far more than may be: what is only over it is for request() */
    AKMA_H2_N_LIMITS,
} AkmaH2Limit;

typedef struct {
    /* A new peer, before TLS. False: closed at once. NULL: everybody. */
    bool (*accept)(const struct sockaddr *peer, void *user_data);
    /*
     * With akma_h2_server_use_psk() only: a ClientHello offers PSKs; @offer is the content of its
     * extension pre_shared_key, as it came. The handshake waits for akma_h2_conn_set_psk() or
     * akma_h2_conn_refuse_psk(), now or later. Once a connection.
     */
    void (*offered)(AkmaH2Conn *conn, const uint8_t *offer, size_t len, void *user_data);
    /* The handshake is over: with a PSK the peer has proven that it has it. */
    void (*opened)(AkmaH2Conn *conn, void *user_data);
    /* A complete request. Answer it now or later with akma_h2_respond(). */
    void (*request)(AkmaH2Stream *stream, const AkmaH2Request *request, void *user_data);
    /* @stream, once given to request(), is gone (answered and sent, reset, connection lost). */
    void (*stream_closed)(AkmaH2Stream *stream, void *user_data);
    /* A connection was refused, cut off or closed because of @limit: once a connection. */
    void (*limited)(AkmaH2Limit limit, void *user_data);
    /* Last word about @conn; its data is freed after this. */
    void (*conn_closed)(AkmaH2Conn *conn, void *user_data);
} AkmaH2Handlers;

/* @tls: NULL for clear text; a reference is taken. Structs are copied. */
AkmaH2Server *akma_h2_server_new(uv_loop_t *loop,
                                 SSL_CTX *tls,
                                 const AkmaH2Limits *limits,
                                 const AkmaH2Handlers *handlers,
                                 void *user_data);

/*
 * AKMA_HTTP_1_1, AKMA_HTTP_2 (that is so without this call), or with TLS both: ALPN chooses, and
 * who does not offer ALPN speaks HTTP/1.1. Call it before akma_h2_server_listen().
 */
void akma_h2_server_set_versions(AkmaH2Server *self, unsigned versions);

/*
 * Clients show that they have a PSK, which offered() finds for them, and no other way leads in: the
 * context, by akma_tls_psk_server_new(), has no certificate. Call it before
 * akma_h2_server_listen().
 */
void akma_h2_server_use_psk(AkmaH2Server *self);

/* @fd: a listening stream socket; taken over on success. Errors: AKMA_ERROR_INTERNAL. */
bool akma_h2_server_listen(AkmaH2Server *self, int fd, GError **error);

/*
 * New connections use @tls from now on; those that are open keep theirs, but for the clients whose
 * certificates @tls would not let in: they get GOAWAY, and are closed after their streams.
 */
void akma_h2_server_set_tls(AkmaH2Server *self, SSL_CTX *tls);

unsigned akma_h2_server_get_connections(const AkmaH2Server *self);
unsigned akma_h2_server_get_handshakes(const AkmaH2Server *self);

/*
 * Stops listening; open connections get GOAWAY and are closed after their streams, at the
 * latest after @grace_ms. @done is called when nothing is left; free the server then.
 */
void akma_h2_server_stop(AkmaH2Server *self,
                         unsigned grace_ms,
                         void (*done)(void *user_data),
                         void *user_data);
void akma_h2_server_free(AkmaH2Server *self); /* only after @done, or if it never listened */

/* What the user keeps for a connection or stream; freed with @destroy when it goes. */
void akma_h2_conn_set_data(AkmaH2Conn *self, void *data, void (*destroy)(void *data));
void *akma_h2_conn_get_data(const AkmaH2Conn *self);
void akma_h2_stream_set_data(AkmaH2Stream *self, void *data, void (*destroy)(void *data));
void *akma_h2_stream_get_data(const AkmaH2Stream *self);
AkmaH2Conn *akma_h2_stream_get_conn(const AkmaH2Stream *self);

/* The peer without its port ("192.0.2.1", "2001:db8::1", "unix"); borrowed. */
const char *akma_h2_conn_get_peer(const AkmaH2Conn *self);
/* Of the TLS client certificate, verified; NULL without one. Borrowed. */
X509 *akma_h2_conn_get_peer_certificate(const AkmaH2Conn *self);

/*
 * The peer is known: from now on it may have @streams at once, and the connection has no limit of
 * its lifetime. Again has no effect. HTTP/2 only.
 */
void akma_h2_conn_trust(AkmaH2Conn *self, unsigned streams);

/* In offered(): of all identities only this one counts (copied, wiped). Without it: the first. */
void akma_h2_conn_choose_psk(AkmaH2Conn *self, const uint8_t *identity, size_t len);
/*
 * The handshake goes on with @key, of which a reference is kept until it is over. NULL: with a
 * random one, so that it fails as with a wrong key.
 */
void akma_h2_conn_set_psk(AkmaH2Conn *self, AkmaSecret *key);
/* The handshake ends with the alert internal_error: come back later. */
void akma_h2_conn_refuse_psk(AkmaH2Conn *self);

/* Sends what is answered, resets what is not, then GOAWAY and close. */
void akma_h2_conn_close(AkmaH2Conn *self);

typedef struct {
    const char *name; /* lower case */
    const char *value;
} AkmaH2Header;

/*
 * Answers @stream once. @content_type may be NULL (no body). @body is copied into buffers that
 * are wiped. @sent (may be NULL) is called when the last byte of the body was handed to TLS, or
 * the stream was closed before that: exactly once either way.
 */
void akma_h2_respond(AkmaH2Stream *self,
                     unsigned status,
                     const char *content_type,
                     const AkmaH2Header *headers,
                     size_t n_headers,
                     const uint8_t *body,
                     size_t body_len,
                     void (*sent)(void *user_data),
                     void *user_data);

/*
 * A listening TCP socket, non-blocking, close-on-exec, SO_REUSEADDR, with @reuse_port also
 * SO_REUSEPORT; or a Unix socket for "unix:/PATH" (an old file there is replaced).
 * @address: HOST:PORT as in AKMA_SETTING_ADDRESS; port 0 = any. -1: AKMA_ERROR_CONFIG_INVALID.
 */
int akma_h2_listen_socket(const char *address, bool reuse_port, GError **error);
/* "127.0.0.1:40123" for the ready file. g_free(). */
char *akma_h2_dup_socket_address(int fd);

G_END_DECLS
