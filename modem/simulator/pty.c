/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/simulator/pty.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "base/error.h"

#define NAME_MAX_LEN 64

static bool
fail(GError **error, AkmaError code, const char *what)
{
    g_set_error(error, AKMA_ERROR, (int)code, "%s: %s", what, g_strerror(errno));

    return false;
}

/* Raw, and open to everybody who may: a client could have left it otherwise. */
static bool
make_free(int slave)
{
    struct termios mode;

    if (tcgetattr(slave, &mode) != 0)
        return false;
    cfmakeraw(&mode);
    ioctl(slave, TIOCNXCL);

    return tcsetattr(slave, TCSANOW, &mode) == 0;
}

/* In one rename, so that nobody sees the path without a port behind it. */
static bool
link_to(const char *target, const char *path, GError **error)
{
    g_autofree char *fresh = g_strdup_printf("%s.%ld", path, (long)getpid());
    struct stat info;

    if (lstat(path, &info) == 0 && !S_ISLNK(info.st_mode)) {
        errno = EEXIST;
        return fail(error, AKMA_ERROR_INVALID_ARGUMENT, path);
    }
    if (symlink(target, fresh) != 0)
        return fail(error, AKMA_ERROR_INVALID_ARGUMENT, path);
    if (rename(fresh, path) != 0) {
        fail(error, AKMA_ERROR_INVALID_ARGUMENT, path);
        unlink(fresh);
        return false;
    }

    return true;
}

bool
akma_soft_pty_open(AkmaSoftPty *self, const char *path, GError **error)
{
    char name[NAME_MAX_LEN];

    *self = (AkmaSoftPty){.master = -1, .slave = -1, .watch = -1};
    self->master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (self->master < 0 || grantpt(self->master) != 0 || unlockpt(self->master) != 0 ||
        ptsname_r(self->master, name, sizeof name) != 0) {
        fail(error, AKMA_ERROR_INTERNAL, "making a pseudo terminal");
        akma_soft_pty_close(self);
        return false;
    }

    self->slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    self->watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (self->slave < 0 || !make_free(self->slave) || self->watch < 0 ||
        inotify_add_watch(self->watch, name, IN_OPEN | IN_CLOSE) < 0) {
        fail(error, AKMA_ERROR_INTERNAL, name);
        akma_soft_pty_close(self);
        return false;
    }
    if (!link_to(name, path, error)) {
        akma_soft_pty_close(self);
        return false;
    }
    self->path = g_strdup(path);

    return true;
}

/* Does the symlink lead to our slave? */
static bool
is_ours(const AkmaSoftPty *self)
{
    char name[NAME_MAX_LEN];
    g_autofree char *target = g_file_read_link(self->path, NULL);

    return target && ptsname_r(self->master, name, sizeof name) == 0 && g_str_equal(target, name);
}

static void
close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void
akma_soft_pty_close(AkmaSoftPty *self)
{
    if (self->path && is_ours(self))
        unlink(self->path);
    g_clear_pointer(&self->path, g_free);
    close_fd(&self->watch);
    close_fd(&self->slave);
    close_fd(&self->master);
    self->clients = 0;
}

bool
akma_soft_pty_check_clients(AkmaSoftPty *self)
{
    struct inotify_event events[16]; /* of one file: none has a name */
    bool last_went = false;
    ssize_t len;

    while ((len = read(self->watch, events, sizeof events)) > 0) {
        for (size_t i = 0; i < (size_t)len / sizeof events[0]; i++) {
            if ((events[i].mask & IN_OPEN) != 0)
                self->clients++;
            else if ((events[i].mask & IN_CLOSE) != 0 && self->clients > 0)
                self->clients--;
            if (self->clients != 0)
                continue;
            tcflush(self->slave, TCIFLUSH);
            make_free(self->slave);
            last_went = true;
        }
    }

    return last_went;
}
