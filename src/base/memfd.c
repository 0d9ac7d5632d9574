/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "base/memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL)

int
akma_memfd_new_sealed(const void *bytes, size_t len, GError **error)
{
    int fd = memfd_create("akmad-key", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    /* pwrite leaves the offset at 0; at most 64 KiB are written whole or not at all */
    if (fd < 0 || pwrite(fd, bytes, len, 0) != (ssize_t)len || fcntl(fd, F_ADD_SEALS, SEALS) != 0) {
        g_set_error(
            error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "cannot make a memfd: %s", g_strerror(errno));
        if (fd >= 0)
            close(fd);
        return -1;
    }

    return fd;
}

bool
akma_memfd_check_sealed(int fd, size_t max, size_t *ret_len, GError **error)
{
    /* -1 for what has no seals at all: a pipe, a file on a disk */
    int seals = fcntl(fd, F_GET_SEALS);
    struct stat st;

    if (seals < 0 || (seals & SEALS) != SEALS || fstat(fd, &st) != 0 || st.st_size < 1 ||
        (size_t)st.st_size > max) {
        g_set_error(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "the key is not in a sealed memfd");
        return false;
    }

    *ret_len = (size_t)st.st_size;

    return true;
}

bool
akma_memfd_read(int fd, void *ret_bytes, size_t len, GError **error)
{
    /* a memfd gives all that it has at once */
    if (pread(fd, ret_bytes, len, 0) == (ssize_t)len)
        return true;
    g_set_error(
        error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "cannot read the key: %s", g_strerror(errno));

    return false;
}
