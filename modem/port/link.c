/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/port/link.h"

#include <errno.h>
#include <glib-unix.h>
#include <openssl/crypto.h>
#include <sys/socket.h>
#include <unistd.h>

struct _AkmaPortLink {
    int fd;
    const AkmaPortLinkEvents *events;
    gpointer user_data;
    GSource *source;
    bool *freed; /* the event that runs looks here; NULL: none runs */
};

static gboolean
hang_up(AkmaPortLink *self)
{
    g_clear_pointer(&self->source, g_source_unref);
    self->events->closed(self->user_data);

    return G_SOURCE_REMOVE;
}

static gboolean
ready(int fd, GIOCondition condition G_GNUC_UNUSED, gpointer user_data)
{
    AkmaPortLink *self = user_data;
    uint8_t packet[AKMA_PORT_MESSAGE_MAX + 1]; /* one more: a longer packet shows */
    g_auto(AkmaPortMessage) message = {0};
    bool freed = false;
    bool good;
    ssize_t n = recv(fd, packet, sizeof packet, MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return G_SOURCE_CONTINUE;
    if (n <= 0)
        return hang_up(self);

    good = n <= AKMA_PORT_MESSAGE_MAX && akma_port_message_decode(packet, (size_t)n, &message);
    OPENSSL_cleanse(packet, sizeof packet);
    if (!good)
        return hang_up(self);

    self->freed = &freed;
    self->events->message(&message, self->user_data);
    if (freed)
        return G_SOURCE_REMOVE;
    self->freed = NULL;

    return self->source ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

AkmaPortLink *
akma_port_link_new(int fd, const AkmaPortLinkEvents *events, gpointer user_data)
{
    AkmaPortLink *self = g_new0(AkmaPortLink, 1);

    self->fd = fd;
    self->events = events;
    self->user_data = user_data;
    self->source = g_unix_fd_source_new(fd, G_IO_IN | G_IO_HUP | G_IO_ERR);
    g_source_set_callback(self->source, G_SOURCE_FUNC(ready), self, NULL);
    g_source_attach(self->source, g_main_context_get_thread_default());

    return self;
}

void
akma_port_link_free(AkmaPortLink *self)
{
    if (!self)
        return;

    if (self->freed)
        *self->freed = true;
    if (self->source) {
        g_source_destroy(self->source);
        g_source_unref(self->source);
    }
    close(self->fd);
    g_free(self);
}

bool
akma_port_link_send(AkmaPortLink *self, const AkmaPortMessage *message)
{
    uint8_t packet[AKMA_PORT_MESSAGE_MAX];
    size_t len = akma_port_message_encode(message, packet);
    ssize_t n = send(self->fd, packet, len, MSG_DONTWAIT | MSG_NOSIGNAL);

    OPENSSL_cleanse(packet, sizeof packet);
    if (n >= 0)
        return true;

    /* whoever does not read what is due hears no more; the reading side notices */
    shutdown(self->fd, SHUT_RDWR);

    return false;
}
