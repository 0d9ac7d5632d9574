/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * verb-terminal: the terminals that this server knows, by their terminal ids. A subscriber's
 * identity is read from a file or stdin, turned into the terminal id and wiped; it is never an
 * argument, where everybody who lists processes could see it.
 */
#include "keyserver/verb.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "keyserver/rights.h"
#include "keyserver/terminal-id.h"

#define LABEL_MAX 128
#define LIMIT_MAX 100000

/* Which terminal: a word, or an identity from a file. */
typedef struct {
    char *identity_file;
    char *operator;
    gboolean leave; /* group --remove */
} Options;

static void
options_clear(Options *self)
{
    g_free(self->identity_file);
    g_free(self->operator);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Options, options_clear)

static bool
invalid(GError **error, const char *message)
{
    g_set_error(error, AKMA_ERROR, AKMA_ERROR_INVALID_ARGUMENT, "terminal: %s", message);

    return false;
}

/* The length without white space at the end; -1 with errno. */
static ssize_t
read_identity(const char *file, char *ret, size_t size)
{
    bool own = strcmp(file, "-") != 0;
    int fd = own ? open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY) : STDIN_FILENO;
    ssize_t len = 0;
    ssize_t n = 1;

    if (fd < 0)
        return -1;
    while (n > 0 && (size_t)len < size) {
        n = read(fd, ret + len, size - (size_t)len);
        if (n > 0)
            len += n;
    }
    if (own)
        close(fd);
    while (len > 0 && g_ascii_isspace(ret[len - 1]))
        len--;

    return n < 0 ? -1 : len;
}

static const char *
find_operator(const AkmaServerConfig *config, const char *named, GError **error)
{
    const char *found = NULL;

    for (guint i = 0; i < config->anchors->len; i++) {
        const AkmaAnchorConfig *anchor = config->anchors->pdata[i];

        if (named ? strcmp(anchor->operator, named) == 0 : !found)
            found = anchor->operator;
        else if (!named && strcmp(found, anchor->operator) != 0) {
            invalid(error, "several operators are configured: say which with --operator");
            return NULL;
        }
    }
    if (!found)
        invalid(error, "no [anchor] has this operator");

    return found;
}

static char *
identity_to_id(AkmaVerb *verb, const Options *options, GError **error)
{
    const char *operator= find_operator(verb->config, options->operator, error);
    AkmaIdentityKind kind = akma_ks_get_identity_kind(verb->store);
    char identity[AKMA_IDENTITY_MAX + 2] = {0};
    char *id = NULL;
    ssize_t len;

    if (!operator)
        return NULL;

    len = read_identity(options->identity_file, identity, sizeof identity);
    if (len < 0)
        g_set_error(error,
                    AKMA_ERROR,
                    AKMA_ERROR_INVALID_ARGUMENT,
                    "terminal: cannot read %s: %s",
                    options->identity_file,
                    g_strerror(errno));
    else if (!akma_identity_is_valid(kind, identity, (size_t)len))
        invalid(error,
                kind == AKMA_IDENTITY_SUPI ? "the file must hold imsi-<digits>"
                                           : "the file must hold msisdn-<digits> or extid-<id>");
    else
        id = akma_terminal_id_new(
            akma_ks_get_id_key(verb->store), "", operator, identity, (size_t)len, error);
    OPENSSL_cleanse(identity, sizeof identity);

    return id;
}

/* Opens the store, then finds out which terminal @op is about; takes that word away. */
static bool
name_terminal(AkmaVerb *verb, const Options *options, AkmaKsOp *op, guint *ret_next, GError **error)
{
    if (!akma_verb_open(verb, error))
        return false;

    if (options->identity_file) {
        /* somebody knows this subscriber: it may be named before it has ever called */
        op->terminal = identity_to_id(verb, options, error);
        op->create = true;
        *ret_next = 0;
        return op->terminal;
    }
    if (!verb->words[0] || !akma_terminal_id_is_valid(verb->words[0]))
        return invalid(error, "a terminal id is 43 characters of A-Z a-z 0-9 - _");
    op->terminal = g_strdup(verb->words[0]);
    *ret_next = 1;

    return true;
}

/* --- list, show --- */

static json_t *
groups_to_json(const AkmaKsTerminal *terminal)
{
    json_t *groups = json_array();

    for (guint i = 0; terminal->groups[i]; i++)
        json_array_append_new(groups, json_string(terminal->groups[i]));

    return groups;
}

