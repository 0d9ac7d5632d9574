/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* config-anchor: the groups [anchor NAME], and the numbers of all groups. Inside config only. */
#pragma once

#include "keyserver/config.h"

G_BEGIN_DECLS

/* All of them, by name. Returns: (transfer full). Errors: AKMA_ERROR_CONFIG_INVALID. */
GPtrArray *akma_anchor_configs_new(const AkmaSettings *settings, GError **error);

/* A number that the rest of the program keeps in an unsigned, at least @min. */
bool akma_server_config_get_number(const AkmaSettings *settings,
                                   const char *group,
                                   const char *key,
                                   uint64_t min,
                                   uint64_t max,
                                   unsigned *ret,
                                   GError **error);
/* A duration as milliseconds: one second to a day. */
bool akma_server_config_get_ms(const AkmaSettings *settings,
                               const char *group,
                               const char *key,
                               unsigned *ret,
                               GError **error);

G_END_DECLS
