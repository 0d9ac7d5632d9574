/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* plmn: the digits that name a network, checked, as names of TS 23.003 want them. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

G_BEGIN_DECLS

/* True if @text is @min to @max decimal digits and nothing else. */
bool akma_digits_check(const char *text, size_t min, size_t max);

/* "mnc<3>.mcc<3>.3gppnetwork.org"; g_free(). NULL: AKMA_ERROR_INVALID_ARGUMENT. */
char *akma_plmn_dup_domain(const char *mcc, const char *mnc, GError **error);

G_END_DECLS
