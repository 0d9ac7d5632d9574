/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* conn-bytes: bytes of a connection in and out of its socket, through TLS or not. */
#include <errno.h>
#include <openssl/err.h>
#include <sys/socket.h>

#include "base/error.h"
#include "http/conn.h"

void
akma_conn_unreachable(AkmaConn *self, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    akma_conn_fail(self,
                   g_error_new_valist(AKMA_ERROR, AKMA_ERROR_SERVER_UNREACHABLE, format, args));
    va_end(args);
}

/* SSL_get_error() wants an empty queue; emptying one that is empty is dear. */
void
akma_conn_forget_errors(void)
{
    if (ERR_peek_error() != 0)
        ERR_clear_error();
}

const char *
akma_conn_tls_reason(const AkmaConn *self)
{
    long verified = SSL_get_verify_result(self->ssl);
    unsigned long code = ERR_peek_last_error();
    const char *reason;

    if (verified != X509_V_OK)
        return X509_verify_cert_error_string(verified);
    if (ERR_SYSTEM_ERROR(code))
        return g_strerror(ERR_GET_REASON(code));
    reason = code ? ERR_reason_error_string(code) : NULL;

    return reason ? reason : "connection closed";
}

size_t
akma_conn_receive(AkmaConn *self, uint8_t *buf, size_t size)
{
    size_t len = 0;
    ssize_t n;

    if (self->ssl) {
        akma_conn_forget_errors();
        if (SSL_read_ex(self->ssl, buf, size, &len) == 1)
            return len;
        switch (SSL_get_error(self->ssl, 0)) {
        case SSL_ERROR_WANT_READ:
            return 0;
        case SSL_ERROR_WANT_WRITE:
            self->want_write = true;
            return 0;
        case SSL_ERROR_ZERO_RETURN:
            self->eof = true;
            return 0;
        default:
            if (!self->eof)
                akma_conn_unreachable(self, "TLS: %s", akma_conn_tls_reason(self));
            return 0;
        }
    }

    n = recv(self->fd, buf, size, 0);
    self->drained = n < 0 || (size_t)n < size;
    if (n > 0)
        return (size_t)n;
    if (n == 0)
        self->eof = true;
    else if (errno != EAGAIN && errno != EINTR)
        akma_conn_unreachable(self, "%s", g_strerror(errno));

    return 0;
}

size_t
akma_conn_transmit(AkmaConn *self, const uint8_t *bytes, size_t len)
{
    size_t done = 0;
    ssize_t n;

    if (self->ssl) {
        akma_conn_forget_errors();
        if (SSL_write_ex(self->ssl, bytes, len, &done) == 1)
            return done;
        switch (SSL_get_error(self->ssl, 0)) {
        case SSL_ERROR_WANT_READ:
        case SSL_ERROR_WANT_WRITE:
            break;
        default:
            akma_conn_unreachable(self, "TLS: %s", akma_conn_tls_reason(self));
        }
        return 0;
    }

    n = send(self->fd, bytes, len, MSG_NOSIGNAL | (self->more ? MSG_MORE : 0));
    if (n >= 0)
        return (size_t)n;
    if (errno != EAGAIN && errno != EINTR)
        akma_conn_unreachable(self, "%s", g_strerror(errno));

    return 0;
}
