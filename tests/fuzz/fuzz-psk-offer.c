/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fuzz-psk-offer: the extension pre_shared_key of a ClientHello; what is found is a kid of ours. */
#include "keyserver/psk-offer.h"

#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AkmaPskIdentity found;

    if (akma_psk_offer_find(data, size, &found) &&
        (!akma_anchor_kid_is_valid(found.kid) || found.identity < data ||
         found.identity + found.len > data + size || found.len <= strlen(found.kid)))
        abort();

    return 0;
}
