/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * connect: a connection to the system bus that is ours alone. The one that GLib shares within a
 * process ends the process when it closes, and may not be told otherwise by a library.
 */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Errors of both: AKMA_ERROR_NOT_RUNNING, G_IO_ERROR_CANCELLED. Returns: (transfer full). */
GDBusConnection *akma_lib_connect(GCancellable *cancellable, GError **error);
void akma_lib_connect_async(GCancellable *cancellable,
                            GAsyncReadyCallback callback,
                            gpointer user_data);
GDBusConnection *akma_lib_connect_finish(GAsyncResult *result, GError **error);

G_END_DECLS
