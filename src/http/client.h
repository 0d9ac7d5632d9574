/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * client: HTTP requests of the agent and the simulator: libcurl in the GLib loop. HTTP/2, or
 * HTTP/1.1 for peers that speak nothing else (BSF, NAF).
 *
 * One client is one peer and one connection: use a new one for each exchange. Neither
 * proxies of the environment nor redirects nor cookies are followed.
 */
#pragma once

#include <gio/gio.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/secret.h"

G_BEGIN_DECLS

#define AKMA_HTTP_CHALLENGES_MAX 4
#define AKMA_HTTP_FIELD_MAX      4096 /* a longer one counts as absent */

#define AKMA_TYPE_HTTP_CLIENT (akma_http_client_get_type())
G_DECLARE_FINAL_TYPE(AkmaHttpClient, akma_http_client, AKMA, HTTP_CLIENT, GObject)

typedef enum {
    AKMA_HTTP_2,   /* TLS 1.3 with ALPN, or prior knowledge over TCP */
    AKMA_HTTP_1_1, /* TLS 1.2 or later, or TCP */
} AkmaHttpVersion;

typedef struct {
    AkmaHttpVersion version; /* another one in the answer is refused */
    const char *url;         /* http:// or https:// */
    const char *connect;     /* NULL, or HOST:PORT to connect to instead; the name stays @url's */
    const char *ca_file;     /* NULL: the system's store */
    const char *interface;   /* NULL, or the network interface to go out by */
    const char *https_proxy; /* NULL, or HOST:PORT for CONNECT */
    const char *user_agent;  /* NULL: "akmad/<version>" */
    int64_t time_seen;       /* what the server told last, for a clock that is wrong; 0: none */
    /* NULL, or the external PSK of TLS 1.3 that proves both ends in place of certificates */
    AkmaSecret *psk;
    const char *psk_identity;
    unsigned timeout_ms; /* of each request, connecting included */
    size_t body_bytes;   /* the most that an answer may have */
} AkmaHttpConfig;

typedef struct {
    unsigned status;
    char *content_type; /* without parameters, lower case; NULL: none */
    char *location;
    unsigned retry_after_s; /* 0: none or not a number of seconds */
    /* WWW-Authenticate, each field as it came; NULL behind the last */
    char *challenges[AKMA_HTTP_CHALLENGES_MAX + 1];
    char *authentication_info; /* NULL: none; so is server */
    char *server;              /* product tokens */
    GByteArray *body;          /* wiped on free */
} AkmaHttpResponse;

void akma_http_response_free(AkmaHttpResponse *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaHttpResponse, akma_http_response_free)

AkmaHttpClient *akma_http_client_new(const AkmaHttpConfig *config);

/* From now on requests carry "authorization: @value" (copied, wiped); NULL: none. */
void akma_http_client_set_authorization(AkmaHttpClient *self, const char *value);

/*
 * @path begins with '/'. @body may be NULL. @same_connection: fail instead of opening a new
 * connection (the second request of an exchange).
 * Errors: AKMA_ERROR_SERVER_UNREACHABLE (DNS, TCP, TLS alert, time-out, connection lost),
 * AKMA_ERROR_SERVER_NOT_AUTHENTIC (certificate or name, and whether the clock is to blame; with a
 * PSK any certificate, or another key), AKMA_ERROR_ANCHOR_KEY_UNKNOWN (with a PSK only: the
 * handshake was refused as for one that is not known or not right, which nobody vouches for),
 * AKMA_ERROR_SERVER_REFUSED (too large, another version of HTTP), AKMA_ERROR_CONFIG_INVALID (the CA
 * file), G_IO_ERROR_CANCELLED. Any HTTP status is an answer, not an error. With a PSK each request
 * has a connection of its own.
 */
void akma_http_client_send_async(AkmaHttpClient *self,
                                 const char *method,
                                 const char *path,
                                 const char *content_type,
                                 GBytes *body,
                                 bool same_connection,
                                 GCancellable *cancellable,
                                 GAsyncReadyCallback callback,
                                 gpointer user_data);
AkmaHttpResponse *akma_http_client_send_finish(AkmaHttpClient *self,
                                               GAsyncResult *res,
                                               GError **error);

G_END_DECLS
