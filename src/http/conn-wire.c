/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* conn-wire: HTTP/2 on a connection, and whether TLS has agreed on it. */
#include <string.h>

#include "base/error.h"
#include "http/conn.h"

bool
akma_conn_has_alpn(const AkmaConn *self, const char *protocol)
{
    const unsigned char *chosen = NULL;
    unsigned len = 0;

    if (self->ssl)
        SSL_get0_alpn_selected(self->ssl, &chosen, &len);

    return len == strlen(protocol) && len > 0 && strncmp((const char *)chosen, protocol, len) == 0;
}

static bool
input(AkmaConn *self, const uint8_t *bytes, size_t len)
{
    ssize_t used = nghttp2_session_mem_recv(self->h2, bytes, len);

    if (used >= 0)
        return true;

    self->h2_error = (int)used;
    akma_conn_fail(
        self,
        g_error_new(
            AKMA_ERROR, AKMA_ERROR_SERVER_REFUSED, "no HTTP/2: %s", nghttp2_strerror((int)used)));

    return false;
}

static void
output(AkmaConn *self)
{
    int rv = nghttp2_session_send(self->h2);

    if (rv != 0)
        akma_conn_unreachable(self, "%s", nghttp2_strerror(rv));
}

static bool
has_output(const AkmaConn *self)
{
    return nghttp2_session_want_write(self->h2);
}

static bool
is_over(const AkmaConn *self)
{
    return !nghttp2_session_want_read(self->h2) && !nghttp2_session_want_write(self->h2);
}

static void
clear(AkmaConn *self)
{
    g_clear_pointer(&self->h2, nghttp2_session_del);
}

static const AkmaConnWire wire_h2 = {
    .input = input,
    .output = output,
    .has_output = has_output,
    .is_over = is_over,
    .clear = clear,
};

const AkmaConnWire *
akma_conn_require_h2(AkmaConn *self)
{
    if (!self->ssl || akma_conn_has_alpn(self, "h2"))
        return &wire_h2;

    akma_conn_fail(self,
                   g_error_new_literal(AKMA_ERROR,
                                       AKMA_ERROR_SERVER_REFUSED,
                                       "the peer does not offer HTTP/2 (ALPN h2)"));

    return NULL;
}
