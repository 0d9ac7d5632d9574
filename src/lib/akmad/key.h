/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <glib-object.h>

G_BEGIN_DECLS

#define AKMAD_TYPE_KEY (akmad_key_get_type())

/**
 * AkmadKey:
 *
 * One version of an application's key. Its bytes are locked in RAM, left out of core dumps,
 * read-only, and overwritten when the last reference goes. It never changes, so that any thread
 * may read it.
 */
typedef struct _AkmadKey AkmadKey;

GType akmad_key_get_type(void);

/**
 * akmad_key_ref:
 * @key: a key
 *
 * Returns: (transfer full): @key
 */
AkmadKey *akmad_key_ref(AkmadKey *key);

/**
 * akmad_key_unref:
 * @key: (transfer full) (nullable): a key
 *
 * Wipes the bytes if this was the last reference.
 */
void akmad_key_unref(AkmadKey *key);

/**
 * akmad_key_wipe:
 * @key: a key
 *
 * Wipes the bytes now, whoever else has a reference: for languages that free late. After it
 * akmad_key_peek() gives %NULL; the other members stay. No other thread may be reading the bytes.
 */
void akmad_key_wipe(AkmadKey *key);

/**
 * akmad_key_peek:
 * @key: a key
 * @ret_length: (out): length in bytes, at least 1; 0 after akmad_key_wipe()
 *
 * The raw key; for a type (akmad_key_get_kty()) other than "oct" the JWK (RFC 7517) as JSON,
 * without a NUL at its end. Bindings copy it into an object that they do not wipe: where that
 * matters use akmad_key_dup_fd().
 *
 * Returns: (array length=ret_length) (element-type guint8) (transfer none) (nullable): the bytes,
 *   valid until @key is freed or wiped
 */
const guint8 *akmad_key_peek(AkmadKey *key, gsize *ret_length);

/**
 * akmad_key_dup_fd:
 * @key: a key
 * @error: return location for an error
 *
 * The bytes as a sealed memfd at offset 0, close-on-exec: for a child process, or to read them
 * into memory of one's own.
 *
 * Errors: %AKMAD_ERROR_INTERNAL (no descriptor left), %AKMAD_ERROR_INVALID_ARGUMENT (after
 * akmad_key_wipe()).
 *
 * Returns: a descriptor that the caller closes; -1 with @error set
 */
gint akmad_key_dup_fd(AkmadKey *key, GError **error);

/**
 * akmad_key_get_kid:
 * @key: a key
 *
 * Returns: (transfer none): name of this version, "mqtt:3"
 */
const gchar *akmad_key_get_kid(AkmadKey *key);

/**
 * akmad_key_get_kty:
 * @key: a key
 *
 * Returns: (transfer none): type of the key as in a JWK: "oct", "EC", ...
 */
const gchar *akmad_key_get_kty(AkmadKey *key);

/**
 * akmad_key_get_alg:
 * @key: a key
 *
 * Returns: (transfer none) (nullable): what it is for, "A256GCM"; %NULL if the server did not say
 */
const gchar *akmad_key_get_alg(AkmadKey *key);

/**
 * akmad_key_get_use:
 * @key: a key
 *
 * Returns: (transfer none) (nullable): "sig" or "enc"; %NULL if the server did not say
 */
const gchar *akmad_key_get_use(AkmadKey *key);

/**
 * akmad_key_get_identity:
 * @key: a key
 *
 * Returns: (transfer none) (nullable): the name to give to the peer beside the key, as the
 *   identity of TLS-PSK; one for each version, without a colon. %NULL if the server did not say
 */
const gchar *akmad_key_get_identity(AkmadKey *key);

/**
 * akmad_key_get_not_before:
 * @key: a key
 *
 * Returns: when it was made, in seconds since 1970-01-01 UTC
 */
gint64 akmad_key_get_not_before(AkmadKey *key);

/**
 * akmad_key_get_not_after:
 * @key: a key
 *
 * Returns: end of its validity, in seconds since 1970-01-01 UTC; 0: none
 */
gint64 akmad_key_get_not_after(AkmadKey *key);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmadKey, akmad_key_unref)

G_END_DECLS
