/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/simulator/qmi-socket.h"

#include <gio/gio.h>
#include <gio/gunixsocketaddress.h>
#include <openssl/crypto.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "modem/simulator/qmi-link.h"

#define CONNECTIONS_MAX 32
#define NAME_MAX_LEN    100
#define READ_SIZE       4096

struct _AkmaSoftQmiSocket {
    AkmaSoftModem *modem;
    AkmaSoftQmi *qmi;
    char *name;
    GSocketService *service; /* NULL while unplugged */
    GPtrArray *connections;
};

typedef struct {
    AkmaSoftQmiSocket *owner;
    GSocketConnection *connection;
    GSource *readable;
    guint ending; /* in an idle: it is in the middle of something */
    AkmaSoftQmiLink *link;
} Connection;

static void
connection_free(Connection *self)
{
    g_clear_handle_id(&self->ending, g_source_remove);
    if (self->readable) {
        g_source_destroy(self->readable);
        g_source_unref(self->readable);
    }
    akma_soft_qmi_link_free(self->link);
    g_io_stream_close(G_IO_STREAM(self->connection), NULL, NULL);
    g_object_unref(self->connection);
    g_free(self);
}

static gboolean
on_end(gpointer user_data)
{
    Connection *self = user_data;

    self->ending = 0;
    g_ptr_array_remove_fast(self->owner->connections, self);

    return G_SOURCE_REMOVE;
}

static void
end(void *user_data)
{
    Connection *self = user_data;

    if (self->ending == 0)
        self->ending = g_idle_add(on_end, self);
}

/* A client that does not read what it asked for is sent away. */
static void
on_output(const void *bytes, size_t len, void *user_data)
{
    Connection *self = user_data;

    if (self->ending == 0 &&
        g_socket_send(g_socket_connection_get_socket(self->connection), bytes, len, NULL, NULL) !=
            (gssize)len)
        end(self);
}

static void
on_resume(void *user_data)
{
    (void)user_data; /* a link takes everything at once */
}

static gboolean
on_readable(GSocket *socket, GIOCondition condition, gpointer user_data)
{
    Connection *self = user_data;
    uint8_t bytes[READ_SIZE];
    g_autoptr(GError) error = NULL;
    gssize len = g_socket_receive(socket, (char *)bytes, sizeof bytes, NULL, &error);

    (void)condition;
    if (len > 0 && self->ending == 0)
        akma_soft_qmi_link_feed(self->link, bytes, (size_t)len);
    else if (len == 0 || (len < 0 && !g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK)))
        end(self);
    OPENSSL_cleanse(bytes, sizeof bytes);

    return self->ending == 0 ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

/* An abstract socket has no permissions: the peer is asked for. */
static bool
may_connect(GSocket *socket)
{
    g_autoptr(GCredentials) credentials = g_socket_get_credentials(socket, NULL);
    uid_t uid = credentials ? g_credentials_get_unix_user(credentials, NULL) : (uid_t)-1;

    return uid == 0 || uid == getuid();
}

static gboolean
on_incoming(GSocketService *service,
            GSocketConnection *connection,
            GObject *source,
            gpointer user_data)
{
    static const AkmaSoftPeer peer = {on_output, on_resume, end};
    AkmaSoftQmiSocket *self = user_data;
    GSocket *socket = g_socket_connection_get_socket(connection);
    Connection *added;

    (void)service;
    (void)source;
    if (self->connections->len >= CONNECTIONS_MAX || !may_connect(socket))
        return TRUE; /* closed with the last reference */

    added = g_new0(Connection, 1);
    added->owner = self;
    added->connection = g_object_ref(connection);
    added->link = akma_soft_qmi_link_new(self->qmi, self->modem, true, &peer, added);
    if (!added->link) {
        connection_free(added);
        return TRUE;
    }
    g_socket_set_blocking(socket, FALSE);
    added->readable = g_socket_create_source(socket, G_IO_IN, NULL);
    g_source_set_callback(added->readable, G_SOURCE_FUNC(on_readable), added, NULL);
    g_source_attach(added->readable, NULL);
    g_ptr_array_add(self->connections, added);

    return TRUE;
}

static bool
plug(AkmaSoftQmiSocket *self, GError **error)
{
    g_autoptr(GSocketAddress) address =
        g_unix_socket_address_new_with_type(self->name, -1, G_UNIX_SOCKET_ADDRESS_ABSTRACT);
    g_autoptr(GSocketService) service = g_socket_service_new();
    g_autoptr(GError) local = NULL;

    if (self->service)
        return true;
    if (!g_socket_listener_add_address(G_SOCKET_LISTENER(service),
                                       address,
                                       G_SOCKET_TYPE_STREAM,
                                       G_SOCKET_PROTOCOL_DEFAULT,
                                       NULL,
                                       NULL,
                                       &local)) {
        g_set_error(
            error, AKMA_ERROR, AKMA_ERROR_INVALID_ARGUMENT, "@%s: %s", self->name, local->message);
        return false;
    }
    g_signal_connect(service, "incoming", G_CALLBACK(on_incoming), self);
    g_socket_service_start(service);
    self->service = g_steal_pointer(&service);

    return true;
}

static void
unplug(AkmaSoftQmiSocket *self)
{
    if (!self->service)
        return;
    g_signal_handlers_disconnect_by_data(self->service, self);
    g_socket_service_stop(self->service);
    g_socket_listener_close(G_SOCKET_LISTENER(self->service));
    g_clear_object(&self->service);
    g_ptr_array_set_size(self->connections, 0);
    akma_soft_qmi_restart(self->qmi);
}

static void
on_event(AkmaSoftEvent event, const char *text, void *user_data)
{
    AkmaSoftQmiSocket *self = user_data;
    g_autoptr(GError) error = NULL;

    if (event != AKMA_SOFT_EVENT_PLUG)
        akma_soft_qmi_tell(self->qmi, event, text);
    else if (!akma_soft_modem_is_plugged(self->modem))
        unplug(self);
    else if (!plug(self, &error))
        g_warning("cannot bring the socket back: %s", error->message);
}

AkmaSoftQmiSocket *
akma_soft_qmi_socket_new(AkmaSoftModem *modem,
                         const AkmaSoftDialect *dialect,
                         const char *name,
                         GError **error)
{
    g_autoptr(AkmaSoftQmiSocket) self = g_new0(AkmaSoftQmiSocket, 1);

    if (name[0] == '\0' || strlen(name) > NAME_MAX_LEN) {
        g_set_error(error,
                    AKMA_ERROR,
                    AKMA_ERROR_INVALID_ARGUMENT,
                    "must be a name of at most %d bytes",
                    NAME_MAX_LEN);
        return NULL;
    }
    self->modem = modem;
    self->name = g_strdup(name);
    self->connections = g_ptr_array_new_with_free_func((GDestroyNotify)connection_free);
    self->qmi = akma_soft_qmi_new(modem, dialect);
    if (!self->qmi) {
        g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "no memory for a port");
        return NULL;
    }
    if (!plug(self, error))
        return NULL;
    akma_soft_modem_listen(modem, on_event, self);

    return g_steal_pointer(&self);
}

void
akma_soft_qmi_socket_free(AkmaSoftQmiSocket *self)
{
    if (!self)
        return;

    unplug(self);
    g_clear_pointer(&self->connections, g_ptr_array_unref);
    akma_soft_qmi_free(self->qmi);
    g_free(self->name);
    g_free(self);
}

unsigned
akma_soft_qmi_socket_count_clients(const AkmaSoftQmiSocket *self)
{
    return self->connections->len;
}
