/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "agent/timer.h"

#include <glib-unix.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/unix-time.h"

struct _AkmaTimer {
    int fd;
    guint source;
    bool is_set;
    AkmaTimerFunc func;
    gpointer user_data;
};

static int64_t
get_ms(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);

    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t
akma_boottime_ms(void)
{
    return get_ms(CLOCK_BOOTTIME);
}

int64_t
akma_wall_ms(void)
{
    return get_ms(CLOCK_REALTIME);
}

static gboolean
fired(int fd, GIOCondition condition, gpointer user_data)
{
    AkmaTimer *self = user_data;
    uint64_t count;

    (void)condition;
    /* nothing to read: it was set again in the meantime */
    if (read(fd, &count, sizeof count) == (ssize_t)sizeof count) {
        self->is_set = false;
        self->func(self->user_data);
    }

    return G_SOURCE_CONTINUE;
}

AkmaTimer *
akma_timer_new(AkmaTimerFunc func, gpointer user_data)
{
    AkmaTimer *self;
    int fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);

    if (fd < 0)
        return NULL;

    self = g_new0(AkmaTimer, 1);
    self->fd = fd;
    self->func = func;
    self->user_data = user_data;
    self->source = g_unix_fd_add(fd, G_IO_IN, fired, self);

    return self;
}

void
akma_timer_free(AkmaTimer *self)
{
    if (!self)
        return;

    g_source_remove(self->source);
    close(self->fd);
    g_free(self);
}

void
akma_timer_set(AkmaTimer *self, int64_t boottime_ms)
{
    /* 0 would stop it */
    int64_t at_ms = MAX(boottime_ms, 1);
    struct itimerspec when = {.it_value = {
                                  .tv_sec = akma_time_from_unix(at_ms / 1000),
                                  .tv_nsec = (long)(at_ms % 1000 * 1000000),
                              }};

    timerfd_settime(self->fd, TFD_TIMER_ABSTIME, &when, NULL);
    self->is_set = true;
}

void
akma_timer_stop(AkmaTimer *self)
{
    const struct itimerspec never = {0};

    timerfd_settime(self->fd, 0, &never, NULL);
    self->is_set = false;
}

bool
akma_timer_is_set(const AkmaTimer *self)
{
    return self->is_set;
}
