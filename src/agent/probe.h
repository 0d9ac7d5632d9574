/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* probe: what the bus is told of a modem that was looked at. */
#pragma once

#include "dbus/service.h"
#include "modem/modem.h"

G_BEGIN_DECLS

/* @done is called once. */
void akma_agent_probe(AkmaModem *modem, AkmaProbedFunc done, gpointer user_data);

G_END_DECLS
