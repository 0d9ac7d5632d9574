/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * http-peer: a small server on src/http for the tests beside it.
 *
 * Paths: /hello, /echo (the body), /big/N (N bytes), /hold (a line "held" on stdout, and an answer
 * when the peer asks for /release on any connection), /close (answer, then close), /drop (close
 * without an answer), /status (counters), /whoami (peer and client certificate), /via/... (the
 * answer of --upstream to this request), /plant/heap and /plant/secure (keeps the body until
 * /forget).
 */
#include <glib.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/program.h"
#include "base/secret.h"
#include "base/wiping.h"
#include "http/h2-client.h"
#include "http/h2.h"
#include "http/tls.h"

typedef struct {
    uv_loop_t loop;
    uv_signal_t term;
    AkmaH2Server *server;
    AkmaH2Client *client;
    AkmaSecret *secret;
    uint8_t *heap;
    GPtrArray *held;
    unsigned requests, sent, closed, conns, limited;
    int limit; /* the last one */
} Peer;

static struct {
    char *listen;
    char *certificate;
    char *key;
    char *client_ca;
    char *ready;
    char *upstream;
    char *upstream_ca;
    char *versions;
    int timeout_ms, answer_bytes, in_flight;
    int connections, handshakes, streams, header_bytes, body_bytes;
    int handshake_ms, idle_ms, lifetime_ms;
} options = {
    .connections = 100,
    .handshakes = 100,
    .streams = 4,
    .header_bytes = 8192,
    .body_bytes = 16384,
    .handshake_ms = 10000,
    .idle_ms = 20000,
    .timeout_ms = 10000,
    .answer_bytes = 65536,
    .in_flight = 8,
};

static const GOptionEntry entries[] = {
    {"listen", 0, 0, G_OPTION_ARG_STRING, &options.listen, NULL, NULL},
    {"certificate", 0, 0, G_OPTION_ARG_STRING, &options.certificate, NULL, NULL},
    {"key", 0, 0, G_OPTION_ARG_STRING, &options.key, NULL, NULL},
    {"client-ca", 0, 0, G_OPTION_ARG_STRING, &options.client_ca, NULL, NULL},
    {"ready", 0, 0, G_OPTION_ARG_STRING, &options.ready, NULL, NULL},
    {"upstream", 0, 0, G_OPTION_ARG_STRING, &options.upstream, NULL, NULL},
    {"upstream-ca", 0, 0, G_OPTION_ARG_STRING, &options.upstream_ca, NULL, NULL},
    {"versions", 0, 0, G_OPTION_ARG_STRING, &options.versions, NULL, "1|2|both"},
    {"timeout-ms", 0, 0, G_OPTION_ARG_INT, &options.timeout_ms, NULL, NULL},
    {"answer-bytes", 0, 0, G_OPTION_ARG_INT, &options.answer_bytes, NULL, NULL},
    {"in-flight", 0, 0, G_OPTION_ARG_INT, &options.in_flight, NULL, NULL},
    {"connections", 0, 0, G_OPTION_ARG_INT, &options.connections, NULL, NULL},
    {"handshakes", 0, 0, G_OPTION_ARG_INT, &options.handshakes, NULL, NULL},
    {"streams", 0, 0, G_OPTION_ARG_INT, &options.streams, NULL, NULL},
    {"header-bytes", 0, 0, G_OPTION_ARG_INT, &options.header_bytes, NULL, NULL},
    {"body-bytes", 0, 0, G_OPTION_ARG_INT, &options.body_bytes, NULL, NULL},
    {"handshake-ms", 0, 0, G_OPTION_ARG_INT, &options.handshake_ms, NULL, NULL},
    {"idle-ms", 0, 0, G_OPTION_ARG_INT, &options.idle_ms, NULL, NULL},
    {"lifetime-ms", 0, 0, G_OPTION_ARG_INT, &options.lifetime_ms, NULL, NULL},
    G_OPTION_ENTRY_NULL,
};

static void
on_sent(void *user_data)
{
    ((Peer *)user_data)->sent++;
}

static void
answer(Peer *peer, AkmaH2Stream *stream, unsigned status, const void *body, size_t len)
{
    const AkmaH2Header extra[] = {{"cache-control", "no-store"}};

    akma_h2_respond(stream, status, "text/plain", extra, 1, body, len, on_sent, peer);
}

static void
answer_text(Peer *peer, AkmaH2Stream *stream, unsigned status, const char *text)
{
    answer(peer, stream, status, text, strlen(text));
}

static void
answer_big(Peer *peer, AkmaH2Stream *stream, size_t len)
{
    g_autofree char *body = g_malloc(len + 1);

    memset(body, 'x', len);
    answer(peer, stream, 200, body, len);
}

static void
release(Peer *peer)
{
    for (guint i = 0; i < peer->held->len; i++)
        answer_text(peer, peer->held->pdata[i], 200, "released\n");
    g_ptr_array_set_size(peer->held, 0);
}

