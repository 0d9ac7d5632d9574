/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* doctor-handshake: TLS with a server, with what akmad asks for and no more. */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>

#include "cli/doctor.h"

#define H2 "\2h2"
#define H1 "\10http/1.1"

G_DEFINE_AUTOPTR_CLEANUP_FUNC(SSL_CTX, SSL_CTX_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SSL, SSL_free)

static const char *
reason(void)
{
    unsigned long code = ERR_peek_error();
    const char *text = code ? ERR_reason_error_string(code) : NULL;

    if (ERR_SYSTEM_ERROR(code))
        text = g_strerror(ERR_GET_REASON(code));

    return text ? text : "the connection was closed";
}

/* Trust as in src/http: the one file, or else the system's. */
static SSL_CTX *
new_context(const AkmaDoctorServer *server, GError **error)
{
    g_autoptr(SSL_CTX) self = SSL_CTX_new(TLS_client_method());
    int oldest = server->speaks_old ? TLS1_2_VERSION : TLS1_3_VERSION;

    if (!self || SSL_CTX_set_min_proto_version(self, oldest) != 1 ||
        SSL_CTX_set1_groups_list(self, "X25519:P-256") != 1) {
        g_set_error(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "TLS: %s", reason());
        return NULL;
    }
    if (server->ca_file ? SSL_CTX_load_verify_file(self, server->ca_file) != 1
                        : SSL_CTX_set_default_verify_paths(self) != 1) {
        g_set_error(error,
                    AKMA_ERROR,
                    AKMA_ERROR_CONFIG_INVALID,
                    "%s: %s",
                    server->ca_file ? server->ca_file : "certificates of the system",
                    reason());
        return NULL;
    }
    SSL_CTX_set_verify(self, SSL_VERIFY_PEER, NULL);

    return g_steal_pointer(&self);
}

static SSL *
new_session(SSL_CTX *context, const AkmaDoctorServer *server, GSocket *socket, GError **error)
{
    g_autoptr(SSL) self = SSL_new(context);
    const unsigned char *alpn = (const unsigned char *)(server->speaks_old ? H1 : H2);
    unsigned len = server->speaks_old ? sizeof H1 - 1 : sizeof H2 - 1;

    g_socket_set_blocking(socket, FALSE);
    if (!self || SSL_set_fd(self, g_socket_get_fd(socket)) != 1 ||
        SSL_set1_host(self, server->host) != 1 ||
        SSL_set_tlsext_host_name(self, server->host) != 1 ||
        SSL_set_alpn_protos(self, alpn, len) != 0) {
        g_set_error(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "TLS: %s", reason());
        return NULL;
    }
    SSL_set_connect_state(self);

    return g_steal_pointer(&self);
}

static bool
explain(SSL *ssl, const char *host, GError **error)
{
    long verified = SSL_get_verify_result(ssl);
    unsigned long code = ERR_peek_error();
    bool no_protocol = ERR_GET_REASON(code) == SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL;

    if (verified != X509_V_OK)
        g_set_error(error,
                    AKMA_ERROR,
                    AKMA_ERROR_SERVER_NOT_AUTHENTIC,
                    "the certificate does not prove %s: %s",
                    host,
                    X509_verify_cert_error_string(verified));
    else
        g_set_error(error,
                    AKMA_ERROR,
                    no_protocol ? AKMA_ERROR_SERVER_REFUSED : AKMA_ERROR_SERVER_UNREACHABLE,
                    "TLS: %s",
                    reason());

    return false;
}

static bool
finish(SSL *ssl, GSocket *socket, const AkmaDoctorServer *server, unsigned wait_s, GError **error)
{
    gint64 deadline = g_get_monotonic_time() + (gint64)wait_s * G_USEC_PER_SEC;

    for (;;) {
        int result = SSL_do_handshake(ssl);
        int wanted = result == 1 ? SSL_ERROR_NONE : SSL_get_error(ssl, result);
        gint64 left = deadline - g_get_monotonic_time();

        if (result == 1)
            return true;
        if (wanted != SSL_ERROR_WANT_READ && wanted != SSL_ERROR_WANT_WRITE)
            return explain(ssl, server->host, error);
        if (left <= 0 ||
            !g_socket_condition_timed_wait(
                socket, wanted == SSL_ERROR_WANT_READ ? G_IO_IN : G_IO_OUT, left, NULL, NULL)) {
            g_set_error(error,
                        AKMA_ERROR,
                        AKMA_ERROR_SERVER_UNREACHABLE,
                        "TLS: no answer within %u s",
                        wait_s);
            return false;
        }
    }
}

bool
akma_doctor_shake_hands(const AkmaDoctorServer *server,
                        unsigned wait_s,
                        GSocket *socket,
                        char **message,
                        GError **error)
{
    g_autoptr(SSL_CTX) context = NULL;
    g_autoptr(SSL) ssl = NULL;
    const unsigned char *chosen = NULL;
    unsigned len = 0;
    int days = 0;
    int seconds = 0;

    ERR_clear_error();
    context = new_context(server, error);
    ssl = context ? new_session(context, server, socket, error) : NULL;
    if (!ssl || !finish(ssl, socket, server, wait_s, error))
        return false;

    SSL_get0_alpn_selected(ssl, &chosen, &len);
    if (!server->speaks_old && (len != 2 || strncmp((const char *)chosen, "h2", 2) != 0)) {
        g_set_error(
            error, AKMA_ERROR, AKMA_ERROR_SERVER_REFUSED, "the server does not speak HTTP/2");
        return false;
    }
    ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(SSL_get0_peer_certificate(ssl)));
    *message = g_strdup_printf(
        "%s, the certificate proves %s for %d more days", SSL_get_version(ssl), server->host, days);

    return true;
}
