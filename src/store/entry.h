/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* entry: what the store keeps for one application, and the table of all of them. Private. */
#pragma once

#include "store/store.h"

G_BEGIN_DECLS

typedef struct {
    char *server;
    char *application;
    bool revoked;           /* the server took the key away; @current is NULL then */
    AkmaStoredKey *current; /* NULL: none */
    AkmaStoredKey *previous;
    int64_t previous_until; /* end of its grace time */
} AkmaStoreEntry;

AkmaStoreEntry *akma_store_entry_new(const char *server, const char *application);
AkmaStoreEntry *akma_store_entry_copy(const AkmaStoreEntry *self); /* shares the secrets */
void akma_store_entry_free(AkmaStoreEntry *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaStoreEntry, akma_store_entry_free)

/* Of AkmaStoreEntry, owned, in the order of arrival. */
GPtrArray *akma_store_entries_new(void);
GPtrArray *akma_store_entries_copy(const GPtrArray *entries);
/* Borrowed; NULL: none. */
AkmaStoreEntry *akma_store_entries_find(const GPtrArray *entries,
                                        const char *server,
                                        const char *application);
bool akma_store_entries_has_server(const GPtrArray *entries, const char *server);

G_END_DECLS
