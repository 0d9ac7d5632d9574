/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * discovery: the modems that are plugged in, by what udev knows of their ports; sees them come and
 * go. It opens no port. Main loop of the thread that made it.
 *
 * Without udev (a container) it finds what /sys shows, and nothing that comes later.
 */
#pragma once

#include <glib-object.h>

#include "modem/found-modem.h"

G_BEGIN_DECLS

#define AKMA_TYPE_DISCOVERY (akma_discovery_get_type())
G_DECLARE_FINAL_TYPE(AkmaDiscovery, akma_discovery, AKMA, DISCOVERY, GObject)

/*
 * Has looked once. Signal "changed": ports came or went; what is plugged in may be the same all
 * the same. Ports of one device come one after another: it is emitted when it was quiet for a
 * moment (300 ms), or when that lasted two seconds.
 */
AkmaDiscovery *akma_discovery_new(void);

/* AkmaFoundModem, as akma_found_modem_list(); borrowed until the next "changed" or scan. */
const GPtrArray *akma_discovery_get_modems(AkmaDiscovery *self);

/* Looks now; emits nothing. */
void akma_discovery_scan(AkmaDiscovery *self);

/* Do both paths name one port, perhaps by a symbolic link? */
bool akma_discovery_is_same_port(const char *a, const char *b);

/* "mbim", "qmi" or "at": what the port at @path speaks; a symbolic link is followed. */
const char *akma_discovery_guess_protocol(const char *path);

G_END_DECLS
