/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/at/tty.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

#include "base/error.h"

#define PTS_MAJOR_FIRST 136
#define PTS_MAJOR_LAST  143

static int
fail(int fd, const char *path, int number, GError **error)
{
    bool is_missing = number == ENOENT || number == ENODEV || number == ENXIO;

    if (fd >= 0)
        close(fd);
    g_set_error(error,
                AKMA_ERROR,
                is_missing ? AKMA_ERROR_NO_MODEM : AKMA_ERROR_MODEM_FAILED,
                "%s: %s",
                path,
                g_strerror(number));

    return -1;
}

/*
 * TIOCEXCL outlives us while anybody else has the port open. That is always so for the slave of a
 * simulator, which we could not open again after a crash: there we go without.
 */
static void
make_exclusive(int fd, const char *path)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return;
    if (major(st.st_rdev) >= PTS_MAJOR_FIRST && major(st.st_rdev) <= PTS_MAJOR_LAST)
        return;
    if (ioctl(fd, TIOCEXCL) != 0)
        g_warning("%s: others may open it too: %s, ignoring", path, g_strerror(errno));
}

int
akma_at_tty_open(const char *path, GError **error)
{
    struct termios mode;
    int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0)
        return fail(fd, path, errno, error);
    if (tcgetattr(fd, &mode) != 0)
        return fail(fd, path, errno, error);

    cfmakeraw(&mode);
    mode.c_cflag |= CLOCAL | CREAD;
    mode.c_cflag &= ~(tcflag_t)(HUPCL | CRTSCTS);
    mode.c_cc[VMIN] = 1;
    mode.c_cc[VTIME] = 0;
    cfsetispeed(&mode, B115200);
    cfsetospeed(&mode, B115200);
    if (tcsetattr(fd, TCSANOW, &mode) != 0)
        return fail(fd, path, errno, error);

    make_exclusive(fd, path);
    tcflush(fd, TCIOFLUSH);

    return fd;
}
