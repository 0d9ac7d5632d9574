/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

typedef int Fd;

static void
fd_clear(Fd *fd)
{
    if (*fd >= 0)
        close(*fd);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Fd, fd_clear)

static bool
fail(GError **error, int code, const char *what, const char *path)
{
    g_set_error(error, AKMA_ERROR, code, "%s %s: %s", what, path, g_strerror(errno));

    return false;
}

static bool
write_all(int fd, const uint8_t *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);

        if (n < 0 && errno != EINTR)
            return false;
        if (n > 0) {
            bytes += n;
            len -= (size_t)n;
        }
    }

    return true;
}

bool
akma_file_sync_folder(const char *path)
{
    g_autofree char *folder = g_path_get_dirname(path);
    g_auto(Fd) fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return fd >= 0 && fsync(fd) == 0;
}

bool
akma_file_replace(const char *path, const void *bytes, size_t len, unsigned mode, GError **error)
{
    g_autofree char *temporary = g_strdup_printf("%s.XXXXXX", path);
    g_auto(Fd) fd = mkostemp(temporary, O_CLOEXEC);

    if (fd < 0)
        return fail(error, AKMA_ERROR_STORE_FAILED, "cannot write", path);

    if (!write_all(fd, bytes, len) || fchmod(fd, mode) != 0 || fsync(fd) != 0 ||
        rename(temporary, path) != 0) {
        fail(error, AKMA_ERROR_STORE_FAILED, "cannot write", path);
        unlink(temporary);
        return false;
    }
    if (!akma_file_sync_folder(path))
        return fail(error, AKMA_ERROR_STORE_FAILED, "cannot sync the folder of", path);

    return true;
}

static void
overwrite(int fd)
{
    static const uint8_t zeros[4096];
    struct stat st;

    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return;
    for (off_t left = st.st_size; left > 0; left -= (off_t)sizeof zeros) {
        if (!write_all(fd, zeros, (size_t)MIN(left, (off_t)sizeof zeros)))
            return;
    }
    fsync(fd);
}

bool
akma_file_shred(const char *path)
{
    g_auto(Fd) fd = open(path, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    if (fd >= 0)
        overwrite(fd);
    if (unlink(path) != 0)
        return false;
    akma_file_sync_folder(path);

    return true;
}

/* Reads at most @size bytes; -1 with errno. */
static ssize_t
read_all(int fd, uint8_t *ret, size_t size)
{
    size_t len = 0;

    while (len < size) {
        ssize_t n = read(fd, ret + len, size - len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        len += (size_t)n;
    }

    return (ssize_t)len;
}

static bool
check_mode(int fd, const char *path, GError **error)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return fail(error, AKMA_ERROR_CONFIG_INVALID, "cannot read", path);
    if (!S_ISREG(st.st_mode)) {
        g_set_error(error, AKMA_ERROR, AKMA_ERROR_CONFIG_INVALID, "%s is not a file", path);
        return false;
    }
    if (st.st_mode & S_IRWXO) {
        g_set_error(error,
                    AKMA_ERROR,
                    AKMA_ERROR_CONFIG_INVALID,
                    "%s holds a secret but is open to everybody (mode %04o): chmod o= it",
                    path,
                    st.st_mode & 07777);
        return false;
    }

    return true;
}

bool
akma_file_check_secret(const char *path, GError **error)
{
    g_auto(Fd) fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    if (fd < 0)
        return fail(error, AKMA_ERROR_CONFIG_INVALID, "cannot read", path);

    return check_mode(fd, path, error);
}

AkmaSecret *
akma_file_read_secret(const char *path, size_t min, size_t max, bool text, GError **error)
{
    /* a FIFO is refused, not waited for */
    g_auto(Fd) fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    g_autoptr(AkmaSecret) all = NULL;
    uint8_t *bytes;
    ssize_t len;

    if (fd < 0) {
        fail(error, AKMA_ERROR_CONFIG_INVALID, "cannot read", path);
        return NULL;
    }
    if (!check_mode(fd, path, error))
        return NULL;

    /* one byte more for the newline, one to see that there is too much */
    all = akma_secret_new_blank(max + 2, &bytes, error);
    if (!all)
        return NULL;
    len = read_all(fd, bytes, max + 2);
    if (len < 0) {
        fail(error, AKMA_ERROR_CONFIG_INVALID, "cannot read", path);
        return NULL;
    }
    if (text && len > 0 && bytes[len - 1] == '\n')
        len--;
    if ((size_t)len < MAX(min, 1) || (size_t)len > max) {
        g_set_error(error,
                    AKMA_ERROR,
                    AKMA_ERROR_CONFIG_INVALID,
                    "%s must hold %zu to %zu bytes",
                    path,
                    min,
                    max);
        return NULL;
    }

    return akma_secret_new(bytes, (size_t)len, error);
}
