/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "base/settings.h"

#include <glib/gstdio.h>
#include <openssl/crypto.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"

static const AkmaSettingRow rows[] = {
    {"main", "name", AKMA_SETTING_STRING, NULL, NULL, true},
    {"main", "wait", AKMA_SETTING_DURATION, "6h", NULL, false},
    {"main", "rate", AKMA_SETTING_RATE, "10/m", NULL, false},
    {"main", "part", AKMA_SETTING_PERCENT, "20%", NULL, false},
    {"main", "mode", AKMA_SETTING_CHOICE, "auto", "auto|file", false},
    {"main", "on", AKMA_SETTING_BOOL, "false", NULL, false},
    {"main", "count", AKMA_SETTING_UINT, "7", NULL, false},
    {"main", "listen", AKMA_SETTING_ADDRESS, NULL, NULL, false},
    {"main", "url", AKMA_SETTING_URL, NULL, NULL, false},
    {"main", "path", AKMA_SETTING_PATH, NULL, NULL, false},
    {"main", "k", AKMA_SETTING_HEX, NULL, NULL, false},
    {"main", "key-file", AKMA_SETTING_SECRET, NULL, NULL, false},
    {"application *", "server", AKMA_SETTING_STRING, NULL, NULL, true},
    {"application *", "users", AKMA_SETTING_LIST, NULL, NULL, false},
};

static char *folder;

static char *
write_file(const char *name, const char *text)
{
    char *path = g_build_filename(folder, name, NULL);
    g_autofree char *parent = g_path_get_dirname(path);

    g_mkdir(parent, 0700);
    assert_true(g_file_set_contents(path, text, -1, NULL));
    assert_int_equal(g_chmod(path, 0600), 0);

    return path;
}

static AkmaSettings *
load(const char *text, GError **error)
{
    g_autofree char *path = write_file("a.conf", text);
    g_autofree char *dropins = g_build_filename(folder, "a.d", NULL);

    return akma_settings_load(path, dropins, "application *", rows, G_N_ELEMENTS(rows), error);
}

static void
values_and_fallbacks_are_read(void **state G_GNUC_UNUSED)
{
    g_autoptr(AkmaSettings) s = load("[main]\nname=x\nrate=5/s\nlisten=[::1]:80\non=true\n"
                                     "[application b]\nserver=s\nusers=u;v\n"
                                     "[application a]\nserver=s\n",
                                     NULL);
    g_auto(GStrv) names = NULL;

    assert_non_null(s);
    assert_string_equal(akma_settings_get(s, "main", "name"), "x");
    assert_int_equal(akma_settings_get_uint(s, "main", "wait"), 6 * 3600);
    assert_int_equal(akma_settings_get_uint(s, "main", "rate"), 5);
    assert_int_equal(akma_settings_get_rate_s(s, "main", "rate"), 1);
    assert_int_equal(akma_settings_get_uint(s, "main", "part"), 20);
    assert_int_equal(akma_settings_get_uint(s, "main", "count"), 7);
    assert_true(akma_settings_get_bool(s, "main", "on"));
    assert_null(akma_settings_get(s, "main", "url"));
    assert_true(akma_settings_has(s, "main", "on"));
    assert_false(akma_settings_has(s, "main", "wait"));

    names = akma_settings_dup_names(s, "application");
    assert_int_equal(g_strv_length(names), 2);
    assert_string_equal(names[0], "a");
    assert_string_equal(akma_settings_get_list(s, "application b", "users")[1], "v");
    assert_null(akma_settings_get_list(s, "application a", "users")[0]);
}

