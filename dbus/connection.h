/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* connection: reaching the bus and owning the name, in the loop of the main thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

struct sd_bus;

typedef struct _AkmaBus AkmaBus;

/*
 * Blocks until the bus has answered: for the start of a program only. Calls are served once the
 * default main context runs.
 * @bus: "system", "session" or a D-Bus address. Returns: (transfer full).
 * Errors: AKMA_ERROR_NOT_RUNNING.
 */
AkmaBus *akma_bus_connect(const char *bus, GError **error);
/* Sends what still waits to be sent (blocks), then leaves. NULL is fine. */
void akma_bus_free(AkmaBus *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaBus, akma_bus_free)

/* Called once, when the bus has gone. @func must not free the bus. */
typedef void (*AkmaBusGoneFunc)(gpointer user_data);
void akma_bus_set_gone_func(AkmaBus *self, AkmaBusGoneFunc func, gpointer user_data);

/*
 * org.akmad1, not queued and not to be replaced. Export everything before. Blocks.
 * Errors: AKMA_ERROR_NOT_RUNNING (taken), AKMA_ERROR_NOT_AUTHORIZED (policy of the bus).
 */
bool akma_bus_own_name(AkmaBus *self, GError **error);

/* Borrowed; for dbus/ alone. */
struct sd_bus *akma_bus_get_sd_bus(const AkmaBus *self);

G_END_DECLS
