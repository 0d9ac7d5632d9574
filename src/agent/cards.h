/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * cards: what is remembered of cards over restarts: which one was last in each modem, which got a
 * PIN that was not known to be right, and what the operator last said to the A-KID of each. In
 * <state>/cards, mode 0600; no PIN, no ICCID and no A-KID is in it, but SimIds, keyed digests of
 * A-KIDs, and 32 bits of one of a PIN that failed: so a file with another PIN is seen as that.
 *
 * A file that cannot be read is begun again, with a warning.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "base/secret.h"

G_BEGIN_DECLS

typedef struct _AkmaCards AkmaCards;

/* A reference of @key (32 bytes) is taken: the one behind SimId. */
AkmaCards *akma_cards_new(const char *state_dir, AkmaSecret *key);
AkmaCards *akma_cards_ref(AkmaCards *self);
void akma_cards_unref(AkmaCards *self); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaCards, akma_cards_unref)

/* Was another card in @modem (any text that stays the same) than @sim_id? "" is none. */
bool akma_cards_is_other(const AkmaCards *self, const char *modem, const char *sim_id);
/* It is @sim_id now; what is known of the one before is forgotten. */
void akma_cards_set(AkmaCards *self, const char *modem, const char *sim_id);

/* The card was taken out of @modem: it may get its PIN again when it comes back. */
void akma_cards_taken_out(AkmaCards *self, const char *modem);

/*
 * Before @pin is given to the card in @modem (@sim_id "" if it does not tell): on disk first, so
 * that neither a crash nor a restart gives it twice. False: it was given before and not found
 * right (AKMA_ERROR_PIN_REQUIRED), or that cannot be written (AKMA_ERROR_STORE_FAILED): do not
 * give it.
 */
bool akma_cards_begin_pin(
    AkmaCards *self, const char *modem, const char *sim_id, const AkmaSecret *pin, GError **error);
/* What a person is told of a PIN that was not right. */
GError *akma_cards_wrong_pin_error_new(void);
/* It was right. */
void akma_cards_end_pin(AkmaCards *self, const char *modem, const char *sim_id);

/*
 * The operator knew @kid, made of the card @sim_id, or did not. Of each card the last one is
 * remembered, until the card is taken out or another one is in its modem; of a card that does not
 * tell who it is ("") none.
 */
void akma_cards_note_kid(AkmaCards *self, const char *sim_id, const char *kid, bool is_known);
/* Is @kid the one that was noted? Then @ret says what the operator said. */
bool akma_cards_recall_kid(const AkmaCards *self, const char *sim_id, const char *kid, bool *ret);

G_END_DECLS
