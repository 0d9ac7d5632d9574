/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* probe: what the bus is told of a modem that was looked at. */
#pragma once

#include "agent/cards.h"
#include "agent/config.h"
#include "dbus/service.h"
#include "modem/modem.h"

G_BEGIN_DECLS

/*
 * @done is called once. A key file that is readable is read as for an enrolment too, with the
 * settings of @config, and is fresh or stale where @cards knows its A-KID. References are taken.
 */
void akma_agent_probe(AkmaModem *modem,
                      AkmaConfig *config,
                      AkmaCards *cards,
                      AkmaProbedFunc done,
                      gpointer user_data);

G_END_DECLS