static void
reject_what_the_table_does_not_know(void **state G_GNUC_UNUSED)
{
    static const struct {
        const char *text;
        const char *fault; /* after the file name */
    } bad[] = {
        {"[main]\n", "[main] name: must be set"},
        {"[application a]\nserver=s\n", "[main] name: must be set"},
        {"[main]\nname=x\nnme=y\n", "[main] nme: no such key"},
        {"[main]\nname=x\n[other]\n", "[other]: no such group"},
        {"[main]\nname=x\n[application]\nserver=s\n", "[application]: no such group"},
        {"[main]\nname=x\n[application a]\n", "[application a] server: must be set"},
        {"[main]\nname=\n", "[main] name: \"\" must not be empty"},
        {"[main]\nname=x\nwait=6\n", "[main] wait: \"6\" must be a duration"},
        {"[main]\nname=x\nwait=6 h\n", "[main] wait: "},
        {"[main]\nname=x\nwait=-6h\n", "[main] wait: "},
        {"[main]\nname=x\nwait=99999999999h\n", "[main] wait: "},
        {"[main]\nname=x\nrate=10\n", "[main] rate: "},
        {"[main]\nname=x\nrate=0/s\n", "[main] rate: "},
        {"[main]\nname=x\nrate=1/d\n", "[main] rate: "},
        {"[main]\nname=x\npart=101%\n", "[main] part: "},
        {"[main]\nname=x\npart=20\n", "[main] part: "},
        {"[main]\nname=x\nmode=tpm\n", "[main] mode: \"tpm\" is none of auto|file"},
        {"[main]\nname=x\non=yes\n", "[main] on: "},
        {"[main]\nname=x\ncount=-1\n", "[main] count: "},
        {"[main]\nname=x\ncount=0x10\n", "[main] count: "},
        {"[main]\nname=x\nlisten=host\n", "[main] listen: "},
        {"[main]\nname=x\nlisten=host:99999\n", "[main] listen: "},
        {"[main]\nname=x\nlisten=[::1\n", "[main] listen: "},
        {"[main]\nname=x\nlisten=unix:relative\n", "[main] listen: "},
        {"[main]\nname=x\nurl=ftp://host\n", "[main] url: "},
        {"[main]\nname=x\nurl=https://host/path\n", "[main] url: "},
        {"[main]\nname=x\nurl=https://u@host\n", "[main] url: "},
        {"[main]\nname=x\nurl=https://\n", "[main] url: "},
        {"[main]\nname=x\npath=relative\n", "[main] path: "},
        {"[main]\nname=x\nk=abc\n", "[main] k: "},
        {"[main]\nname=x\nkey-file=relative\n", "[main] key-file: "},
        {"[main]\nname=x\nkey-file=credential:\n", "[main] key-file: "},
        {"[main]\nname=x\nkey-file=credential:../x\n", "[main] key-file: "},
        {"name=x\n", ""},
        {"[main\n", ""},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *expected = g_strdup_printf("%s/a.conf: %s", folder, bad[i].fault);
        g_autoptr(AkmaSettings) s = load(bad[i].text, &error);

        assert_null(s);
        assert_true(g_error_matches(error, AKMA_ERROR, AKMA_ERROR_CONFIG_INVALID));
        if (!g_str_has_prefix(error->message, expected))
            fail_msg("\"%s\" does not begin with \"%s\"", error->message, expected);
    }
}

static void
reject_missing_file(void **state G_GNUC_UNUSED)
{
    g_autoptr(GError) error = NULL;

    assert_null(
        akma_settings_load("/proc/nonexistent/x", NULL, NULL, rows, G_N_ELEMENTS(rows), &error));
    assert_true(g_error_matches(error, AKMA_ERROR, AKMA_ERROR_CONFIG_INVALID));
    assert_true(g_str_has_prefix(error->message, "/proc/nonexistent/x: "));
}

static void
folder_adds_groups_of_its_kind_only(void **state G_GNUC_UNUSED)
{
    g_autofree char *good = write_file("a.d/10.conf", "[application z]\nserver=s\n");
    g_autofree char *ignored = write_file("a.d/readme", "nothing to read");
    g_autoptr(AkmaSettings) s = load("[main]\nname=x\n", NULL);
    g_autofree char *bad = NULL;
    g_autoptr(GError) error = NULL;

    assert_non_null(s);
    assert_string_equal(akma_settings_get(s, "application z", "server"), "s");

    bad = write_file("a.d/20.conf", "[main]\nname=y\n");
    assert_null(load("[application q]\nserver=s\n", &error));
    assert_non_null(strstr(error->message, "20.conf: [main]: not allowed"));
    g_unlink(bad);
    g_unlink(good);
    g_unlink(ignored);
}

