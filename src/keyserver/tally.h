/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * tally: what is counted and written down of one exchange, the same for every profile: whose it
 * is, how long it took and, once, what became of it. A part of the exchange of each profile.
 */
#pragma once

#include "keyserver/front.h"

G_BEGIN_DECLS

typedef struct {
    AkmaFront *front;
    AkmaProfile profile;
    unsigned kind;  /* AkmaAnchorKind; AKMA_KIND_UNKNOWN before it is read */
    char *terminal; /* once the anchor has named it */
    char *address;
    uint64_t begun_ns;
    bool counted;
} AkmaTally;

/* Is there no room for one more session? That is counted. */
bool akma_tally_is_full(AkmaFront *front, AkmaProfile profile, unsigned kind);

/* One more session, of @peer; akma_tally_close() has to follow. */
void akma_tally_open(
    AkmaTally *self, AkmaFront *front, AkmaProfile profile, unsigned kind, const char *peer);
/* One less. If nothing was counted it stays unfinished; the terminal's name is wiped. */
void akma_tally_close(AkmaTally *self);

/*
 * What became of it: an AkmaCause (NONE: it ended well) or AKMA_RESULT_UNFINISHED. The first word
 * counts.
 */
void akma_tally_count(AkmaTally *self, unsigned result);

/* Wipes the name: no line after this has it. */
void akma_tally_forget_terminal(AkmaTally *self);

/* One line of the audit log. @application: NULL: of none. */
void akma_tally_audit(const AkmaTally *self,
                      const char *event,
                      const char *application,
                      AkmaCause cause);

/* It is answered with @set: it ended well, and each key and each refused one is noted. */
void akma_tally_answer(AkmaTally *self, const AkmaKeySet *set);

G_END_DECLS
