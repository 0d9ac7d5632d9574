/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * plain: the bytes inside the sealed file. Private to the store.
 *
 *   count:u16 time* count:u16 entry*
 *   time  = server:text now:i64, each server once
 *   entry = server:text application:text flags:u8 [key] [previous_until:i64 key]
 *   key   = kid:text kty:text alg:text use:text identity:text iat:i64 exp:i64 len:u32 bytes
 *   text  = len:u16 UTF-8 without NUL; length 0 where a text is not given
 *
 * Numbers are big endian. In the version before, one last_time:i64, of all servers, stood in place
 * of the times: it is taken as that of each server of an entry, until that server tells its own.
 */
#pragma once

#include "base/bytes.h"
#include "store/entry.h"
#include "store/times.h"

G_BEGIN_DECLS

#define AKMA_PLAIN_VERSION        3
#define AKMA_PLAIN_VERSION_BEFORE 2 /* is read, never written */

/* Bytes that hold keys: in the secure heap, wiped on every return with g_auto(). */
typedef struct {
    uint8_t *bytes;
    size_t len;
    uint8_t version;
} AkmaPlain;

/* Of AKMA_PLAIN_VERSION. Errors: AKMA_ERROR_STORE_FAILED: the secure heap has no room for it. */
bool akma_plain_init(AkmaPlain *ret, size_t len, GError **error);
void akma_plain_clear(AkmaPlain *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(AkmaPlain, akma_plain_clear)

/* Errors: AKMA_ERROR_STORE_FAILED: too many or too long. */
bool akma_plain_write(AkmaPlain *ret,
                      const GPtrArray *times,
                      const GPtrArray *entries,
                      GError **error);

/*
 * Strict: nothing may be missing, left over, twice or out of range.
 * @ret_times: (transfer full), not on error.
 * Returns: (transfer full): entries; NULL with AKMA_ERROR_STORE_FAILED.
 */
GPtrArray *akma_plain_read(const AkmaPlain *plain, GPtrArray **ret_times, GError **error);

G_END_DECLS
