/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* verb-store: the store as a whole: move it to another backend, keep a copy of it, change its key.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "keyserver/place.h"
#include "keyserver/presence.h"
#include "keyserver/verb.h"

static void
print(const AkmaVerb *verb, const char *where, const AkmaKsCopied *copied)
{
    if (verb->json)
        akma_verb_print_json(json_pack("{s:s,s:I,s:I,s:I,s:I,s:I}",
                                       "store",
                                       where,
                                       "applications",
                                       (json_int_t)copied->applications,
                                       "rules",
                                       (json_int_t)copied->rules,
                                       "terminals",
                                       (json_int_t)copied->terminals,
                                       "memberships",
                                       (json_int_t)copied->memberships,
                                       "keys",
                                       (json_int_t)copied->keys));
    else
        printf("store         %s\napplications  %" G_GINT64_FORMAT
               "\nterminals     %" G_GINT64_FORMAT "\nkeys          %" G_GINT64_FORMAT
               ", each one opens\n",
               where,
               copied->applications,
               copied->terminals,
               copied->keys);
}

/* What a server writes after the copy would be lost. */
static bool
check_unserved(const AkmaVerb *verb, GError **error)
{
    int64_t pid = akma_presence_get_pid(verb->config->store_path);

    if (pid == 0)
        return true;

    g_set_error(error,
                AKMA_ERROR,
                AKMA_ERROR_STORE_FAILED,
                "store migrate: process %d serves the store: stop it first",
                (int)pid);

    return false;
}

static bool
move_to(AkmaVerb *verb, const char *file, GError **error)
{
    g_autoptr(AkmaServerConfig) to = NULL;
    g_autofree char *where = NULL;
    AkmaKsCopied copied;

    if (!akma_verb_open(verb, error) || !check_unserved(verb, error))
        return false;
    to = akma_server_config_load(file, error);
    if (!to || !akma_place_migrate(verb->store, to, &copied, error))
        return false;

    where = akma_place_describe(to);
    print(verb, where, &copied);

    return true;
}

static int
migrate(AkmaVerb *verb, int argc, char **argv)
{
    g_autofree char *to = NULL;
    const GOptionEntry entries[] = {
        {"to",
         0,
         0,
         G_OPTION_ARG_FILENAME,
         &to,
         "The configuration that says where, and under which store key",
         "FILE"},
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr(GError) error = NULL;

    if (!akma_verb_parse(verb,
                         &argc,
                         &argv,
                         entries,
                         "store migrate",
                         "Copy the whole store to where another configuration has its own, from "
                         "SQLite to\nPostgreSQL or back. There must be none yet. All of it, or "
                         "nothing; it is read again\nbefore it counts. No server may run "
                         "meanwhile. The store that was copied stays as it\nis: never serve from "
                         "it again, or a key version would have two values.",
                         0,
                         0,
                         &error))
        return akma_verb_fail(verb, error);
    if (!to)
        g_set_error_literal(
            &error, AKMA_ERROR, AKMA_ERROR_INVALID_ARGUMENT, "store migrate: --to is missing");
    if (error || !move_to(verb, to, &error))
        return akma_verb_fail(verb, error);

    return 0;
}

/* Under its name only when it is whole. */
static bool
back_up(AkmaVerb *verb, const char *file, GError **error)
{
    g_autofree char *partial = g_strdup_printf("%s.partial", file);
    AkmaKsCopied copied;

    if (!akma_verb_open(verb, error))
        return false;
    if (g_file_test(file, G_FILE_TEST_EXISTS)) {
        g_set_error(error,
                    AKMA_ERROR,
                    AKMA_ERROR_STORE_FAILED,
                    "store backup: %s is there already; it stays as it is",
                    file);
        return false;
    }
    if (!akma_place_back_up(verb->store, verb->config, partial, &copied, error))
        return false;
    if (renameat2(AT_FDCWD, partial, AT_FDCWD, file, RENAME_NOREPLACE) != 0 ||
        !akma_file_sync_folder(file)) {
        g_set_error(error,
                    AKMA_ERROR,
                    AKMA_ERROR_STORE_FAILED,
                    "store backup: cannot write %s: %s",
                    file,
                    g_strerror(errno));
        unlink(partial);
        return false;
    }
    print(verb, file, &copied);

    return true;
}

static int
backup(AkmaVerb *verb, int argc, char **argv)
{
    g_autoptr(GError) error = NULL;

    if (!akma_verb_parse(
            verb,
            &argc,
            &argv,
            NULL,
            "store backup FILE",
            "Write the store, as it is at one moment, to FILE, while servers go on. It "
            "is an SQLite\nstore whatever the backend: to restore it put it in place, "
            "or `store migrate` from a\nconfiguration that names it; then `key rotate "
            "--all`. The store key is not in it.",
            1,
            1,
            &error) ||
        !back_up(verb, verb->words[0], &error))
        return akma_verb_fail(verb, error);

    return 0;
}

/* Page by page, so that terminals are served in between. */
static bool
seal_anew(AkmaVerb *verb, int64_t *ret_n, GError **error)
{
    g_autoptr(AkmaKsOp) op = akma_ks_op_new(AKMA_KS_REKEY);

    *ret_n = 0;
    do {
        if (!akma_ks_run(verb->store, op, error))
            return false;
        *ret_n += op->version;
    } while (op->more);

    return true;
}

static bool
run_rekey(AkmaVerb *verb, int64_t *ret_n, GError **error)
{
    int64_t left;

    if (!akma_verb_open(verb, error))
        return false;
    if (!akma_settings_has(verb->config->settings, "store", "old-store-key-file")) {
        g_set_error_literal(
            error,
            AKMA_ERROR,
            AKMA_ERROR_INVALID_ARGUMENT,
            "store rekey: [store] old-store-key-file is not set: there is no key to "
            "go away from");
        return false;
    }
    /* once more: a server that has the old key in the first place would bring it back */
    if (!seal_anew(verb, ret_n, error) || !seal_anew(verb, &left, error))
        return false;
    if (left == 0)
        return true;
    g_set_error_literal(error,
                        AKMA_ERROR,
                        AKMA_ERROR_STORE_FAILED,
                        "store rekey: a server still seals under the old key: restart it with the "
                        "new one, then again");

    return false;
}

static int
rekey(AkmaVerb *verb, int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    int64_t n;

    if (!akma_verb_parse(verb,
                         &argc,
                         &argv,
                         NULL,
                         "store rekey",
                         "Seal everything that is under [store] old-store-key-file under [store] "
                         "store-key-file,\nwhile servers go on that have both. When it is done the "
                         "old key is needed no more.",
                         0,
                         0,
                         &error) ||
        !run_rekey(verb, &n, &error))
        return akma_verb_fail(verb, error);

    if (verb->json)
        akma_verb_print_json(json_pack("{s:I}", "sealed", (json_int_t)n));
    else
        printf("sealed anew  %" G_GINT64_FORMAT "; nothing is left under the old key\n", n);

    return 0;
}

static const AkmaVerbWord words[] = {
    {"migrate", "copy it to another backend", migrate},
    {"backup", "keep a copy, while serving", backup},
    {"rekey", "go over to another store key", rekey},
};

int
akma_verb_store(AkmaVerb *verb, int argc, char **argv)
{
    return akma_verb_dispatch(verb, "store", words, G_N_ELEMENTS(words), argc, argv);
}
