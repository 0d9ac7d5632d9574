/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * listener: lets in who connects to a Unix socket, one after another, in the GLib main loop.
 *
 * Whoever cannot be let in now, for want of a descriptor or because we are full, waits in the
 * queue of the kernel.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/un.h>

G_BEGIN_DECLS

typedef struct _AkmaListener AkmaListener;

/* Takes @fd, which is close-on-exec and non-blocking. It may not free the listener. */
typedef void (*AkmaListenerEnter)(int fd,
                                  const struct sockaddr_un *address,
                                  socklen_t len,
                                  gpointer user_data);

/* Nobody could be let in, for @error of accept(2); it is tried again, and told once until it works.
 */
typedef void (*AkmaListenerFailed)(int error, gpointer user_data);

/* Takes @fd, a listening socket. Who is there already enters from the loop. */
AkmaListener *akma_listener_new(int fd,
                                AkmaListenerEnter enter,
                                AkmaListenerFailed failed,
                                gpointer user_data);
/* Closes the socket. NULL is fine. */
void akma_listener_free(AkmaListener *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaListener, akma_listener_free)

/* Nobody enters while we are @full. Also from within AkmaListenerEnter. */
void akma_listener_set_full(AkmaListener *self, bool full);

G_END_DECLS
