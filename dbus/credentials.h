/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* credentials: what the bus says about a caller, read from its answer. Private to dbus/. */
#pragma once

#include <systemd/sd-bus.h>

#include "dbus/auth.h"

G_BEGIN_DECLS

/*
 * Fills @self from the answer of GetConnectionCredentials, a{sv}. What is not there or of another
 * type is not told; without a uid, or if the answer is none, the caller stays unknown.
 */
void akma_caller_set_credentials(AkmaCaller *self, sd_bus_message *answer);

G_END_DECLS
