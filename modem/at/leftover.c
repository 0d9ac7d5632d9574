/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/at/leftover.h"

typedef struct {
    int session;
    unsigned opening;
    bool is_left;
} Entry;

struct _AkmaAtLeftovers {
    Entry entries[AKMA_AT_LEFTOVERS_MAX];
    size_t n;
    unsigned openings;
    bool is_unnamed;
};

AkmaAtLeftovers *
akma_at_leftovers_get(const char *device)
{
    static GHashTable *ports;
    AkmaAtLeftovers *self;

    if (!ports)
        ports = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    self = g_hash_table_lookup(ports, device);
    if (!self) {
        self = g_new0(AkmaAtLeftovers, 1);
        g_hash_table_insert(ports, g_strdup(device), self);
    }

    return self;
}

unsigned
akma_at_leftovers_begin(AkmaAtLeftovers *self)
{
    return ++self->openings;
}

void
akma_at_leftovers_end(AkmaAtLeftovers *self, unsigned opening)
{
    for (size_t i = 0; i < self->n; i++)
        self->entries[i].is_left |= self->entries[i].opening == opening;
}

/* A number that was left and is given out anew is not what it was. */
void
akma_at_leftovers_note(AkmaAtLeftovers *self, unsigned opening, int session)
{
    akma_at_leftovers_closed(self, session);
    if (self->n < AKMA_AT_LEFTOVERS_MAX)
        self->entries[self->n++] = (Entry){.session = session, .opening = opening};
}

void
akma_at_leftovers_closed(AkmaAtLeftovers *self, int session)
{
    for (size_t i = 0; i < self->n; i++) {
        if (self->entries[i].session == session) {
            self->entries[i] = self->entries[--self->n];
            return;
        }
    }
}

void
akma_at_leftovers_clear(AkmaAtLeftovers *self)
{
    self->n = 0;
    self->is_unnamed = false;
}

void
akma_at_leftovers_set_unnamed(AkmaAtLeftovers *self, bool is_unnamed)
{
    self->is_unnamed = is_unnamed;
}

bool
akma_at_leftovers_has_unnamed(const AkmaAtLeftovers *self)
{
    return self->is_unnamed;
}

bool
akma_at_leftovers_any(const AkmaAtLeftovers *self)
{
    for (size_t i = 0; i < self->n; i++) {
        if (self->entries[i].is_left)
            return true;
    }

    return self->is_unnamed;
}

int
akma_at_leftovers_take(AkmaAtLeftovers *self)
{
    for (size_t i = 0; i < self->n; i++) {
        int session = self->entries[i].session;

        if (self->entries[i].is_left) {
            akma_at_leftovers_closed(self, session);
            return session;
        }
    }

    return -1;
}
