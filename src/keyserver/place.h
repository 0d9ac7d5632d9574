/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* place: the store that a configuration names, opened with the secrets that it names. */
#pragma once

#include "keyserver/config.h"
#include "keyserver/store.h"

G_BEGIN_DECLS

/* Errors: those of akma_ks_create(), AKMA_ERROR_CONFIG_INVALID (a secret cannot be read). */
bool akma_place_create(const AkmaServerConfig *config, AkmaIdentityKind identity, GError **error);

/* @serves: for a server, else for a verb. Errors: those of akma_ks_open(), CONFIG_INVALID. */
AkmaKsStore *akma_place_open(const AkmaServerConfig *config, bool serves, GError **error);

/* Copies @store, alone, to where @to says, under its store key; as akma_ks_copy(). */
bool akma_place_migrate(AkmaKsStore *store,
                        const AkmaServerConfig *to,
                        AkmaKsCopied *ret_copied,
                        GError **error);

/* Copies @store to an SQLite file, under the key of @config; others go on. As akma_ks_copy(). */
bool akma_place_back_up(AkmaKsStore *store,
                        const AkmaServerConfig *config,
                        const char *path,
                        AkmaKsCopied *ret_copied,
                        GError **error);

/* For a person: the file, or host, database and user. Free with g_free(). */
char *akma_place_describe(const AkmaServerConfig *config);

G_END_DECLS
