/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* bus-error: what a call over GDBus can fail with, as an error of the one table. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * Turns @local (transfer full), which came out of GDBus, into AKMA_ERROR: org.akmad1.Error.* by
 * its name, errors of the bus by what they mean to the caller, anything else into
 * AKMA_ERROR_INTERNAL. G_IO_ERROR_CANCELLED and AKMA_ERROR stay what they are.
 */
void akma_bus_error_take(GError *local, GError **error);

G_END_DECLS
