/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * leftover: which channels of a card are ours. One that was open when its port was lost, or whose
 * answer never came, stays open as long as the card has power, and nobody can name it any more: so
 * it is noted here, for the port, as long as the process lives.
 *
 * Others open channels too, ModemManager for one, and a number that was ours may be theirs after
 * the card was reset. So what is left is closed only when the card has no channel left, and only if
 * it was ours and never closed, or if nobody has selected anything on it (leftover-free.c).
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

typedef struct _AkmaAtLeftovers AkmaAtLeftovers;

/* Of the port at that path: everyone who asks for it gets the same one. Borrowed for ever. */
AkmaAtLeftovers *akma_at_leftovers_get(const char *device);

/* A number for all that is opened through one opening of the port. */
unsigned akma_at_leftovers_begin(AkmaAtLeftovers *self);
/* That opening is over: what it has not closed is left. */
void akma_at_leftovers_end(AkmaAtLeftovers *self, unsigned opening);

/* @session is open, by @opening; more than AKMA_AT_LEFTOVERS_MAX are not noted. */
void akma_at_leftovers_note(AkmaAtLeftovers *self, unsigned opening, int session);
/* It is closed, or was in the card that is out. */
void akma_at_leftovers_closed(AkmaAtLeftovers *self, int session);
/* The card is another one: nothing is left on it. */
void akma_at_leftovers_clear(AkmaAtLeftovers *self);

/* A channel may be open whose number nobody was told. */
void akma_at_leftovers_set_unnamed(AkmaAtLeftovers *self, bool is_unnamed);
bool akma_at_leftovers_has_unnamed(const AkmaAtLeftovers *self);

/* Is anything left? */
bool akma_at_leftovers_any(const AkmaAtLeftovers *self);
/* One that is left, and it is not noted any more; -1: none. */
int akma_at_leftovers_take(AkmaAtLeftovers *self);

#define AKMA_AT_LEFTOVERS_MAX 32

G_END_DECLS
