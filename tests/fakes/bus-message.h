/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* bus-message: D-Bus messages without a bus: written here, read back here. */
#pragma once

#include <systemd/sd-bus.h>

/* A connection to nobody; what is made on it is never sent. Aborts the test if that fails. */
sd_bus *bus_to_nobody(void);

/* An empty message to append to. */
sd_bus_message *bus_message_new(sd_bus *bus);

/* From now on the message is read, from its beginning. */
void bus_message_turn(sd_bus_message *message);
