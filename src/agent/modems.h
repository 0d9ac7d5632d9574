/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* modems: the modems of the configuration, and which of them serves an enrolment. */
#pragma once

#include "agent/cards.h"
#include "agent/config.h"
#include "dbus/service.h"
#include "modem/modem.h"

G_BEGIN_DECLS

typedef struct _AkmaModems AkmaModems;

typedef enum {
    AKMA_MODEMS_APPEARED,      /* a modem or its card is there, or it registered */
    AKMA_MODEMS_CARD_REPLACED, /* another card than the last one, ready or not; the next follows */
    AKMA_MODEMS_CARD_CHANGED,  /* the card is out, or another one is ready */
    AKMA_MODEMS_CHANGED,       /* anything else, also "could not be opened" and "gone" */
} AkmaModemsEvent;

/* @modem: NULL for AKMA_MODEMS_CHANGED. */
typedef void (*AkmaModemsFunc)(AkmaModemsEvent event, AkmaModem *modem, gpointer user_data);

/* @service may be NULL (tests) and outlives it; references of the secret and @cards are taken. */
AkmaModems *akma_modems_new(AkmaService *service,
                            AkmaSecret *sim_id_key,
                            AkmaCards *cards,
                            AkmaModemsFunc func,
                            gpointer user_data);
/* From now on nothing is shown and nobody is told. NULL is fine. */
void akma_modems_mute(AkmaModems *self);
/* Runs the main loop for at most 2 s, so that channels that are open are given back to the card. */
void akma_modems_free(AkmaModems *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaModems, akma_modems_free)

/* What is in both configurations and the same stays open. */
void akma_modems_configure(AkmaModems *self, AkmaConfig *config);
/* Opens what is closed and asks what is open, now. */
void akma_modems_scan(AkmaModems *self);

/*
 * @name: of a [modem NAME]; NULL: any. @anchors: what its card should do, the dearest first: the
 * first modem (by device) that can do it, else the first that is open. Returns: (transfer none):
 * NULL with AKMA_ERROR_NO_MODEM or why it did not open.
 */
AkmaModem *akma_modems_choose(AkmaModems *self,
                              const char *name,
                              const char *const *anchors,
                              GError **error);
/* The one shown as modem @number. Borrowed. Errors: AKMA_ERROR_NO_MODEM. */
AkmaModem *akma_modems_find(AkmaModems *self, unsigned number, GError **error);
/* The name of the [modem NAME] that @modem was opened for; "" without one. */
const char *akma_modems_get_name(const AkmaModems *self, const AkmaModem *modem);
/* Is one of them just being opened, or its card looked at? Then wait for the next event. */
bool akma_modems_is_busy(const AkmaModems *self, const char *name);

/* Is the card of this SimId in one of them, and ready? */
bool akma_modems_has_card(const AkmaModems *self, const char *sim_id);

/* "no-modem", "no-sim", "pin-required" or "ready": the best of all. */
const char *akma_modems_get_state(const AkmaModems *self);
/* Why one of them could not be opened, or waits for its PIN; NULL: neither. */
const GError *akma_modems_get_error(const AkmaModems *self);

G_END_DECLS
