/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* akma-keyserver: the first server: hands out application keys under first keys from an anchor. */
#include <string.h>

#include "base/error.h"
#include "base/program.h"
#include "keyserver/pg-conninfo.h"
#include "keyserver/verb.h"

static const AkmaVerbWord verbs[] = {
    {"init", "make the store, its keys and the terminal-id key", akma_verb_init},
    {"serve", "serve terminals until SIGTERM", akma_verb_serve},
    {"check", "check configuration, certificates and store", akma_verb_check},
    {"status", "what is in the store, and whether it is served", akma_verb_status},
    {"application", "add, list, show, remove, allow, deny", akma_verb_application},
    {"terminal", "list, show, id, label, group, revoke, restore, forget", akma_verb_terminal},
    {"key", "list, rotate, revoke, import", akma_verb_key},
    {"store", "migrate, backup, rekey", akma_verb_store},
    {"export", "give an application its side of the keys", akma_verb_export},
};

static char *
dup_epilog(void)
{
    g_autoptr(GString) text = g_string_new("Verbs:\n");

    for (size_t i = 0; i < G_N_ELEMENTS(verbs); i++)
        g_string_append_printf(text, "  %-12s %s\n", verbs[i].word, verbs[i].summary);
    g_string_append(text,
                    "\nEach has its own --help. Verbs change the store; running servers see it from"
                    "\nthe next request on.");

    return g_string_free(g_steal_pointer(&text), FALSE);
}

static void
verb_clear(AkmaVerb *self)
{
    akma_ks_close(self->store);
    akma_audit_free(self->audit);
    akma_server_config_free(self->config);
    g_strfreev(self->words);
    g_free(self->config_file);
}

/* Also where the rest of the command line is wrong. */
static bool
wants_json(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--json") == 0)
            return true;
    }

    return false;
}

int
main(int argc, char **argv)
{
    AkmaVerb verb = {0};
    const GOptionEntry entries[] = {
        {"config", 'c', 0, G_OPTION_ARG_FILENAME, &verb.config_file, "Configuration", "FILE"},
        {"json", 0, 0, G_OPTION_ARG_NONE, &verb.json, "Print JSON, one object a line", NULL},
        G_OPTION_ENTRY_NULL,
    };
    g_autofree char *epilog = dup_epilog();
    g_autoptr(GError) error = NULL;
    int status;

    akma_program_init("akma-keyserver");
    akma_pg_forget_environment();
    verb.json_errors = wants_json(argc, argv);
    if (!akma_program_parse(&argc,
                            &argv,
                            entries,
                            "VERB [ARGUMENT...]",
                            "Hands out application keys to terminals that an operator's anchor "
                            "function vouches for.",
                            epilog,
                            false,
                            &error))
        status = akma_verb_fail(&verb, error);
    else
        status = akma_verb_dispatch(&verb, "", verbs, G_N_ELEMENTS(verbs), argc, argv);
    verb_clear(&verb);

    return status;
}
