/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * usim-visit: the way of every anchor to the card: a channel with the USIM selected, and on it
 * which services the card has, how long the MNC is and whose card it is. For src/anchor only.
 */
#pragma once

#include "modem/modem-card.h"

G_BEGIN_DECLS

typedef enum {
    AKMA_VISIT_SERVICES, /* EF_UST, read */
    AKMA_VISIT_FACTS,    /* also MNC and IMSI; what the modem knows of the card is not read */
    AKMA_VISIT_IDENTITY, /* the same, but the IMSI is read live */
    AKMA_VISIT_OWNER,    /* the IMSI alone, live */
} AkmaVisitDepth;

typedef struct {
    AkmaModem *modem;
    AkmaChannel *channel;
    AkmaUsimFacts facts;          /* a copy; the depth says what is set */
    char imsi[AKMA_IMSI_MAX + 1]; /* as it was read; "" if it was not */
} AkmaVisit;

/* Ends the visit: gives the channel back, wipes. NULL is fine. */
void akma_visit_free(AkmaVisit *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaVisit, akma_visit_free)

/*
 * @service: of EF_UST, without which there is no use in going on (0: none).
 * Errors: those of modem/usim.h; AKMA_ERROR_ANCHOR_UNSUPPORTED also for that service.
 */
void akma_visit_async(AkmaModem *modem,
                      AkmaVisitDepth depth,
                      unsigned service,
                      GCancellable *cancellable,
                      GAsyncReadyCallback callback,
                      gpointer user_data);
/* Takes @visit, whose card turned out to be another one: reads everything on the same channel. */
void akma_visit_again_async(AkmaVisit *visit,
                            unsigned service,
                            GCancellable *cancellable,
                            GAsyncReadyCallback callback,
                            gpointer user_data);
AkmaVisit *akma_visit_finish(GAsyncResult *res, GError **error); /* (transfer full) */

bool akma_visit_has_service(const AkmaVisit *self, unsigned service);

/* EF_IMSI as it was read: into @self, and its digest. */
bool akma_visit_take_imsi(AkmaVisit *self,
                          const AkmaResponse *file,
                          uint8_t ret_digest[static 32],
                          GError **error);

/* A step on the card failed: is it to be asked what it is now? */
void akma_visit_note_error(AkmaModem *modem, const GError *error);

G_END_DECLS
