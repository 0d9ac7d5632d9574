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

/* For a person: the file, or host, database and user. Free with g_free(). */
char *akma_place_describe(const AkmaServerConfig *config);

G_END_DECLS
