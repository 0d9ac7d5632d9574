/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * face: what the simulated modem speaks on a port: bytes of clients in, bytes for them out.
 *
 * A face knows no descriptor: port.c carries the bytes of one.
 */
#pragma once

#include "modem/simulator/dialect.h"
#include "modem/simulator/modem.h"

G_BEGIN_DECLS

/* What a face does to its port. All of it is allowed from within the calls below. */
typedef struct {
    /* All of @bytes, or, if the client does not read, nothing of them. */
    void (*output)(const void *bytes, size_t len, void *user_data);
    void (*resume)(void *user_data); /* a delayed answer is out: more bytes may be fed */
    void (*hangup)(void *user_data); /* the port is to hang up and come back */
} AkmaSoftPeer;

typedef struct {
    const char *name; /* "at" */
    /* Borrows @modem and @dialect, which must outlive it. NULL: no memory. */
    void *(*create)(AkmaSoftModem *modem,
                    const AkmaSoftDialect *dialect,
                    const AkmaSoftPeer *peer,
                    void *user_data);
    void (*destroy)(void *self); /* NULL is fine */
    /* Returns how many bytes were taken: fewer than @len while an answer is delayed. */
    size_t (*feed)(void *self, const void *bytes, size_t len);
    void (*forget)(void *self);  /* the clients went away: what they had begun is forgotten */
    void (*restart)(void *self); /* as after power on: settings too */
    /* An event of the modem, while a client is there. */
    void (*tell)(void *self, AkmaSoftEvent event, const char *text);
} AkmaSoftFace;

G_END_DECLS
