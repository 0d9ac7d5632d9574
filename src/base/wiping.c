/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "base/wiping.h"

#include <jansson.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* glibc keeps up to 7 of each size of 24, 40, ... 1032 bytes. */
#define SCRUB_FIRST 24
#define SCRUB_STEP  16
#define SCRUB_SIZES 64
#define SCRUB_EACH  8

void *
akma_wiping_malloc(size_t size)
{
    return malloc(size);
}

void *
akma_wiping_calloc(size_t n, size_t size)
{
    return calloc(n, size);
}

void
akma_wiping_free(void *block)
{
    if (!block)
        return;

    /* not OPENSSL_cleanse: that writes byte by byte, and a connection frees large blocks */
    explicit_bzero(block, malloc_usable_size(block));
    free(block);
}

void *
akma_wiping_realloc(void *block, size_t size)
{
    size_t had = block ? malloc_usable_size(block) : 0;
    void *moved;

    if (size == 0) {
        akma_wiping_free(block);
        return NULL;
    }
    if (block && size <= had && size > had / 2)
        return block;

    moved = malloc(size);
    if (moved && block) {
        memcpy(moved, block, MIN(had, size));
        akma_wiping_free(block);
    }

    return moved;
}

char *
akma_wiping_strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = malloc(size);

    return copy ? memcpy(copy, text, size) : NULL;
}

static void *
crypto_malloc(size_t size, const char *file G_GNUC_UNUSED, int line G_GNUC_UNUSED)
{
    return malloc(size);
}

static void *
crypto_realloc(void *block, size_t size, const char *file G_GNUC_UNUSED, int line G_GNUC_UNUSED)
{
    return akma_wiping_realloc(block, size);
}

static void
crypto_free(void *block, const char *file G_GNUC_UNUSED, int line G_GNUC_UNUSED)
{
    akma_wiping_free(block);
}

void
akma_wiping_scrub_free_blocks(void)
{
    void *blocks[SCRUB_SIZES][SCRUB_EACH];

    for (size_t i = 0; i < SCRUB_SIZES; i++) {
        for (size_t j = 0; j < SCRUB_EACH; j++) {
            blocks[i][j] = malloc(SCRUB_FIRST + i * SCRUB_STEP);
            if (blocks[i][j])
                explicit_bzero(blocks[i][j], SCRUB_FIRST + i * SCRUB_STEP);
        }
    }
    for (size_t i = 0; i < SCRUB_SIZES; i++) {
        for (size_t j = 0; j < SCRUB_EACH; j++)
            free(blocks[i][j]);
    }
}

bool
akma_wiping_init(void)
{
    json_set_alloc_funcs(akma_wiping_malloc, akma_wiping_free);

    return CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc, crypto_free) == 1;
}
