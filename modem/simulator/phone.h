/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* phone: the part of 5G AKA that the phone and its card do, TS 33.501 6.1.3.2; no network. */
#pragma once

#include "base/secret.h"
#include "modem/simulator/nausf.h"
#include "modem/simulator/uicc.h"

G_BEGIN_DECLS

typedef struct {
    AkmaKey256 k_ausf;
    AkmaKey256 k_seaf;
    uint8_t res_star[16];
    bool sync_failure; /* @auts is the answer; nothing else is set */
    uint8_t auts[14];
} AkmaSoftPhoneKeys;

void akma_soft_phone_keys_clear(AkmaSoftPhoneKeys *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(AkmaSoftPhoneKeys, akma_soft_phone_keys_clear)

/*
 * Runs the challenge on the card's own channel, checks the AMF and HXRES*, derives the keys.
 * Errors: AKMA_ERROR_ANCHOR_REJECTED (the card refused, or AMF or HXRES* is wrong),
 * AKMA_ERROR_INTERNAL. A sync failure is an outcome.
 */
bool akma_soft_phone_authenticate(AkmaSoftUicc *card,
                                  const AkmaSoftChallenge *challenge,
                                  const char *serving_network,
                                  AkmaSoftPhoneKeys *ret,
                                  GError **error);

/* TS 31.102 4.4.11.6: EF_5GAUTHKEYS; nothing on a card without the file. */
void akma_soft_phone_store(AkmaSoftUicc *card, const AkmaSoftPhoneKeys *keys);

G_END_DECLS
