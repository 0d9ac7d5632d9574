/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * secret: the only place key material lives longer than one function call.
 *
 * An AkmaSecret sits in OpenSSL's secure heap: locked in RAM, left out of core
 * dumps, wiped on the last unref. Its length is fixed at birth. It has no
 * printer, and it must never get one. Keys that live as long as one function
 * are AkmaKey128 or AkmaKey256 on the stack, wiped on every return.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

G_BEGIN_DECLS

#define AKMA_SECRET_LEN_MAX   (64 * 1024)
#define AKMA_SECRET_HEAP_MIN  ((size_t)256 * 1024)
#define AKMA_SECRET_HEAP_SIZE ((size_t)1024 * 1024) /* enough for one exchange and its messages */

typedef struct _AkmaSecret AkmaSecret;

/*
 * Makes the secure heap. Call once a process, after the last fork() and before any
 * thread or secret exists. @size: bytes, rounded up to a power of two.
 *
 * Where the limit on locked memory (RLIMIT_MEMLOCK) allows less, @ret_size says how much
 * there is (a power of two, at least AKMA_SECRET_HEAP_MIN). Fails closed: no lock, no start.
 *
 * Errors: AKMA_ERROR_INTERNAL.
 */
bool akma_secret_heap_init(size_t size, size_t *ret_size, GError **error);

/*
 * Copies @len bytes (1..AKMA_SECRET_LEN_MAX). The caller still wipes its own copy.
 * Returns: (transfer full): NULL with AKMA_ERROR_INTERNAL if the secure heap is full.
 */
AkmaSecret *akma_secret_new(const void *bytes, size_t len, GError **error);

/* As akma_secret_new() with zero bytes; fill them through @ret_bytes before anyone else has it. */
AkmaSecret *akma_secret_new_blank(size_t len, uint8_t **ret_bytes, GError **error);

AkmaSecret *akma_secret_ref(AkmaSecret *self);
void akma_secret_unref(AkmaSecret *self); /* NULL is fine */

/* Borrowed until the next unref; do not copy to the heap. */
const uint8_t *akma_secret_peek(const AkmaSecret *self, size_t *ret_len);
size_t akma_secret_get_length(const AkmaSecret *self);

/* Constant time in the content; lengths are public. */
bool akma_secret_equal(const AkmaSecret *a, const AkmaSecret *b);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaSecret, akma_secret_unref)

/* A fixed-size key on the stack: g_auto(AkmaKey128) ck = { 0 }; is wiped on every return. */
typedef struct {
    uint8_t bytes[16];
} AkmaKey128;

typedef struct {
    uint8_t bytes[32];
} AkmaKey256;

void akma_key128_clear(AkmaKey128 *key);
void akma_key256_clear(AkmaKey256 *key);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(AkmaKey128, akma_key128_clear)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(AkmaKey256, akma_key256_clear)

/*
 * Wipes what calls that have returned may have left on the stack below the caller. The end
 * of an exchange calls it, since a compiler may spill a key where no variable of ours stands.
 */
void akma_secret_scrub_stack(void);

G_END_DECLS
