/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "http/client-psk.h"

#include <openssl/crypto.h>
#include <string.h>

#include "base/error.h"
#include "http/psk.h"

#define TYPE(alert) ((alert)&0xff)

struct _AkmaHttpPsk {
    char *identity;
    AkmaSecret *key;
    int received; /* the alert that came, or that we sent; 0: none */
    int sent;
};

AkmaHttpPsk *
akma_http_psk_new(const char *identity, AkmaSecret *key)
{
    AkmaHttpPsk *self = g_new0(AkmaHttpPsk, 1);

    self->identity = g_strdup(identity);
    self->key = akma_secret_ref(key);

    return self;
}

void
akma_http_psk_free(AkmaHttpPsk *self)
{
    if (!self)
        return;

    OPENSSL_cleanse(self->identity, strlen(self->identity));
    g_free(self->identity);
    akma_secret_unref(self->key);
    g_free(self);
}

/* Called for each ClientHello: also after a HelloRetryRequest, and then with the hash. */
static int
on_use_psk(SSL *ssl,
           const EVP_MD *hash,
           const unsigned char **ret_identity,
           size_t *ret_len,
           SSL_SESSION **ret)
{
    const AkmaHttpPsk *self = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

    *ret = NULL;
    if (hash && !EVP_MD_is_a(hash, "SHA256"))
        return 1;

    *ret = akma_psk_session_new(ssl, self->key);
    *ret_identity = (const unsigned char *)self->identity;
    *ret_len = strlen(self->identity);

    return *ret ? 1 : 0;
}

static int
on_certificate(X509_STORE_CTX *store, void *user_data G_GNUC_UNUSED)
{
    X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);

    return 0;
}

static void
on_info(const SSL *ssl, int where, int value)
{
    AkmaHttpPsk *self = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

    if (where == SSL_CB_READ_ALERT && TYPE(value) != SSL_AD_CLOSE_NOTIFY)
        self->received = TYPE(value);
    else if (where == SSL_CB_WRITE_ALERT && TYPE(value) != SSL_AD_CLOSE_NOTIFY)
        self->sent = TYPE(value);
}

bool
akma_http_psk_set(AkmaHttpPsk *self, SSL_CTX *context)
{
    SSL_CTX_set_psk_use_session_callback(context, on_use_psk);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(context, on_certificate, NULL);
    SSL_CTX_set_info_callback(context, on_info);

    return SSL_CTX_set_app_data(context, self) == 1 && akma_psk_restrict(context);
}

/* Connected, and nothing of the request is sent yet. */
static int
on_connected(void *user_data,
             char *to G_GNUC_UNUSED,
             char *from G_GNUC_UNUSED,
             int to_port G_GNUC_UNUSED,
             int from_port G_GNUC_UNUSED)
{
    CURL *easy = user_data;
    struct curl_tlssessioninfo *tls = NULL;

    if (curl_easy_getinfo(easy, CURLINFO_TLS_SSL_PTR, &tls) != CURLE_OK || !tls ||
        tls->backend != CURLSSLBACKEND_OPENSSL || !tls->internals ||
        !akma_psk_end_handshake(tls->internals))
        return CURL_PREREQFUNC_ABORT;

    return CURL_PREREQFUNC_OK;
}

bool
akma_http_psk_prepare(AkmaHttpPsk *self, CURL *easy)
{
    self->received = self->sent = 0;

    return curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_connected) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PREREQDATA, easy) == CURLE_OK;
}

static bool
is_refusal(int alert)
{
    return alert == SSL_AD_HANDSHAKE_FAILURE || alert == SSL_AD_ILLEGAL_PARAMETER ||
           alert == SSL_AD_DECRYPT_ERROR;
}

GError *
akma_http_psk_explain(const AkmaHttpPsk *self, const char *url, CURLcode result)
{
    if (result == CURLE_PEER_FAILED_VERIFICATION)
        return g_error_new(AKMA_ERROR,
                           AKMA_ERROR_SERVER_NOT_AUTHENTIC,
                           "%s: the server does not take the key and shows a certificate instead",
                           url);
    if (result == CURLE_ABORTED_BY_CALLBACK)
        return g_error_new(AKMA_ERROR,
                           AKMA_ERROR_SERVER_NOT_AUTHENTIC,
                           "%s: the handshake did not use the key",
                           url);
    /* what we cannot read is under a key that ours does not lead to */
    if (self->sent == SSL_AD_BAD_RECORD_MAC || self->sent == SSL_AD_DECRYPT_ERROR)
        return g_error_new(AKMA_ERROR,
                           AKMA_ERROR_SERVER_NOT_AUTHENTIC,
                           "%s: the server answers as one without the key",
                           url);
    if (is_refusal(self->received))
        return g_error_new(AKMA_ERROR,
                           AKMA_ERROR_ANCHOR_KEY_UNKNOWN,
                           "%s: the server refused the handshake (%s): it does not know the "
                           "identifier, or has another key for it",
                           url,
                           SSL_alert_desc_string_long(self->received));
    if (self->received && self->received != SSL_AD_NO_APPLICATION_PROTOCOL)
        return g_error_new(AKMA_ERROR,
                           AKMA_ERROR_SERVER_UNREACHABLE,
                           "%s: the server ended the handshake (%s)",
                           url,
                           SSL_alert_desc_string_long(self->received));

    return NULL;
}
