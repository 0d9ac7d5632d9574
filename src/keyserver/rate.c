/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/rate.h"

#include <arpa/inet.h>
#include <math.h>
#include <netinet/in.h>
#include <openssl/rand.h>
#include <string.h>

#define ROWS 4096
#define WAYS 4

typedef struct {
    uint64_t tag; /* 0: free */
    AkmaBucket bucket;
} Slot;

struct _AkmaRateTable {
    AkmaFlow flow;
    uint8_t secret[16];
    Slot slots[ROWS][WAYS];
};

AkmaFlow
akma_flow(uint64_t events, unsigned seconds, unsigned share, double factor)
{
    double part = (double)events * factor / (double)share;

    return (AkmaFlow){.per_ms = part / ((double)seconds * 1000), .size = MAX(part, 1)};
}

static double
fill(const AkmaBucket *self, const AkmaFlow *flow, uint64_t now_ms)
{
    double gained = (double)(now_ms - self->last_ms) * flow->per_ms;

    return self->used ? MIN(flow->size, self->tokens + gained) : flow->size;
}

bool
akma_bucket_take(AkmaBucket *self, const AkmaFlow *flow, uint64_t now_ms, unsigned *ret_wait_s)
{
    double tokens = fill(self, flow, now_ms);
    bool enough = tokens >= 1;

    self->tokens = enough ? tokens - 1 : tokens;
    self->last_ms = now_ms;
    self->used = true;
    if (!enough)
        *ret_wait_s = (unsigned)MAX(ceil((1 - tokens) / flow->per_ms / 1000), 1);

    return enough;
}

AkmaRateTable *
akma_rate_table_new(const AkmaFlow *flow)
{
    AkmaRateTable *self = g_new0(AkmaRateTable, 1);

    self->flow = *flow;
    /* without randomness the rows are only easier to guess */
    if (RAND_bytes(self->secret, sizeof self->secret) != 1)
        g_warning("no random numbers for the tables of rates, ignoring");

    return self;
}

void
akma_rate_table_free(AkmaRateTable *self)
{
    g_free(self);
}

/* Its own slot, else the one that is missed least: free, or with the most tokens. */
static Slot *
find_slot(AkmaRateTable *self, uint64_t tag, uint64_t now_ms)
{
    Slot *row = self->slots[tag % ROWS];
    Slot *best = &row[0];

    for (int i = 0; i < WAYS; i++) {
        if (row[i].tag == tag)
            return &row[i];
        if (fill(&row[i].bucket, &self->flow, now_ms) > fill(&best->bucket, &self->flow, now_ms))
            best = &row[i];
    }
    *best = (Slot){.tag = tag};

    return best;
}

bool
akma_rate_table_take(
    AkmaRateTable *self, const void *key, size_t len, uint64_t now_ms, unsigned *ret_wait_s)
{
    uint64_t tag = akma_siphash(self->secret, key, len) | 1;

    return akma_bucket_take(&find_slot(self, tag, now_ms)->bucket, &self->flow, now_ms, ret_wait_s);
}

static void
key_from_v6(const struct in6_addr *address, uint8_t *ret)
{
    bool mapped = IN6_IS_ADDR_V4MAPPED(address);

    ret[0] = mapped ? 4 : 6;
    memcpy(ret + 1, address->s6_addr + (mapped ? 12 : 0), mapped ? 4 : 8);
}

void
akma_address_key(const struct sockaddr *address, uint8_t ret[static AKMA_ADDRESS_KEY_LEN])
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;

    memset(ret, 0, AKMA_ADDRESS_KEY_LEN);
    if (address->sa_family == AF_INET) {
        memcpy(&v4, address, sizeof v4);
        ret[0] = 4;
        memcpy(ret + 1, &v4.sin_addr, sizeof v4.sin_addr);
    } else if (address->sa_family == AF_INET6) {
        memcpy(&v6, address, sizeof v6);
        key_from_v6(&v6.sin6_addr, ret);
    }
}

void
akma_address_key_from_text(const char *text, uint8_t ret[static AKMA_ADDRESS_KEY_LEN])
{
    struct in6_addr v6;

    memset(ret, 0, AKMA_ADDRESS_KEY_LEN);
    if (inet_pton(AF_INET, text, ret + 1) == 1)
        ret[0] = 4;
    else if (inet_pton(AF_INET6, text, &v6) == 1)
        key_from_v6(&v6, ret);
}
