/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * usim-files: what stands in the files of a USIM (TS 31.102). Pure: bytes of the card in, values
 * out; a file that is not as the specification says is AKMA_ERROR_MODEM_FAILED with its name.
 */
#pragma once

#include "base/secret.h"

G_BEGIN_DECLS

#define AKMA_IMSI_MAX         15
#define AKMA_RID_MAX          4
#define AKMA_ICCID_LEN        10
#define AKMA_UST_LEN          18 /* as far as we ask: services 1 to 144 */
#define AKMA_5GAUTHKEYS_FIRST 34 /* 80 20 K_AUSF */

/* Services of EF_UST that we ask for. */
#define AKMA_SERVICE_GBA               68
#define AKMA_SERVICE_5G_SECURITY       123
#define AKMA_SERVICE_ROUTING_INDICATOR 124

/* The bare digits, 6 to 15. */
bool akma_usim_parse_imsi(const uint8_t *bytes,
                          size_t len,
                          char ret[static AKMA_IMSI_MAX + 1],
                          GError **error);

/* EF_AD: how many digits the MNC has, 2 or 3. */
bool akma_usim_parse_mnc_length(const uint8_t *bytes, size_t len, unsigned *ret, GError **error);

/* Service 1.. of the table; one beyond its end is not there. */
bool akma_usim_has_service(const uint8_t *ust, size_t len, unsigned service);

/* EF_Routing_Indicator: 1 to 4 digits; "0" where the file holds none. */
bool akma_usim_parse_routing_indicator(const uint8_t *bytes,
                                       size_t len,
                                       char ret[static AKMA_RID_MAX + 1],
                                       GError **error);

/* EF_ICCID: ten bytes that are not all FF. */
bool akma_usim_check_iccid(const uint8_t *bytes, size_t len, GError **error);

typedef enum {
    AKMA_K_AUSF_FOUND,
    AKMA_K_AUSF_EMPTY,     /* all FF or 00, or an object without a value: not registered on 5G */
    AKMA_K_AUSF_ELSEWHERE, /* another object stands first, or it goes on: read the whole file */
    AKMA_K_AUSF_BROKEN,
} AkmaKAusfPlace;

/* The beginning of EF_5GAUTHKEYS. @ret is set for AKMA_K_AUSF_FOUND only. */
AkmaKAusfPlace akma_usim_peek_k_ausf(const uint8_t *bytes, size_t len, AkmaKey256 *ret);

/* The whole of EF_5GAUTHKEYS; never AKMA_K_AUSF_ELSEWHERE. */
AkmaKAusfPlace akma_usim_find_k_ausf(const uint8_t *bytes, size_t len, AkmaKey256 *ret);

typedef enum {
    AKMA_AKA_OK,           /* res, ck and ik are set */
    AKMA_AKA_SYNC_FAILURE, /* auts is set, nothing else */
} AkmaAkaOutcome;

typedef struct {
    AkmaAkaOutcome outcome;
    uint8_t res[16];
    size_t res_len; /* 4 to 16 */
    AkmaKey128 ck;
    AkmaKey128 ik;
    uint8_t auts[14];
} AkmaAkaResult;

void akma_aka_result_clear(AkmaAkaResult *result);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(AkmaAkaResult, akma_aka_result_clear)

/* The answer to AUTHENTICATE in the 3G context. */
bool akma_usim_parse_aka(const uint8_t *bytes, size_t len, AkmaAkaResult *ret, GError **error);

G_END_DECLS
