/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* modem-private: what the parts of the modem object share. */
#pragma once

#include "modem/modem-card.h"

G_BEGIN_DECLS

#define AKMA_SIM_ID_LEN 16 /* bytes of the HMAC that are shown */

struct _AkmaModem {
    GObject parent;
    AkmaCard *card;
    AkmaCardQueue *queue;
    char *device;
    AkmaSecret *sim_id_key;
    AkmaCardState state;
    char *pin_note; /* why the card still waits for its PIN; NULL: nobody said */
    char sim_id[2 * AKMA_SIM_ID_LEN + 1];
    AkmaCardState told_state; /* with the last "changed" */
    char told_sim_id[2 * AKMA_SIM_ID_LEN + 1];
    bool is_doubted; /* sim_id and facts may be of another card */
    bool is_gone;
    AkmaUsimFacts facts;
    GSource *refresh_soon;
    GCancellable *stop;
};

AkmaModem *akma_modem_new(const AkmaModemConfig *config);

/* The card behind it, once; takes a reference. */
void akma_modem_attach(AkmaModem *self, AkmaCard *card);

/* What was read of the card may be of another one. */
void akma_modem_forget_card(AkmaModem *self);
/* "changed", if something is another than when it was said last. */
void akma_modem_tell_changes(AkmaModem *self);

G_END_DECLS
