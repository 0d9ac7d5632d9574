/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * gba: what the soft card keeps of GBA_U: Ks of the last bootstrapping, and Ks_int_NAF of each NAF
 * in EF_GBANL. Neither leaves it. EF_GBABP and EF_GBANL stand among its files.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/secret.h"

G_BEGIN_DECLS

#define AKMA_SOFT_NAFS_MAX 8 /* records of EF_GBANL that have a key */

typedef struct {
    bool bootstrapped;
    uint8_t rand[16];
    AkmaKey128 ck; /* Ks = CK || IK */
    AkmaKey128 ik;
    AkmaKey256 ks_int_naf[AKMA_SOFT_NAFS_MAX]; /* by record of EF_GBANL */
    uint64_t used[AKMA_SOFT_NAFS_MAX];         /* when each was derived; 0 = free */
    uint64_t derivations;
} AkmaSoftGba;

G_END_DECLS
