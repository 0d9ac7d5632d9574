/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* config-provider: the groups [provider NAME]. Inside config only. */
#pragma once

#include "keyserver/config.h"

G_BEGIN_DECLS

/* All of them, by name; (transfer full). Errors: AKMA_ERROR_CONFIG_INVALID. */
GPtrArray *akma_provider_configs_new(const AkmaSettings *settings, GError **error);

G_END_DECLS