static void
reject_same_group_in_two_files(void **state G_GNUC_UNUSED)
{
    g_autofree char *one = write_file("a.d/10.conf", "[application z]\nserver=s\n");
    g_autoptr(GError) error = NULL;

    assert_null(load("[main]\nname=x\n[application z]\nserver=t\n", &error));
    assert_non_null(strstr(error->message, "10.conf: [application z]: is already in "));
    assert_non_null(strstr(error->message, "a.conf"));
    g_unlink(one);
}

static void
secret_is_read_from_file_or_credential(void **state G_GNUC_UNUSED)
{
    g_autofree char *secret_file = write_file("creds/key", "0123456789abcdef");
    g_autofree char *text = g_strdup_printf("[main]\nname=x\nkey-file=%s\n", secret_file);
    g_autofree char *credentials = g_path_get_dirname(secret_file);
    g_autoptr(AkmaSettings) by_path = load(text, NULL);
    g_autoptr(AkmaSettings) by_name = load("[main]\nname=x\nkey-file=credential:key\n", NULL);
    g_autoptr(AkmaSettings) unset = load("[main]\nname=x\n", NULL);
    g_autoptr(AkmaSecret) a = NULL;
    g_autoptr(AkmaSecret) b = NULL;
    g_autoptr(GError) error = NULL;

    a = akma_settings_read_secret(by_path, "main", "key-file", 16, 16, true, NULL);
    assert_non_null(a);

    g_unsetenv("CREDENTIALS_DIRECTORY");
    assert_null(akma_settings_read_secret(by_name, "main", "key-file", 16, 16, true, &error));
    assert_non_null(strstr(error->message, "[main] key-file: "));
    g_setenv("CREDENTIALS_DIRECTORY", credentials, TRUE);
    b = akma_settings_read_secret(by_name, "main", "key-file", 16, 16, true, NULL);
    assert_non_null(b);
    assert_true(akma_secret_equal(a, b));

    assert_null(akma_settings_read_secret(unset, "main", "key-file", 16, 16, true, NULL));
    g_unlink(secret_file);
}

static void
url_gives_host_and_port(void **state G_GNUC_UNUSED)
{
    g_autofree char *host = NULL;
    g_autofree char *host6 = NULL;
    uint16_t port;
    bool tls;

    assert_true(akma_setting_parse_url("https://Keys.Example.com/", &tls, &host, &port));
    assert_string_equal(host, "keys.example.com");
    assert_int_equal(port, 443);
    assert_true(tls);
    assert_true(akma_setting_parse_url("http://[::1]:7777", &tls, &host6, &port));
    assert_string_equal(host6, "::1");
    assert_int_equal(port, 7777);
    assert_false(tls);
}

static int
heap(void **state G_GNUC_UNUSED)
{
    folder = g_dir_make_tmp("akma-settings-XXXXXX", NULL);

    return akma_secret_heap_init(1, NULL, NULL) ? 0 : -1;
}

static int
clean(void **state G_GNUC_UNUSED)
{
    static const char *const left[] = {"a.conf", "a.d", "creds", NULL};

    for (size_t i = 0; left[i]; i++) {
        g_autofree char *path = g_build_filename(folder, left[i], NULL);

        g_remove(path);
    }
    g_rmdir(folder);
    g_free(folder);

    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_and_fallbacks_are_read),
        cmocka_unit_test(reject_what_the_table_does_not_know),
        cmocka_unit_test(reject_missing_file),
        cmocka_unit_test(folder_adds_groups_of_its_kind_only),
        cmocka_unit_test(reject_same_group_in_two_files),
        cmocka_unit_test(secret_is_read_from_file_or_credential),
        cmocka_unit_test(url_gives_host_and_port),
    };

    return cmocka_run_group_tests(tests, heap, clean);
}
