/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * text: hex and base64 of bytes, strict and into the caller's buffer, so that a key
 * never passes through an allocator on its way to text or back.
 *
 * Decoders refuse what an encoder would not have made: other characters, odd lengths,
 * white space, padding (or its absence), and spare bits that are not zero.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

G_BEGIN_DECLS

/* Characters without the final NUL. */
#define AKMA_HEX_LEN(n)       ((size_t)2 * (n))
#define AKMA_BASE64URL_LEN(n) (((size_t)4 * (n) + 2) / 3)
#define AKMA_BASE64_LEN(n)    ((size_t)4 * (((n) + 2) / 3))

/* Lower case; @ret has room for AKMA_HEX_LEN(len) + 1 and gets a final NUL. */
void akma_hex_encode(const void *bytes, size_t len, char *ret);
/* Either case; @text has @text_len characters, @ret exactly @len bytes; false: not that. */
bool akma_hex_decode(const char *text, size_t text_len, void *ret, size_t len);

/* RFC 4648 5, without padding; @ret has room for AKMA_BASE64URL_LEN(len) + 1. */
void akma_base64url_encode(const void *bytes, size_t len, char *ret);
/* @size: the room at @ret. */
bool akma_base64url_decode(
    const char *text, size_t text_len, void *ret, size_t size, size_t *ret_len);

/* RFC 4648 4, with padding; @ret has room for AKMA_BASE64_LEN(len) + 1. */
void akma_base64_encode(const void *bytes, size_t len, char *ret);
bool akma_base64_decode(const char *text, size_t text_len, void *ret, size_t size, size_t *ret_len);

G_END_DECLS
