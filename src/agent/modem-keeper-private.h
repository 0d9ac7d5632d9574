/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* modem-keeper-private: what the parts of the keeper share. */
#pragma once

#include "agent/modem-keeper.h"
#include "agent/timer.h"

G_BEGIN_DECLS

#define RETRY_MIN_MS  1000
#define RETRY_MAX_MS  (30 * 1000)
#define RETRY_GONE_MS 2000        /* to see a port come back costs one open(2) */
#define REFRESH_MS    (30 * 1000) /* of a modem whose card is not ready */

struct _AkmaModemKeeper {
    gatomicrefcount refs;                  /* each call that runs holds one */
    const AkmaModemKeeperContext *context; /* NULL: removed meanwhile */
    const AkmaConfigModem *section;
    AkmaFoundModem *place;
    unsigned number;
    guint port;       /* of @place: the one that is open, being opened, or tried next */
    AkmaModem *modem; /* NULL: not open */
    GCancellable *cancellable;
    bool opening;
    GError *first_error; /* of the best port, while others are tried */
    int64_t opened_us;   /* when opening began */
    bool probing;
    bool shown;
    GStrv anchors; /* NULL: not known */
    AkmaSimState sim_state;
    bool other_card; /* than the last one, and nobody knows yet that it is ready */
    bool unlocking;
    bool unlocked;     /* got the right PIN, and waits for it all the same */
    GError *pin_error; /* of a PIN that was not given or not right; NULL: none waits for one */
    const char *registration;
    GError *error;
    AkmaTimer *retry;
    unsigned retry_ms;
};

AkmaModemKeeper *akma_modem_keeper_ref(AkmaModemKeeper *self);
void akma_modem_keeper_unref(AkmaModemKeeper *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaModemKeeper, akma_modem_keeper_unref)

/* The port that is open, being opened, or tried next. */
const AkmaFoundPort *akma_modem_keeper_get_port(const AkmaModemKeeper *self);
void akma_modem_keeper_tell(AkmaModemKeeper *self, AkmaModemsEvent event);
void akma_modem_keeper_retry_in(AkmaModemKeeper *self, unsigned ms);

/* In modem-keeper-card.c. @fresh: the modem was just opened. */
void akma_modem_keeper_take_card(AkmaModemKeeper *self, bool fresh);
/* Asks what the card can do, if that is not known. */
void akma_modem_keeper_probe(AkmaModemKeeper *self);
/* Gives the card its PIN, if it waits for it; again and again while it waits: the file may have
 * another one in the meantime. */
void akma_modem_keeper_unlock(AkmaModemKeeper *self);

G_END_DECLS
