/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/verb.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/program.h"
#include "keyserver/place.h"
#include "keyserver/rights.h"

/* Stands before a terminal id that begins with '-', so that it is not taken for an option. */
#define MARK '='

#define DEFAULT_CONFIG AKMA_SYSCONFDIR "/akma-keyserver/akma-keyserver.conf"

int
akma_verb_fail(AkmaVerb *self, const GError *error)
{
    return akma_program_fail(error, self->json_errors);
}

/* Words of a command line live as long as the process: so do the marked ones, interned. */
static void
mark_terminal_ids(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] == '-' && akma_terminal_id_is_valid(argv[i])) {
            g_autofree char *marked = g_strdup_printf("%c%s", MARK, argv[i]);

            argv[i] = (char *)g_intern_string(marked);
        }
    }
}

/* In place: the words belong to the parser's result. */
static void
unmark(char *text)
{
    if (text && text[0] == MARK)
        memmove(text, text + 1, strlen(text));
}

static void
unmark_options(const GOptionEntry *entries)
{
    for (; entries && entries->long_name; entries++) {
        if (entries->arg == G_OPTION_ARG_STRING)
            unmark(*(char **)entries->arg_data);
    }
}

static bool
check_words(AkmaVerb *self, const char *usage, guint min, guint max, GError **error)
{
    guint n = g_strv_length(self->words);

    if (n >= min && n <= max)
        return true;

    g_set_error(error,
                AKMA_ERROR,
                AKMA_ERROR_INVALID_ARGUMENT,
                n < min ? "%s: an argument is missing" : "%s: too many arguments",
                usage);

    return false;
}

bool
akma_verb_parse(AkmaVerb *self,
                int *argc,
                char ***argv,
                const GOptionEntry *entries,
                const char *usage,
                const char *summary,
                guint n_words_min,
                guint n_words_max,
                GError **error)
{
    g_autoptr(GArray) all = g_array_new(TRUE, TRUE, sizeof(GOptionEntry));
    g_autofree char *config_file = NULL;
    const GOptionEntry shared[] = {
        {"config",
         'c',
         0,
         G_OPTION_ARG_FILENAME,
         &config_file,
         "Configuration (default " DEFAULT_CONFIG ")",
         "FILE"},
        {"json", 0, 0, G_OPTION_ARG_NONE, &self->json, "Print JSON, one object a line", NULL},
        {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_STRING_ARRAY, &self->words, NULL, NULL},
    };
    guint n_own = 0;

    while (entries && entries[n_own].long_name)
        n_own++;
    if (n_own > 0)
        g_array_append_vals(all, entries, n_own);
    g_array_append_vals(all, shared, G_N_ELEMENTS(shared));

    g_clear_pointer(&self->words, g_strfreev);
    mark_terminal_ids(*argc, *argv);
    if (!akma_program_parse(
            argc, argv, (const GOptionEntry *)(void *)all->data, usage, summary, NULL, true, error))
        return false;

    unmark_options(entries);
    if (config_file) {
        g_free(self->config_file);
        self->config_file = g_steal_pointer(&config_file);
    }
    if (!self->config_file)
        self->config_file = g_strdup(DEFAULT_CONFIG);
    if (!self->words)
        self->words = g_new0(char *, 1);
    for (guint i = 0; self->words[i]; i++)
        unmark(self->words[i]);

    return check_words(self, usage, n_words_min, n_words_max, error);
}

bool
akma_verb_load(AkmaVerb *self, GError **error)
{
    if (!self->config)
        self->config = akma_server_config_load(self->config_file, error);

    return self->config;
}

bool
akma_verb_open(AkmaVerb *self, GError **error)
{
    bool quiet = isatty(STDERR_FILENO) == 1;

    if (!akma_verb_load(self, error) || !akma_secret_heap_init(AKMA_SECRET_HEAP_SIZE, NULL, error))
        return false;
    self->audit = akma_audit_new(self->config->audit_file, quiet, error);
    if (!self->audit)
        return false;
    self->store = akma_place_open(self->config, false, error);

    return self->store;
}

const char *
akma_verb_get_actor(void)
{
    static char actor[32];

    g_snprintf(actor, sizeof actor, "uid:%u", (unsigned)getuid());

    return actor;
}

static char *
describe_words(const AkmaVerbWord *words, size_t n_words)
{
    g_autoptr(GString) text = g_string_new("Verbs:\n");

    for (size_t i = 0; i < n_words; i++)
        g_string_append_printf(text, "  %-12s %s\n", words[i].word, words[i].summary);
    g_string_append(text, "\nEach has its own --help.");

    return g_string_free(g_steal_pointer(&text), FALSE);
}

/* --help, --version or a mistake: there is no word to run. */
static int
explain(AkmaVerb *verb,
        const char *name,
        const AkmaVerbWord *words,
        size_t n_words,
        int argc,
        char **argv)
{
    g_autofree char *epilog = describe_words(words, n_words);
    g_autofree char *usage = g_strconcat(name, name[0] ? " " : "", "VERB [ARGUMENT...]", NULL);
    g_autoptr(GError) error = NULL;
    const GOptionEntry none[] = {G_OPTION_ENTRY_NULL};

    if (akma_program_parse(&argc, &argv, none, usage, NULL, epilog, false, &error)) {
        if (argc > 1)
            g_set_error(&error,
                        AKMA_ERROR,
                        AKMA_ERROR_INVALID_ARGUMENT,
                        "%s%sthere is no verb \"%s\"",
                        name,
                        name[0] ? ": " : "",
                        argv[1]);
        else
            g_set_error(&error,
                        AKMA_ERROR,
                        AKMA_ERROR_INVALID_ARGUMENT,
                        "%s%sa verb is missing",
                        name,
                        name[0] ? ": " : "");
    }

    return akma_verb_fail(verb, error);
}

int
akma_verb_dispatch(AkmaVerb *verb,
                   const char *name,
                   const AkmaVerbWord *words,
                   size_t n_words,
                   int argc,
                   char **argv)
{
    for (size_t i = 0; argc > 1 && i < n_words; i++) {
        if (strcmp(argv[1], words[i].word) == 0)
            return words[i].run(verb, argc - 1, argv + 1);
    }

    return explain(verb, name, words, n_words, argc, argv);
}
