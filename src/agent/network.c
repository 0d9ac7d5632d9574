/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "agent/network.h"

#include <errno.h>
#include <glib-unix.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/network-event.h"
#include "agent/timer.h"

#define GROUPS    (RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE)
#define SETTLE_MS 500   /* an address and its routes come together, and DNS a moment later */
#define QUIET_MS  10000 /* between two calls */

struct _AkmaNetwork {
    int fd;
    guint source;
    AkmaTimer *timer;
    int64_t last_ms; /* the last call; 0: none yet */
    AkmaNetworkFunc func;
    gpointer user_data;
};

static void
settled(gpointer user_data)
{
    AkmaNetwork *self = user_data;

    self->last_ms = akma_boottime_ms();
    self->func(self->user_data);
}

static void
came(AkmaNetwork *self)
{
    int64_t next_ms = akma_boottime_ms() + SETTLE_MS;

    if (self->last_ms > 0)
        next_ms = MAX(next_ms, self->last_ms + QUIET_MS);
    if (!akma_timer_is_set(self->timer))
        akma_timer_set(self->timer, next_ms);
}

static gboolean
readable(int fd, GIOCondition condition, gpointer user_data)
{
    AkmaNetwork *self = user_data;
    _Alignas(struct nlmsghdr) uint8_t bytes[8192];
    struct sockaddr_nl from = {0};
    socklen_t from_len = sizeof from;
    ssize_t n = recvfrom(fd, bytes, sizeof bytes, 0, (struct sockaddr *)&from, &from_len);

    (void)condition;
    /* more than the socket holds: something came that nobody read */
    if (n < 0 && errno == ENOBUFS) {
        came(self);
        return G_SOURCE_CONTINUE;
    }
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return G_SOURCE_CONTINUE;
    if (n <= 0) {
        g_debug("no more news of the network: %s", n < 0 ? g_strerror(errno) : "closed");
        self->source = 0;
        return G_SOURCE_REMOVE;
    }
    /* from the kernel alone */
    if (from.nl_pid == 0 && akma_network_event_is_gain(bytes, (size_t)n))
        came(self);

    return G_SOURCE_CONTINUE;
}

AkmaNetwork *
akma_network_new(AkmaNetworkFunc func, gpointer user_data)
{
    g_autoptr(AkmaNetwork) self = g_new0(AkmaNetwork, 1);
    const struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = GROUPS};

    self->func = func;
    self->user_data = user_data;
    self->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
    self->timer = akma_timer_new(settled, self);
    if (self->fd < 0 || !self->timer ||
        bind(self->fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        g_info("no news of the network here (%s): servers that are away are asked by the clock",
               g_strerror(errno));
        return NULL;
    }
    self->source = g_unix_fd_add(self->fd, G_IO_IN, readable, self);

    return g_steal_pointer(&self);
}

void
akma_network_free(AkmaNetwork *self)
{
    if (!self)
        return;

    g_clear_handle_id(&self->source, g_source_remove);
    akma_timer_free(self->timer);
    if (self->fd >= 0)
        close(self->fd);
    g_free(self);
}
