/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * verb-key: list, rotate and revoke application keys; import is verb-import.c. Never prints a key,
 * only its SHA-256.
 */
#include "keyserver/verb.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"

static const char *const states[] = {
    [AKMA_KEY_CURRENT] = "current",
    [AKMA_KEY_PREVIOUS] = "previous",
    [AKMA_KEY_REVOKED] = "revoked",
};

static void
print_json(const AkmaKsKey *key)
{
    akma_verb_print_json(json_pack("{s:s,s:o,s:s,s:s,s:I,s:s,s:I,s:o}",
                                   "application",
                                   key->application,
                                   "terminal",
                                   akma_json_text(key->terminal),
                                   "kid",
                                   key->kid,
                                   "state",
                                   states[key->state],
                                   "length",
                                   (json_int_t)key->length,
                                   "sha256",
                                   key->sha256,
                                   "created",
                                   (json_int_t)key->created,
                                   "not_after",
                                   akma_json_time(key->not_after)));
}

static void
add_to_table(AkmaTable *table, const AkmaKsKey *key)
{
    g_autofree char *created = akma_dup_time(key->created);
    g_autofree char *not_after = akma_dup_time(key->not_after);
    g_autofree char *hash = g_strndup(key->sha256, 16);

    akma_table_add(table,
                   key->kid,
                   key->terminal ? key->terminal : "all",
                   states[key->state],
                   created,
                   not_after,
                   hash);
}

static void
report(AkmaVerb *verb, const AkmaKsOp *op, AkmaTable *table, const char *event)
{
    for (guint i = 0; i < op->rows->len; i++) {
        const AkmaKsKey *key = op->rows->pdata[i];
        const AkmaAuditEvent entry = {
            .event = event,
            .terminal = key->terminal,
            .application = key->application,
            .kid = key->kid,
            .actor = akma_verb_get_actor(),
        };

        if (event)
            akma_audit_write(verb->audit, &entry);
        if (table)
            add_to_table(table, key);
        else
            print_json(key);
    }
}

static AkmaTable *
new_table(const AkmaVerb *verb)
{
    return verb->json ? NULL
                      : akma_table_new("KID",
                                       "TERMINAL",
                                       "STATE",
                                       "CREATED",
                                       "NOT AFTER",
                                       "SHA-256 (FIRST 16)",
                                       NULL);
}

void
akma_verb_print_keys(AkmaVerb *verb, const AkmaKsOp *op)
{
    AkmaTable *table = new_table(verb);

    report(verb, op, table, NULL);
    if (table)
        akma_table_print(table);
}

/* Pages until there are no more. @ret_n: rows of all of them. */
static bool
run_pages(AkmaVerb *verb, AkmaKsOp *op, const char *event, guint *ret_n, GError **error)
{
    AkmaTable *table = new_table(verb);
    bool ok;

    do {
        ok = akma_ks_run(verb->store, op, error);
        if (!ok)
            break;
        report(verb, op, table, event);
        *ret_n += op->rows->len;
        g_ptr_array_set_size(op->rows, 0);
    } while (op->more);
    if (table)
        akma_table_print(table);

    return ok;
}

/* What is named must be there, even if it has no key. */
static bool
check_named(AkmaVerb *verb, const AkmaKsOp *op, GError **error)
{
    g_autoptr(AkmaKsOp) application = akma_ks_op_new(AKMA_KS_APPLICATION_LIST);
    g_autoptr(AkmaKsOp) terminal = akma_ks_op_new(AKMA_KS_TERMINAL_LIST);

    application->application = g_strdup(op->application);
    terminal->terminal = g_strdup(op->terminal);

    return (!op->application || akma_ks_run(verb->store, application, error)) &&
           (!op->terminal || akma_ks_run(verb->store, terminal, error));
}

static int
run(AkmaVerb *verb, AkmaKsOp *op, const char *event)
{
    g_autoptr(GError) error = NULL;
    guint n = 0;

    if (!akma_verb_open(verb, &error) || !check_named(verb, op, &error) ||
        !run_pages(verb, op, event, &n, &error))
        return akma_verb_fail(verb, error);
    if (n > 0 || !(op->kid || (op->application && op->terminal && event)))
        return 0;

    g_set_error_literal(&error, AKMA_ERROR, AKMA_ERROR_KEY_UNKNOWN, "there is no such key");

    return akma_verb_fail(verb, error);
}

/* All three: the same selection, and one that changes something must be told what. */
static int
select_keys(AkmaVerb *verb,
            int argc,
            char **argv,
            AkmaKsAction action,
            const char *usage,
            const char *summary,
            const char *event)
{
    g_autoptr(AkmaKsOp) op = akma_ks_op_new(action);
    gboolean all = FALSE;
    const GOptionEntry entries[] = {
        {"application", 0, 0, G_OPTION_ARG_STRING, &op->application, "Only of this one", "ID"},
        {"terminal", 0, 0, G_OPTION_ARG_STRING, &op->terminal, "Only of this one", "ID"},
        {"kid", 0, 0, G_OPTION_ARG_STRING, &op->kid, "Only this version", "KID"},
        {event ? "all" : NULL, 0, 0, G_OPTION_ARG_NONE, &all, "All keys", NULL},
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr(GError) error = NULL;

    if (!akma_verb_parse(verb, &argc, &argv, entries, usage, summary, 0, 0, &error))
        return akma_verb_fail(verb, error);
    if (event && !all && !op->application && !op->terminal && !op->kid) {
        g_set_error(&error,
                    AKMA_ERROR,
                    AKMA_ERROR_INVALID_ARGUMENT,
                    "%s: which? --application, --terminal, --kid, or --all",
                    usage);
        return akma_verb_fail(verb, error);
    }

    return run(verb, op, event);
}

static int
list(AkmaVerb *verb, int argc, char **argv)
{
    return select_keys(verb,
                       argc,
                       argv,
                       AKMA_KS_KEY_LIST,
                       "key list",
                       "List the keys that are accepted now and those that are revoked. A key is "
                       "shown by\nits SHA-256 only.",
                       NULL);
}

static int
rotate_keys(AkmaVerb *verb, int argc, char **argv)
{
    return select_keys(verb,
                       argc,
                       argv,
                       AKMA_KS_KEY_ROTATE,
                       "key rotate",
                       "Make the next version of keys now. The one before is accepted for the "
                       "grace time of\nits application, unless it is revoked. Prints the new "
                       "versions.",
                       "rotated");
}

static int
revoke_keys(AkmaVerb *verb, int argc, char **argv)
{
    return select_keys(verb,
                       argc,
                       argv,
                       AKMA_KS_KEY_REVOKE,
                       "key revoke",
                       "Revoke keys with the version before them: from the next request on "
                       "terminals are\nanswered `revoked` and wipe what they have, until `key "
                       "rotate` makes a new version.\nWith --kid of a version before: that one "
                       "alone. Prints what was revoked.",
                       "revoked");
}

static const AkmaVerbWord words[] = {
    {"list", "list keys, not their bytes", list},
    {"rotate", "make the next version now", rotate_keys},
    {"revoke", "take keys away", revoke_keys},
    {"import", "bring a key of your own", akma_verb_key_import},
};

int
akma_verb_key(AkmaVerb *verb, int argc, char **argv)
{
    return akma_verb_dispatch(verb, "key", words, G_N_ELEMENTS(words), argc, argv);
}
