/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib/locked.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"

static size_t
page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

static size_t
inner_len(const AkmaLocked *self)
{
    return self->map_len - 2 * page_size();
}

static uint8_t *
inner(const AkmaLocked *self)
{
    return self->map + page_size();
}

static bool
fail(const char *what, GError **error)
{
    g_set_error(
        error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "%s for the key: %s", what, g_strerror(errno));

    return false;
}

bool
akma_locked_init(AkmaLocked *self, size_t len, GError **error)
{
    size_t page = page_size();
    size_t room = (len + page - 1) / page * page;
    g_auto(AkmaLocked) made = {.map_len = room + 2 * page};
    void *map = mmap(NULL, made.map_len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (map == MAP_FAILED)
        return fail("no memory", error);
    made.map = map;
    if (mprotect(inner(&made), room, PROT_READ | PROT_WRITE) != 0)
        return fail("no memory", error);
    if (mlock(inner(&made), room) != 0)
        return fail("cannot lock memory (RLIMIT_MEMLOCK)", error);
    if (madvise(inner(&made), room, MADV_DONTDUMP) != 0)
        return fail("cannot keep out of core dumps the memory", error);

    made.len = len;
    /* at the end: what reads on behind the key ends there */
    made.bytes = inner(&made) + room - len;
    *self = made;
    memset(&made, 0, sizeof made);

    return true;
}

bool
akma_locked_seal(AkmaLocked *self, GError **error)
{
    if (mprotect(inner(self), inner_len(self), PROT_READ) != 0)
        return fail("cannot protect memory", error);

    return true;
}

void
akma_locked_clear(AkmaLocked *self)
{
    if (!self->map)
        return;

    /* it cannot fail but for the kernel's want of memory; then giving back has to do */
    if (mprotect(inner(self), inner_len(self), PROT_READ | PROT_WRITE) == 0)
        explicit_bzero(inner(self), inner_len(self));
    munmap(self->map, self->map_len);
    *self = (AkmaLocked){0};
}
