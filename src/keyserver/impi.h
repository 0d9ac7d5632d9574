/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * impi: the subscriber behind the private identity that a BSF names.
 *
 * An AAnF names the same subscriber "imsi-<digits>". Both must come to the same terminal id, or a
 * revocation over one of them would not hold over the other.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

#define AKMA_IMPI_IDENTITY_SIZE 21 /* "imsi-", 15 digits, NUL */

/*
 * Only <digits>@ims.mnc<MNC>.mcc<MCC>.3gppnetwork.org whose digits begin with that MCC and MNC
 * (TS 23.003 13.3: an MNC of 2 digits is written with a 0 in front). False: @impi is no such.
 * The caller wipes @ret.
 */
bool akma_impi_to_identity(const char *impi, char ret[static AKMA_IMPI_IDENTITY_SIZE]);

G_END_DECLS
