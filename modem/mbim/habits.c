/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/mbim/habits.h"

#define MODELS_MAX 32 /* a modem that invents a new name each time fills no memory */
#define HEADER_LC  5  /* header and Lc */

/* What there is to know; every trait has two ways, in the order in which they are tried. */
typedef enum {
    TRAIT_P2,    /* 04: return the FCP; 0C: return nothing */
    TRAIT_CLASS, /* of ISO 7816-4; extended */
    TRAIT_LE,    /* as it is; left out */
    TRAIT_SW,    /* SW1 in the lowest byte; SW2 */
    N_TRAITS,
} Trait;

#define WAYS 2

static const uint8_t select_p2[WAYS] = {0x04, 0x0c};

struct _AkmaMbimHabits {
    uint8_t known[N_TRAITS]; /* 0: nothing yet; 1, 2: which way */
};

AkmaMbimHabits *
akma_mbim_habits_get(const char *manufacturer, const char *model, const char *firmware)
{
    static GHashTable *models; /* the memory of the process */
    g_autofree char *key = g_strjoin("\n", manufacturer, model, firmware, NULL);
    AkmaMbimHabits *self;

    if (!models)
        models = g_hash_table_new_full(
            g_str_hash, g_str_equal, g_free, (GDestroyNotify)akma_mbim_habits_unref);

    self = g_hash_table_lookup(models, key);
    if (!self) {
        if (g_hash_table_size(models) >= MODELS_MAX)
            g_hash_table_remove_all(models);
        self = g_rc_box_new0(AkmaMbimHabits);
        g_hash_table_insert(models, g_steal_pointer(&key), self);
    }

    return g_rc_box_acquire(self);
}

void
akma_mbim_habits_unref(AkmaMbimHabits *self)
{
    if (self)
        g_rc_box_release(self);
}

/* How many ways of @trait are worth a try. */
static unsigned
count_ways(const AkmaMbimHabits *self, Trait trait)
{
    return self->known[trait] ? 1 : WAYS;
}

static unsigned
nth_way(const AkmaMbimHabits *self, Trait trait, unsigned n)
{
    return self->known[trait] ? self->known[trait] - 1u : n;
}

static void
learn(AkmaMbimHabits *self, Trait trait, unsigned way)
{
    self->known[trait] = (uint8_t)(way + 1);
}

bool
akma_mbim_habits_get_p2(const AkmaMbimHabits *self, unsigned n, uint8_t *ret)
{
    if (n >= count_ways(self, TRAIT_P2))
        return false;

    *ret = select_p2[nth_way(self, TRAIT_P2, n)];

    return true;
}

void
akma_mbim_habits_learn_p2(AkmaMbimHabits *self, uint8_t p2)
{
    learn(self, TRAIT_P2, p2 == select_p2[0] ? 0 : 1);
}

/* A command with data and, behind them, an Le: the only kind whose Le can be left out. */
static bool
has_trailing_le(const AkmaCommand *command)
{
    return command->len > HEADER_LC && akma_command_wants_data(command);
}

bool
akma_mbim_habits_get_way(const AkmaMbimHabits *self,
                         const AkmaCommand *command,
                         unsigned n,
                         AkmaMbimWay *ret)
{
    unsigned classes = count_ways(self, TRAIT_CLASS);
    unsigned les = has_trailing_le(command) ? count_ways(self, TRAIT_LE) : 1;

    if (n >= classes * les)
        return false;

    ret->is_extended = nth_way(self, TRAIT_CLASS, n % classes) == 1;
    ret->drops_le = has_trailing_le(command) && nth_way(self, TRAIT_LE, n / classes) == 1;

    return true;
}

void
akma_mbim_habits_learn_way(AkmaMbimHabits *self, const AkmaCommand *command, const AkmaMbimWay *way)
{
    learn(self, TRAIT_CLASS, way->is_extended);
    if (has_trailing_le(command))
        learn(self, TRAIT_LE, way->drops_le);
}

/*= TS 102 221 10.2.1: SW1 is 90 (with 00), 91 to 9F, or 61 to 6F */
static bool
is_sw(unsigned sw)
{
    unsigned sw1 = sw >> 8;

    return sw == 0x9000 || (sw1 >= 0x91 && sw1 <= 0x9f) || (sw1 >= 0x61 && sw1 <= 0x6f);
}

uint16_t
akma_mbim_habits_read_sw(AkmaMbimHabits *self, uint32_t status)
{
    unsigned ways[WAYS] = {(status & 0xff) << 8 | (status >> 8 & 0xff), status};

    if (status > 0xffff || (!is_sw(ways[0]) && !is_sw(ways[1])))
        return 0;
    if (is_sw(ways[0]) != is_sw(ways[1]))
        learn(self, TRAIT_SW, is_sw(ways[0]) ? 0 : 1);

    return (uint16_t)ways[nth_way(self, TRAIT_SW, 0)];
}
