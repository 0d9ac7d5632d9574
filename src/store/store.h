/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * store: the application keys of the gateway, in RAM and in one sealed file.
 *
 * For each application: the current version and the version before with the end of its grace
 * time, or the fact that it was revoked. A change is on disk before the call returns. The file
 * is AES-256-GCM with a fresh random IV at each write and AAD (format version, kind); a torn or
 * tampered file is reported, kept aside as <file>.bad and never trusted. Names of servers and
 * applications stand inside the sealed part: nobody can tell them, swap or drop an entry.
 */
#pragma once

#include "base/secret.h"

G_BEGIN_DECLS

/* One version of a key as the gateway keeps it. Times: Unix seconds of the server; 0 = none. */
typedef struct {
    char *kid;
    char *kty;
    char *alg; /* NULL: not given; also @use and @identity */
    char *use;
    char *identity;
    int64_t iat;
    int64_t exp;
    AkmaSecret *secret; /* "oct": the raw key; else the JWK as JSON */
} AkmaStoredKey;

AkmaStoredKey *akma_stored_key_new(void);
AkmaStoredKey *akma_stored_key_copy(const AkmaStoredKey *self); /* shares the secret */
void akma_stored_key_free(AkmaStoredKey *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaStoredKey, akma_stored_key_free)

typedef struct _AkmaStore AkmaStore;

/*
 * Opens or makes @folder/keys.sealed. @sealing_key: 32 bytes; a reference is taken.
 * @ret_damaged (may be NULL): a file was there that could not be trusted; it is now <file>.bad.
 * Errors: AKMA_ERROR_STORE_FAILED (cannot read or write).
 */
AkmaStore *akma_store_open(const char *folder,
                           AkmaSecret *sealing_key,
                           bool *ret_damaged,
                           GError **error);
void akma_store_free(AkmaStore *self); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaStore, akma_store_free)

/*
 * From now on @sealing_key (32 bytes; a reference is taken) seals the file, and its header says
 * @kind (1..255: where that key comes from). A file that is there is written again if either is
 * another one than before. Errors: AKMA_ERROR_STORE_FAILED: the old key stays.
 */
bool akma_store_reseal(AkmaStore *self, AkmaSecret *sealing_key, uint8_t kind, GError **error);

/* What the header of @folder/keys.sealed says; 0: there is no such file, or it is none of ours. */
uint8_t akma_store_read_kind(const char *folder);

/* Borrowed until the next change; NULL: none. @server is part of the name. */
const AkmaStoredKey *akma_store_get(const AkmaStore *self,
                                    const char *server,
                                    const char *application);
/* The version before, with @ret_until: the end of its grace time. */
const AkmaStoredKey *akma_store_get_previous(const AkmaStore *self,
                                             const char *server,
                                             const char *application,
                                             int64_t *ret_until);
bool akma_store_is_revoked(const AkmaStore *self, const char *server, const char *application);

/*
 * @key (copied) is the current version from now on. What was current becomes the version before
 * if its kid is @previous_kid, until @previous_until; else it is wiped. Sealed before it returns.
 * Errors: AKMA_ERROR_STORE_FAILED: nothing has changed then, neither in RAM nor on disk.
 */
bool akma_store_put(AkmaStore *self,
                    const char *server,
                    const char *application,
                    const AkmaStoredKey *key,
                    const char *previous_kid,
                    int64_t previous_until,
                    GError **error);

/* Wipes both versions; @revoked is remembered. */
bool akma_store_remove(
    AkmaStore *self, const char *server, const char *application, bool revoked, GError **error);

/*
 * Wipes what @server gave and is past its end at @now (Unix seconds of that server), versions
 * before included. What another server gave is not touched: its clock may be another one.
 */
bool akma_store_expire(AkmaStore *self, const char *server, int64_t now, GError **error);

/*
 * What time @server told last, Unix seconds; 0: none. A clock that shows less is wrong, where the
 * keys of this server are meant; of those of another it says nothing: its clock may be another one.
 */
int64_t akma_store_get_time(const AkmaStore *self, const char *server);

/*
 * @server told the time, in an answer that proved to be its own. Also an earlier one than before
 * counts: a server whose clock was wrong for once is believed again. It goes to disk with the next
 * change; at once, if the file says a later time than @now.
 * Errors: AKMA_ERROR_STORE_FAILED: it counts, but the file says the later time still.
 */
bool akma_store_note_time(AkmaStore *self, const char *server, int64_t now, GError **error);

G_END_DECLS
