/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * locked: pages for the bytes of one key in a process that is not ours.
 *
 * Of their own, between two pages that nobody can touch: locked in RAM, left out of core dumps,
 * read-only once they are filled, wiped before they are given back. Not OpenSSL's secure heap,
 * which belongs to the program that loads this library.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

G_BEGIN_DECLS

typedef struct {
    uint8_t *bytes; /* NULL: nothing here */
    size_t len;
    /*< private >*/
    uint8_t *map;
    size_t map_len;
} AkmaLocked;

/*
 * Room for @len bytes, at least 1, for akma_locked_seal() to follow. Fails closed: what cannot be
 * locked is not there. Errors: AKMA_ERROR_INTERNAL.
 */
bool akma_locked_init(AkmaLocked *self, size_t len, GError **error);

/* No one writes there any more. Errors: AKMA_ERROR_INTERNAL. */
bool akma_locked_seal(AkmaLocked *self, GError **error);

/* Wipes and gives back; does nothing the second time. */
void akma_locked_clear(AkmaLocked *self);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(AkmaLocked, akma_locked_clear)

G_END_DECLS
