/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "base/file.h"

#include <glib/gstdio.h>
#include <openssl/crypto.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/error.h"

typedef struct {
    char *folder;
    char *path;
} Fixture;

static int
setup(void **state)
{
    Fixture *f = g_new0(Fixture, 1);

    f->folder = g_dir_make_tmp("akma-file-XXXXXX", NULL);
    f->path = g_build_filename(f->folder, "file", NULL);
    *state = f;

    return CRYPTO_secure_malloc_initialized() || akma_secret_heap_init(1, NULL, NULL) ? 0 : -1;
}

static int
teardown(void **state)
{
    Fixture *f = *state;

    g_unlink(f->path);
    g_rmdir(f->folder);
    g_free(f->path);
    g_free(f->folder);
    g_free(f);

    return 0;
}

static void
write_with_mode(const char *path, const char *text, mode_t mode)
{
    assert_true(g_file_set_contents(path, text, -1, NULL));
    assert_int_equal(g_chmod(path, mode), 0);
}

static void
replaced_file_has_new_content_and_mode(void **state)
{
    Fixture *f = *state;
    g_autofree char *content = NULL;
    struct stat st;

    assert_true(akma_file_replace(f->path, "one", 3, 0600, NULL));
    assert_true(akma_file_replace(f->path, "two!", 4, 0640, NULL));

    assert_true(g_file_get_contents(f->path, &content, NULL, NULL));
    assert_string_equal(content, "two!");
    assert_int_equal(g_stat(f->path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
}

static void
failed_write_leaves_the_old_file_and_no_other(void **state)
{
    Fixture *f = *state;
    g_autofree char *below = g_build_filename(f->path, "x", NULL);
    g_autoptr(GDir) dir = NULL;
    g_autoptr(GError) error = NULL;

    assert_true(akma_file_replace(f->path, "one", 3, 0600, NULL));
    assert_false(akma_file_replace(below, "two", 3, 0600, &error));

    assert_true(g_error_matches(error, AKMA_ERROR, AKMA_ERROR_STORE_FAILED));
    dir = g_dir_open(f->folder, 0, NULL);
    assert_string_equal(g_dir_read_name(dir), "file");
    assert_null(g_dir_read_name(dir));
}

static void
text_secret_loses_one_newline(void **state)
{
    Fixture *f = *state;
    g_autoptr(AkmaSecret) secret = NULL;
    size_t len;

    write_with_mode(f->path, "word\n\n", 0600);
    secret = akma_file_read_secret(f->path, 1, 64, true, NULL);

    assert_non_null(secret);
    assert_memory_equal(akma_secret_peek(secret, &len), "word\n", 5);
    assert_int_equal(len, 5);
}

static void
binary_secret_keeps_every_byte(void **state)
{
    Fixture *f = *state;
    g_autoptr(AkmaSecret) secret = NULL;

    write_with_mode(f->path, "1234567890123456789012345678901\n", 0640);
    secret = akma_file_read_secret(f->path, 32, 32, false, NULL);

    assert_non_null(secret);
    assert_int_equal(akma_secret_get_length(secret), 32);
}

static void
expect_refused(const char *path, const char *word)
{
    g_autoptr(GError) error = NULL;

    assert_null(akma_file_read_secret(path, 4, 8, true, &error));
    assert_true(g_error_matches(error, AKMA_ERROR, AKMA_ERROR_CONFIG_INVALID));
    assert_non_null(strstr(error->message, word));
    assert_non_null(strstr(error->message, path));
}

static void
reject_secret_that_others_may_read(void **state)
{
    Fixture *f = *state;

    write_with_mode(f->path, "secret", 0644);
    expect_refused(f->path, "everybody");
}

static void
reject_secret_of_a_wrong_size(void **state)
{
    Fixture *f = *state;

    write_with_mode(f->path, "abc", 0600);
    expect_refused(f->path, "4 to 8");
    write_with_mode(f->path, "123456789", 0600);
    expect_refused(f->path, "4 to 8");
    write_with_mode(f->path, "", 0600);
    expect_refused(f->path, "4 to 8");
}

static void
reject_secret_that_is_not_there_or_no_file(void **state)
{
    Fixture *f = *state;

    expect_refused(f->path, "No such file");
    g_chmod(f->folder, 0700);
    expect_refused(f->folder, "is not a file");
}

static void
shredded_secret_is_overwritten_and_gone(void **state)
{
    Fixture *f = *state;
    g_autofree char *second = g_build_filename(f->folder, "second-name", NULL);
    g_autofree char *content = NULL;
    g_autofree char *zeros = g_malloc0(5000);
    gsize len;

    memset(zeros, 'k', 4999);
    write_with_mode(f->path, zeros, 0600);
    assert_int_equal(link(f->path, second), 0);

    assert_true(akma_file_shred(f->path));
    assert_false(g_file_test(f->path, G_FILE_TEST_EXISTS));
    assert_true(g_file_get_contents(second, &content, &len, NULL));
    g_unlink(second);
    memset(zeros, 0, 4999);
    assert_int_equal(len, 4999);
    assert_memory_equal(content, zeros, len);
}

static void
shredding_a_link_leaves_what_it_names(void **state)
{
    Fixture *f = *state;
    g_autofree char *named = g_build_filename(f->folder, "named", NULL);
    g_autofree char *content = NULL;

    write_with_mode(named, "somebody's", 0600);
    assert_int_equal(symlink(named, f->path), 0);

    assert_true(akma_file_shred(f->path));
    assert_false(g_file_test(f->path, G_FILE_TEST_IS_SYMLINK));
    assert_true(g_file_get_contents(named, &content, NULL, NULL));
    g_unlink(named);
    assert_string_equal(content, "somebody's");
}

static void
reject_shredding_what_is_not_there_or_no_file(void **state)
{
    Fixture *f = *state;

    assert_false(akma_file_shred(f->path));
    assert_false(akma_file_shred(f->folder));
    assert_true(g_file_test(f->folder, G_FILE_TEST_IS_DIR));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(replaced_file_has_new_content_and_mode, setup, teardown),
        cmocka_unit_test_setup_teardown(
            failed_write_leaves_the_old_file_and_no_other, setup, teardown),
        cmocka_unit_test_setup_teardown(text_secret_loses_one_newline, setup, teardown),
        cmocka_unit_test_setup_teardown(binary_secret_keeps_every_byte, setup, teardown),
        cmocka_unit_test_setup_teardown(reject_secret_that_others_may_read, setup, teardown),
        cmocka_unit_test_setup_teardown(reject_secret_of_a_wrong_size, setup, teardown),
        cmocka_unit_test_setup_teardown(shredded_secret_is_overwritten_and_gone, setup, teardown),
        cmocka_unit_test_setup_teardown(shredding_a_link_leaves_what_it_names, setup, teardown),
        cmocka_unit_test_setup_teardown(
            reject_shredding_what_is_not_there_or_no_file, setup, teardown),
        cmocka_unit_test_setup_teardown(
            reject_secret_that_is_not_there_or_no_file, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
