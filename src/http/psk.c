/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "http/psk.h"

typedef SSL_SESSION Session;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Session, SSL_SESSION_free)

/*= RFC 8446 4.2.11: an external PSK goes with one hash, SHA-256 unless another is agreed on */
bool
akma_psk_restrict(SSL_CTX *context)
{
    /*= RFC 8446 4.2.9: psk_dhe_ke only, so that the key alone does not open what was recorded */
    SSL_CTX_clear_options(context, SSL_OP_ALLOW_NO_DHE_KEX);

    return SSL_CTX_set_ciphersuites(context,
                                    "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256") == 1;
}

SSL_SESSION *
akma_psk_session_new(SSL *ssl, const AkmaSecret *key)
{
    /* any suite with SHA-256: the handshake chooses its own */
    static const unsigned char suite[] = {0x13, 0x01};
    const SSL_CIPHER *cipher = SSL_CIPHER_find(ssl, suite);
    g_autoptr(Session) self = SSL_SESSION_new();
    size_t len;
    const uint8_t *bytes = akma_secret_peek(key, &len);

    if (!self || !cipher || SSL_SESSION_set1_master_key(self, bytes, len) != 1 ||
        SSL_SESSION_set_cipher(self, cipher) != 1 ||
        SSL_SESSION_set_protocol_version(self, TLS1_3_VERSION) != 1)
        return NULL;

    return g_steal_pointer(&self);
}

bool
akma_psk_end_handshake(SSL *ssl)
{
    static const unsigned char nothing[AKMA_PSK_LEN] = {0};
    SSL_SESSION *session = SSL_get_session(ssl);

    return SSL_session_reused(ssl) == 1 && session &&
           SSL_SESSION_set1_master_key(session, nothing, sizeof nothing) == 1;
}
