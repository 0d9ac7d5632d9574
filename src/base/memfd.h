/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* memfd: the sealed memfd that a key travels in. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

G_BEGIN_DECLS

/*
 * A memfd with the bytes, sealed against every change, at offset 0, close on exec.
 * Returns: the descriptor, which is the caller's; negative: error is set.
 * Errors: AKMA_ERROR_INTERNAL.
 */
int akma_memfd_new_sealed(const void *bytes, size_t len, GError **error);

/*
 * Whether @fd, which came from outside, is such a memfd with 1 to @max bytes: nobody can change
 * or shrink it while it is read, and reading it cannot block.
 * Errors: AKMA_ERROR_INTERNAL.
 */
bool akma_memfd_check_sealed(int fd, size_t max, size_t *ret_len, GError **error);

/* Reads all @len bytes from the start; the offset stays. Errors: AKMA_ERROR_INTERNAL. */
bool akma_memfd_read(int fd, void *ret_bytes, size_t len, GError **error);

G_END_DECLS
