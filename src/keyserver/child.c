/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_MS   30000 /* for it to serve */
#define RESTART_MS 1000  /* between two starts; doubled while it fails */
#define DOUBLINGS  5
#define STEADY_MS  60000 /* one that served so long did not fail */

int64_t
akma_child_now_ms(void)
{
    return g_get_monotonic_time() / 1000;
}

bool
akma_child_fork(AkmaChild *self, int *ret_status_fd)
{
    int status[2];

    self->started = akma_child_now_ms();
    self->start_at = self->started + RESTART_MS;
    self->serves = false;
    if (pipe2(status, O_CLOEXEC) != 0) {
        g_warning("cannot start %s: %s", self->what, g_strerror(errno));
        return false;
    }

    self->pid = fork();
    if (self->pid == 0) {
        close(status[0]);
        *ret_status_fd = status[1];
        return true;
    }
    close(status[1]);
    if (self->pid > 0) {
        self->status_fd = status[0];
    } else {
        g_warning("cannot start %s: %s", self->what, g_strerror(errno));
        self->pid = 0;
        close(status[0]);
    }

    return false;
}

static void
close_status(AkmaChild *self)
{
    if (self->status_fd >= 0)
        close(self->status_fd);
    self->status_fd = -1;
}

void
akma_child_read_status(AkmaChild *self)
{
    char byte;

    self->serves = read(self->status_fd, &byte, 1) == 1;
    close_status(self);
}

void
akma_child_ended(AkmaChild *self, int status, bool again)
{
    bool steady = self->serves && akma_child_now_ms() - self->started >= STEADY_MS;
    int64_t pause = (int64_t)RESTART_MS << MIN(self->failures, DOUBLINGS);

    self->pid = 0;
    self->status = status;
    self->serves = false;
    close_status(self);
    if (!again)
        return;

    self->failures = steady ? 0 : self->failures + 1;
    self->start_at = MAX(akma_child_now_ms(), self->started + (steady ? RESTART_MS : pause));
    g_warning("%s ended (%s %d): what it had open is lost, it is started again in %d s",
              self->what,
              WIFSIGNALED(status) ? "signal" : "status",
              WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
              (int)((self->start_at - akma_child_now_ms() + 999) / 1000));
}

int64_t
akma_child_check_start(AkmaChild *self)
{
    if (akma_child_now_ms() - self->started < START_MS)
        return self->started + START_MS;

    g_warning("%s did not serve within %d s: it is killed", self->what, START_MS / 1000);
    kill(self->pid, SIGKILL);

    return akma_child_now_ms() + RESTART_MS;
}
