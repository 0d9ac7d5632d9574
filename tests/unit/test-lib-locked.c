/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib/locked.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/error.h"

#ifdef __SANITIZE_ADDRESS__
#define IS_SANITIZED true
#elif defined __has_feature
#define IS_SANITIZED __has_feature(address_sanitizer)
#else
#define IS_SANITIZED false
#endif

int __wrap_munmap(void *map, size_t len);
int __real_munmap(void *map, size_t len);
int __wrap_mlock(const void *map, size_t len);
int __real_mlock(const void *map, size_t len);

static const uint8_t *looked_at; /* where the key is, while the map is given back */
static size_t looked_len;
static bool found_wiped;
static bool no_lock;

int
__wrap_munmap(void *map, size_t len)
{
    if (looked_at) {
        found_wiped = true;
        for (size_t i = 0; i < looked_len; i++)
            found_wiped = found_wiped && looked_at[i] == 0;
    }

    return __real_munmap(map, len);
}

int
__wrap_mlock(const void *map, size_t len)
{
    if (no_lock) {
        errno = ENOMEM;
        return -1;
    }

    return __real_mlock(map, len);
}

/* What the kernel does with the page there, of its VmFlags: " lo dd "; NULL: it does not say. */
static char *
flags_of(const void *address)
{
    g_autofree char *all = NULL;
    g_auto(GStrv) lines = NULL;
    bool inside = false;

    assert_true(g_file_get_contents("/proc/self/smaps", &all, NULL, NULL));
    lines = g_strsplit(all, "\n", -1);
    for (char **line = lines; *line; line++) {
        unsigned long start;
        unsigned long end;

        if (sscanf(*line, "%lx-%lx ", &start, &end) == 2)
            inside = start <= (uintptr_t)address && (uintptr_t)address < end;
        if (inside && g_str_has_prefix(*line, "VmFlags:"))
            return g_strconcat(*line, " ", NULL);
    }

    return NULL;
}

static void
fill(AkmaLocked *locked, size_t len)
{
    assert_true(akma_locked_init(locked, len, NULL));
    memset(locked->bytes, 'k', len);
    assert_true(akma_locked_seal(locked, NULL));
}

/* Can a page stay out of core dumps here? qemu-user says yes to madvise() and does nothing. */
static bool
can_stay_out(void)
{
    size_t len = (size_t)sysconf(_SC_PAGESIZE);
    void *page = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    g_autofree char *flags = NULL;

    assert_true(page != MAP_FAILED);
    memset(page, 'k', len);
    assert_int_equal(madvise(page, len, MADV_DONTDUMP), 0);
    flags = flags_of(page);
    munmap(page, len);

    return flags && strstr(flags, " dd ");
}

static void
pages_are_locked_and_stay_out_of_core_dumps(void **state G_GNUC_UNUSED)
{
    g_auto(AkmaLocked) locked = {0};
    g_autofree char *flags = NULL;

    if (!can_stay_out())
        skip();
    fill(&locked, 32);
    flags = flags_of(locked.bytes);
    assert_non_null(flags);
    /* a sanitizer makes nothing of mlock() */
    assert_true(IS_SANITIZED || strstr(flags, " lo "));
    assert_non_null(strstr(flags, " dd "));
}

/* The kernel itself tries: EFAULT, where an access of our own would end the process. */
static void
reject_writing_into_a_key_and_reading_beyond_it(void **state G_GNUC_UNUSED)
{
    g_auto(AkmaLocked) locked = {0};
    int ends[2];

    fill(&locked, 32);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], locked.bytes, 32), 32);
    errno = 0;
    assert_int_equal(read(ends[0], locked.bytes, 1), -1);
    assert_int_equal(errno, EFAULT);
    assert_int_equal(write(ends[1], locked.bytes + 32, 1), -1);
    assert_int_equal(errno, EFAULT);
    close(ends[0]);
    close(ends[1]);
}

static void
clear_wipes_before_it_gives_back(void **state G_GNUC_UNUSED)
{
    static const size_t lens[] = {1, 32, 4096, 4097, 65536};

    for (size_t i = 0; i < G_N_ELEMENTS(lens); i++) {
        AkmaLocked locked = {0};

        fill(&locked, lens[i]);
        looked_at = locked.bytes;
        looked_len = lens[i];
        found_wiped = false;
        akma_locked_clear(&locked);
        looked_at = NULL;
        assert_true(found_wiped);
        assert_null(locked.bytes);
        assert_int_equal(locked.len, 0);
        akma_locked_clear(&locked);
    }
}

static void
reject_memory_that_cannot_be_locked(void **state G_GNUC_UNUSED)
{
    g_autoptr(GError) error = NULL;
    AkmaLocked locked = {0};

    no_lock = true;
    assert_false(akma_locked_init(&locked, 32, &error));
    no_lock = false;
    assert_true(g_error_matches(error, AKMA_ERROR, AKMA_ERROR_INTERNAL));
    assert_non_null(strstr(error->message, "RLIMIT_MEMLOCK"));
    assert_null(locked.bytes);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_are_locked_and_stay_out_of_core_dumps),
        cmocka_unit_test(reject_writing_into_a_key_and_reading_beyond_it),
        cmocka_unit_test(clear_wipes_before_it_gives_back),
        cmocka_unit_test(reject_memory_that_cannot_be_locked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
