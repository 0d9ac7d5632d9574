/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * json: JSON as the key-delivery protocol wants it: one reading, or none.
 *
 * Refused are duplicate members, bytes after the value other than white space, reals,
 * invalid UTF-8, \u0000, more than eight levels, and whatever is too long. jansson keeps what
 * it parses in its own allocator, which wipes (base/wiping.h).
 */
#pragma once

#include <jansson.h>

#include "base/secret.h"
#include "proto/cause.h"

G_BEGIN_DECLS

#define AKMA_JSON_DEPTH_MAX 8
#define AKMA_JSON_TIME_MAX  INT64_C(253402300799) /* the last second of the year 9999 */

/* One object. Returns: (transfer full): json_decref(); NULL: too_large or malformed. */
json_t *akma_json_load(const void *bytes, size_t len, size_t max, AkmaRefusal *ret_refusal);

/*
 * Members of @object. Each returns false if the member is absent, of another type or outside
 * its bounds; strings are borrowed from @object.
 */
bool akma_json_get_text(
    const json_t *object, const char *name, size_t min, size_t max, const char **ret);
/* base64url of exactly @len bytes */
bool akma_json_get_bytes(const json_t *object, const char *name, uint8_t *ret, size_t len);
bool akma_json_get_int(
    const json_t *object, const char *name, int64_t min, int64_t max, int64_t *ret);
/* An array of second identifiers, no one twice. @ret: g_strfreev(). */
bool akma_json_get_key_ids(
    const json_t *object, const char *name, size_t min, size_t max, GStrv *ret);

/* A JSON array of strings. NULL if there is no memory. */
json_t *akma_json_from_strv(const char *const *strv);

/* Printable ASCII without space: 0x21 to 0x7E. */
bool akma_text_is_graphic(const char *text);

/*
 * Compact, in the order in which members were added. akma_json_dump() is for what may be seen,
 * though its memory is wiped too; NULL: no memory. akma_json_dump_secret() sets
 * AKMA_ERROR_INTERNAL. Returns: (transfer full).
 */
GBytes *akma_json_dump(const json_t *root);
AkmaSecret *akma_json_dump_secret(const json_t *root, GError **error);

G_END_DECLS
