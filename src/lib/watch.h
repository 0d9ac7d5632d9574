/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * watch: what happens to one application, through restarts of akmad and of the bus.
 *
 * Events come in the main context that was the thread's default at akma_lib_watch_new(), never
 * from within a call of a function here.
 */
#pragma once

#include <akmad/application.h>

G_BEGIN_DECLS

typedef struct _AkmaLibWatch AkmaLibWatch;

/* Each may free the watch. */
typedef struct {
    void (*key_changed)(const char *kid, gpointer user_data);
    void (*key_revoked)(const char *kid, gpointer user_data);
    void (*state_changed)(AkmadState state, gpointer user_data);
} AkmaLibWatchEvents;

/*
 * @connection: (nullable): NULL: one of its own to the system bus, made again when it closes.
 * @events and @user_data stay as long as the watch.
 */
AkmaLibWatch *akma_lib_watch_new(GDBusConnection *connection,
                                 const char *path,
                                 const AkmaLibWatchEvents *events,
                                 gpointer user_data);

/* No event comes after it. NULL is fine. */
void akma_lib_watch_free(AkmaLibWatch *self);

/* (transfer full) (nullable): LastError as AKMAD_ERROR. */
GError *akma_lib_watch_dup_error(const AkmaLibWatch *self);

G_END_DECLS
