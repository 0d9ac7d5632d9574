/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* check: everything that can be found wrong before a terminal does. Reads secrets; opens no port.
 */
#pragma once

#include "keyserver/config.h"

G_BEGIN_DECLS

/*
 * Certificate and key fit each other, bear [server] name and are valid now; the store opens with
 * its key; the files of the anchors can be used. Errors: AKMA_ERROR_CONFIG_INVALID with file,
 * group and key; AKMA_ERROR_STORE_FAILED.
 */
bool akma_check_config(const AkmaServerConfig *config, GError **error);

/* As a process of its own that prints what is wrong and ends with the status: never returns. */
_Noreturn void akma_check_exit(const char *config_file);

G_END_DECLS
