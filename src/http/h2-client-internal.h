/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* h2-client-internal: the client, its connections and calls, as h2-client*.c share them. */
#pragma once

#include "http/conn.h"
#include "http/fields.h"
#include "http/h2-client.h"

G_BEGIN_DECLS

typedef struct _AkmaH2Link AkmaH2Link;

struct _AkmaH2Client {
    AkmaIo io;
    char *host;
    char *authority; /* as in the URL */
    uint16_t port;
    SSL_CTX *tls; /* NULL: clear text */
    unsigned timeout_ms;
    size_t body_bytes;
    unsigned in_flight;
    GQueue calls;     /* all that are not over, the oldest first: all have the same time */
    GQueue waiting;   /* for a connection */
    GQueue refused;   /* to be told so */
    GQueue links;     /* all; those after GOAWAY finish what they have */
    AkmaH2Link *link; /* for new calls; NULL: none */
    uv_getaddrinfo_t lookup;
    struct addrinfo *found, *next;
    uv_timer_t timer; /* for the oldest call */
    uv_idle_t later;  /* what request() must not do itself */
    unsigned handles;
    bool started, looking, closing;
    /* a connection, though nobody waits for one yet; until one is open, or none can be */
    bool wanted;
    void (*closed)(void *user_data);
    void *closed_data;
};

struct _AkmaH2Link {
    AkmaConn base; /* first */
    AkmaH2Client *client;
    GList link;   /* in client->links */
    GQueue calls; /* under way */
    GQueue done;  /* their stream is closed */
    uint64_t since_ms;
    bool broken; /* not HTTP/2 */
};

/* waiting -> under way -> done (or waiting again, once) */
struct _AkmaH2Call {
    AkmaH2Client *client;
    AkmaH2Link *owner; /* while under way or done */
    GQueue *queue;
    GList link; /* in @queue */
    GList age;  /* in client->calls */
    uint64_t until_ms, sent_ms;
    int32_t id;
    unsigned tries;
    char *method, *path;
    AkmaH2Header *headers;
    size_t n_headers;
    AkmaConnBody body;
    AkmaH2Done done;
    void *user_data;
    GError *error;
    /* the answer */
    AkmaH2Response response;
    char content_type[AKMA_MEDIA_TYPE_SIZE];
    nghttp2_rcbuf *location;
    uint8_t *bytes;
    size_t bytes_len, bytes_size;
    bool began, final, complete;
    bool ending; /* in done() */
};

/* h2-client-call.c */
AkmaH2Call *akma_h2_call_new(AkmaH2Client *client,
                             const char *method,
                             const char *path,
                             const AkmaH2Header *headers,
                             size_t n_headers,
                             const uint8_t *body,
                             size_t body_len);
void akma_h2_call_move(AkmaH2Call *self, GQueue *queue);
/* Takes it out of its queues, calls back with @error or the answer, wipes, frees. */
void akma_h2_call_end(AkmaH2Call *self, const GError *error);
void akma_h2_call_free(AkmaH2Call *self);
/* Submits it on @link. */
void akma_h2_call_send(AkmaH2Call *self, AkmaH2Link *link);
/* Nobody waits for the answer any more. */
void akma_h2_call_abandon(AkmaH2Call *self);
void akma_h2_call_add_field(AkmaH2Call *self, nghttp2_rcbuf *name, nghttp2_rcbuf *value);
/* False: too large, or no memory; @error says which. */
bool akma_h2_call_add_body(AkmaH2Call *self, const uint8_t *bytes, size_t len);
/* Not yet answered in any part and not yet repeated: back to the waiting. */
bool akma_h2_call_retry(AkmaH2Call *self);

/* h2-client-link.c */
void akma_h2_link_set_callbacks(AkmaIo *io);
/* Connects to @address; NULL: it fails at once. */
AkmaH2Link *akma_h2_link_new(AkmaH2Client *client, const struct addrinfo *address, GError **error);
/* Polite end: GOAWAY, close. */
void akma_h2_link_close(AkmaH2Link *self);

/* h2-client.c: what links tell */
void akma_h2_client_link_open(AkmaH2Client *self, AkmaH2Link *link);
void akma_h2_client_link_ended(AkmaH2Client *self, AkmaH2Link *link);
void akma_h2_client_link_freed(AkmaH2Client *self);
/* Sends what waits, connects if need be: in the next turn of the loop. */
void akma_h2_client_touch(AkmaH2Client *self);

G_END_DECLS
