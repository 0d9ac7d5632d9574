/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * cli: what each verb of akmactl is given. A verb is one file with one function and one row in
 * verbs.c.
 */
#pragma once

#include <gio/gio.h>
#include <stdbool.h>
#include <sys/types.h>

G_BEGIN_DECLS

typedef struct {
    gboolean json;
    char *bus;    /* "system", "session" or an address; NULL: system */
    char *format; /* these eight as written; NULL: not given */
    char *kid;
    char *output;
    char *wait;
    char *timeout;
    char *keyring;
    char *type;
    char *config;
    char **words;               /* after the verb */
    const char *const *command; /* after "--"; NULL: none */

    char **environment; /* as akmactl was started with: for the command */
    mode_t umask;
    int status;       /* of the command; becomes that of akmactl */
    const char *hint; /* what to do next, where the error's own does not help; NULL: it does */

    unsigned bus_wait_s;         /* for the bus to take us; 0: as long as GDBus waits for answers */
    GDBusConnection *connection; /* after akma_cli_connect() */
} AkmaCli;

/* Which of the options a verb takes, beside --bus and --json. */
typedef enum {
    AKMA_CLI_FORMAT = 1 << 0,
    AKMA_CLI_KID = 1 << 1,
    AKMA_CLI_OUTPUT = 1 << 2,
    AKMA_CLI_WAIT = 1 << 3,
    AKMA_CLI_TIMEOUT = 1 << 4,
    AKMA_CLI_KEYRING = 1 << 5,
    AKMA_CLI_TYPE = 1 << 6,
    AKMA_CLI_CONFIG = 1 << 7,
    AKMA_CLI_COMMAND = 1 << 8, /* words after "--" */
} AkmaCliOptions;

typedef struct {
    const char *name;
    const char *arguments; /* for --help: "get APP" */
    const char *summary;
    unsigned options; /* AkmaCliOptions */
    unsigned min_words;
    unsigned max_words;
    bool (*run)(AkmaCli *cli, GError **error);
} AkmaVerb;

/* NULL after the last. Borrowed for ever. */
const AkmaVerb *akma_verb_get(unsigned index);

/* One for each row. Errors: AKMA_ERROR of any code. */
bool akma_verb_doctor(AkmaCli *cli, GError **error);
bool akma_verb_enroll(AkmaCli *cli, GError **error);
bool akma_verb_exec(AkmaCli *cli, GError **error);
bool akma_verb_get_key(AkmaCli *cli, GError **error);
bool akma_verb_list(AkmaCli *cli, GError **error);
bool akma_verb_modem(AkmaCli *cli, GError **error);
bool akma_verb_renew(AkmaCli *cli, GError **error);
bool akma_verb_status(AkmaCli *cli, GError **error);
bool akma_verb_wait(AkmaCli *cli, GError **error);
bool akma_verb_watch(AkmaCli *cli, GError **error);

/* "30" (seconds), "30s", "5m"... as a moment of g_get_monotonic_time(). NULL @text: never. */
bool akma_cli_parse_deadline(const char *option,
                             const char *text,
                             gint64 *ret_deadline,
                             GError **error);

G_END_DECLS
