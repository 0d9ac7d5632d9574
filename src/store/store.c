/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "store/store.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/file.h"
#include "store/seal.h"

#define FILE_NAME "keys.sealed"
#define FILE_MAX  (256 * 1024) /* well below the secure heap */

struct _AkmaStore {
    char *path;
    AkmaSecret *sealing_key;
    uint8_t kind;
    bool on_disk; /* the file is there, under @sealing_key */
    GPtrArray *entries;
    GPtrArray *times;
};

static void
times_are_sealed(const GPtrArray *times)
{
    for (guint i = 0; i < times->len; i++) {
        AkmaStoreTime *time = times->pdata[i];

        time->sealed = time->now;
    }
}

/* Seals @entries to disk; only then they are what the store holds. Takes them. */
static bool
commit(AkmaStore *self, GPtrArray *taken, GError **error)
{
    g_autoptr(GPtrArray) entries = taken;
    g_auto(AkmaPlain) plain = {0};
    g_autoptr(GBytes) sealed = NULL;
    const void *bytes;
    size_t len;

    if (!akma_plain_write(&plain, self->times, entries, error))
        return false;
    sealed = akma_seal(self->sealing_key, self->kind, &plain, error);
    if (!sealed)
        return false;

    bytes = g_bytes_get_data(sealed, &len);
    if (len > FILE_MAX) {
        g_set_error(error, AKMA_ERROR, AKMA_ERROR_STORE_FAILED, "%s: too many keys", self->path);
        return false;
    }
    if (!akma_file_replace(self->path, bytes, len, 0600, error))
        return false;

    g_ptr_array_unref(self->entries);
    self->entries = g_steal_pointer(&entries);
    self->on_disk = true;
    times_are_sealed(self->times);

    return true;
}

static GPtrArray *
open_sealed(
    const AkmaStore *self, const uint8_t *file, size_t len, GPtrArray **ret_times, GError **error)
{
    g_auto(AkmaPlain) plain = {0};

    if (len > FILE_MAX) {
        g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_STORE_FAILED, "too large");
        return NULL;
    }
    if (!akma_unseal(self->sealing_key, file, len, &plain, error))
        return NULL;

    return akma_plain_read(&plain, ret_times, error);
}

/* The file cannot be trusted: kept for a person to look at, and never read again. */
static bool
set_aside(AkmaStore *self, const GError *why, GError **error)
{
    g_autofree char *bad = g_strconcat(self->path, ".bad", NULL);

    if (rename(self->path, bad) != 0) {
        g_set_error(error,
                    AKMA_ERROR,
                    AKMA_ERROR_STORE_FAILED,
                    "cannot rename %s: %s",
                    self->path,
                    g_strerror(errno));
        return false;
    }
    g_debug("%s: %s; kept as %s", self->path, why->message, bad);

    return true;
}

/* 1: read, 0: there is none, -1: error. */
static int
read_file(const char *path, uint8_t **ret, size_t *ret_len, GError **error)
{
    g_autoptr(GError) local = NULL;
    struct stat st;
    char *bytes;

    if (stat(path, &st) != 0 && errno == ENOENT)
        return 0;
    if (!g_file_get_contents(path, &bytes, ret_len, &local)) {
        g_set_error(error, AKMA_ERROR, AKMA_ERROR_STORE_FAILED, "%s", local->message);
        return -1;
    }
    *ret = (uint8_t *)bytes;

    return 1;
}

/* A server that was taken out of the configuration is not remembered for ever. */
static void
drop_times_without_entry(AkmaStore *self)
{
    for (guint i = self->times->len; i > 0; i--) {
        const AkmaStoreTime *time = self->times->pdata[i - 1];

        if (!akma_store_entries_has_server(self->entries, time->server))
            g_ptr_array_remove_index(self->times, i - 1);
    }
}

static void
take_over(AkmaStore *self, GPtrArray *entries, GPtrArray *times)
{
    g_ptr_array_unref(self->entries);
    g_ptr_array_unref(self->times);
    self->entries = entries;
    self->times = times;
    self->on_disk = true;
    times_are_sealed(times);
    drop_times_without_entry(self);
}

static bool
load(AkmaStore *self, bool *ret_damaged, GError **error)
{
    g_autofree uint8_t *file = NULL;
    g_autoptr(GError) why = NULL;
    GPtrArray *entries;
    GPtrArray *times = NULL;
    size_t len = 0;
    int found = read_file(self->path, &file, &len, error);

    if (found <= 0)
        return found == 0;

    entries = open_sealed(self, file, len, &times, &why);
    if (entries) {
        take_over(self, entries, times);
        self->kind = akma_seal_get_kind(file, len);
        return true;
    }
    if (!set_aside(self, why, error))
        return false;
    if (ret_damaged)
        *ret_damaged = true;

    return true;
}

AkmaStore *
akma_store_open(const char *folder, AkmaSecret *sealing_key, bool *ret_damaged, GError **error)
{
    g_autoptr(AkmaStore) self = g_new0(AkmaStore, 1);

    self->path = g_build_filename(folder, FILE_NAME, NULL);
    self->sealing_key = akma_secret_ref(sealing_key);
    self->entries = akma_store_entries_new();
    self->times = akma_store_times_new();
    if (ret_damaged)
        *ret_damaged = false;

    return load(self, ret_damaged, error) ? g_steal_pointer(&self) : NULL;
}

