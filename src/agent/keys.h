/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* keys: the two secrets of the gateway itself, made at the first start. */
#pragma once

#include "agent/config.h"

G_BEGIN_DECLS

#define AKMA_GATEWAY_KEY_LEN 32

/*
 * The key of the sealed file: [agent] sealing-key-file, else <state>/sealing.key, which is made
 * (random, mode 0600) if it is not there. @ret_sealing: "credential" or "file"; borrowed for ever.
 * Errors: AKMA_ERROR_CONFIG_INVALID, AKMA_ERROR_STORE_FAILED.
 */
AkmaSecret *akma_keys_load_sealing(const AkmaConfig *config,
                                   const char *state_dir,
                                   const char **ret_sealing,
                                   GError **error);

/* The key behind SimId: <state>/sim-id.key, made likewise. */
AkmaSecret *akma_keys_load_sim_id(const char *state_dir, GError **error);

/* Could the key above be loaded? Nothing is made; a credential that is not there now counts as
 * good. */
bool akma_keys_check_sealing(const AkmaConfig *config, const char *state_dir, GError **error);

G_END_DECLS
