/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* at: the AT face of the simulated modem (V.250, TS 27.007). */
#pragma once

#include "modem/simulator/face.h"

G_BEGIN_DECLS

#define AKMA_SOFT_AT_LINE_MAX 2048 /* a longer command line is answered with ERROR */

typedef struct _AkmaSoftAt AkmaSoftAt;

/* Borrows @modem and @dialect; both must outlive it. */
AkmaSoftAt *akma_soft_at_new(AkmaSoftModem *modem,
                             const AkmaSoftDialect *dialect,
                             const AkmaSoftPeer *peer,
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

/* The same as a face of a port. */
extern const AkmaSoftFace akma_soft_at_face;

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaSoftAt, akma_soft_at_free)

G_END_DECLS
