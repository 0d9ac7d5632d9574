/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * modem-keeper: one [modem NAME]: keeps it open, and shows it on the bus while it is.
 *
 *   CLOSED --retry--> OPENING --+--> OPEN --gone--> CLOSED
 *      ^                        |
 *      +------ back-off --------+
 */
#pragma once

#include "agent/config.h"
#include "agent/modems.h"

G_BEGIN_DECLS

typedef struct _AkmaModemKeeper AkmaModemKeeper;

/* The same for all of them. */
typedef struct {
    AkmaService *service; /* NULL: shown to nobody */
    AkmaSecret *sim_id_key;
    AkmaModemsFunc func;
    gpointer user_data;
} AkmaModemKeeperContext;

/* @context and @section outlive it. It does nothing before akma_modem_keeper_try_now(). */
AkmaModemKeeper *akma_modem_keeper_new(const AkmaModemKeeperContext *context,
                                       const AkmaConfigModem *section,
                                       unsigned number);
/* Closes the modem and forgets it. */
void akma_modem_keeper_remove(AkmaModemKeeper *self);

/* Opens the modem if it is closed, else asks it how it is. */
void akma_modem_keeper_try_now(AkmaModemKeeper *self);
/* The same section of a new configuration. */
void akma_modem_keeper_set_section(AkmaModemKeeper *self, const AkmaConfigModem *section);

const AkmaConfigModem *akma_modem_keeper_get_section(const AkmaModemKeeper *self);
AkmaModem *akma_modem_keeper_get_modem(const AkmaModemKeeper *self);    /* NULL: not open */
const GError *akma_modem_keeper_get_error(const AkmaModemKeeper *self); /* NULL: open */
bool akma_modem_keeper_can(const AkmaModemKeeper *self, const char *anchor);
bool akma_modem_keeper_is_opening(const AkmaModemKeeper *self);   /* for the first time */
bool akma_modem_keeper_is_card_busy(const AkmaModemKeeper *self); /* a channel is open */
bool akma_modem_keeper_is_probing(const AkmaModemKeeper *self);

G_END_DECLS
