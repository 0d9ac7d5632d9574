/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "base/secret.h"

#include <openssl/crypto.h>
#include <string.h>
#include <sys/resource.h>

#include "base/error.h"

#define HEAP_CHUNK  32          /* the smallest block that the heap hands out */
#define STACK_SCRUB (64 * 1024) /* deeper than any call of ours goes */

struct _AkmaSecret {
    gatomicrefcount refs;
    size_t len;
    uint8_t bytes[];
};

static size_t
round_up(size_t size)
{
    size_t power = AKMA_SECRET_HEAP_MIN;

    while (power < size && power <= SIZE_MAX / 4)
        power *= 2;

    return power;
}

bool
akma_secret_heap_init(size_t size, size_t *ret_size, GError **error)
{
    size_t wanted = round_up(size);
    struct rlimit limit;

    g_return_val_if_fail(!CRYPTO_secure_malloc_initialized(), false);

    if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
        while (wanted > AKMA_SECRET_HEAP_MIN && wanted > limit.rlim_cur / 2)
            wanted /= 2;
    }

    /* 1 is locked; 2 means "works, but not locked": not good enough for us */
    if (CRYPTO_secure_malloc_init(wanted, HEAP_CHUNK) != 1) {
        g_set_error(
            error,
            AKMA_ERROR,
            AKMA_ERROR_CONFIG_INVALID,
            "cannot lock %zu bytes of memory for keys: LimitMEMLOCK= of the unit (ulimit -l in a "
            "shell) is too low",
            wanted);
        return false;
    }

    if (ret_size)
        *ret_size = wanted;

    return true;
}

AkmaSecret *
akma_secret_new_blank(size_t len, uint8_t **ret_bytes, GError **error)
{
    AkmaSecret *self;

    g_return_val_if_fail(len > 0 && len <= AKMA_SECRET_LEN_MAX, NULL);
    g_return_val_if_fail(CRYPTO_secure_malloc_initialized(), NULL);

    self = OPENSSL_secure_zalloc(sizeof *self + len);
    if (!self) {
        g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "no room left for keys");
        return NULL;
    }

    g_atomic_ref_count_init(&self->refs);
    self->len = len;
    *ret_bytes = self->bytes;

    return self;
}

AkmaSecret *
akma_secret_new(const void *bytes, size_t len, GError **error)
{
    AkmaSecret *self;
    uint8_t *room;

    g_return_val_if_fail(bytes, NULL);

    self = akma_secret_new_blank(len, &room, error);
    if (self)
        memcpy(room, bytes, len);

    return self;
}

AkmaSecret *
akma_secret_ref(AkmaSecret *self)
{
    g_atomic_ref_count_inc(&self->refs);

    return self;
}

void
akma_secret_unref(AkmaSecret *self)
{
    if (self && g_atomic_ref_count_dec(&self->refs))
        OPENSSL_secure_clear_free(self, sizeof *self + self->len);
}

const uint8_t *
akma_secret_peek(const AkmaSecret *self, size_t *ret_len)
{
    *ret_len = self->len;

    return self->bytes;
}

size_t
akma_secret_get_length(const AkmaSecret *self)
{
    return self->len;
}

bool
akma_secret_equal(const AkmaSecret *a, const AkmaSecret *b)
{
    return a->len == b->len && CRYPTO_memcmp(a->bytes, b->bytes, a->len) == 0;
}

void
akma_key128_clear(AkmaKey128 *key)
{
    OPENSSL_cleanse(key, sizeof *key);
}

void
akma_key256_clear(AkmaKey256 *key)
{
    OPENSSL_cleanse(key, sizeof *key);
}

__attribute__((noinline)) void
akma_secret_scrub_stack(void)
{
    uint8_t room[STACK_SCRUB];

    explicit_bzero(room, sizeof room);
}
