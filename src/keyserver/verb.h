/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* verb: what the verbs of akma-keyserver share: their options, the store, and how they print. */
#pragma once

#include <jansson.h>

#include "keyserver/audit.h"
#include "keyserver/config.h"
#include "keyserver/store.h"

G_BEGIN_DECLS

/* Options and words of one call, parsed. */
typedef struct {
    char *config_file;
    gboolean json;
    bool json_errors; /* --json stands there, whatever else is wrong with the line */
    GStrv words;      /* what is no option; never NULL */
    AkmaServerConfig *config;
    AkmaKsStore *store; /* once akma_verb_open() returned true */
    AkmaAudit *audit;
} AkmaVerb;

/* Returns the exit status. @argv[0] is the verb's last word. */
typedef int (*AkmaVerbRun)(AkmaVerb *verb, int argc, char **argv);

int akma_verb_init(AkmaVerb *verb, int argc, char **argv);
int akma_verb_serve(AkmaVerb *verb, int argc, char **argv);
int akma_verb_check(AkmaVerb *verb, int argc, char **argv);
int akma_verb_status(AkmaVerb *verb, int argc, char **argv);
int akma_verb_application(AkmaVerb *verb, int argc, char **argv);
int akma_verb_terminal(AkmaVerb *verb, int argc, char **argv);
int akma_verb_key(AkmaVerb *verb, int argc, char **argv);
int akma_verb_key_import(AkmaVerb *verb, int argc, char **argv); /* key import */
int akma_verb_export(AkmaVerb *verb, int argc, char **argv);
int akma_verb_store(AkmaVerb *verb, int argc, char **argv);

/* One row of a verb that has words of its own. */
typedef struct {
    const char *word;
    const char *summary;
    AkmaVerbRun run;
} AkmaVerbWord;

/* Runs the one that argv[1] names; --help lists them. @name: of the verb above. */
int akma_verb_dispatch(AkmaVerb *verb,
                       const char *name,
                       const AkmaVerbWord *words,
                       size_t n_words,
                       int argc,
                       char **argv);

/*
 * Parses @entries besides --config and --json. @usage: "key rotate". @n_words_min to @n_words_max
 * words must be left. Errors: AKMA_ERROR_INVALID_ARGUMENT.
 */
bool akma_verb_parse(AkmaVerb *self,
                     int *argc,
                     char ***argv,
                     const GOptionEntry *entries,
                     const char *usage,
                     const char *summary,
                     guint n_words_min,
                     guint n_words_max,
                     GError **error);

bool akma_verb_load(AkmaVerb *self, GError **error); /* the configuration, once */
bool akma_verb_open(AkmaVerb *self, GError **error); /* and the store, and the audit log */
int akma_verb_fail(AkmaVerb *self, const GError *error);

/* The rows of AKMA_KS_KEY_* in @op: never the bytes. */
void akma_verb_print_keys(AkmaVerb *verb, const AkmaKsOp *op);

/* Who calls, for the audit log: "uid:0". Static. */
const char *akma_verb_get_actor(void);

/* Prints @object as one line and frees it. */
void akma_verb_print_json(json_t *object);
json_t *akma_json_time(int64_t time);     /* 0: null */
json_t *akma_json_text(const char *text); /* NULL: null */
char *akma_dup_time(int64_t time);        /* for a person; 0: "-" */
char *akma_dup_duration(int64_t seconds); /* "30d"; 0: "-" */

/* A table for a person: cells are taken row by row, columns as wide as their widest cell. */
typedef struct _AkmaTable AkmaTable;
AkmaTable *akma_table_new(const char *first, ...) G_GNUC_NULL_TERMINATED;
void akma_table_add(AkmaTable *self, ...); /* one const char * a column; NULL: "-" */
void akma_table_print(AkmaTable *self);    /* on stdout; @self is freed */

G_END_DECLS
