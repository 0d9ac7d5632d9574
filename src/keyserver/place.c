/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/place.h"

bool
akma_place_create(const AkmaServerConfig *config, AkmaIdentityKind identity, GError **error)
{
    g_autoptr(AkmaSecret) key = akma_server_config_read_store_key(config, error);
    const AkmaKsPlace place = {.path = config->store_path, .store_key = key};

    return key && akma_ks_create(&place, identity, error);
}

AkmaKsStore *
akma_place_open(const AkmaServerConfig *config, GError **error)
{
    g_autoptr(AkmaSecret) key = akma_server_config_read_store_key(config, error);
    const AkmaKsPlace place = {.path = config->store_path, .store_key = key};

    return key ? akma_ks_open(&place, error) : NULL;
}
