/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* keys: the two secrets of the gateway itself, made at the first start. */
#pragma once

#include "agent/config.h"

G_BEGIN_DECLS

#define AKMA_GATEWAY_KEY_LEN 32

/* The key of the sealed file where nothing better is there. */
#define AKMA_KEYS_SEALING "sealing.key"

/* Errors of both: AKMA_ERROR_CONFIG_INVALID (mode, length), AKMA_ERROR_STORE_FAILED. */
AkmaSecret *akma_keys_new_random(GError **error);
/* @folder/@name, made (random, mode 0600) if it is not there. */
AkmaSecret *akma_keys_load_or_make(const char *folder, const char *name, GError **error);

/* The key behind SimId: <state>/sim-id.key, made likewise. */
AkmaSecret *akma_keys_load_sim_id(const char *state_dir, GError **error);

/* Could the key that a file holds be loaded, if one is meant? Nothing is made; a credential that is
 * not there now counts as good, and the TPM is left alone. */
bool akma_keys_check_sealing(const AkmaConfig *config, const char *state_dir, GError **error);

G_END_DECLS
