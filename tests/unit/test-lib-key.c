/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a hostile service can answer to GetKey. */

#include <akmad/akmad.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/memfd.h"
#include "lib/key-private.h"

#define BYTES "0123456789abcdef0123456789abcdef"
#define GOOD  "(handle 0, {'kid': <'mqtt:3'>, 'kty': <'oct'>, 'not-before': <uint64 100>})"

/* @answer as GVariant text, with @fd (taken; negative: none) beside it. */
static AkmadKey *
parse(const char *answer, int fd, GError **error)
{
    g_autoptr(GVariant) value =
        g_variant_parse(G_VARIANT_TYPE(AKMA_LIB_KEY_ANSWER), answer, NULL, NULL, NULL);
    g_autoptr(GUnixFDList) fds = fd >= 0 ? g_unix_fd_list_new_from_array(&fd, 1) : NULL;

    assert_non_null(value);

    return akma_lib_key_new_of_answer(value, fds, error);
}

static int
sealed(void)
{
    return akma_memfd_new_sealed(BYTES, 32, NULL);
}

static void
assert_refused(const char *answer, int fd)
{
    g_autoptr(GError) error = NULL;

    assert_null(parse(answer, fd, &error));
    assert_true(g_error_matches(error, AKMA_ERROR, AKMA_ERROR_INTERNAL));
}

static void
a_key_has_its_bytes_and_attributes(void **state G_GNUC_UNUSED)
{
    g_autoptr(AkmadKey) key =
        parse("(handle 0, {'kid': <'mqtt:3'>, 'kty': <'oct'>, 'alg': <'A256GCM'>, 'use': <'enc'>, "
              "'identity': <'mqtt.3.abc'>, 'not-before': <uint64 100>, 'not-after': <uint64 200>, "
              "'later': <true>})",
              sealed(),
              NULL);
    gsize len;

    assert_non_null(key);
    assert_memory_equal(akmad_key_peek(key, &len), BYTES, 32);
    assert_int_equal(len, 32);
    assert_string_equal(akmad_key_get_kid(key), "mqtt:3");
    assert_string_equal(akmad_key_get_kty(key), "oct");
    assert_string_equal(akmad_key_get_alg(key), "A256GCM");
    assert_string_equal(akmad_key_get_use(key), "enc");
    assert_string_equal(akmad_key_get_identity(key), "mqtt.3.abc");
    assert_int_equal(akmad_key_get_not_before(key), 100);
    assert_int_equal(akmad_key_get_not_after(key), 200);
}

static void
what_the_server_did_not_say_is_null(void **state G_GNUC_UNUSED)
{
    g_autoptr(AkmadKey) key = parse(GOOD, sealed(), NULL);

    assert_null(akmad_key_get_alg(key));
    assert_null(akmad_key_get_use(key));
    assert_null(akmad_key_get_identity(key));
    assert_int_equal(akmad_key_get_not_after(key), 0);
}

static void
wipe_does_not_wait_for_the_last_reference(void **state G_GNUC_UNUSED)
{
    g_autoptr(AkmadKey) key = parse(GOOD, sealed(), NULL);
    g_autoptr(AkmadKey) other = akmad_key_ref(key);
    g_autoptr(GError) error = NULL;
    gsize len = 77;

    akmad_key_wipe(key);
    assert_null(akmad_key_peek(other, &len));
    assert_int_equal(len, 0);
    assert_string_equal(akmad_key_get_kid(other), "mqtt:3");
    assert_int_equal(akmad_key_dup_fd(other, &error), -1);
    assert_true(g_error_matches(error, AKMAD_ERROR, AKMAD_ERROR_INVALID_ARGUMENT));
    akmad_key_wipe(key);
}

static void
a_descriptor_of_the_key_is_a_sealed_memfd(void **state G_GNUC_UNUSED)
{
    g_autoptr(AkmadKey) key = parse(GOOD, sealed(), NULL);
    int fd = akmad_key_dup_fd(key, NULL);
    char bytes[33];
    size_t len;

    assert_true(akma_memfd_check_sealed(fd, 32, &len, NULL));
    assert_int_equal(read(fd, bytes, sizeof bytes), 32);
    assert_memory_equal(bytes, BYTES, 32);
    close(fd);
}

static void
reject_answers_without_kid_or_kty_or_of_other_types(void **state G_GNUC_UNUSED)
{
    assert_refused("(handle 0, @a{sv} {})", sealed());
    assert_refused("(handle 0, {'kid': <'mqtt:3'>})", sealed());
    assert_refused("(handle 0, {'kty': <'oct'>})", sealed());
    assert_refused("(handle 0, {'kid': <3>, 'kty': <'oct'>})", sealed());
    assert_refused("(handle 0, {'kid': <'mqtt:3'>, 'kty': <'oct'>, "
                   "'not-after': <uint64 18446744073709551615>})",
                   sealed());
}

static void
reject_handles_that_nothing_came_with(void **state G_GNUC_UNUSED)
{
    assert_refused(GOOD, -1);
    assert_refused("(handle 1, {'kid': <'mqtt:3'>, 'kty': <'oct'>})", sealed());
    assert_refused("(handle -1, {'kid': <'mqtt:3'>, 'kty': <'oct'>})", sealed());
    assert_refused("(handle 2147483647, {'kid': <'mqtt:3'>, 'kty': <'oct'>})", sealed());
}

static void
reject_descriptors_that_are_no_sealed_memfd(void **state G_GNUC_UNUSED)
{
    int ends[2];
    int open_memfd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    int huge = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    assert_int_equal(pwrite(open_memfd, BYTES, 32, 0), 32);
    assert_refused(GOOD, open_memfd);

    assert_int_equal(ftruncate(huge, (off_t)1 << 40), 0);
    assert_int_equal(
        fcntl(huge, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL), 0);
    assert_refused(GOOD, huge);

    /* nobody ever writes into it: to read from it would wait for ever */
    assert_int_equal(pipe(ends), 0);
    assert_refused(GOOD, ends[0]);
    close(ends[1]);

    assert_refused(GOOD, open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_has_its_bytes_and_attributes),
        cmocka_unit_test(what_the_server_did_not_say_is_null),
        cmocka_unit_test(wipe_does_not_wait_for_the_last_reference),
        cmocka_unit_test(a_descriptor_of_the_key_is_a_sealed_memfd),
        cmocka_unit_test(reject_answers_without_kid_or_kty_or_of_other_types),
        cmocka_unit_test(reject_handles_that_nothing_came_with),
        cmocka_unit_test(reject_descriptors_that_are_no_sealed_memfd),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
