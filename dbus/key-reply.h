/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * key-reply: how a key leaves the agent: a sealed memfd and what is known about it.
 *
 * Each call has a memfd of its own: who shared one would share its offset too.
 */
#pragma once

#include <systemd/sd-bus.h>

#include "store/store.h"

G_BEGIN_DECLS

/*
 * A memfd with the key at offset 0 that nobody can change any more.
 * Returns: the descriptor; -1 with AKMA_ERROR_INTERNAL.
 */
int akma_key_reply_new_memfd(const AkmaStoredKey *key, GError **error);

/* Appends a{sv}. Returns: -errno. */
int akma_key_reply_append_attributes(sd_bus_message *reply, const AkmaStoredKey *key);

/* Answers @call. Errors: AKMA_ERROR_INTERNAL; @call is not answered then. */
bool akma_key_reply_send(sd_bus_message *call, const AkmaStoredKey *key, GError **error);

G_END_DECLS
