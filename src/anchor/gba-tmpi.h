/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * gba-tmpi: the identity that stands for the IMPI on Ub after the first bootstrapping (TS 33.220
 * B.4), so that the IMSI is not shown each time. Used only with a BSF that says it knows it.
 */
#pragma once

#include "anchor/gba-cache.h"

G_BEGIN_DECLS

#define AKMA_TMPI_TOKEN "3gpp-gba-tmpi" /* product token of both ends */

/* Does the Server field of a BSF have the token? NULL: no. */
bool akma_gba_tmpi_is_known(const char *server);

/* Of a bootstrapping of GBA_ME, made for @impi. Returns: g_free(). Errors: AKMA_ERROR_INTERNAL, or
 * AKMA_ERROR_INVALID_ARGUMENT: the B-TID has no domain. */
char *akma_gba_dup_tmpi(const AkmaBootstrapping *self, const char *impi, GError **error);

G_END_DECLS
