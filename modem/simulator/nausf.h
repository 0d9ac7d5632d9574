/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nausf: the messages of 5G AKA over Nausf_UEAuthentication, TS 29.509 clause 6.1; pure. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

G_BEGIN_DECLS

#define AKMA_SOFT_NAUSF_PATH "/nausf-auth/v1/ue-authentications"

typedef struct {
    uint8_t rand[16];
    uint8_t autn[16];
    uint8_t hxres_star[16];
    char *confirmation; /* path of the 5g-aka-confirmation resource; g_free() */
} AkmaSoftChallenge;

/* AuthenticationInfo; @auts NULL: no resynchronisation (@rand is not looked at then). */
GBytes *akma_soft_nausf_write_request(const char *imsi,
                                      const char *serving_network,
                                      const uint8_t rand[16],
                                      const uint8_t auts[14]);
/* UEAuthenticationCtx. Errors: AKMA_ERROR_SERVER_REFUSED, @ret then untouched. */
bool akma_soft_nausf_parse_challenge(const void *body,
                                     size_t len,
                                     AkmaSoftChallenge *ret,
                                     GError **error);

/* ConfirmationData */
GBytes *akma_soft_nausf_write_confirmation(const uint8_t res_star[static 16]);
/*
 * ConfirmationDataResponse: its K_SEAF where it has one. Errors: AKMA_ERROR_ANCHOR_REJECTED (the
 * core refuses RES*), AKMA_ERROR_SERVER_REFUSED.
 */
bool akma_soft_nausf_parse_confirmation(const void *body,
                                        size_t len,
                                        uint8_t ret_k_seaf[static 32],
                                        bool *ret_has_k_seaf,
                                        GError **error);

G_END_DECLS
