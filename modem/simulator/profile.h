/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * profile: what one soft card is made of, read from a card file.
 *
 * The card file holds subscriber keys in clear: it is for labs.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kdf/milenage.h"
#include "modem/simulator/pin.h"

G_BEGIN_DECLS

#define AKMA_SOFT_IMSI_MAX     15
#define AKMA_SOFT_ICCID_MAX    20
#define AKMA_SOFT_AID_MAX      16
#define AKMA_SOFT_CHANNELS_MAX 20 /* 0 to 19 */

/* One line of [files]: the new content of an EF. */
typedef struct {
    char *path;     /* "7FFF/5FC0/4F05" */
    uint8_t *bytes; /* wiped on free */
    size_t len;
} AkmaSoftOverride;

typedef struct {
    char iccid[AKMA_SOFT_ICCID_MAX + 1];
    char imsi[AKMA_SOFT_IMSI_MAX + 1];
    unsigned mnc_len; /* 2 or 3 */
    char plmn[7];     /* the network the modem is in: MCC and MNC, 5 or 6 digits */
    char routing_indicator[5];
    uint8_t aid[AKMA_SOFT_AID_MAX];
    size_t aid_len;
    unsigned channels; /* 1 to 20, the basic channel counted */
    bool t0;           /* data of a case 4 command is fetched with GET RESPONSE */
    bool services[256];
    AkmaSoftPin pin;
    AkmaMilenage milenage;
    uint64_t sqn;
    uint64_t sqn_delta;
    GPtrArray *overrides; /* of AkmaSoftOverride */
} AkmaSoftProfile;

/*
 * Returns: (transfer full). Errors: AKMA_ERROR_CONFIG_INVALID, "FILE: [group] key: message".
 */
AkmaSoftProfile *akma_soft_profile_load(const char *file, GError **error);
void akma_soft_profile_free(AkmaSoftProfile *self); /* wipes; NULL is fine */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaSoftProfile, akma_soft_profile_free)

G_END_DECLS
