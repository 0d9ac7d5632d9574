/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/place.h"

#include "keyserver/pg-conninfo.h"

/* A place that owns what it points to. */
typedef struct {
    AkmaKsPlace place;
    AkmaSecret *store_key;
    AkmaSecret *old_store_key;
    AkmaSecret *password;
} Place;

static void
place_clear(Place *self)
{
    akma_secret_unref(self->store_key);
    akma_secret_unref(self->old_store_key);
    akma_secret_unref(self->password);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Place, place_clear)

static bool
place_init(Place *self, const AkmaServerConfig *config, GError **error)
{
    self->store_key = akma_server_config_read_store_key(config, error);
    if (!self->store_key ||
        !akma_server_config_read_old_store_key(config, &self->old_store_key, error) ||
        !akma_server_config_read_password(config, &self->password, error))
        return false;

    self->place = (AkmaKsPlace){
        .kind = config->postgresql ? AKMA_KS_POSTGRESQL : AKMA_KS_SQLITE,
        .path = config->store_path,
        .conninfo = config->conninfo,
        .password = self->password,
        .store_key = self->store_key,
        .old_store_key = self->old_store_key,
    };

    return true;
}

bool
akma_place_create(const AkmaServerConfig *config, AkmaIdentityKind identity, GError **error)
{
    g_auto(Place) place = {0};

    return place_init(&place, config, error) && akma_ks_create(&place.place, identity, error);
}

AkmaKsStore *
akma_place_open(const AkmaServerConfig *config, bool serves, GError **error)
{
    g_auto(Place) place = {0};

    if (!place_init(&place, config, error))
        return NULL;
    place.place.serves = serves;

    return akma_ks_open(&place.place, error);
}

bool
akma_place_migrate(AkmaKsStore *store,
                   const AkmaServerConfig *to,
                   AkmaKsCopied *ret_copied,
                   GError **error)
{
    g_auto(Place) place = {0};

    return place_init(&place, to, error) &&
           akma_ks_copy(store, true, &place.place, ret_copied, error);
}

bool
akma_place_back_up(AkmaKsStore *store,
                   const AkmaServerConfig *config,
                   const char *path,
                   AkmaKsCopied *ret_copied,
                   GError **error)
{
    g_auto(Place) place = {0};

    if (!place_init(&place, config, error))
        return false;
    place.place.kind = AKMA_KS_SQLITE;
    place.place.path = path;

    return akma_ks_copy(store, false, &place.place, ret_copied, error);
}

char *
akma_place_describe(const AkmaServerConfig *config)
{
    return config->postgresql ? akma_pg_describe(config->conninfo) : g_strdup(config->store_path);
}
