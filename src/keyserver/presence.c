/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/presence.h"

#include <fcntl.h>
#include <glib.h>
#include <unistd.h>

/* The lock of fcntl(2): it ends with the process, and says whose it is. */
static struct flock
whole_file(void)
{
    return (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET};
}

static int
open_file(const char *store_path, int flags)
{
    g_autofree char *path = g_strdup_printf("%s.serve", store_path);

    return open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
}

int
akma_presence_hold(const char *store_path)
{
    struct flock lock = whole_file();
    int fd = open_file(store_path, O_RDWR | O_CREAT);

    if (fd >= 0 && fcntl(fd, F_SETLK, &lock) != 0) {
        close(fd);
        return -1;
    }

    return fd;
}

int64_t
akma_presence_get_pid(const char *store_path)
{
    struct flock lock = whole_file();
    int fd = open_file(store_path, O_RDWR);
    int64_t pid = 0;

    if (fd < 0)
        return 0;
    if (fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK)
        pid = lock.l_pid;
    close(fd);

    return pid;
}
