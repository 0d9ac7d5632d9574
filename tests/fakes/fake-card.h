/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * fake-card: a card that answers from a table: command in hex -> answer in hex, and a script of
 * faults. It keeps what it was sent.
 */
#pragma once

#include "modem/card.h"

G_BEGIN_DECLS

#define FAKE_TYPE_CARD (fake_card_get_type())
G_DECLARE_FINAL_TYPE(FakeCard, fake_card, FAKE, CARD, GObject)

FakeCard *fake_card_new(void);

/* From now on @command (hex, upper or lower case) gets @answer (hex with status word). */
void fake_card_set(FakeCard *self, const char *command, const char *answer);
/* As fake_card_set(), only for the next time; several wait in turn. */
void fake_card_set_once(FakeCard *self, const char *command, const char *answer);
/* The files of a USIM that has all that AKMA needs, with the chain of facts/vectors.json. */
void fake_card_set_akma(FakeCard *self);

void fake_card_set_state(FakeCard *self, AkmaSimState sim, AkmaRegistration registration);
/* Opening a channel with an AID (with a bare one) fails with @code; 0 = works. */
void fake_card_fail_open(FakeCard *self, int code);
void fake_card_fail_bare(FakeCard *self, int code);
/* The @nth command from now on (1..) fails with @code instead of being answered. */
void fake_card_fail_command(FakeCard *self, unsigned nth, int code);
/* Its channels say that they end with the card; they do. */
void fake_card_end_channels(FakeCard *self, bool end);
/*
 * After @n more commands (0: at once) the card is another one: @table of @rows commands and answers
 * is put over what it had, and channels that are open end, if they do.
 */
void fake_card_swap_after(FakeCard *self, unsigned n, const char *const (*table)[2], size_t rows);

/* Answers only when fake_card_release() is called, one at a time. */
void fake_card_hold(FakeCard *self, bool hold);
void fake_card_release(FakeCard *self);

unsigned fake_card_count_commands(FakeCard *self); /* with opening and closing of channels */
unsigned fake_card_count_open(FakeCard *self);     /* channels that are open now */
unsigned fake_card_count_opened(FakeCard *self);   /* channels that ever were */
bool fake_card_is_closed(FakeCard *self);

/* Runs the main context until @flag is true or two seconds went by (the test fails). */
void fake_card_run_until(const bool *flag);
/* Runs what is ready. */
void fake_card_settle(void);

G_END_DECLS