static void
answer_status(Peer *peer, AkmaH2Stream *stream)
{
    g_autofree char *text =
        g_strdup_printf("connections=%u handshakes=%u requests=%u sent=%u closed=%u conns=%u\n",
                        akma_h2_server_get_connections(peer->server),
                        akma_h2_server_get_handshakes(peer->server),
                        peer->requests,
                        peer->sent,
                        peer->closed,
                        peer->conns);

    answer_text(peer, stream, 200, text);
}

static void
answer_whoami(Peer *peer, AkmaH2Stream *stream)
{
    AkmaH2Conn *conn = akma_h2_stream_get_conn(stream);
    X509 *certificate = akma_h2_conn_get_peer_certificate(conn);
    char name[128] = "-";
    g_autofree char *text = NULL;

    if (certificate)
        X509_NAME_oneline(X509_get_subject_name(certificate), name, sizeof name);
    text = g_strdup_printf("%s %s\n", akma_h2_conn_get_peer(conn), name);
    answer_text(peer, stream, 200, text);
}

/* Which stream waits for which call: either may end first. */
typedef struct {
    Peer *peer;
    AkmaH2Stream *stream;
    AkmaH2Call *call;
} Via;

static void
on_upstream(const AkmaH2Response *response, const GError *error, void *user_data)
{
    Via *via = user_data;

    via->call = NULL;
    if (error) {
        g_autofree char *text = g_strdup_printf("%d %s\n", error->code, error->message);

        answer_text(via->peer, via->stream, 502, text);
    } else {
        akma_h2_respond(via->stream,
                        response->status,
                        response->content_type,
                        NULL,
                        0,
                        response->body,
                        response->body_len,
                        on_sent,
                        via->peer);
    }
}

static void
via_free(void *data)
{
    Via *via = data;

    if (via->call)
        akma_h2_client_cancel(via->call);
    g_free(via);
}

static void
answer_via(Peer *peer, AkmaH2Stream *stream, const AkmaH2Request *request)
{
    Via *via = g_new0(Via, 1);

    via->peer = peer;
    via->stream = stream;
    via->call = akma_h2_client_request(peer->client,
                                       request->method,
                                       request->path + strlen("/via"),
                                       NULL,
                                       0,
                                       request->body,
                                       request->body_len,
                                       on_upstream,
                                       via);
    akma_h2_stream_set_data(stream, via, via_free);
}

static void
forget(Peer *peer)
{
    akma_wiping_free(g_steal_pointer(&peer->heap));
    akma_secret_unref(g_steal_pointer(&peer->secret));
}

static void
plant(Peer *peer, const char *where, const AkmaH2Request *request)
{
    forget(peer);
    if (g_str_equal(where, "secure")) {
        peer->secret = akma_secret_new(request->body, request->body_len, NULL);
    } else {
        peer->heap = akma_wiping_malloc(request->body_len);
        memcpy(peer->heap, request->body, request->body_len);
    }
}

static void
on_request(AkmaH2Stream *stream, const AkmaH2Request *request, void *user_data)
{
    Peer *peer = user_data;
    const char *path = request->path;

    peer->requests++;
    if (request->too_large) {
        answer_text(peer, stream, 413, "too large\n");
    } else if (g_str_equal(path, "/echo")) {
        answer(peer, stream, 200, request->body, request->body_len);
    } else if (g_str_has_prefix(path, "/big/")) {
        answer_big(peer, stream, (size_t)g_ascii_strtoull(path + strlen("/big/"), NULL, 10));
    } else if (g_str_equal(path, "/hold")) {
        g_ptr_array_add(peer->held, stream);
        puts("held"); /* Peer.wait_held() */
        fflush(stdout);
    } else if (g_str_equal(path, "/release")) {
        release(peer);
        answer_text(peer, stream, 200, "done\n");
    } else if (g_str_equal(path, "/close")) {
        answer_text(peer, stream, 200, "bye\n");
        akma_h2_conn_close(akma_h2_stream_get_conn(stream));
    } else if (g_str_equal(path, "/drop")) {
        akma_h2_conn_close(akma_h2_stream_get_conn(stream));
    } else if (g_str_has_prefix(path, "/via/") && peer->client) {
        answer_via(peer, stream, request);
    } else if (g_str_has_prefix(path, "/plant/")) {
        plant(peer, path + strlen("/plant/"), request);
        answer_text(peer, stream, 200, "planted\n");
    } else if (g_str_equal(path, "/forget")) {
        forget(peer);
        answer_text(peer, stream, 200, "forgotten\n");
    } else if (g_str_equal(path, "/status")) {
        answer_status(peer, stream);
    } else if (g_str_equal(path, "/whoami")) {
        answer_whoami(peer, stream);
    } else if (g_str_equal(path, "/hello")) {
        answer_text(peer, stream, 200, "hello\n");
    } else {
        akma_h2_respond(stream, 404, NULL, NULL, 0, NULL, 0, on_sent, peer);
    }
}

