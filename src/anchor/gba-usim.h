/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * gba-usim: GBA from the USIM: a bootstrapping that is still good, or a new one over Ub with the
 * card, and the first key for one server from it. GBA_ME runs AUTHENTICATE in the 3G context and
 * holds Ks; GBA_U leaves Ks in the card, whose one bootstrapping it replaces.
 */
#pragma once

#include "anchor/anchor.h"
#include "anchor/gba-cache.h"
#include "modem/modem.h"

G_BEGIN_DECLS

/* Over plain HTTP anybody on the way can write a Retry-After. */
#define AKMA_GBA_RETRY_AFTER_MAX_S 3600

typedef struct {
    AkmaGbaKind kind;
    const char *bsf;       /* URL; NULL: from the IMSI */
    const char *impi;      /* NULL: from the IMSI */
    const char *ca_file;   /* for an https:// BSF; NULL: the system's */
    const char *interface; /* NULL: any; so is https_proxy */
    const char *https_proxy;
    unsigned timeout_ms;    /* of one request */
    const AkmaAfId *naf_id; /* whom the first key is for */
    AkmaGbaCache *cache;    /* a reference is taken */
    bool fresh;             /* the server did not know the B-TID: bootstrap anew */
    int64_t now;            /* Unix time, for a BSF that does not tell its own */
    int64_t time_seen;      /* as in AkmaHttpConfig */
    int64_t now_ms;         /* CLOCK_BOOTTIME */
} AkmaGbaConfig;

/*
 * Errors of the card: those of modem/usim.h, AKMA_ERROR_ANCHOR_UNSUPPORTED also for GBA_U without
 * service 68, AKMA_ERROR_ANCHOR_REJECTED: the card refused AUTN, or sync failed twice.
 * Errors of the BSF: those of gba-ub.h and of the HTTP client, with "BSF" in their text.
 */
void akma_gba_usim_read_async(AkmaModem *modem,
                              const AkmaGbaConfig *config,
                              GCancellable *cancellable,
                              GAsyncReadyCallback callback,
                              gpointer user_data);
/* (transfer full). @ret_retry_after_s: how long a BSF that failed wants no request, at most
 * AKMA_GBA_RETRY_AFTER_MAX_S; 0: it did not say. Set in any case. */
AkmaAnchor *akma_gba_usim_read_finish(GAsyncResult *res,
                                      unsigned *ret_retry_after_s,
                                      GError **error);

G_END_DECLS