static void
print_rows(AkmaVerb *verb, const AkmaKsOp *op)
{
    AkmaTable *table =
        verb->json ? NULL : akma_table_new("TERMINAL", "STATE", "SINCE", "GROUPS", "LABEL", NULL);

    for (guint i = 0; i < op->rows->len; i++) {
        const AkmaKsTerminal *terminal = op->rows->pdata[i];
        g_autofree char *groups = g_strjoinv(" ", terminal->groups);
        g_autofree char *created = akma_dup_time(terminal->created);
        const char *state = terminal->revoked ? "revoked" : "active";

        if (table)
            akma_table_add(table, terminal->id, state, created, groups, terminal->label);
        else
            akma_verb_print_json(json_pack("{s:s,s:s,s:o,s:o,s:I}",
                                           "terminal",
                                           terminal->id,
                                           "state",
                                           state,
                                           "label",
                                           akma_json_text(terminal->label),
                                           "groups",
                                           groups_to_json(terminal),
                                           "created",
                                           (json_int_t)terminal->created));
    }
    if (table)
        akma_table_print(table);
    if (table && op->more)
        printf("more: --after %s\n",
               ((const AkmaKsTerminal *)op->rows->pdata[op->rows->len - 1])->id);
}

static int
list(AkmaVerb *verb, int argc, char **argv)
{
    g_autoptr(AkmaKsOp) op = akma_ks_op_new(AKMA_KS_TERMINAL_LIST);
    int limit = 1000;
    const GOptionEntry entries[] = {
        {"after", 0, 0, G_OPTION_ARG_STRING, &op->after.terminal, "Begin behind this one", "ID"},
        {"limit", 0, 0, G_OPTION_ARG_INT, &limit, "At most so many (1000)", "N"},
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr(GError) error = NULL;

    if (!akma_verb_parse(verb,
                         &argc,
                         &argv,
                         entries,
                         "terminal list",
                         "List terminals, in the order of their ids. One is there from its first "
                         "complete\nexchange on, entitled to anything or not.",
                         0,
                         0,
                         &error))
        return akma_verb_fail(verb, error);
    if (limit < 1 || limit > LIMIT_MAX)
        invalid(&error, "--limit must be 1 to 100000");
    op->limit = (unsigned)limit;
    if (error || !akma_verb_open(verb, &error) || !akma_ks_run(verb->store, op, &error))
        return akma_verb_fail(verb, error);
    print_rows(verb, op);

    return 0;
}

/* --- all that name one --- */

typedef struct {
    const char *word;
    const char *usage;
    const char *summary;
    AkmaKsAction action;
    bool flag;
    const char *event; /* for the audit log */
} Change;

static const Change changes[] = {
    {"show", "terminal show ID", "Show one terminal.", AKMA_KS_TERMINAL_LIST, false, NULL},
    {"label",
     "terminal label ID TEXT",
     "Give a terminal a name for people; empty TEXT takes it away.",
     AKMA_KS_TERMINAL_LABEL,
     false,
     NULL},
    {"group",
     "terminal group ID NAME",
     "Put a terminal into a group, for rules with group:NAME; --remove takes it out.",
     AKMA_KS_TERMINAL_GROUP,
     true,
     NULL},
    {"revoke",
     "terminal revoke ID",
     "From the next request on, whatever the terminal asks for is answered `revoked`, and\n"
     "it wipes what it has.",
     AKMA_KS_TERMINAL_REVOKE,
     true,
     "revoked"},
    {"restore",
     "terminal restore ID",
     "Take a revocation back. It gets the same keys again: rotate them first if somebody\n"
     "may know them.",
     AKMA_KS_TERMINAL_REVOKE,
     false,
     NULL},
    {"forget",
     "terminal forget ID",
     "Remove a terminal with its groups, keys and revocation. If it comes back it is new,\n"
     "and no version of a key is given out twice.",
     AKMA_KS_TERMINAL_FORGET,
     false,
     NULL},
};

/* @word is one of them: only these come here from the words at the end. */
static const Change *
find_change(const char *word)
{
    for (size_t i = 0; i < G_N_ELEMENTS(changes); i++) {
        if (strcmp(changes[i].word, word) == 0)
            return &changes[i];
    }

    g_return_val_if_reached(&changes[0]);
}

static bool
take_text(AkmaKsOp *op, const char *text, GError **error)
{
    bool label = op->action == AKMA_KS_TERMINAL_LABEL;

    if (!label && op->action != AKMA_KS_TERMINAL_GROUP)
        return !text || invalid(error, "too many arguments");
    if (!text)
        return invalid(error, "an argument is missing");
    if (label && (strlen(text) > LABEL_MAX || !g_utf8_validate(text, -1, NULL)))
        return invalid(error, "a label is UTF-8 of at most 128 bytes");
    if (!label && !akma_group_name_is_valid(text))
        return invalid(error, "a group name is 1 to 64 of A-Z a-z 0-9 . _ -");
    op->text = label && text[0] == '\0' ? NULL : g_strdup(text);

    return true;
}

static bool
apply(AkmaVerb *verb, const Change *change, const Options *options, AkmaKsOp *op, GError **error)
{
    const AkmaAuditEvent event = {.event = change->event, .actor = akma_verb_get_actor()};
    AkmaAuditEvent entry = event;
    guint next;

    if (!name_terminal(verb, options, op, &next, error) || !take_text(op, verb->words[next], error))
        return false;
    /* nothing to show, restore or forget about one that is not there */
    if (change->action == AKMA_KS_TERMINAL_FORGET || !(change->flag || op->text))
        op->create = false;
    if (!akma_ks_run(verb->store, op, error))
        return false;

    entry.terminal = op->terminal;
    if (change->event)
        akma_audit_write(verb->audit, &entry);

    return true;
}

static int
change_one(AkmaVerb *verb, int argc, char **argv)
{
    const Change *change = find_change(argv[0]);
    g_auto(Options) options = {0};
    const GOptionEntry entries[] = {
        {"identity-file",
         0,
         0,
         G_OPTION_ARG_FILENAME,
         &options.identity_file,
         "Instead of ID: a file with imsi-<digits> (or the GPSI); - reads stdin",
         "FILE"},
        {"operator",
         0,
         0,
         G_OPTION_ARG_STRING,
         &options.operator,
         "Whose subscriber that is; needed if several are configured",
         "NAME"},
        {change->action == AKMA_KS_TERMINAL_GROUP ? "remove" : NULL,
         0,
         0,
         G_OPTION_ARG_NONE,
         &options.leave,
         "Take it out of the group",
         NULL},
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr(AkmaKsOp) op = akma_ks_op_new(change->action);
    g_autoptr(GError) error = NULL;

    if (!akma_verb_parse(verb, &argc, &argv, entries, change->usage, change->summary, 0, 2, &error))
        return akma_verb_fail(verb, error);
    op->flag = change->flag && !options.leave;
    if (!apply(verb, change, &options, op, &error))
        return akma_verb_fail(verb, error);
    if (op->rows)
        print_rows(verb, op);

    return 0;
}

static int
print_id(AkmaVerb *verb, int argc, char **argv)
{
    g_auto(Options) options = {0};
    const GOptionEntry entries[] = {
        {"identity-file",
         0,
         0,
         G_OPTION_ARG_FILENAME,
         &options.identity_file,
         "A file with imsi-<digits> (or the GPSI); - (default) reads stdin",
         "FILE"},
        {"operator",
         0,
         0,
         G_OPTION_ARG_STRING,
         &options.operator,
         "Whose subscriber that is; needed if several are configured",
         "NAME"},
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr(GError) error = NULL;
    g_autofree char *id = NULL;

    if (!akma_verb_parse(verb,
                         &argc,
                         &argv,
                         entries,
                         "terminal id",
                         "Print the terminal id of a subscriber. The identity is read from a file "
                         "or stdin, never\nfrom the command line, and is not kept.",
                         0,
                         0,
                         &error))
        return akma_verb_fail(verb, error);
    if (!options.identity_file)
        options.identity_file = g_strdup("-");
    if (!akma_verb_open(verb, &error) || !(id = identity_to_id(verb, &options, &error)))
        return akma_verb_fail(verb, error);

    if (verb->json)
        akma_verb_print_json(json_pack("{s:s}", "terminal", id));
    else
        printf("%s\n", id);

    return 0;
}

static const AkmaVerbWord words[] = {
    {"list", "list all", list},
    {"show", "show one", change_one},
    {"id", "terminal id of a subscriber, read from stdin or a file", print_id},
    {"label", "give one a name for people", change_one},
    {"group", "put one into a group, or take it out", change_one},
    {"revoke", "deliver nothing to it any more", change_one},
    {"restore", "take a revocation back", change_one},
    {"forget", "remove one with its keys", change_one},
};

int
akma_verb_terminal(AkmaVerb *verb, int argc, char **argv)
{
    return akma_verb_dispatch(verb, "terminal", words, G_N_ELEMENTS(words), argc, argv);
}
