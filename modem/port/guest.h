/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * guest: one connection to akmad-port: one port that is open for it, and the card behind it.
 *
 *   NEW --OPEN--> OPENING --> SERVING --hung up--> LEAVING: its channels are closed --> gone
 *
 * A guest that sends what it may not is hung up on.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define AKMA_PORT_CALLS_MAX    8 /* that run at once; the agent's queue needs two */
#define AKMA_PORT_CHANNELS_MAX 4

typedef struct _AkmaGuest AkmaGuest;

typedef struct {
    /* "/dev/cdc-wdm*": what a port that may be opened is called, NULL-terminated; * is not / */
    const char *const *devices;
    void (*left)(AkmaGuest *guest, gpointer user_data); /* the last thing that it does */
    gpointer user_data;
} AkmaGuestHost;

/* Owns @fd, a connected socket of a process that may be here. @host outlives it. */
AkmaGuest *akma_guest_new(int fd, const AkmaGuestHost *host);
/* At once, without giving anything back. NULL is fine. */
void akma_guest_free(AkmaGuest *self);
/* Closes what it has open, then calls left(). */
void akma_guest_leave(AkmaGuest *self);

G_END_DECLS
