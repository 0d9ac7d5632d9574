/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* credential-name: what systemd says in the address that it connects from for LoadCredential=. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

G_BEGIN_DECLS

/*
 * @address: of an abstract socket, @len bytes after its leading NUL:
 * HEX/unit/UNIT/CREDENTIAL. @ret_application: the credential without one suffix ".key". It is a
 * claim: anybody can bind such an address. Both results are g_free()d by the caller.
 */
bool akma_credential_name_parse(const char *address,
                                size_t len,
                                char **ret_unit,
                                char **ret_application);

G_END_DECLS
