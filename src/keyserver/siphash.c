/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* siphash: SipHash-2-4 of Aumasson and Bernstein, for tables whose keys strangers choose. */
#include "keyserver/rate.h"

static uint64_t
rotl(uint64_t x, int bits)
{
    return (x << bits) | (x >> (64 - bits));
}

static uint64_t
load(const uint8_t *bytes, size_t len)
{
    uint64_t word = 0;

    for (size_t i = 0; i < len; i++)
        word |= (uint64_t)bytes[i] << (8 * i);

    return word;
}

static void
rounds(uint64_t v[4], int n)
{
    for (int i = 0; i < n; i++) {
        v[0] += v[1];
        v[1] = rotl(v[1], 13) ^ v[0];
        v[0] = rotl(v[0], 32);
        v[2] += v[3];
        v[3] = rotl(v[3], 16) ^ v[2];
        v[0] += v[3];
        v[3] = rotl(v[3], 21) ^ v[0];
        v[2] += v[1];
        v[1] = rotl(v[1], 17) ^ v[2];
        v[2] = rotl(v[2], 32);
    }
}

uint64_t
akma_siphash(const uint8_t secret[static 16], const void *bytes, size_t len)
{
    const uint64_t k0 = load(secret, 8);
    const uint64_t k1 = load(secret + 8, 8);
    uint64_t v[] = {k0 ^ 0x736f6d6570736575,
                    k1 ^ 0x646f72616e646f6d,
                    k0 ^ 0x6c7967656e657261,
                    k1 ^ 0x7465646279746573};
    const uint8_t *next = bytes;
    size_t left = len;
    uint64_t word;

    for (; left >= 8; left -= 8, next += 8) {
        word = load(next, 8);
        v[3] ^= word;
        rounds(v, 2);
        v[0] ^= word;
    }
    word = load(next, left) | (uint64_t)len << 56;
    v[3] ^= word;
    rounds(v, 2);
    v[0] ^= word;
    v[2] ^= 0xff;
    rounds(v, 4);

    return v[0] ^ v[1] ^ v[2] ^ v[3];
}
