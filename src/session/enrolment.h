/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * enrolment: what a terminal does about refusals: at most two sessions an anchor, the anchor
 * read again at most once, then back-off from 1 s to 15 min with full jitter.
 *
 *   READ_ANCHOR --> OPEN_SESSION --> DONE
 *        ^               |  ^ |
 *        +- key unknown -+  +-+ new session once --> FAILED (wait)
 *
 * With AKMA_ENROLMENT_AUTO it begins with AKMA and goes on with GBA, never back, in three cases:
 * the card has no AKMA; or, and these are the fallback, the card has AKMA but no key yet, since the
 * modem has not registered on 5G; or the server did not know the key also after the re-read. The
 * last does not count with AKMA_ENROLMENT_AUTO_BY_CARD. With GBA it bootstraps at most once in a
 * run.
 *
 * Pure: events in, the next action out; time and randomness are arguments.
 */
#pragma once

#include "base/error.h"
#include "proto/cause.h"

#include <stdint.h>

G_BEGIN_DECLS

typedef enum {
    AKMA_ENROLMENT_AUTO,
    AKMA_ENROLMENT_AUTO_BY_CARD, /* where a refusal may come from whoever is in between */
    AKMA_ENROLMENT_AKMA,
    AKMA_ENROLMENT_GBA,
} AkmaEnrolmentChoice;

typedef enum {
    AKMA_ENROLMENT_READ_ANCHOR, /* akma_enrolment_is_gba(), akma_enrolment_wants_new() */
    AKMA_ENROLMENT_OPEN_SESSION,
    AKMA_ENROLMENT_DONE,
    AKMA_ENROLMENT_FAILED, /* akma_enrolment_get_error(), akma_enrolment_get_wait_ms() */
} AkmaEnrolmentAction;

typedef struct _AkmaEnrolment AkmaEnrolment;

/* One for each server and anchor; it lives as long as the agent and remembers the back-off. */
AkmaEnrolment *akma_enrolment_new(void);
void akma_enrolment_free(AkmaEnrolment *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaEnrolment, akma_enrolment_free)

/* A new run. */
AkmaEnrolmentAction akma_enrolment_begin(AkmaEnrolment *self, AkmaEnrolmentChoice choice);

/* Which anchor is on: GBA, else AKMA. */
bool akma_enrolment_is_gba(const AkmaEnrolment *self);
/* Is a new bootstrapping wanted, also if there is one that looks good? */
bool akma_enrolment_wants_new(const AkmaEnrolment *self);

/* The anchor was read; @kid: what it gave (only compared); @is_new: bootstrapped for this run. */
AkmaEnrolmentAction akma_enrolment_anchor_read(AkmaEnrolment *self, const char *kid, bool is_new);

/* The key of the anchor came to its end in the middle of a session; as akma_enrolment_failed(). */
AkmaEnrolmentAction akma_enrolment_anchor_expired(AkmaEnrolment *self,
                                                  const GError *error,
                                                  uint32_t random);

/* The session gave its keys. */
AkmaEnrolmentAction akma_enrolment_succeeded(AkmaEnrolment *self);

/*
 * Reading the anchor, or the session, failed with @error (copied), @cause (or NONE) and
 * @retry_after_s (or 0). @random: any number, for the jitter. A cause that only a person can
 * mend waits the longest at once. A Retry-After above a day counts as a day.
 */
AkmaEnrolmentAction akma_enrolment_failed(AkmaEnrolment *self,
                                          const GError *error,
                                          AkmaCause cause,
                                          unsigned retry_after_s,
                                          uint32_t random);

/*
 * Borrowed; NULL unless FAILED. Where AKMA had no key yet and GBA gave none either it is the error
 * of AKMA, with that of GBA in its text: the first of the two that may come by itself.
 */
const GError *akma_enrolment_get_error(const AkmaEnrolment *self);
/* Did the last run that succeeded do so on the fallback? */
bool akma_enrolment_is_degraded(const AkmaEnrolment *self);
/* How long to wait before the next akma_enrolment_begin(). */
uint64_t akma_enrolment_get_wait_ms(const AkmaEnrolment *self);
/* How long the server wants no request at all (429 with Retry-After); 0: it did not say. */
uint64_t akma_enrolment_get_hold_ms(const AkmaEnrolment *self);
/* The network came back, or somebody asks: forget the back-off. */
void akma_enrolment_reset(AkmaEnrolment *self);

G_END_DECLS
