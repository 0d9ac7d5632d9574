/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * h2-psk: handshakes of the server with external PSKs in place of a certificate.
 *
 *   NEW --ClientHello--> WAITING --set_psk--> GIVEN --PSK used--> the connection is open
 *                           +-----refuse_psk--> REFUSED
 *
 * OpenSSL calls both callbacks again after a HelloRetryRequest, and the first one also when the
 * handshake goes on: the user is asked once, and each time the same is said.
 */
#include <openssl/rand.h>
#include <openssl/tls1.h>
#include <string.h>

#include "base/error.h"
#include "base/wiping.h"
#include "http/h2-internal.h"
#include "http/psk.h"

static int
on_client_hello(SSL *ssl, int *ret_alert, void *user_data G_GNUC_UNUSED)
{
    AkmaH2Conn *self = SSL_get_app_data(ssl);
    AkmaH2Server *server = self->server;
    const unsigned char *offer;
    size_t len;

    if (self->psk.state == AKMA_H2_PSK_NEW) {
        /* without one OpenSSL finds nothing to go on with, and says so */
        if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_psk, &offer, &len) != 1)
            return SSL_CLIENT_HELLO_SUCCESS;
        self->psk.state = AKMA_H2_PSK_WAITING;
        server->handlers.offered(self, offer, len, server->user_data);
    }

    switch (self->psk.state) {
    case AKMA_H2_PSK_NEW:
    case AKMA_H2_PSK_WAITING:
        return SSL_CLIENT_HELLO_RETRY;
    case AKMA_H2_PSK_GIVEN:
        return SSL_CLIENT_HELLO_SUCCESS;
    case AKMA_H2_PSK_REFUSED:
        break;
    }
    *ret_alert = SSL_AD_INTERNAL_ERROR;

    return SSL_CLIENT_HELLO_ERROR;
}

/* For each identity that is offered, in their order, until there is one. */
static int
on_identity(SSL *ssl, const unsigned char *identity, size_t len, SSL_SESSION **ret)
{
    const AkmaH2Conn *self = SSL_get_app_data(ssl);
    const AkmaH2Psk *psk = &self->psk;

    *ret = NULL;
    if (psk->identity &&
        (len != psk->identity_len || CRYPTO_memcmp(identity, psk->identity, len) != 0))
        return 1;
    if (psk->key)
        *ret = akma_psk_session_new(ssl, psk->key);

    return *ret ? 1 : 0;
}

void
akma_h2_psk_install(SSL_CTX *tls)
{
    SSL_CTX_set_client_hello_cb(tls, on_client_hello, NULL);
    SSL_CTX_set_psk_find_session_callback(tls, on_identity);
}

void
akma_h2_server_use_psk(AkmaH2Server *self)
{
    g_return_if_fail(self->tls && self->handlers.offered);

    self->psk = true;
    akma_h2_psk_install(self->tls);
}

void
akma_h2_conn_choose_psk(AkmaH2Conn *self, const uint8_t *identity, size_t len)
{
    g_return_if_fail(self->psk.state == AKMA_H2_PSK_WAITING && !self->psk.identity && len > 0);

    self->psk.identity = akma_wiping_malloc(len);
    if (!self->psk.identity) {
        akma_h2_conn_refuse_psk(self);
        return;
    }
    memcpy(self->psk.identity, identity, len);
    self->psk.identity_len = len;
}

/* Whoever offers an identity that nobody knows fails as with a wrong key. */
static AkmaSecret *
new_random_key(void)
{
    uint8_t *bytes;
    g_autoptr(AkmaSecret) key = akma_secret_new_blank(AKMA_PSK_LEN, &bytes, NULL);

    if (!key || RAND_bytes(bytes, AKMA_PSK_LEN) != 1)
        return NULL;

    return g_steal_pointer(&key);
}

void
akma_h2_conn_set_psk(AkmaH2Conn *self, AkmaSecret *key)
{
    if (self->psk.state != AKMA_H2_PSK_WAITING)
        return;

    self->psk.key = key ? akma_secret_ref(key) : new_random_key();
    self->psk.state = self->psk.key ? AKMA_H2_PSK_GIVEN : AKMA_H2_PSK_REFUSED;
    akma_conn_resume(&self->base);
}

void
akma_h2_conn_refuse_psk(AkmaH2Conn *self)
{
    if (self->psk.state != AKMA_H2_PSK_WAITING)
        return;

    self->psk.state = AKMA_H2_PSK_REFUSED;
    akma_conn_resume(&self->base);
}

void
akma_h2_psk_clear(AkmaH2Conn *self)
{
    g_clear_pointer(&self->psk.key, akma_secret_unref);
    akma_wiping_free(g_steal_pointer(&self->psk.identity));
    self->psk.identity_len = 0;
}

bool
akma_h2_psk_opened(AkmaH2Conn *self)
{
    bool used = self->psk.state == AKMA_H2_PSK_GIVEN && akma_psk_end_handshake(self->base.ssl);

    akma_h2_psk_clear(self);
    if (!used)
        akma_conn_fail(&self->base,
                       g_error_new_literal(AKMA_ERROR,
                                           AKMA_ERROR_SERVER_REFUSED,
                                           "the handshake did not use the PSK"));

    return used;
}
