/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/unknown-kids.h"

#include <openssl/rand.h>

#include "keyserver/rate.h"

#define ROWS 1024
#define WAYS 4

typedef struct {
    uint64_t hash;
    uint64_t until_ms; /* 0: free */
} Slot;

struct _AkmaUnknownKids {
    uint8_t secret[16];
    Slot slots[ROWS][WAYS];
};

AkmaUnknownKids *
akma_unknown_kids_new(void)
{
    AkmaUnknownKids *self = g_new0(AkmaUnknownKids, 1);

    /* without randomness the rows are only easier to guess */
    if (RAND_bytes(self->secret, sizeof self->secret) != 1)
        g_warning("no random numbers for the table of unknown kids, ignoring");

    return self;
}

void
akma_unknown_kids_free(AkmaUnknownKids *self)
{
    g_free(self);
}

uint64_t
akma_unknown_kids_hash(const AkmaUnknownKids *self, const void *kid, size_t len)
{
    return akma_siphash(self->secret, kid, len);
}

void
akma_unknown_kids_add(AkmaUnknownKids *self, uint64_t hash, uint64_t now_ms)
{
    Slot *row = self->slots[hash % ROWS];
    Slot *place = &row[0];

    for (int i = 0; i < WAYS; i++) {
        if (row[i].hash == hash) {
            place = &row[i];
            break;
        }
        if (row[i].until_ms < place->until_ms)
            place = &row[i];
    }
    *place = (Slot){hash, now_ms + AKMA_UNKNOWN_MS};
}

bool
akma_unknown_kids_have(const AkmaUnknownKids *self, uint64_t hash, uint64_t now_ms)
{
    const Slot *row = self->slots[hash % ROWS];

    for (int i = 0; i < WAYS; i++) {
        if (row[i].hash == hash && row[i].until_ms > now_ms)
            return true;
    }

    return false;
}
