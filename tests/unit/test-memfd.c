/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "base/memfd.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/error.h"

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL)

static void
a_sealed_memfd_is_read_and_cannot_be_changed(void **state G_GNUC_UNUSED)
{
    int fd = akma_memfd_new_sealed("0123456789abcdef", 16, NULL);
    size_t len = 0;
    char bytes[16];

    assert_true(fd >= 0);
    assert_true(akma_memfd_check_sealed(fd, 16, &len, NULL));
    assert_int_equal(len, 16);
    assert_int_equal(lseek(fd, 5, SEEK_SET), 5);
    assert_true(akma_memfd_read(fd, bytes, len, NULL));
    assert_memory_equal(bytes, "0123456789abcdef", 16);
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 5);
    assert_int_equal(pwrite(fd, "x", 1, 0), -1);
    assert_int_equal(ftruncate(fd, 1), -1);
    assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    close(fd);
}

/* Takes @fd. */
static void
assert_refused(int fd)
{
    g_autoptr(GError) error = NULL;
    size_t len = 77;

    assert_true(fd >= 0);
    assert_false(akma_memfd_check_sealed(fd, 16, &len, &error));
    assert_true(g_error_matches(error, AKMA_ERROR, AKMA_ERROR_INTERNAL));
    assert_int_equal(len, 77);
    close(fd);
}

static int
new_memfd(size_t len, int seals)
{
    int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    assert_int_equal(ftruncate(fd, (off_t)len), 0);
    assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);

    return fd;
}

static void
reject_a_memfd_that_lacks_one_seal(void **state G_GNUC_UNUSED)
{
    static const int each[] = {F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE, F_SEAL_SEAL};

    for (size_t i = 0; i < G_N_ELEMENTS(each); i++)
        assert_refused(new_memfd(16, SEALS & ~each[i]));
}

static void
reject_a_memfd_that_is_empty_or_too_long(void **state G_GNUC_UNUSED)
{
    assert_refused(new_memfd(0, SEALS));
    assert_refused(new_memfd(17, SEALS));
    assert_refused(new_memfd((size_t)1 << 40, SEALS));
}

static void
reject_a_pipe(void **state G_GNUC_UNUSED)
{
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    assert_refused(ends[0]);
    close(ends[1]);
}

/* No file on a disk has seals: F_GET_SEALS fails, which is not all of them set. */
static void
reject_a_file_on_a_disk(void **state G_GNUC_UNUSED)
{
    assert_refused(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
    assert_refused(open("/dev/null", O_RDONLY | O_CLOEXEC));
}

static void
reject_reading_more_than_there_is(void **state G_GNUC_UNUSED)
{
    g_autoptr(GError) error = NULL;
    int fd = akma_memfd_new_sealed("0123", 4, NULL);
    char bytes[5];

    assert_false(akma_memfd_read(fd, bytes, sizeof bytes, &error));
    assert_true(g_error_matches(error, AKMA_ERROR, AKMA_ERROR_INTERNAL));
    close(fd);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sealed_memfd_is_read_and_cannot_be_changed),
        cmocka_unit_test(reject_a_memfd_that_lacks_one_seal),
        cmocka_unit_test(reject_a_memfd_that_is_empty_or_too_long),
        cmocka_unit_test(reject_a_pipe),
        cmocka_unit_test(reject_a_file_on_a_disk),
        cmocka_unit_test(reject_reading_more_than_there_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
