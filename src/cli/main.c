/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* main: the command line of akmactl, cut into a verb, its options and its words. */

#include "cli/cli.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/program.h"
#include "base/secret.h"
#include "base/settings.h"

#define N_OPTIONS_MAX 12

static void
cli_clear(AkmaCli *cli)
{
    g_clear_object(&cli->connection);
    g_free(cli->bus);
    g_free(cli->format);
    g_free(cli->keyring);
    g_free(cli->type);
    g_free(cli->config);
    g_free(cli->kid);
    g_free(cli->output);
    g_free(cli->wait);
    g_free(cli->timeout);
    g_strfreev(cli->words);
    g_strfreev(cli->environment);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(AkmaCli, cli_clear)

bool
akma_cli_parse_deadline(const char *option, const char *text, gint64 *ret_deadline, GError **error)
{
    uint64_t seconds;

    if (!text) {
        *ret_deadline = G_MAXINT64;
        return true;
    }
    if (!g_ascii_string_to_unsigned(text, 10, 0, G_MAXINT32, &seconds, NULL) &&
        (!akma_setting_parse_duration(text, &seconds) || seconds > G_MAXINT32)) {
        g_set_error(error,
                    AKMA_ERROR,
                    AKMA_ERROR_INVALID_ARGUMENT,
                    "%s: \"%s\" is not a time such as 30 or 5m",
                    option,
                    text);
        return false;
    }

    *ret_deadline = g_get_monotonic_time() + (gint64)seconds * G_USEC_PER_SEC;

    return true;
}

static char *
describe_verbs(void)
{
    g_autoptr(GString) text = g_string_new("Verbs:\n");
    const AkmaVerb *verb;

    for (unsigned i = 0; (verb = akma_verb_get(i)); i++)
        g_string_append_printf(text, "  %-28s %s\n", verb->arguments, verb->summary);
    g_string_append(text, "\nakmactl VERB --help shows the options of a verb.");

    return g_string_free(g_steal_pointer(&text), FALSE);
}

static const AkmaVerb *
find_verb(const char *name, GError **error)
{
    const AkmaVerb *verb;

    for (unsigned i = 0; (verb = akma_verb_get(i)); i++) {
        if (strcmp(verb->name, name) == 0)
            return verb;
    }
    g_set_error(error, AKMA_ERROR, AKMA_ERROR_INVALID_ARGUMENT, "unknown verb \"%s\"", name);

    return NULL;
}

/* The rows of @all whose bit is set in @wanted; the first @n_always have none. */
static void
pick_options(const GOptionEntry *all, size_t n_always, unsigned wanted, GOptionEntry *ret)
{
    size_t n = 0;

    for (size_t i = 0; all[i].long_name; i++) {
        if (i < n_always || (wanted & 1u << (i - n_always)))
            ret[n++] = all[i];
    }
    ret[n] = (GOptionEntry)G_OPTION_ENTRY_NULL;
}

static bool
parse_globals(AkmaCli *cli, int *argc, char ***argv, GError **error)
{
    g_autofree char *epilog = describe_verbs();
    const GOptionEntry entries[] = {
        {"bus",
         0,
         0,
         G_OPTION_ARG_FILENAME,
         &cli->bus,
         "Bus of the agent",
         "system|session|ADDRESS"},
        {"json", 0, 0, G_OPTION_ARG_NONE, &cli->json, "Answers for programs", NULL},
        G_OPTION_ENTRY_NULL,
    };

    if (!akma_program_parse(argc,
                            argv,
                            entries,
                            "VERB",
                            "Shows and fetches the application keys that akmad holds.",
                            epilog,
                            false,
                            error))
        return false;
    if (*argc < 2) {
        g_set_error(error, AKMA_ERROR, AKMA_ERROR_INVALID_ARGUMENT, "no verb given");
        return false;
    }

    return true;
}

static bool
parse_verb(AkmaCli *cli, const AkmaVerb *verb, int argc, char **argv, GError **error)
{
    GOptionEntry entries[N_OPTIONS_MAX];
    /* after the first three in the order of AkmaCliOptions */
    const GOptionEntry all[] = {
        {"bus",
         0,
         0,
         G_OPTION_ARG_FILENAME,
         &cli->bus,
         "Bus of the agent",
         "system|session|ADDRESS"},
        {"json", 0, 0, G_OPTION_ARG_NONE, &cli->json, "Answers for programs", NULL},
        {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &cli->words, NULL, NULL},
        {"format",
         0,
         0,
         G_OPTION_ARG_FILENAME,
         &cli->format,
         "How the key is written: raw (default), hex, base64, jwk, fingerprint, mosquitto-psk or "
         "wireguard-psk",
         "FORMAT"},
        {"kid", 0, 0, G_OPTION_ARG_FILENAME, &cli->kid, "This version of the key", "KID"},
        {"output", 0, 0, G_OPTION_ARG_FILENAME, &cli->output, "Into FILE, mode 0600", "FILE"},
        {"wait", 0, 0, G_OPTION_ARG_FILENAME, &cli->wait, "Wait up to S seconds for a key", "S"},
        {"timeout", 0, 0, G_OPTION_ARG_FILENAME, &cli->timeout, "Give up after S seconds", "S"},
        {"keyring", 0, 0, G_OPTION_ARG_FILENAME, &cli->keyring, "Into your keyring", "@u|@s"},
        {"type", 0, 0, G_OPTION_ARG_FILENAME, &cli->type, "Of the key there", "user|logon"},
        {"config",
         0,
         0,
         G_OPTION_ARG_FILENAME,
         &cli->config,
         "Configuration of akmad (" AKMA_SYSCONFDIR "/akmad/akmad.conf)",
         "FILE"},
        G_OPTION_ENTRY_NULL,
    };

    pick_options(all, 3, verb->options, entries);

    return akma_program_parse(
        &argc, &argv, entries, verb->arguments, verb->summary, NULL, true, error);
}

static bool
check_words(const AkmaCli *cli, const AkmaVerb *verb, GError **error)
{
    unsigned n = cli->words ? g_strv_length(cli->words) : 0;

    if (n < verb->min_words) {
        g_set_error(
            error, AKMA_ERROR, AKMA_ERROR_INVALID_ARGUMENT, "usage: akmactl %s", verb->arguments);
        return false;
    }
    if (n > verb->max_words) {
        g_set_error(error,
                    AKMA_ERROR,
                    AKMA_ERROR_INVALID_ARGUMENT,
                    "unexpected argument \"%s\"",
                    cli->words[verb->max_words]);
        return false;
    }
    for (unsigned i = 0; i < n; i++) {
        if (*cli->words[i] == '\0' || !g_utf8_validate(cli->words[i], -1, NULL)) {
            g_set_error(error, AKMA_ERROR, AKMA_ERROR_INVALID_ARGUMENT, "that is not a name");
            return false;
        }
    }
    if (cli->command && !cli->command[0]) {
        g_set_error(error, AKMA_ERROR, AKMA_ERROR_INVALID_ARGUMENT, "no command after \"--\"");
        return false;
    }

    return true;
}

static bool
run_verb(AkmaCli *cli, const AkmaVerb *verb, int argc, char **argv, GError **error)
{
    g_autoptr(GPtrArray) own = g_ptr_array_new();
    g_autofree char *what = NULL;

    g_ptr_array_add(own, argv[0]);
    for (int i = 2; i < argc; i++) {
        if ((verb->options & AKMA_CLI_COMMAND) && strcmp(argv[i], "--") == 0) {
            cli->command = (const char *const *)&argv[i + 1];
            break;
        }
        g_ptr_array_add(own, argv[i]);
    }
    argc = (int)own->len;
    g_ptr_array_add(own, NULL);

    if (!parse_verb(cli, verb, argc, (char **)own->pdata, error) ||
        !check_words(cli, verb, error)) {
        g_prefix_error(error, "%s: ", verb->name);
        return false;
    }
    if (!verb->run(cli, error)) {
        what = cli->words && cli->words[0] ? g_strconcat(" ", cli->words[0], NULL) : NULL;
        g_prefix_error(error, "%s%s: ", verb->name, what ? what : "");
        return false;
    }

    return true;
}

static bool
run(AkmaCli *cli, int argc, char **argv, GError **error)
{
    const AkmaVerb *verb;

    if (!parse_globals(cli, &argc, &argv, error))
        return false;
    verb = find_verb(argv[1], error);
    if (!verb)
        return false;
    if (!akma_secret_heap_init(AKMA_SECRET_HEAP_MIN, NULL, error))
        return false;
    if (!run_verb(cli, verb, argc, argv, error))
        return false;
    if (fflush(stdout) != 0 || ferror(stdout)) {
        g_set_error(error, AKMA_ERROR, AKMA_ERROR_STORE_FAILED, "cannot write the answer");
        return false;
    }

    return true;
}

/* An error in the options is to be told in the right form too. */
static bool
asks_for_json(char **argv)
{
    for (argv++; *argv && strcmp(*argv, "--") != 0; argv++) {
        if (strcmp(*argv, "--json") == 0)
            return true;
    }

    return false;
}

int
main(int argc, char **argv)
{
    g_auto(AkmaCli) cli = {.environment = g_get_environ(), .umask = umask(077)};
    g_autoptr(GError) error = NULL;
    bool json = asks_for_json(argv);

    setlocale(LC_CTYPE, "");
    akma_program_init("akmactl");

    if (!run(&cli, argc, argv, &error))
        return akma_program_fail_as(error, cli.status, cli.hint, json);

    return cli.status;
}
