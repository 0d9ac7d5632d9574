/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "base/listener.h"

#include <errno.h>
#include <glib-unix.h>
#include <sys/socket.h>
#include <unistd.h>

#define PAUSE_MS 100

struct _AkmaListener {
    int fd;
    guint source; /* 0: paused, or full */
    guint pause;
    bool full;
    bool failing; /* the last one could not be accepted */
    AkmaListenerEnter enter;
    AkmaListenerFailed failed;
    gpointer user_data;
};

static void watch(AkmaListener *self);

static gboolean
resume(gpointer user_data)
{
    AkmaListener *self = user_data;

    self->pause = 0;
    watch(self);

    return G_SOURCE_REMOVE;
}

static gboolean
on_connection(int listener, GIOCondition condition G_GNUC_UNUSED, gpointer user_data)
{
    AkmaListener *self = user_data;
    struct sockaddr_un address = {0};
    socklen_t len = sizeof address;
    int fd = accept4(listener, (struct sockaddr *)&address, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd >= 0) {
        self->failing = false;
        self->enter(fd, &address, len, self->user_data);
        return G_SOURCE_CONTINUE;
    }
    if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
        return G_SOURCE_CONTINUE;

    /* the socket stays readable as long as nobody is taken from it: no spinning until then */
    if (!self->failing)
        self->failed(errno, self->user_data);
    self->failing = true;
    self->source = 0;
    self->pause = g_timeout_add(PAUSE_MS, resume, self);

    return G_SOURCE_REMOVE;
}

static void
watch(AkmaListener *self)
{
    if (self->source == 0 && self->pause == 0 && !self->full)
        self->source = g_unix_fd_add(self->fd, G_IO_IN, on_connection, self);
}

AkmaListener *
akma_listener_new(int fd, AkmaListenerEnter enter, AkmaListenerFailed failed, gpointer user_data)
{
    AkmaListener *self = g_new0(AkmaListener, 1);

    self->fd = fd;
    self->enter = enter;
    self->failed = failed;
    self->user_data = user_data;
    g_unix_set_fd_nonblocking(fd, TRUE, NULL);
    watch(self);

    return self;
}

void
akma_listener_free(AkmaListener *self)
{
    if (!self)
        return;

    g_clear_handle_id(&self->source, g_source_remove);
    g_clear_handle_id(&self->pause, g_source_remove);
    close(self->fd);
    g_free(self);
}

void
akma_listener_set_full(AkmaListener *self, bool full)
{
    self->full = full;
    if (full)
        g_clear_handle_id(&self->source, g_source_remove);
    else
        watch(self);
}
