/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "base/program.h"

#include <errno.h>
#include <jansson.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/wiping.h"

/* Each could send keys or identities where the configuration does not say. */
static const char *const dropped[] = {"SSLKEYLOGFILE",
                                      "http_proxy",
                                      "https_proxy",
                                      "ftp_proxy",
                                      "all_proxy",
                                      "no_proxy",
                                      "HTTP_PROXY",
                                      "HTTPS_PROXY",
                                      "FTP_PROXY",
                                      "ALL_PROXY",
                                      "NO_PROXY"};

void
akma_program_init(const char *name)
{
    const struct rlimit none = {0, 0};

    /* texts of GLib have more than ASCII; numbers and times stay as they are everywhere */
    setlocale(LC_CTYPE, "");
    g_set_prgname(name);
    for (size_t i = 0; i < G_N_ELEMENTS(dropped); i++)
        unsetenv(dropped[i]);
    umask(077);
    /* whoever ignores it leaves that to us: then no child of ours would ever be seen to end */
    signal(SIGCHLD, SIG_DFL);

    if (!akma_wiping_init()) {
        fprintf(stderr, "%s: cannot make libraries wipe what they free\n", name);
        exit(AKMA_ERROR_INTERNAL);
    }
    if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0) != 0) {
        fprintf(stderr, "%s: cannot switch core dumps off: %s\n", name, g_strerror(errno));
        exit(AKMA_ERROR_INTERNAL);
    }
}

bool
akma_program_parse(int *argc,
                   char ***argv,
                   const GOptionEntry *entries,
                   const char *arguments,
                   const char *summary,
                   const char *epilog,
                   bool strict,
                   GError **error)
{
    g_autoptr(GOptionContext) context = g_option_context_new(arguments);
    g_autoptr(GError) local = NULL;
    gboolean version = FALSE;
    const GOptionEntry own[] = {
        {"version", 0, 0, G_OPTION_ARG_NONE, &version, "Show the version and exit", NULL},
        G_OPTION_ENTRY_NULL,
    };

    g_option_context_add_main_entries(context, entries, NULL);
    g_option_context_add_main_entries(context, own, NULL);
    g_option_context_set_summary(context, summary);
    g_option_context_set_description(context, epilog);
    /* what follows a verb belongs to the verb */
    g_option_context_set_strict_posix(context, !strict);

    if (!g_option_context_parse(context, argc, argv, &local)) {
        g_set_error(error, AKMA_ERROR, AKMA_ERROR_INVALID_ARGUMENT, "%s", local->message);
        return false;
    }
    if (version) {
        printf("%s %s\n", g_get_prgname(), PACKAGE_VERSION);
        exit(0);
    }
    if (strict && *argc > 1) {
        g_set_error(error,
                    AKMA_ERROR,
                    AKMA_ERROR_INVALID_ARGUMENT,
                    "unexpected argument \"%s\"",
                    (*argv)[1]);
        return false;
    }

    return true;
}

int
akma_program_fail(const GError *error, bool json)
{
    return akma_program_fail_as(error, 0, NULL, json);
}

int
akma_program_fail_as(const GError *error, int status, const char *hint, bool json)
{
    g_autofree char *name = g_strconcat(AKMA_ERROR_DBUS_PREFIX, akma_error_get_name(error), NULL);
    g_autofree char *text = akma_error_dup_message(error);
    g_autofree char *message = g_utf8_make_valid(text, -1);

    if (status == 0)
        status = akma_error_get_status(error);
    if (!hint)
        hint = akma_error_get_hint(error);
    fprintf(stderr, "%s: %s\n  next: %s\n", g_get_prgname(), text, hint);
    if (json) {
        json_t *root = json_pack("{s:{s:s,s:i,s:s,s:s}}",
                                 "error",
                                 "name",
                                 name,
                                 "status",
                                 status,
                                 "message",
                                 message,
                                 "next",
                                 hint);

        json_dumpf(root, stdout, JSON_COMPACT);
        putchar('\n');
        json_decref(root);
    }

    return status;
}

bool
akma_program_write_ready(const char *path, const char *const *pairs, GError **error)
{
    g_autoptr(GString) text = g_string_new(NULL);

    if (!path)
        return true;

    g_string_append_printf(text, "pid=%ld\n", (long)getpid());
    for (; pairs && *pairs; pairs++)
        g_string_append_printf(text, "%s\n", *pairs);

    return akma_file_replace(path, text->str, text->len, 0644, error);
}

void
akma_program_notify(const char *state)
{
    sd_notify(0, state);
}

void
akma_program_notify_reloading(void)
{
    sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" G_GINT64_FORMAT, g_get_monotonic_time());
}

unsigned
akma_program_get_watchdog_ms(void)
{
    uint64_t usec = 0;

    if (sd_watchdog_enabled(0, &usec) <= 0)
        return 0;

    return (unsigned)MAX(usec / 2000, 1);
}
