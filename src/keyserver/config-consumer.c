/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/config-consumer.h"

#include <openssl/crypto.h>
#include <string.h>

#include "base/text.h"
#include "keyserver/rights.h"
#include "proto/key-set.h"

static void
consumer_config_free(void *data)
{
    AkmaConsumerConfig *self = data;

    g_free(self->name);
    g_free(self->certificate_name);
    g_strfreev(self->applications);
    g_free(self);
}

static bool
load_token(AkmaConsumerConfig *self,
           const AkmaSettings *settings,
           const char *group,
           GError **error)
{
    const char *hex = akma_settings_get(settings, group, "token-sha256");

    self->has_token = hex;
    if (hex && (strlen(hex) != AKMA_HEX_LEN(sizeof self->token_sha256) ||
                !akma_hex_decode(hex, strlen(hex), self->token_sha256, sizeof self->token_sha256)))
        return akma_settings_reject(
            settings, group, "token-sha256", error, "must be 64 hex digits: a SHA-256");

    return true;
}

static bool
load_applications(AkmaConsumerConfig *self,
                  const AkmaSettings *settings,
                  const char *group,
                  GError **error)
{
    const char *const *ids = akma_settings_get_list(settings, group, "applications");

    for (size_t i = 0; ids && ids[i]; i++) {
        if (!akma_key_id_is_valid(ids[i]))
            return akma_settings_reject(
                settings, group, "applications", error, "\"%s\" is no identifier", ids[i]);
    }
    self->applications = g_strdupv((GStrv)ids);

    return true;
}

static bool
load(AkmaConsumerConfig *self, const AkmaSettings *settings, const char *group, GError **error)
{
    if (!akma_consumer_name_is_valid(self->name))
        return akma_settings_reject(settings,
                                    group,
                                    "applications",
                                    error,
                                    "the name of a consumer has 1 to 64 letters, digits and . _ -");
    self->certificate_name = g_strdup(akma_settings_get(settings, group, "certificate-name"));
    if (!load_token(self, settings, group, error) ||
        !load_applications(self, settings, group, error))
        return false;

    if (!self->certificate_name && !self->has_token)
        return akma_settings_reject(settings,
                                    group,
                                    "certificate-name",
                                    error,
                                    "certificate-name or token-sha256 must be set");
    if (self->certificate_name && !akma_settings_has(settings, "server", "client-ca-file"))
        return akma_settings_reject(
            settings, group, "certificate-name", error, "needs client-ca-file in the group server");

    return true;
}

/* Whoever shows this is one of them, and not the other. */
static bool
is_same(const AkmaConsumerConfig *a, const AkmaConsumerConfig *b)
{
    if (a->has_token != b->has_token)
        return false;
    if (a->has_token)
        return CRYPTO_memcmp(a->token_sha256, b->token_sha256, sizeof a->token_sha256) == 0;

    return g_ascii_strcasecmp(a->certificate_name, b->certificate_name) == 0;
}

GPtrArray *
akma_consumer_configs_new(const AkmaSettings *settings, GError **error)
{
    g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(consumer_config_free);
    g_auto(GStrv) names = akma_settings_dup_names(settings, "consumer");

    for (size_t i = 0; names[i]; i++) {
        AkmaConsumerConfig *self = g_new0(AkmaConsumerConfig, 1);
        g_autofree char *group = g_strdup_printf("consumer %s", names[i]);

        self->name = g_strdup(names[i]);
        g_ptr_array_add(all, self);
        if (!load(self, settings, group, error))
            return NULL;
        for (guint j = 0; j + 1 < all->len; j++) {
            const AkmaConsumerConfig *other = all->pdata[j];

            if (is_same(self, other)) {
                akma_settings_reject(settings,
                                     group,
                                     self->has_token ? "token-sha256" : "certificate-name",
                                     error,
                                     "is that of the consumer %s too",
                                     other->name);
                return NULL;
            }
        }
    }

    return g_steal_pointer(&all);
}
