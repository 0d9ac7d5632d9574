/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * client: HTTP/2 requests of the agent and the simulator: libcurl in the GLib loop.
 *
 * One client is one peer and one connection: use a new one for each exchange. Neither
 * proxies of the environment nor redirects nor cookies are followed.
 */
#pragma once

#include <gio/gio.h>
#include <stdbool.h>
#include <stdint.h>

G_BEGIN_DECLS

#define AKMA_TYPE_HTTP_CLIENT (akma_http_client_get_type())
G_DECLARE_FINAL_TYPE(AkmaHttpClient, akma_http_client, AKMA, HTTP_CLIENT, GObject)

typedef struct {
    const char *url;         /* http:// (HTTP/2 with prior knowledge) or https:// (TLS 1.3, h2) */
    const char *connect;     /* NULL, or HOST:PORT to connect to instead; the name stays @url's */
    const char *ca_file;     /* NULL: the system's store */
    const char *interface;   /* NULL, or the network interface to go out by */
    const char *https_proxy; /* NULL, or HOST:PORT for CONNECT */
    const char *user_agent;  /* NULL: "akmad/<version>" */
    unsigned timeout_ms;     /* of each request, connecting included */
    size_t body_bytes;       /* the most that an answer may have */
} AkmaHttpConfig;

typedef struct {
    unsigned status;
    char *content_type; /* without parameters, lower case; NULL: none */
    char *location;
    unsigned retry_after_s; /* 0: none or not a number of seconds */
    GByteArray *body;       /* wiped on free */
} AkmaHttpResponse;

void akma_http_response_free(AkmaHttpResponse *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaHttpResponse, akma_http_response_free)

AkmaHttpClient *akma_http_client_new(const AkmaHttpConfig *config);

/*
 * @path begins with '/'. @body may be NULL. @same_connection: fail instead of opening a new
 * connection (the second request of an exchange).
 * Errors: AKMA_ERROR_SERVER_UNREACHABLE (DNS, TCP, TLS alert, time-out, connection lost),
 * AKMA_ERROR_SERVER_NOT_AUTHENTIC (certificate or name), AKMA_ERROR_SERVER_REFUSED (too large, no
 * HTTP/2), AKMA_ERROR_CONFIG_INVALID (the CA file), G_IO_ERROR_CANCELLED. Any HTTP status is an
 * answer, not an error.
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
