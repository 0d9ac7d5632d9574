/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/simulator/control.h"

#include <errno.h>
#include <gio/gio.h>
#include <gio/gunixsocketaddress.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/wiping.h"

struct _AkmaSoftControl {
    GSocketService *service;
    GCancellable *stop;
    const AkmaSoftDesk *desk;
    char *path;
};

/* One peer: reads a line, runs it, writes the answer, and so on. */
typedef struct {
    GSocketConnection *connection;
    GCancellable *stop;
    const AkmaSoftDesk *desk;
    char *reply; /* being written; wiped on free */
    char line[AKMA_SOFT_CONTROL_LINE_MAX];
    size_t len;
} Peer;

static void peer_continue(Peer *peer);

static void
peer_free(Peer *peer)
{
    g_object_unref(peer->connection);
    g_object_unref(peer->stop);
    akma_wiping_free(peer->reply);
    g_free(peer);
}

static void
on_written(GObject *source, GAsyncResult *res, gpointer user_data)
{
    Peer *peer = user_data;

    g_clear_pointer(&peer->reply, akma_wiping_free);
    if (g_output_stream_write_all_finish(G_OUTPUT_STREAM(source), res, NULL, NULL))
        peer_continue(peer);
    else
        peer_free(peer);
}

static void
on_reply(const char *reply, void *user_data)
{
    Peer *peer = user_data;
    size_t len = strlen(reply);

    peer->reply = akma_wiping_malloc(len + 2);
    if (!peer->reply) {
        peer_free(peer);
        return;
    }
    memcpy(peer->reply, reply, len);
    peer->reply[len] = '\n';
    peer->reply[len + 1] = '\0';
    g_output_stream_write_all_async(g_io_stream_get_output_stream(G_IO_STREAM(peer->connection)),
                                    peer->reply,
                                    len + 1,
                                    G_PRIORITY_DEFAULT,
                                    peer->stop,
                                    on_written,
                                    peer);
}

/* Text of one line, without what could not stand in one. */
static bool
is_text(const char *line, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (line[i] < ' ' || line[i] == 0x7f)
            return false;
    }

    return true;
}

static void
run_line(Peer *peer, char *end)
{
    g_autofree char *line = g_strndup(peer->line, (size_t)(end - peer->line));
    size_t used = (size_t)(end - peer->line) + 1;

    peer->len -= used;
    memmove(peer->line, peer->line + used, peer->len);
    if (used > 1 && is_text(line, used - 1))
        akma_soft_verbs_run(peer->desk, line, on_reply, peer);
    else
        on_reply("error that is no line of text", peer);
}

static void
on_read(GObject *source, GAsyncResult *res, gpointer user_data)
{
    Peer *peer = user_data;
    gssize n = g_input_stream_read_finish(G_INPUT_STREAM(source), res, NULL);

    if (n <= 0) {
        peer_free(peer);
        return;
    }
    peer->len += (size_t)n;
    peer_continue(peer);
}

static void
peer_continue(Peer *peer)
{
    char *end = memchr(peer->line, '\n', peer->len);

    if (end) {
        run_line(peer, end);
        return;
    }
    if (peer->len == sizeof peer->line) {
        peer_free(peer); /* no line is that long */
        return;
    }
    g_input_stream_read_async(g_io_stream_get_input_stream(G_IO_STREAM(peer->connection)),
                              peer->line + peer->len,
                              sizeof peer->line - peer->len,
                              G_PRIORITY_DEFAULT,
                              peer->stop,
                              on_read,
                              peer);
}

static gboolean
on_incoming(GSocketService *service,
            GSocketConnection *connection,
            GObject *source,
            gpointer user_data)
{
    AkmaSoftControl *self = user_data;
    Peer *peer = g_new0(Peer, 1);

    (void)service;
    (void)source;
    peer->connection = g_object_ref(connection);
    peer->stop = g_object_ref(self->stop);
    peer->desk = self->desk;
    peer_continue(peer);

    return TRUE;
}

/* A socket that a killed simulator left. */
static void
remove_stale(const char *path)
{
    g_autoptr(GSocketClient) client = g_socket_client_new();
    g_autoptr(GSocketAddress) address = g_unix_socket_address_new(path);
    g_autoptr(GSocketConnection) connection = NULL;
    g_autoptr(GError) error = NULL;

    connection = g_socket_client_connect(client, G_SOCKET_CONNECTABLE(address), NULL, &error);
    if (!connection && g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED))
        unlink(path);
}

static bool
listen_at(AkmaSoftControl *self, const char *path, GError **error)
{
    g_autoptr(GSocketAddress) address = g_unix_socket_address_new(path);

    remove_stale(path);
    if (!g_socket_listener_add_address(G_SOCKET_LISTENER(self->service),
                                       address,
                                       G_SOCKET_TYPE_STREAM,
                                       G_SOCKET_PROTOCOL_DEFAULT,
                                       NULL,
                                       NULL,
                                       error))
        return false;
    self->path = g_strdup(path);

    return true;
}

static bool
listen_on(AkmaSoftControl *self, int fd, GError **error)
{
    g_autoptr(GSocket) socket = g_socket_new_from_fd(fd, error);

    return socket &&
           g_socket_listener_add_socket(G_SOCKET_LISTENER(self->service), socket, NULL, error);
}

AkmaSoftControl *
akma_soft_control_new(const char *path, int fd, const AkmaSoftDesk *desk, GError **error)
{
    g_autoptr(AkmaSoftControl) self = g_new0(AkmaSoftControl, 1);
    g_autoptr(GError) local = NULL;

    self->desk = desk;
    self->stop = g_cancellable_new();
    self->service = g_socket_service_new();
    if (fd >= 0 ? !listen_on(self, fd, &local) : !listen_at(self, path, &local)) {
        g_set_error(error,
                    AKMA_ERROR,
                    AKMA_ERROR_INVALID_ARGUMENT,
                    "--control %s: %s",
                    path ? path : "(handed in)",
                    local->message);
        return NULL;
    }
    g_signal_connect(self->service, "incoming", G_CALLBACK(on_incoming), self);
    g_socket_service_start(self->service);

    return g_steal_pointer(&self);
}

void
akma_soft_control_free(AkmaSoftControl *self)
{
    if (!self)
        return;

    g_cancellable_cancel(self->stop);
    g_signal_handlers_disconnect_by_data(self->service, self);
    g_socket_service_stop(self->service);
    g_socket_listener_close(G_SOCKET_LISTENER(self->service));
    g_object_unref(self->service);
    g_object_unref(self->stop);
    if (self->path)
        unlink(self->path);
    g_free(self->path);
    g_free(self);
}
