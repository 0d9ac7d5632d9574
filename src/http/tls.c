/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "http/tls.h"

#include <openssl/err.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "http/h2.h"
#include "http/psk.h"

#define H2 "\2h2"
#define H1 "\10http/1.1"

/* What we send is short. OpenSSL keeps room for one whole record for each connection. */
#define RECORD_MAX 2048

/* As ALPN has it: each name after its length. */
typedef struct {
    unsigned char list[16];
    unsigned len;
} Alpn;

G_DEFINE_AUTOPTR_CLEANUP_FUNC(SSL_CTX, SSL_CTX_free)

/* The first cause, which says most: "no such file", "bad base64 decode", ... */
static const char *
reason(void)
{
    unsigned long code = ERR_peek_error();
    const char *text = code ? ERR_reason_error_string(code) : NULL;

    if (ERR_SYSTEM_ERROR(code))
        text = g_strerror(ERR_GET_REASON(code));

    return text ? text : "not usable";
}

static bool
fail(GError **error, const char *what, const char *file)
{
    g_set_error(error, AKMA_ERROR, AKMA_ERROR_CONFIG_INVALID, "%s %s: %s", what, file, reason());
    ERR_clear_error();

    return false;
}

static SSL_CTX *
new_context(const SSL_METHOD *method, GError **error)
{
    g_autoptr(SSL_CTX) self = SSL_CTX_new(method);

    if (!self || SSL_CTX_set_min_proto_version(self, TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_ciphersuites(self,
                                 "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:"
                                 "TLS_AES_256_GCM_SHA384") != 1 ||
        SSL_CTX_set1_groups_list(self, "X25519:P-256") != 1 ||
        SSL_CTX_set_max_send_fragment(self, RECORD_MAX) != 1 ||
        SSL_CTX_set_num_tickets(self, 0) != 1 || SSL_CTX_set_max_early_data(self, 0) != 1) {
        g_set_error(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "TLS 1.3: %s", reason());
        ERR_clear_error();
        return NULL;
    }

    SSL_CTX_set_session_cache_mode(self, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(self,
                        SSL_OP_CLEANSE_PLAINTEXT | SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION |
                            SSL_OP_NO_RENEGOTIATION);
    /* whole records in one read; SSL_MODE_RELEASE_BUFFERS would wipe 32 KiB at each of them */
    SSL_CTX_set_read_ahead(self, 1);
    SSL_CTX_set_mode(self, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);

    return g_steal_pointer(&self);
}

static bool
load_pair(SSL_CTX *self, const char *certificate_file, const char *key_file, GError **error)
{
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(self, certificate_file) != 1)
        return fail(error, "certificate", certificate_file);
    if (SSL_CTX_use_PrivateKey_file(self, key_file, SSL_FILETYPE_PEM) != 1)
        return fail(error, "private key", key_file);
    if (!akma_file_check_secret(key_file, error)) {
        g_prefix_error(error, "private key ");
        return false;
    }
    if (SSL_CTX_check_private_key(self) != 1)
        return fail(error, "private key", key_file);

    return true;
}

/* @user_data: the list of what we speak, the best first. */
static int
select_protocol(SSL *ssl G_GNUC_UNUSED,
                const unsigned char **ret,
                unsigned char *ret_len,
                const unsigned char *offered,
                unsigned offered_len,
                void *user_data)
{
    const Alpn *ours = user_data;
    unsigned char *chosen;

    if (SSL_select_next_proto(&chosen, ret_len, ours->list, ours->len, offered, offered_len) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;

    *ret = chosen;

    return SSL_TLSEXT_ERR_OK;
}

void
akma_tls_server_set_versions(SSL_CTX *self, unsigned versions)
{
    static const Alpn h1 = {H1, sizeof H1 - 1};
    static const Alpn h2 = {H2, sizeof H2 - 1};
    static const Alpn both = {H2 H1, sizeof H2 H1 - 1};
    const Alpn *ours = versions == AKMA_HTTP_1_1 ? &h1 : versions == AKMA_HTTP_2 ? &h2 : &both;

    SSL_CTX_set_alpn_select_cb(self, select_protocol, (void *)ours);
}

SSL_CTX *
akma_tls_server_new(const char *certificate_file,
                    const char *key_file,
                    const char *client_ca,
                    GError **error)
{
    g_autoptr(SSL_CTX) self = new_context(TLS_server_method(), error);
    STACK_OF(X509_NAME) * names;

    if (!self || !load_pair(self, certificate_file, key_file, error))
        return NULL;

    if (client_ca) {
        names = SSL_load_client_CA_file(client_ca);
        if (!names || SSL_CTX_load_verify_file(self, client_ca) != 1) {
            sk_X509_NAME_pop_free(names, X509_NAME_free);
            fail(error, "CA file", client_ca);
            return NULL;
        }
        SSL_CTX_set_client_CA_list(self, names);
        SSL_CTX_set_verify(self, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    }
    akma_tls_server_set_versions(self, AKMA_HTTP_2);

    return g_steal_pointer(&self);
}

/* Who issues certificates to our clients is not told to everybody who connects. */
bool
akma_tls_server_ask_client(SSL_CTX *self, const char *client_ca, GError **error)
{
    ERR_clear_error();
    if (SSL_CTX_load_verify_file(self, client_ca) != 1)
        return fail(error, "CA file", client_ca);
    SSL_CTX_set_verify(self, SSL_VERIFY_PEER, NULL);

    return true;
}

bool
akma_tls_server_accepts(SSL_CTX *self, const SSL *ssl)
{
    X509 *certificate = SSL_get0_peer_certificate(ssl);
    X509_STORE_CTX *check = certificate ? X509_STORE_CTX_new() : NULL;
    X509_VERIFY_PARAM *param;
    bool ok = false;

    if (!certificate)
        return true;

    /* as libssl does it in a handshake */
    if (check &&
        X509_STORE_CTX_init(
            check, SSL_CTX_get_cert_store(self), certificate, SSL_get_peer_cert_chain(ssl)) == 1) {
        param = X509_STORE_CTX_get0_param(check);
        X509_VERIFY_PARAM_set_auth_level(param, SSL_CTX_get_security_level(self));
        ok = X509_STORE_CTX_set_default(check, "ssl_client") == 1 &&
             X509_VERIFY_PARAM_set1(param, SSL_CTX_get0_param(self)) == 1 &&
             X509_verify_cert(check) == 1;
    }
    X509_STORE_CTX_free(check);
    ERR_clear_error();

    return ok;
}

/*= TS 33.210 6.2: TLS 1.2 with forward secrecy and AEAD, without renegotiation */
bool
akma_tls_server_allow_1_2(SSL_CTX *self, GError **error)
{
    if (SSL_CTX_set_cipher_list(self,
                                "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
                                "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
                                "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305") == 1 &&
        SSL_CTX_set_min_proto_version(self, TLS1_2_VERSION) == 1)
        return true;

    g_set_error(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "TLS 1.2: %s", reason());
    ERR_clear_error();

    return false;
}

SSL_CTX *
akma_tls_psk_server_new(GError **error)
{
    g_autoptr(SSL_CTX) self = new_context(TLS_server_method(), error);

    if (!self)
        return NULL;
    if (!akma_psk_restrict(self)) {
        g_set_error(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "TLS with PSK: %s", reason());
        ERR_clear_error();
        return NULL;
    }
    akma_tls_server_set_versions(self, AKMA_HTTP_2);

    return g_steal_pointer(&self);
}

SSL_CTX *
akma_tls_client_new(const char *ca_file,
                    const char *certificate_file,
                    const char *key_file,
                    GError **error)
{
    g_autoptr(SSL_CTX) self = new_context(TLS_client_method(), error);

    if (!self || (certificate_file && !load_pair(self, certificate_file, key_file, error)))
        return NULL;

    ERR_clear_error();
    if (ca_file ? SSL_CTX_load_verify_file(self, ca_file) != 1
                : SSL_CTX_set_default_verify_paths(self) != 1) {
        fail(error, "CA file", ca_file ? ca_file : "of the system");
        return NULL;
    }
    SSL_CTX_set_verify(self, SSL_VERIFY_PEER, NULL);
    if (SSL_CTX_set_alpn_protos(self, (const unsigned char *)H2, sizeof H2 - 1) != 0) {
        g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "no memory");
        return NULL;
    }

    return g_steal_pointer(&self);
}
