/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* verb-application: applications, and which terminals may have their keys. */
#include "keyserver/verb.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "proto/key-set.h"

#define LENGTH_MIN    16
#define LENGTH_MAX    64
#define LENGTH        32
#define GRACE_DEFAULT 86400

static int
run(AkmaVerb *verb, AkmaKsOp *op)
{
    g_autoptr(GError) error = NULL;

    if (!akma_verb_open(verb, &error) || !akma_ks_run(verb->store, op, &error))
        return akma_verb_fail(verb, error);

    return 0;
}

/* --- add --- */

typedef struct {
    char *source;
    char *provider;
    char *upstream_id;
    int length; /* 0: not given */
    char *alg;
    char *use;
    char *max_age;
    char *grace;
    GStrv allow;
} AddOptions;

static void
add_options_clear(AddOptions *self)
{
    g_free(self->source);
    g_free(self->provider);
    g_free(self->upstream_id);
    g_free(self->alg);
    g_free(self->use);
    g_free(self->max_age);
    g_free(self->grace);
    g_strfreev(self->allow);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(AddOptions, add_options_clear)

static bool
refuse(GError **error, const char *what, const char *value)
{
    g_set_error(
        error, AKMA_ERROR, AKMA_ERROR_INVALID_ARGUMENT, "application add: \"%s\": %s", value, what);

    return false;
}

static bool
parse_duration(const char *text, const char *option, int64_t *ret, GError **error)
{
    uint64_t seconds;

    if (!text)
        return true;
    if (!akma_setting_parse_duration(text, &seconds))
        return refuse(error, option, text);
    *ret = (int64_t)seconds;

    return true;
}

static bool
is_algorithm(const char *text)
{
    size_t len = strlen(text);

    return len > 0 && len <= 64 &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-") ==
               len;
}

/* Keys that are made here, one for each terminal or one for all. */
static bool
check_own(const AddOptions *options, AkmaKsApplication *ret, GError **error)
{
    int bytes = options->length != 0 ? options->length : LENGTH;

    if (options->provider || options->upstream_id)
        return refuse(error,
                      "--provider and --upstream-id are for --source upstream",
                      options->provider ? options->provider : options->upstream_id);
    if (bytes < LENGTH_MIN || bytes > LENGTH_MAX) {
        g_autofree char *length = g_strdup_printf("%d", bytes);

        return refuse(error, "--length must be 16 to 64", length);
    }
    if (options->alg && !is_algorithm(options->alg))
        return refuse(error, "--alg is no name of an algorithm", options->alg);
    if (options->use && strcmp(options->use, "sig") != 0 && strcmp(options->use, "enc") != 0)
        return refuse(error, "--use must be sig or enc", options->use);

    ret->length = (unsigned)bytes;
    ret->alg = g_strdup(options->alg);
    ret->use = g_strdup(options->use);
    ret->grace_s = GRACE_DEFAULT;
    if (!parse_duration(options->max_age, "--max-age is no duration", &ret->max_age_s, error) ||
        !parse_duration(options->grace, "--grace is no duration", &ret->grace_s, error))
        return false;
    if (options->max_age && ret->max_age_s == 0)
        return refuse(error, "--max-age must be more than nothing", options->max_age);

    return true;
}

/* Keys that a provider makes, who alone decides what they are like. */
static bool
check_upstream(const AkmaServerConfig *config,
               const char *id,
               const AddOptions *options,
               AkmaKsApplication *ret,
               GError **error)
{
    const char *upstream_id = options->upstream_id ? options->upstream_id : id;

    if (options->length != 0 || options->alg || options->use || options->max_age || options->grace)
        return refuse(error,
                      "--length, --alg, --use, --max-age and --grace are set at the provider",
                      options->source);
    if (!options->provider || !akma_server_config_find_provider(config, options->provider))
        return refuse(error,
                      "--provider must be one of the configuration",
                      options->provider ? options->provider : "");
    if (!akma_key_id_is_valid(upstream_id))
        return refuse(error, "--upstream-id is no identifier", upstream_id);
    ret->provider = g_strdup(options->provider);
    ret->upstream_id = g_strdup(upstream_id);

    return true;
}

static bool
check_add(const AkmaServerConfig *config,
          const char *id,
          const AddOptions *options,
          AkmaKsApplication *ret,
          GError **error)
{
    const char *source = options->source ? options->source : "";

    if (!akma_key_id_is_valid(id))
        return refuse(error, "not 1 to 64 of a-z 0-9 . _ - with a letter or digit first", id);
    ret->shared = strcmp(source, "shared") == 0;
    if (strcmp(source, "local") != 0 && !ret->shared && strcmp(source, "upstream") != 0)
        return refuse(error, "--source must be local, shared or upstream", source);
    if (strcmp(source, "upstream") == 0 ? !check_upstream(config, id, options, ret, error)
                                        : !check_own(options, ret, error))
        return false;
    for (guint i = 0; options->allow && options->allow[i]; i++)
        akma_ks_application_add_rule(ret, options->allow[i], true);

    return true;
}

static int
add(AkmaVerb *verb, int argc, char **argv)
{
    g_auto(AddOptions) options = {0};
    const GOptionEntry entries[] = {
        {"source",
         0,
         0,
         G_OPTION_ARG_STRING,
         &options.source,
         "local: made here, one for each terminal; shared: one for all of them",
         "local|shared|upstream"},
        {"provider", 0, 0, G_OPTION_ARG_STRING, &options.provider, "Who makes them", "NAME"},
        {"upstream-id",
         0,
         0,
         G_OPTION_ARG_STRING,
         &options.upstream_id,
         "How the provider calls the application (ID)",
         "ID"},
        {"length", 0, 0, G_OPTION_ARG_INT, &options.length, "Bytes of a key, 16 to 64 (32)", "N"},
        {"alg", 0, 0, G_OPTION_ARG_STRING, &options.alg, "Told to the terminal as \"alg\"", "NAME"},
        {"use", 0, 0, G_OPTION_ARG_STRING, &options.use, "Told as \"use\"", "sig|enc"},
        {"max-age",
         0,
         0,
         G_OPTION_ARG_STRING,
         &options.max_age,
         "A key ends at this age and is replaced (default: never)",
         "D"},
        {"grace",
         0,
         0,
         G_OPTION_ARG_STRING,
         &options.grace,
         "How long the version before is still accepted (1d)",
         "D"},
        {"allow",
         0,
         0,
         G_OPTION_ARG_STRING_ARRAY,
         &options.allow,
         "Who may have keys, as in `application allow`; may be given again",
         "PATTERN"},
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr(AkmaKsOp) op = akma_ks_op_new(AKMA_KS_APPLICATION_ADD);
    g_autoptr(GError) error = NULL;
    int status;

    if (!akma_verb_parse(verb,
                         &argc,
                         &argv,
                         entries,
                         "application add ID",
                         "Add an application. ID is the second identifier that terminals ask for: "
                         "1 to 64\nof a-z 0-9 . _ -. Without --allow nobody may have its keys. "
                         "D: 30s 15m 6h 30d.",
                         1,
                         1,
                         &error))
        return akma_verb_fail(verb, error);
    op->settings = akma_ks_application_new(verb->words[0]);
    if (!akma_verb_load(verb, &error) ||
        !check_add(verb->config, verb->words[0], &options, op->settings, &error))
        return akma_verb_fail(verb, error);

    status = run(verb, op);
    if (status == 0 && verb->json)
        akma_verb_print_json(json_pack("{s:s}", "application", verb->words[0]));

    return status;
}

/* --- list, show --- */

static json_t *
rules_to_json(const AkmaKsApplication *application, bool allow)
{
    json_t *patterns = json_array();

    for (guint i = 0; i < application->rules->len; i++) {
        const AkmaKsRule *rule = application->rules->pdata[i];

        if (rule->allow == allow)
            json_array_append_new(patterns, json_string(rule->pattern));
    }

    return patterns;
}

static void
print_json(const AkmaKsApplication *application)
{
    akma_verb_print_json(json_pack("{s:s,s:s,s:o,s:o,s:o,s:o,s:o,s:o,s:I,s:I,s:o,s:o}",
                                   "application",
                                   application->id,
                                   "source",
                                   akma_ks_application_get_source(application),
                                   "provider",
                                   akma_json_text(application->provider),
                                   "upstream_id",
                                   akma_json_text(application->upstream_id),
                                   "length",
                                   akma_json_time(application->length),
                                   "alg",
                                   akma_json_text(application->alg),
                                   "use",
                                   akma_json_text(application->use),
                                   "max_age_s",
                                   akma_json_time(application->max_age_s),
                                   "grace_s",
                                   (json_int_t)application->grace_s,
                                   "created",
                                   (json_int_t)application->created,
                                   "allow",
                                   rules_to_json(application, true),
                                   "deny",
                                   rules_to_json(application, false)));
}

static char *
dup_rules(const AkmaKsApplication *application, bool allow)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (guint i = 0; i < application->rules->len; i++) {
        const AkmaKsRule *rule = application->rules->pdata[i];

        if (rule->allow == allow)
            g_string_append_printf(text, "%s%s", text->len > 0 ? " " : "", rule->pattern);
    }

    return g_string_free(g_steal_pointer(&text), FALSE);
}

static char *
dup_source(const AkmaKsApplication *application)
{
    return application->provider
               ? g_strdup_printf("%s/%s", application->provider, application->upstream_id)
               : g_strdup(akma_ks_application_get_source(application));
}

static char *
dup_length(const AkmaKsApplication *application)
{
    return application->provider ? NULL : g_strdup_printf("%u", application->length);
}

static void
print_rows(AkmaVerb *verb, const AkmaKsOp *op)
{
    AkmaTable *table;

    if (verb->json) {
        for (guint i = 0; i < op->rows->len; i++)
            print_json(op->rows->pdata[i]);
        return;
    }

    table = akma_table_new(
        "APPLICATION", "SOURCE", "LENGTH", "MAX-AGE", "GRACE", "ALLOW", "DENY", NULL);
    for (guint i = 0; i < op->rows->len; i++) {
        const AkmaKsApplication *application = op->rows->pdata[i];
        g_autofree char *source = dup_source(application);
        g_autofree char *length = dup_length(application);
        g_autofree char *max_age = akma_dup_duration(application->max_age_s);
        g_autofree char *grace = akma_dup_duration(application->grace_s);
        g_autofree char *allow = dup_rules(application, true);
        g_autofree char *deny = dup_rules(application, false);

        akma_table_add(table, application->id, source, length, max_age, grace, allow, deny);
    }
    akma_table_print(table);
}

static int
list(AkmaVerb *verb, int argc, char **argv)
{
    bool one = strcmp(argv[0], "show") == 0;
    g_autoptr(AkmaKsOp) op = akma_ks_op_new(AKMA_KS_APPLICATION_LIST);
    g_autoptr(GError) error = NULL;
    int status;

    if (!akma_verb_parse(verb,
                         &argc,
                         &argv,
                         NULL,
                         one ? "application show ID" : "application list",
                         one ? "Show one application with its rules."
                             : "List all applications with their rules.",
                         one ? 1 : 0,
                         one ? 1 : 0,
                         &error))
        return akma_verb_fail(verb, error);
    op->application = g_strdup(verb->words[0]);

    status = run(verb, op);
    if (status == 0)
        print_rows(verb, op);

    return status;
}

/* --- remove, allow, deny --- */

static int
remove_one(AkmaVerb *verb, int argc, char **argv)
{
    g_autoptr(AkmaKsOp) op = akma_ks_op_new(AKMA_KS_APPLICATION_REMOVE);
    g_autoptr(GError) error = NULL;

    if (!akma_verb_parse(
            verb,
            &argc,
            &argv,
            NULL,
            "application remove ID",
            "Remove an application, its rules and all its keys. Terminals that ask "
            "for it are\nanswered not_entitled and keep what they have: to take keys "
            "away, first run\n`key revoke --application ID` and wait until they asked.",
            1,
            1,
            &error))
        return akma_verb_fail(verb, error);
    op->application = g_strdup(verb->words[0]);

    return run(verb, op);
}

static int
set_rule(AkmaVerb *verb, int argc, char **argv)
{
    bool allow = strcmp(argv[0], "allow") == 0;
    g_autoptr(AkmaKsOp) op = akma_ks_op_new(AKMA_KS_RULE);
    g_autoptr(GError) error = NULL;

    if (!akma_verb_parse(
            verb,
            &argc,
            &argv,
            NULL,
            allow ? "application allow ID PATTERN" : "application deny ID PATTERN",
            "PATTERN is a terminal id, a glob over terminal ids (* ? [...]), or "
            "group:NAME. A rule\nfor one terminal counts before one for a group, that "
            "before a glob; of two of the\nsame kind that match, a denial counts. "
            "Nothing that matches = denied. The same\nPATTERN again replaces its rule.",
            2,
            2,
            &error))
        return akma_verb_fail(verb, error);
    op->application = g_strdup(verb->words[0]);
    op->text = g_strdup(verb->words[1]);
    op->flag = allow;

    return run(verb, op);
}

static const AkmaVerbWord words[] = {
    {"add", "add an application", add},
    {"list", "list all", list},
    {"show", "show one", list},
    {"remove", "remove one with its keys", remove_one},
    {"allow", "let terminals have its keys", set_rule},
    {"deny", "keep terminals from its keys", set_rule},
};

int
akma_verb_application(AkmaVerb *verb, int argc, char **argv)
{
    return akma_verb_dispatch(verb, "application", words, G_N_ELEMENTS(words), argc, argv);
}
