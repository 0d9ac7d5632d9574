/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * at: the AT face of the simulated modem (V.250, TS 27.007): bytes of a client in, bytes for
 * it out. Knows no descriptor: port.c carries the bytes.
 */
#pragma once

#include "modem/simulator/dialect.h"
#include "modem/simulator/modem.h"

G_BEGIN_DECLS

#define AKMA_SOFT_AT_LINE_MAX 2048 /* a longer command line is answered with ERROR */

typedef struct _AkmaSoftAt AkmaSoftAt;

typedef struct {
    void (*output)(const char *bytes, size_t len, void *user_data);
    void (*resume)(void *user_data); /* a delayed answer is out: more bytes may be fed */
    void (*hangup)(void *user_data); /* the port is to hang up and come back */
} AkmaSoftAtPeer;

/* Borrows @modem and @dialect; both must outlive it. */
AkmaSoftAt *akma_soft_at_new(AkmaSoftModem *modem,
                             const AkmaSoftDialect *dialect,
                             const AkmaSoftAtPeer *peer,
                             void *user_data);
void akma_soft_at_free(AkmaSoftAt *self); /* NULL is fine */

/* Returns how many bytes were taken: fewer than @len while an answer is delayed. */
size_t akma_soft_at_feed(AkmaSoftAt *self, const char *bytes, size_t len);

/* The client went away, or the port did: what it had begun is forgotten. */
void akma_soft_at_forget(AkmaSoftAt *self);
/* As after power on: settings too. */
void akma_soft_at_restart(AkmaSoftAt *self);

/* Lines that nobody asked for, where the settings want them; the port calls it, not the modem. */
void akma_soft_at_tell(AkmaSoftAt *self, AkmaSoftEvent event, const char *text);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaSoftAt, akma_soft_at_free)

G_END_DECLS
