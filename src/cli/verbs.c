/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "cli/cli.h"

static const AkmaVerb verbs[] = {
    {"status", "status", "The agent, its modems and applications", 0, 0, 0, akma_verb_status},
    {"list", "list", "The applications and their keys", 0, 0, 0, akma_verb_list},
    {"get",
     "get APP",
     "Writes an application's key",
     AKMA_CLI_FORMAT | AKMA_CLI_KID | AKMA_CLI_OUTPUT | AKMA_CLI_WAIT | AKMA_CLI_KEYRING |
         AKMA_CLI_TYPE,
     1,
     1,
     akma_verb_get_key},
    {"renew",
     "renew APP",
     "Asks the server for the application's key now",
     0,
     1,
     1,
     akma_verb_renew},
    {"enroll",
     "enroll APP",
     "Gets the application's key, or renews it, now",
     0,
     1,
     1,
     akma_verb_enroll},
    {"wait",
     "wait APP",
     "Ends when the application has a key",
     AKMA_CLI_TIMEOUT,
     1,
     1,
     akma_verb_wait},
    {"watch",
     "watch [APP] [-- COMMAND...]",
     "Shows each change, or runs COMMAND for each version of the key",
     AKMA_CLI_COMMAND,
     0,
     1,
     akma_verb_watch},
    {"exec",
     "exec APP -- COMMAND...",
     "Runs COMMAND with the key on descriptor 3",
     AKMA_CLI_WAIT | AKMA_CLI_COMMAND,
     1,
     1,
     akma_verb_exec},
    {"modem",
     "modem [probe] [N]",
     "The modems and their cards; probe: what they can do",
     0,
     0,
     2,
     akma_verb_modem},
};

const AkmaVerb *
akma_verb_get(unsigned index)
{
    return index < G_N_ELEMENTS(verbs) ? &verbs[index] : NULL;
}
