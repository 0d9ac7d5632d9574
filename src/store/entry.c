/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "store/entry.h"

AkmaStoredKey *
akma_stored_key_new(void)
{
    return g_new0(AkmaStoredKey, 1);
}

AkmaStoredKey *
akma_stored_key_copy(const AkmaStoredKey *self)
{
    AkmaStoredKey *copy;

    if (!self)
        return NULL;

    copy = akma_stored_key_new();
    copy->kid = g_strdup(self->kid);
    copy->kty = g_strdup(self->kty);
    copy->alg = g_strdup(self->alg);
    copy->use = g_strdup(self->use);
    copy->identity = g_strdup(self->identity);
    copy->iat = self->iat;
    copy->exp = self->exp;
    copy->secret = self->secret ? akma_secret_ref(self->secret) : NULL;

    return copy;
}

void
akma_stored_key_free(AkmaStoredKey *self)
{
    if (!self)
        return;

    g_free(self->kid);
    g_free(self->kty);
    g_free(self->alg);
    g_free(self->use);
    g_free(self->identity);
    akma_secret_unref(self->secret);
    g_free(self);
}

AkmaStoreEntry *
akma_store_entry_new(const char *server, const char *application)
{
    AkmaStoreEntry *self = g_new0(AkmaStoreEntry, 1);

    self->server = g_strdup(server);
    self->application = g_strdup(application);

    return self;
}

AkmaStoreEntry *
akma_store_entry_copy(const AkmaStoreEntry *self)
{
    AkmaStoreEntry *copy = akma_store_entry_new(self->server, self->application);

    copy->revoked = self->revoked;
    copy->current = akma_stored_key_copy(self->current);
    copy->previous = akma_stored_key_copy(self->previous);
    copy->previous_until = self->previous_until;

    return copy;
}

void
akma_store_entry_free(AkmaStoreEntry *self)
{
    if (!self)
        return;

    g_free(self->server);
    g_free(self->application);
    akma_stored_key_free(self->current);
    akma_stored_key_free(self->previous);
    g_free(self);
}

GPtrArray *
akma_store_entries_new(void)
{
    return g_ptr_array_new_with_free_func((GDestroyNotify)akma_store_entry_free);
}

GPtrArray *
akma_store_entries_copy(const GPtrArray *entries)
{
    GPtrArray *copy = akma_store_entries_new();

    for (guint i = 0; i < entries->len; i++)
        g_ptr_array_add(copy, akma_store_entry_copy(entries->pdata[i]));

    return copy;
}

AkmaStoreEntry *
akma_store_entries_find(const GPtrArray *entries, const char *server, const char *application)
{
    for (guint i = 0; i < entries->len; i++) {
        AkmaStoreEntry *entry = entries->pdata[i];

        if (g_str_equal(entry->server, server) && g_str_equal(entry->application, application))
            return entry;
    }

    return NULL;
}

bool
akma_store_entries_has_server(const GPtrArray *entries, const char *server)
{
    for (guint i = 0; i < entries->len; i++) {
        const AkmaStoreEntry *entry = entries->pdata[i];

        if (g_str_equal(entry->server, server))
            return true;
    }

    return false;
}