bool
akma_store_reseal(AkmaStore *self, AkmaSecret *sealing_key, uint8_t kind, GError **error)
{
    g_autoptr(AkmaSecret) old_key = self->sealing_key;
    uint8_t old_kind = self->kind;
    bool same = kind == old_kind && akma_secret_equal(old_key, sealing_key);

    self->sealing_key = akma_secret_ref(sealing_key);
    self->kind = kind;
    if (same || !self->on_disk || commit(self, akma_store_entries_copy(self->entries), error))
        return true;

    akma_secret_unref(self->sealing_key);
    self->sealing_key = g_steal_pointer(&old_key);
    self->kind = old_kind;

    return false;
}

uint8_t
akma_store_read_kind(const char *folder)
{
    g_autofree char *path = g_build_filename(folder, FILE_NAME, NULL);
    g_autofree uint8_t *file = NULL;
    size_t len;

    if (read_file(path, &file, &len, NULL) <= 0)
        return 0;

    return akma_seal_get_kind(file, len);
}

void
akma_store_free(AkmaStore *self)
{
    if (!self)
        return;

    g_free(self->path);
    akma_secret_unref(self->sealing_key);
    g_ptr_array_unref(self->entries);
    g_ptr_array_unref(self->times);
    g_free(self);
}

const AkmaStoredKey *
akma_store_get(const AkmaStore *self, const char *server, const char *application)
{
    const AkmaStoreEntry *entry = akma_store_entries_find(self->entries, server, application);

    return entry ? entry->current : NULL;
}

const AkmaStoredKey *
akma_store_get_previous(const AkmaStore *self,
                        const char *server,
                        const char *application,
                        int64_t *ret_until)
{
    const AkmaStoreEntry *entry = akma_store_entries_find(self->entries, server, application);

    if (!entry || !entry->previous)
        return NULL;
    *ret_until = entry->previous_until;

    return entry->previous;
}

bool
akma_store_is_revoked(const AkmaStore *self, const char *server, const char *application)
{
    const AkmaStoreEntry *entry = akma_store_entries_find(self->entries, server, application);

    return entry && entry->revoked;
}

/* What becomes the version before: the current or the one that already was it; else nothing. */
static void
shift(AkmaStoreEntry *entry, const char *previous_kid, int64_t previous_until)
{
    g_autoptr(AkmaStoredKey) current = g_steal_pointer(&entry->current);
    g_autoptr(AkmaStoredKey) previous = g_steal_pointer(&entry->previous);

    entry->previous_until = 0;
    if (!previous_kid)
        return;
    if (current && g_str_equal(current->kid, previous_kid))
        entry->previous = g_steal_pointer(&current);
    else if (previous && g_str_equal(previous->kid, previous_kid))
        entry->previous = g_steal_pointer(&previous);
    if (entry->previous)
        entry->previous_until = previous_until;
}

bool
akma_store_put(AkmaStore *self,
               const char *server,
               const char *application,
               const AkmaStoredKey *key,
               const char *previous_kid,
               int64_t previous_until,
               GError **error)
{
    GPtrArray *entries = akma_store_entries_copy(self->entries);
    AkmaStoreEntry *entry = akma_store_entries_find(entries, server, application);

    if (!entry) {
        entry = akma_store_entry_new(server, application);
        g_ptr_array_add(entries, entry);
    }
    shift(entry, previous_kid, previous_until);
    entry->current = akma_stored_key_copy(key);
    entry->revoked = false;

    return commit(self, entries, error);
}

bool
akma_store_remove(
    AkmaStore *self, const char *server, const char *application, bool revoked, GError **error)
{
    GPtrArray *entries = akma_store_entries_copy(self->entries);
    AkmaStoreEntry *entry = akma_store_entries_find(entries, server, application);

    if (entry)
        g_ptr_array_remove(entries, entry);
    if (revoked) {
        entry = akma_store_entry_new(server, application);
        entry->revoked = true;
        g_ptr_array_add(entries, entry);
    }

    return commit(self, entries, error);
}

/* True if something was wiped. */
static bool
expire_entry(AkmaStoreEntry *entry, int64_t now)
{
    bool all = entry->current && entry->current->exp != 0 && entry->current->exp <= now;
    bool before = entry->previous && (all || entry->previous_until <= now ||
                                      (entry->previous->exp != 0 && entry->previous->exp <= now));

    if (all)
        g_clear_pointer(&entry->current, akma_stored_key_free);
    if (before) {
        g_clear_pointer(&entry->previous, akma_stored_key_free);
        entry->previous_until = 0;
    }

    return all || before;
}

bool
akma_store_expire(AkmaStore *self, const char *server, int64_t now, GError **error)
{
    GPtrArray *entries = akma_store_entries_copy(self->entries);
    bool changed = false;

    for (guint i = 0; i < entries->len; i++) {
        AkmaStoreEntry *entry = entries->pdata[i];

        if (g_str_equal(entry->server, server))
            changed = expire_entry(entry, now) || changed;
    }
    if (!changed) {
        g_ptr_array_unref(entries);
        return true;
    }

    return commit(self, entries, error);
}

int64_t
akma_store_get_time(const AkmaStore *self, const char *server)
{
    const AkmaStoreTime *time = akma_store_times_find(self->times, server);

    return time ? time->now : 0;
}

bool
akma_store_note_time(AkmaStore *self, const char *server, int64_t now, GError **error)
{
    const AkmaStoreTime *time = akma_store_times_set(self->times, server, now);

    return time->sealed <= now || commit(self, akma_store_entries_copy(self->entries), error);
}
