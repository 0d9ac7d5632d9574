/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* agent: the parts of akmad, wired: store, modems, servers with their applications, and the bus. */
#pragma once

#include "agent/config.h"
#include "agent/enrol.h"
#include "dbus/connection.h"

G_BEGIN_DECLS

typedef struct _AkmaAgent AkmaAgent;

/*
 * Opens the store in @state_dir (made if it is not there) and shows everything on @bus, which
 * outlives it; modems are opened and servers asked once the main loop runs. Errors:
 * AKMA_ERROR_STORE_FAILED, AKMA_ERROR_CONFIG_INVALID.
 */
AkmaAgent *akma_agent_new(AkmaBus *bus, AkmaConfig *config, const char *state_dir, GError **error);
/* Leaves the bus, ends what runs, wipes. */
void akma_agent_free(AkmaAgent *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaAgent, akma_agent_free)

/* Keys for LoadCredential= from now on, over the listening socket @fd, which is taken. Once. */
void akma_agent_serve_credentials(AkmaAgent *self, int fd);

/* Takes over @config as far as that goes without a restart. */
void akma_agent_configure(AkmaAgent *self, AkmaConfig *config);

G_END_DECLS
