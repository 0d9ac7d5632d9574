/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * terminal-id: the pseudonym by which a key server knows a subscriber:
 * base64url(HMAC-SHA-256(id key, "akmad/1 terminal" || 00 || scope || 00 || operator || 00 ||
 * identity)). From here on nothing else names the terminal.
 */
#pragma once

#include "keyserver/store.h"

G_BEGIN_DECLS

#define AKMA_IDENTITY_MAX 255

/*
 * @scope: "" in the own store, the name of the provider towards another server. @identity:
 * "imsi-..." or a GPSI, see akma_identity_is_valid(). Returns: (transfer full): g_free().
 * Errors: AKMA_ERROR_INTERNAL.
 */
char *akma_terminal_id_new(const AkmaSecret *id_key,
                           const char *scope,
                           const char *
                           operator,
                           const char * identity,
                           size_t identity_len,
                           GError **error);

/* imsi-<5 to 15 digits>; msisdn-<5 to 15 digits> or extid-<name>@<domain>. */
bool akma_identity_is_valid(AkmaIdentityKind kind, const char *identity, size_t len);

G_END_DECLS