static void
on_stream_closed(AkmaH2Stream *stream, void *user_data)
{
    Peer *peer = user_data;

    peer->closed++;
    g_ptr_array_remove(peer->held, stream);
}

static void
on_conn_closed(AkmaH2Conn *conn G_GNUC_UNUSED, void *user_data)
{
    ((Peer *)user_data)->conns++;
}

static void
on_limited(AkmaH2Limit limit, void *user_data)
{
    Peer *peer = user_data;

    peer->limit = (int)limit;
    peer->limited++;
}

static void
on_stopped(void *user_data)
{
    Peer *peer = user_data;

    akma_h2_server_free(g_steal_pointer(&peer->server));
    if (peer->client)
        akma_h2_client_close(g_steal_pointer(&peer->client), NULL, NULL);
}

static void
on_term(uv_signal_t *handle, int number G_GNUC_UNUSED)
{
    Peer *peer = handle->data;

    uv_close((uv_handle_t *)handle, NULL);
    akma_h2_server_stop(peer->server, 1000, on_stopped, peer);
}

static bool
start_client(Peer *peer, GError **error)
{
    AkmaH2ClientConfig config = {
        .url = options.upstream,
        .timeout_ms = (unsigned)options.timeout_ms,
        .body_bytes = (size_t)options.answer_bytes,
        .in_flight = (unsigned)options.in_flight,
    };

    if (options.upstream_ca) {
        config.tls =
            akma_tls_client_new(options.upstream_ca, options.certificate, options.key, error);
        if (!config.tls)
            return false;
    }
    peer->client = akma_h2_client_new(&peer->loop, &config, error);
    SSL_CTX_free(config.tls);

    return peer->client != NULL;
}

static bool
start(Peer *peer, GError **error)
{
    const AkmaH2Limits limits = {
        .connections = (unsigned)options.connections,
        .handshakes = (unsigned)options.handshakes,
        .streams = (unsigned)options.streams,
        .header_bytes = (size_t)options.header_bytes,
        .body_bytes = (size_t)options.body_bytes,
        .handshake_ms = (unsigned)options.handshake_ms,
        .idle_ms = (unsigned)options.idle_ms,
        .lifetime_ms = (unsigned)options.lifetime_ms,
    };
    const AkmaH2Handlers handlers = {
        .request = on_request,
        .stream_closed = on_stream_closed,
        .limited = on_limited,
        .conn_closed = on_conn_closed,
    };
    g_autofree char *address = NULL;
    g_autofree char *line = NULL;
    const char *pairs[2] = {NULL, NULL};
    SSL_CTX *tls = NULL;
    int fd;

    if (options.certificate) {
        tls = akma_tls_server_new(options.certificate, options.key, options.client_ca, error);
        if (!tls)
            return false;
    }
    if (options.upstream && !start_client(peer, error))
        return false;
    peer->server = akma_h2_server_new(&peer->loop, tls, &limits, &handlers, peer);
    SSL_CTX_free(tls);
    if (options.versions)
        akma_h2_server_set_versions(peer->server,
                                    g_str_equal(options.versions, "1") ? AKMA_HTTP_1_1
                                    : g_str_equal(options.versions, "2")
                                        ? AKMA_HTTP_2
                                        : AKMA_HTTP_1_1 | AKMA_HTTP_2);

    fd = akma_h2_listen_socket(options.listen ? options.listen : "127.0.0.1:0", false, error);
    if (fd < 0 || !akma_h2_server_listen(peer->server, fd, error))
        return false;
    address = akma_h2_dup_socket_address(fd);
    line = g_strconcat("listen=", address, NULL);
    pairs[0] = line;

    return akma_program_write_ready(options.ready, pairs, error);
}

int
main(int argc, char **argv)
{
    Peer peer = {0};
    g_autoptr(GError) error = NULL;

    akma_program_init("http-peer");
    if (!akma_program_parse(&argc, &argv, entries, NULL, NULL, NULL, true, &error))
        return akma_program_fail(error, false);

    if (!akma_secret_heap_init(AKMA_SECRET_HEAP_MIN, NULL, &error))
        return akma_program_fail(error, false);
    uv_loop_init(&peer.loop);
    peer.held = g_ptr_array_new();
    if (!start(&peer, &error)) {
        akma_h2_server_free(peer.server);
        uv_loop_close(&peer.loop);
        g_ptr_array_unref(peer.held);
        return akma_program_fail(error, false);
    }
    uv_signal_init(&peer.loop, &peer.term);
    peer.term.data = &peer;
    uv_signal_start(&peer.term, on_term, SIGTERM);
    uv_run(&peer.loop, UV_RUN_DEFAULT);

    printf("requests=%u sent=%u closed=%u conns=%u limited=%u limit=%d held=%u loop=%d\n",
           peer.requests,
           peer.sent,
           peer.closed,
           peer.conns,
           peer.limited,
           peer.limit,
           peer.held->len,
           uv_loop_close(&peer.loop));
    g_ptr_array_unref(peer.held);
    forget(&peer);

    return 0;
}
