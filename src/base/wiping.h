/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * wiping: an allocator that overwrites every block before it gives it back.
 *
 * Libraries that carry keys through their own buffers (OpenSSL, jansson, libcurl, nghttp2)
 * are given these functions, so that a parsed message leaves nothing in the heap.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

G_BEGIN_DECLS

/* Gives them to OpenSSL and jansson. akma_program_init() calls it; false: too late for that. */
bool akma_wiping_init(void);

void *akma_wiping_malloc(size_t size);
void *akma_wiping_calloc(size_t n, size_t size);
void *akma_wiping_realloc(void *block, size_t size); /* what it leaves is wiped */
char *akma_wiping_strdup(const char *text);
void akma_wiping_free(void *block); /* NULL is fine */

/*
 * Overwrites the blocks of up to 1 KiB that a library without such functions gave back and the
 * allocator keeps for the next of their size: as many of each size are taken, wiped and given back.
 * To be called soon after; what was handed out again meanwhile, or joined to a larger block, is not
 * reached for sure.
 */
void akma_wiping_scrub_free_blocks(void);

G_END_DECLS
