/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * tls: OpenSSL contexts as akmad uses them: TLS 1.3 only unless akma_tls_server_allow_1_2() says
 * more, no tickets, no 0-RTT, wiped buffers.
 */
#pragma once

#include <glib.h>
#include <openssl/ssl.h>
#include <stdbool.h>

G_BEGIN_DECLS

/*
 * ALPN h2. @client_ca: NULL, or the CA file whose certificates a client must show.
 * Returns: (transfer full): SSL_CTX_free(). Errors: AKMA_ERROR_CONFIG_INVALID with the file's name.
 */
SSL_CTX *akma_tls_server_new(const char *certificate_file,
                             const char *key_file,
                             const char *client_ca,
                             GError **error);

/*
 * Asks each client for a certificate; who shows none is let in, who shows one that @client_ca has
 * not issued is not. Errors: AKMA_ERROR_CONFIG_INVALID with the file's name.
 */
bool akma_tls_server_ask_client(SSL_CTX *self, const char *client_ca, GError **error);

/*
 * Would @self still let in the client of @ssl, whose handshake was with another context? True too
 * if that client has shown no certificate.
 */
bool akma_tls_server_accepts(SSL_CTX *self, const SSL *ssl);

/*
 * What ALPN may choose: AKMA_HTTP_1_1, AKMA_HTTP_2 (as akma_tls_server_new() has it) or both, of
 * which HTTP/2 is preferred. A client that offers ALPN without any of them is refused. For
 * akma_h2_server_set_versions(), which calls it for the context that the server has.
 */
void akma_tls_server_set_versions(SSL_CTX *self, unsigned versions);

/*
 * TLS 1.2 as well, with ECDHE and AEAD only: for peers that are not ours, as TS 33.210 6.2 has
 * them. Errors: AKMA_ERROR_INTERNAL.
 */
bool akma_tls_server_allow_1_2(SSL_CTX *self, GError **error);

/*
 * For akma_h2_server_use_psk(): without a certificate, ALPN h2, external PSKs by psk.h only.
 * Errors: AKMA_ERROR_INTERNAL.
 */
SSL_CTX *akma_tls_psk_server_new(GError **error);

/*
 * ALPN h2, certificate verified. @ca_file NULL: the system's store. @certificate_file and
 * @key_file: NULL, or what to show to the server.
 */
SSL_CTX *akma_tls_client_new(const char *ca_file,
                             const char *certificate_file,
                             const char *key_file,
                             GError **error);

G_END_DECLS
