/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "agent/clock-watch.h"

#include <errno.h>
#include <glib-unix.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/unix-time.h"

struct _AkmaClockWatch {
    int fd;
    guint source;
    AkmaClockWatchFunc func;
    gpointer user_data;
};

/* A time that never comes; the kernel cancels it when the clock is set. */
static bool
arm(AkmaClockWatch *self)
{
    const struct itimerspec never = {.it_value = {.tv_sec = (time_t)AKMA_TIME_MAX}};

    return timerfd_settime(self->fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL) ==
           0;
}

static gboolean
readable(int fd, GIOCondition condition, gpointer user_data)
{
    AkmaClockWatch *self = user_data;
    uint64_t count;
    bool was_set = read(fd, &count, sizeof count) < 0 && errno == ECANCELED;

    (void)condition;
    arm(self);
    if (was_set)
        self->func(self->user_data);

    return G_SOURCE_CONTINUE;
}

AkmaClockWatch *
akma_clock_watch_new(AkmaClockWatchFunc func, gpointer user_data)
{
    g_autoptr(AkmaClockWatch) self = g_new0(AkmaClockWatch, 1);

    self->func = func;
    self->user_data = user_data;
    self->fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    if (self->fd < 0 || !arm(self))
        return NULL;
    self->source = g_unix_fd_add(self->fd, G_IO_IN, readable, self);

    return g_steal_pointer(&self);
}

void
akma_clock_watch_free(AkmaClockWatch *self)
{
    if (!self)
        return;

    g_clear_handle_id(&self->source, g_source_remove);
    if (self->fd >= 0)
        close(self->fd);
    g_free(self);
}
