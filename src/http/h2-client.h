/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * h2-client: requests to one HTTP/2 server over one kept connection, multiplexed, on libuv.
 *
 * The key server asks the anchor with it: the answer holds a first key, so every buffer is
 * wiped after its last use (libcurl keeps answers as long as the connection lives).
 */
#pragma once

#include "http/h2.h"

G_BEGIN_DECLS

typedef struct _AkmaH2Client AkmaH2Client;
typedef struct _AkmaH2Call AkmaH2Call;

typedef struct {
    const char *url;     /* http://HOST[:PORT] (prior knowledge) or https://HOST[:PORT] */
    SSL_CTX *tls;        /* for https; a reference is taken; HOST is verified */
    unsigned timeout_ms; /* of one request, connecting included */
    size_t body_bytes;   /* the most that an answer may have */
    unsigned in_flight;  /* requests at once; over it a call fails at once */
} AkmaH2ClientConfig;

/* Borrowed during the callback, wiped after it. */
typedef struct {
    unsigned status;
    const char *content_type; /* lower case, without parameters */
    const char *location;
    unsigned retry_after_s; /* 0: none */
    const uint8_t *body;
    size_t body_len;
} AkmaH2Response;

/* @response or @error, never both. May not be called before akma_h2_client_request() returns. */
typedef void (*AkmaH2Done)(const AkmaH2Response *response, const GError *error, void *user_data);

/* Nothing is opened before the first request. Errors: AKMA_ERROR_CONFIG_INVALID. */
AkmaH2Client *akma_h2_client_new(uv_loop_t *loop, const AkmaH2ClientConfig *config, GError **error);

/*
 * @body is copied (and wiped). A connection that breaks before any part of the answer came is
 * opened again and the request repeated, once. @done errors: AKMA_ERROR_SERVER_UNREACHABLE
 * (connect, TLS, time-out, broken), AKMA_ERROR_SERVER_REFUSED (not HTTP/2, too large),
 * AKMA_ERROR_RATE_LIMITED (@in_flight reached).
 * Returns: (transfer none): valid until @done; for akma_h2_client_cancel() only.
 */
AkmaH2Call *akma_h2_client_request(AkmaH2Client *self,
                                   const char *method,
                                   const char *path,
                                   const AkmaH2Header *headers,
                                   size_t n_headers,
                                   const uint8_t *body,
                                   size_t body_len,
                                   AkmaH2Done done,
                                   void *user_data);

/* Opens the connection if there is none, for requests to come. Nobody hears if it fails. */
void akma_h2_client_connect(AkmaH2Client *self);

/* @done is not called any more. */
void akma_h2_client_cancel(AkmaH2Call *call);

/* Fails what is under way (without calling back), closes; @closed (may be NULL) when all is gone.
 */
void akma_h2_client_close(AkmaH2Client *self, void (*closed)(void *user_data), void *user_data);

G_END_DECLS
