/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* command: a program that finds a key on descriptor 3. */
#pragma once

#include "cli/key.h"

G_BEGIN_DECLS

#define AKMA_COMMAND_CANNOT_START 126
#define AKMA_COMMAND_NOT_FOUND    127

/*
 * The environment that akmactl was started with, and AKMA_APPLICATION, AKMA_KID and AKMA_EVENT.
 * Free with g_strfreev().
 */
char **akma_command_dup_environment(const AkmaCli *cli,
                                    const char *application,
                                    const AkmaCliKey *key,
                                    const char *event);

/*
 * Says that @cli's command cannot be started; @missing: there is no such file. akmactl then ends
 * with 126 or 127. Returns: false.
 */
bool akma_command_fail(AkmaCli *cli, bool missing, const char *cause, GError **error);

G_END_DECLS
