/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * modem-keeper: one modem, named by a [modem NAME] or found: keeps it open, by the best of its
 * ports that lets itself be opened, and shows it on the bus while it is.
 *
 *   CLOSED --retry--> OPENING --+--> OPEN --gone--> CLOSED
 *      ^                ^       |
 *      |                +-------+ next port
 *      +------ back-off --------+ no port left
 */
#pragma once

#include "agent/cards.h"
#include "agent/config.h"
#include "agent/modems.h"
#include "modem/found-modem.h"

G_BEGIN_DECLS

typedef struct _AkmaModemKeeper AkmaModemKeeper;

/* The same for all of them. */
typedef struct {
    AkmaService *service; /* NULL: shown to nobody */
    AkmaSecret *sim_id_key;
    AkmaCards *cards;
    const char *port_socket; /* of akmad-port */
    AkmaModemsFunc func;
    gpointer user_data;
} AkmaModemKeeperContext;

/*
 * @context and @section outlive it; @place is taken. It does nothing before
 * akma_modem_keeper_try_now().
 */
AkmaModemKeeper *akma_modem_keeper_new(const AkmaModemKeeperContext *context,
                                       const AkmaConfigModem *section,
                                       AkmaFoundModem *place,
                                       unsigned number);
/* Closes the modem and forgets it. */
void akma_modem_keeper_remove(AkmaModemKeeper *self);

/* Opens the modem if it is closed, else asks it how it is. */
void akma_modem_keeper_try_now(AkmaModemKeeper *self);
/* Is it the same modem, meant in the same way, and may what is open stay open? */
bool akma_modem_keeper_suits(const AkmaModemKeeper *self,
                             const AkmaConfigModem *section,
                             const AkmaFoundModem *place);
/* After it suits: the same section of a new configuration, and what is plugged in now (taken). */
void akma_modem_keeper_update(AkmaModemKeeper *self,
                              const AkmaConfigModem *section,
                              AkmaFoundModem *place);

const char *akma_modem_keeper_get_node(const AkmaModemKeeper *self); /* its port */
const AkmaConfigModem *akma_modem_keeper_get_section(const AkmaModemKeeper *self);
unsigned akma_modem_keeper_get_number(const AkmaModemKeeper *self);     /* on the bus */
AkmaModem *akma_modem_keeper_get_modem(const AkmaModemKeeper *self);    /* NULL: not open */
const GError *akma_modem_keeper_get_error(const AkmaModemKeeper *self); /* NULL: open */
/* Why a card waits for its PIN although there is pin-file=; NULL: none does. */
const GError *akma_modem_keeper_get_pin_error(const AkmaModemKeeper *self);
bool akma_modem_keeper_can(const AkmaModemKeeper *self, const char *anchor);
/* For the first time, or its card gets its PIN. */
bool akma_modem_keeper_is_opening(const AkmaModemKeeper *self);
bool akma_modem_keeper_is_card_busy(const AkmaModemKeeper *self); /* a channel is open */
bool akma_modem_keeper_is_probing(const AkmaModemKeeper *self);

G_END_DECLS
