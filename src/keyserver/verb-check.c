/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* verb-check: says what is wrong, and where, before the server runs. */
#include "keyserver/verb.h"

#include <stdio.h>

#include "keyserver/check.h"

int
akma_verb_check(AkmaVerb *verb, int argc, char **argv)
{
    g_autoptr(GError) error = NULL;

    if (!akma_verb_parse(verb,
                         &argc,
                         &argv,
                         NULL,
                         "check",
                         "Check the configuration: every file, group and key; that the certificate "
                         "fits its key,\nbears [server] name and is valid now; that the store "
                         "opens with its key. Opens no port and\nasks no anchor.",
                         0,
                         0,
                         &error) ||
        !akma_verb_load(verb, &error) ||
        !akma_secret_heap_init(AKMA_SECRET_HEAP_SIZE, NULL, &error) ||
        !akma_check_config(verb->config, &error))
        return akma_verb_fail(verb, error);

    if (verb->config->anchors->len == 0)
        fprintf(stderr, "akma-keyserver: no [anchor] is configured: no terminal can be served\n");
    if (verb->json)
        akma_verb_print_json(json_pack("{s:b,s:s}", "ok", 1, "config", verb->config_file));
    else
        printf("%s: all is well\n", verb->config_file);

    return 0;
}
