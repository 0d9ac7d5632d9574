/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* verb-serve: the daemon. */
#include "keyserver/verb.h"

#include "base/error.h"
#include "base/log.h"
#include "keyserver/supervisor.h"

int
akma_verb_serve(AkmaVerb *verb, int argc, char **argv)
{
    g_autofree char *ready = NULL;
    g_autofree char *level = NULL;
    const GOptionEntry entries[] = {
        {"ready",
         0,
         0,
         G_OPTION_ARG_FILENAME,
         &ready,
         "Write pid= and listen= to FILE once terminals are served",
         "FILE"},
        {"log-level",
         0,
         0,
         G_OPTION_ARG_STRING,
         &level,
         "error, warning, info (default) or debug",
         "LEVEL"},
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr(GError) error = NULL;
    AkmaSupervisorStart start;

    if (!akma_verb_parse(
            verb,
            &argc,
            &argv,
            entries,
            "serve",
            "Serve terminals, in the foreground, until SIGTERM or SIGINT. SIGHUP reads "
            "the\nconfiguration again: certificate, anchors, rates and audit file; a "
            "bad one is\nreported and the old one kept.",
            0,
            0,
            &error))
        return akma_verb_fail(verb, error);
    if (!akma_log_init(level))
        g_set_error(&error,
                    AKMA_ERROR,
                    AKMA_ERROR_INVALID_ARGUMENT,
                    "serve: there is no log level \"%s\"",
                    level);
    if (error || !akma_verb_load(verb, &error))
        return akma_verb_fail(verb, error);

    start = (AkmaSupervisorStart){
        .config_file = verb->config_file, .ready_file = ready, .json = verb->json};

    return akma_supervisor_run(&start, g_steal_pointer(&verb->config));
}
