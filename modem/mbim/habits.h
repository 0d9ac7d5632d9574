/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * habits: how a model of modem wants to be spoken to where MBIM leaves room, or where modems do
 * not follow it. Each way is tried in a fixed order, and the one that worked is remembered for the
 * model as long as the process lives. Main loop only.
 */
#pragma once

#include "modem/apdu.h"

G_BEGIN_DECLS

typedef struct _AkmaMbimHabits AkmaMbimHabits;

/*
 * Of that model: everyone who asks for the same names gets the same object. Strings of the modem;
 * empty if unknown.
 */
AkmaMbimHabits *akma_mbim_habits_get(const char *manufacturer,
                                     const char *model,
                                     const char *firmware); /* full */
void akma_mbim_habits_unref(AkmaMbimHabits *self);          /* NULL is fine */

/* The @n-th P2 (0..) to select an application with; false: there is no other one. */
bool akma_mbim_habits_get_p2(const AkmaMbimHabits *self, unsigned n, uint8_t *ret);
void akma_mbim_habits_learn_p2(AkmaMbimHabits *self, uint8_t p2);

/* A way to send an APDU. */
typedef struct {
    bool is_extended; /* type of the class byte: of ISO 7816-4, or extended */
    bool drops_le;    /* the last byte of a command with data and Le is left out */
} AkmaMbimWay;

/*
 * The @n-th way (0..) to send @command; false: there is no other one. Learned are only the choices
 * that @command had.
 */
bool akma_mbim_habits_get_way(const AkmaMbimHabits *self,
                              const AkmaCommand *command,
                              unsigned n,
                              AkmaMbimWay *ret);
void akma_mbim_habits_learn_way(AkmaMbimHabits *self,
                                const AkmaCommand *command,
                                const AkmaMbimWay *way);

/*
 * SW1 SW2 out of @status as MBIM has them, a number whose lowest byte is SW1; some modems put SW2
 * there. What can be only one of the two decides, and is learned. 0: neither is a status word.
 */
uint16_t akma_mbim_habits_read_sw(AkmaMbimHabits *self, uint32_t status);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaMbimHabits, akma_mbim_habits_unref)

G_END_DECLS
