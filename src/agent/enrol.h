/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * enrol: one enrolment: from the card to the keys of some applications of one server.
 *
 *   READ_CARD --> FIRST_REQUEST --> SECOND_REQUEST --> done
 *       ^            ^    |               |
 *       |            +----+-- once more --+
 *       +-- key unknown --+
 *
 * AkmaEnrolment says after each step what comes next and with which anchor, so that refusals cannot
 * loop. When it ends, in whatever way, K_AKMA, the first key and all keys derived from it are wiped
 * (M6); Ks of GBA stays in the cache until its lifetime ends.
 */
#pragma once

#include "agent/cards.h"
#include "agent/config.h"
#include "anchor/read.h"
#include "proto/key-set.h"
#include "session/enrolment.h"

G_BEGIN_DECLS

/* How the card is read: akma_anchor_read_async() and its like, or a card made for a test. */
typedef struct {
    void (*read_async)(AkmaModem *modem,
                       const AkmaAnchorRequest *request,
                       GCancellable *cancellable,
                       GAsyncReadyCallback callback,
                       gpointer user_data);
    AkmaAnchor *(*read_finish)(GAsyncResult *res, unsigned *ret_retry_after_s, GError **error);
    void (*forget)(AkmaModem *modem); /* before a kid that nobody knows is read again */
} AkmaCardReader;

typedef struct {
    AkmaConfig *config; /* a reference is taken */
    const AkmaConfigServer *server;
    AkmaModem *modem;             /* a reference is taken */
    const AkmaCardReader *reader; /* NULL: the USIM */
    const char *const *key_ids;   /* copied; 1..16 */
    AkmaEnrolment *machine;       /* outlives the run */
    AkmaGbaCache *cache;          /* a reference is taken */
    AkmaCards *cards;             /* where it is noted whether the A-KID was known; likewise */
    int64_t now;                  /* Unix time, as far as it is known */
    int64_t time_seen;            /* as in AkmaHttpConfig */
} AkmaEnrolRequest;

void akma_enrol_async(const AkmaEnrolRequest *request,
                      GCancellable *cancellable,
                      GAsyncReadyCallback callback,
                      gpointer user_data);

/*
 * Returns: (transfer full): each key id asked for, in keys or in errors.
 * Errors: those of akma_anchor_read_async(), of the HTTP client and of akma_cause_get_error();
 * G_IO_ERROR_CANCELLED. How long to wait: akma_enrolment_get_wait_ms().
 */
AkmaKeySet *akma_enrol_finish(GAsyncResult *res, GError **error);

G_END_DECLS
