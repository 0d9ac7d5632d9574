/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * psk: external PSKs of TLS 1.3 (RFC 8446 4.2.11) as OpenSSL takes them, for either end.
 *
 * A PSK here has 32 bytes and goes with SHA-256; it is never used without a Diffie-Hellman
 * exchange.
 */
#pragma once

#include <openssl/ssl.h>
#include <stdbool.h>

#include "base/secret.h"

G_BEGIN_DECLS

#define AKMA_PSK_LEN          32
#define AKMA_PSK_IDENTITY_MAX 512 /* of ours; what a peer offers may be longer */

/* Only what such a PSK may be used with. False: OpenSSL does not take it. */
bool akma_psk_restrict(SSL_CTX *context);

/* What a callback of OpenSSL hands out for @key. NULL: no memory. SSL_SESSION_free() wipes it. */
SSL_SESSION *akma_psk_session_new(SSL *ssl, const AkmaSecret *key);

/*
 * After the handshake: did it use a PSK? If so OpenSSL's copy of it is overwritten. What is derived
 * from it stays until SSL_free().
 */
bool akma_psk_end_handshake(SSL *ssl);

G_END_DECLS
