/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* link: messages over a SOCK_SEQPACKET socket in the main loop. Buffers are wiped after use. */
#pragma once

#include "modem/port/message.h"

G_BEGIN_DECLS

typedef struct _AkmaPortLink AkmaPortLink;

typedef struct {
    void (*message)(const AkmaPortMessage *message, gpointer user_data);
    /* Hung up, or sent something that is no message. Nothing follows. */
    void (*closed)(gpointer user_data);
} AkmaPortLinkEvents;

/* Owns @fd from now on. @events is borrowed for ever. */
AkmaPortLink *akma_port_link_new(int fd, const AkmaPortLinkEvents *events, gpointer user_data);
/* Hangs up; no event follows. May be called from an event. NULL is fine. */
void akma_port_link_free(AkmaPortLink *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaPortLink, akma_port_link_free)

/* False: the other end is gone, or takes nothing; "closed" follows. */
bool akma_port_link_send(AkmaPortLink *self, const AkmaPortMessage *message);

G_END_DECLS
