/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* setting-syntax: how one value of a configuration is written. Private to settings. */
#pragma once

#include "base/settings.h"

G_BEGIN_DECLS

#define AKMA_CREDENTIAL_PREFIX "credential:"

/* NULL: @value is of @row's type. Otherwise what it should have been; borrowed for ever. */
const char *akma_setting_find_fault(const AkmaSettingRow *row, const char *value);

/* "10/s" */
bool akma_setting_parse_rate(const char *text, uint64_t *ret_events, unsigned *ret_s);

/* "20%" */
bool akma_setting_parse_percent(const char *text, uint64_t *ret);

G_END_DECLS
