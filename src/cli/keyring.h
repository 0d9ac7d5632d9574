/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* keyring: a key for users in the kernel, in a keyring of whoever runs akmactl. */
#pragma once

#include "base/secret.h"
#include "cli/cli.h"

G_BEGIN_DECLS

typedef struct {
    int keyring;      /* KEY_SPEC_... */
    const char *type; /* "user" or "logon" */
} AkmaKeyring;

/* @keyring: "@u" or "@s"; @type NULL: "user". Errors: AKMA_ERROR_INVALID_ARGUMENT. */
bool akma_keyring_parse(const char *keyring,
                        const char *type,
                        AkmaKeyring *ret_keyring,
                        GError **error);

/*
 * Adds "akmad:@application" with @text as its payload, or gives the one that is there the new
 * payload. Errors: AKMA_ERROR_STORE_FAILED (no room in it, or not allowed here).
 */
bool akma_keyring_put(const AkmaKeyring *self,
                      const char *application,
                      const AkmaSecret *text,
                      GError **error);

G_END_DECLS
