/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * delivery: the keys of one terminal that is proven: from the store, and where an application has
 * a provider, from there. Every profile ends in it.
 *
 *   begin --> store --> [providers, all at once] --> [store: new versions] --> done
 *
 * It is begun when the second request has opened and never before (M10).
 */
#pragma once

#include "keyserver/front.h"
#include "keyserver/pseudonym.h"

G_BEGIN_DECLS

typedef struct _AkmaDelivery AkmaDelivery;

/*
 * @set: each identifier asked for once, as a key or an error; borrowed during the callback. NULL:
 * @error, and nothing was delivered: the store failed.
 */
typedef void (*AkmaDeliveryDone)(const AkmaKeySet *set, const GError *error, void *user_data);

typedef struct {
    const char *terminal;
    AkmaPseudonyms *pseudonyms; /* NULL: no provider can be asked */
    const char *const *key_ids;
    unsigned time_ms; /* what a provider has not answered by then is upstream_unavailable */
} AkmaDeliveryRequest;

/*
 * Copies @request. Returns: (transfer none): until @done, which is not called before this returns.
 * NULL: the store is too busy.
 */
AkmaDelivery *akma_delivery_begin(AkmaFront *front,
                                  const AkmaDeliveryRequest *request,
                                  AkmaDeliveryDone done,
                                  void *user_data);
/* @done is not called any more; keys that were there are wiped. */
void akma_delivery_cancel(AkmaDelivery *self);

G_END_DECLS
