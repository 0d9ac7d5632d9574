/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* file: whole files, written so that a power cut leaves the old one or the new one. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/secret.h"

G_BEGIN_DECLS

/*
 * Writes @len bytes to @path: temporary file in the same folder, fsync, rename, fsync of the
 * folder. @mode: permissions of the new file, whatever the umask.
 * Errors: AKMA_ERROR_STORE_FAILED, with the path and the cause in the message.
 */
bool akma_file_replace(
    const char *path, const void *bytes, size_t len, unsigned mode, GError **error);

/*
 * Removes the secret at @path and overwrites it first (once: where flash writes elsewhere, only the
 * name is gone). A symbolic link is removed, what it names is not touched.
 * Returns: whether @path is gone; errno tells why not.
 */
bool akma_file_shred(const char *path);

/* The names in the folder of @path, as they are now, outlive a power cut. */
bool akma_file_sync_folder(const char *path);

/*
 * Reads a secret of @min to @max bytes from @path, which must be a regular file that no one but
 * its owner and group may read. @text: one final newline is dropped.
 * Returns: (transfer full). Errors: AKMA_ERROR_CONFIG_INVALID.
 */
AkmaSecret *akma_file_read_secret(
    const char *path, size_t min, size_t max, bool text, GError **error);

/*
 * For a secret that a library reads itself: is @path a regular file that others may not read?
 * Errors: AKMA_ERROR_CONFIG_INVALID.
 */
bool akma_file_check_secret(const char *path, GError **error);

G_END_DECLS
