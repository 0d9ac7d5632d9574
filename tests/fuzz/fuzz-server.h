/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fuzz-server: a server in clear text that gets bytes over a pair of sockets. */
#pragma once

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/h2-internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
on_request(AkmaH2Stream *stream, const AkmaH2Request *request, void *user_data)
{
    unsigned *n = user_data;

    /* every third is never answered, every seventh ends the connection */
    if (++*n % 3 != 0)
        akma_h2_respond(stream,
                        request->too_large ? 413 : 200,
                        "text/plain",
                        NULL,
                        0,
                        request->body,
                        request->body_len,
                        NULL,
                        NULL);
    if (*n % 7 == 0)
        akma_h2_conn_close(akma_h2_stream_get_conn(stream));
}

static void
on_stopped(void *user_data)
{
    akma_h2_server_free(user_data);
}

static int
make_listener(void)
{
    g_autofree char *path = g_strdup_printf("unix:%s/akmad-fuzz-%d", g_get_tmp_dir(), getpid());
    int fd = akma_h2_listen_socket(path, false, NULL);

    unlink(path + 5);

    return fd;
}

/* All at once into one end; the other end's connection runs until it is over. */
static void
feed(uv_loop_t *loop, AkmaH2Server *server, const uint8_t *data, size_t size)
{
    const struct sockaddr peer = {.sa_family = AF_UNIX};
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0)
        return;
    if (send(ends[0], data, size, MSG_NOSIGNAL) == (ssize_t)size)
        shutdown(ends[0], SHUT_WR);
    akma_h2_conn_accept(server, ends[1], &peer);
    for (int i = 0; i < 100 && akma_h2_server_get_connections(server) > 0; i++)
        uv_run(loop, UV_RUN_NOWAIT);
    close(ends[0]);
    while (akma_h2_server_get_connections(server) > 0)
        uv_run(loop, UV_RUN_ONCE);
}

/* One server, one connection, all of @data. */
static int
fuzz_server(unsigned versions, const uint8_t *data, size_t size)
{
    const AkmaH2Limits limits = {10, 10, 4, 4096, 4096, 100, 100, 0};
    const AkmaH2Handlers handlers = {.request = on_request};
    unsigned n = 0;
    uv_loop_t loop;
    AkmaH2Server *server;

    if (size > 64 * 1024)
        return 0;

    uv_loop_init(&loop);
    server = akma_h2_server_new(&loop, NULL, &limits, &handlers, &n);
    akma_h2_server_set_versions(server, versions);
    if (akma_h2_server_listen(server, make_listener(), NULL)) {
        feed(&loop, server, data, size);
        akma_h2_server_stop(server, 0, on_stopped, server);
    }
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);

    return 0;
}
