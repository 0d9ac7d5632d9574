/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* admin-client: asks the admin listener of a running server how it is. */
#pragma once

#include <jansson.h>

/*
 * GET /healthz at @address, as [admin] listen has it. Blocks for 3 s at most, and as long as the
 * system needs to resolve a name in it. Returns: (transfer full): the answer; NULL: nobody is
 * there, or something else.
 */
json_t *akma_admin_ask_health(const char *address);
