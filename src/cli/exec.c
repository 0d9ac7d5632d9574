/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* exec: akmactl becomes a program that has the key on descriptor 3. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/command.h"

char **
akma_command_dup_environment(const AkmaCli *cli,
                             const char *application,
                             const AkmaCliKey *key,
                             const char *event)
{
    char **environment = g_strdupv(cli->environment);

    environment = g_environ_setenv(environment, "AKMA_APPLICATION", application, TRUE);
    environment = g_environ_setenv(environment, "AKMA_KID", key->kid, TRUE);

    return g_environ_setenv(environment, "AKMA_EVENT", event, TRUE);
}

bool
akma_command_fail(AkmaCli *cli, bool missing, const char *cause, GError **error)
{
    cli->status = missing ? AKMA_COMMAND_NOT_FOUND : AKMA_COMMAND_CANNOT_START;
    cli->hint = missing ? "give the path of a program that is there, or install it"
                        : "see whether it is a program that this user may run: ls -l, file";
    g_set_error(error,
                AKMA_ERROR,
                AKMA_ERROR_INVALID_ARGUMENT,
                "cannot start %s: %s",
                cli->command[0],
                cause);

    return false;
}

bool
akma_verb_exec(AkmaCli *cli, GError **error)
{
    g_autoptr(AkmaCliKey) key = NULL;
    g_auto(GStrv) environment = NULL;
    gint64 deadline;
    int fd;

    if (!cli->command) {
        g_set_error(error,
                    AKMA_ERROR,
                    AKMA_ERROR_INVALID_ARGUMENT,
                    "usage: akmactl exec APP -- COMMAND...");
        return false;
    }
    if (!akma_cli_parse_deadline("--wait", cli->wait ? cli->wait : "0", &deadline, error))
        return false;
    key = akma_cli_key_fetch_by_name(cli, cli->words[0], NULL, deadline, error);
    if (!key)
        return false;
    fd = akma_cli_key_dup_memfd(key, error);
    if (fd < 0)
        return false;

    environment = akma_command_dup_environment(cli, cli->words[0], key, "state");
    umask(cli->umask);
    if (fd == 3 ? fcntl(fd, F_SETFD, 0) == 0 : dup2(fd, 3) == 3)
        execvpe(cli->command[0], (char *const *)cli->command, environment);

    return akma_command_fail(cli, errno == ENOENT, g_strerror(errno), error);
}
