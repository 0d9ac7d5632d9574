/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* bus-source: an sd-bus connection in the GLib loop. Private to dbus/. */
#pragma once

#include <glib.h>
#include <systemd/sd-bus.h>

#include "dbus/connection.h"

G_BEGIN_DECLS

/*
 * Serves @bus, which is referenced, in the default main context. When the connection ends,
 * everybody who waits for an answer is told first; then @gone is called, once.
 * Returns: (transfer full): destroy it before @user_data ends.
 */
GSource *akma_bus_source_attach(sd_bus *bus, AkmaBusGoneFunc gone, gpointer user_data);

G_END_DECLS
