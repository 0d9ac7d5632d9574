/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * client-psk: a client whose TLS has an external PSK in place of certificates. For client.c.
 *
 * libcurl takes it only with its own verification off, and would then accept a server that declines
 * the PSK and shows whatever certificate. So each certificate is refused in here, and nothing is
 * sent on a connection that did not use the PSK.
 */
#pragma once

#include <curl/curl.h>
#include <gio/gio.h>
#include <openssl/ssl.h>
#include <stdbool.h>

#include "base/secret.h"

G_BEGIN_DECLS

typedef struct _AkmaHttpPsk AkmaHttpPsk;

/* @key: a reference is taken. It lives longer than the connections. */
AkmaHttpPsk *akma_http_psk_new(const char *identity, AkmaSecret *key);
void akma_http_psk_free(AkmaHttpPsk *self); /* NULL is fine */

/* For CURLOPT_SSL_CTX_FUNCTION. False: OpenSSL does not take it. */
bool akma_http_psk_set(AkmaHttpPsk *self, SSL_CTX *context);
/* One connection a request, and all that libcurl has to be told. False: it does not take it. */
bool akma_http_psk_prepare(AkmaHttpPsk *self, CURL *easy);

/* What @result means with a PSK; NULL: the same as without. Returns: (transfer full). */
GError *akma_http_psk_explain(const AkmaHttpPsk *self, const char *url, CURLcode result);

G_END_DECLS
