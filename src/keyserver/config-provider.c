/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/config-provider.h"

#include <string.h>

#include "keyserver/config-anchor.h"
#include "keyserver/rights.h"

#define TOKEN_MIN 16

static void
provider_config_free(void *data)
{
    AkmaProviderConfig *self = data;

    g_free(self->name);
    g_free(self->url);
    g_free(self->ca_file);
    g_free(self->certificate_file);
    g_free(self->key_file);
    g_free(self);
}

static bool
load(AkmaProviderConfig *self, const AkmaSettings *settings, const char *group, GError **error)
{
    self->url = g_strdup(akma_settings_get(settings, group, "url"));
    self->ca_file = akma_settings_dup_path(settings, group, "ca-file");
    self->certificate_file = akma_settings_dup_path(settings, group, "certificate-file");
    self->key_file = akma_settings_dup_path(settings, group, "key-file");
    self->has_token = akma_settings_has(settings, group, "token-file");

    /* it is a part of the pseudonyms that the provider sees */
    if (!akma_consumer_name_is_valid(self->name))
        return akma_settings_reject(settings,
                                    group,
                                    "url",
                                    error,
                                    "the name of a provider has 1 to 64 letters, digits and . _ -");
    if (!g_str_has_prefix(self->url, "https://"))
        return akma_settings_reject(settings, group, "url", error, "must be https://");
    if (!self->certificate_file != !self->key_file)
        return akma_settings_reject(settings,
                                    group,
                                    self->key_file ? "key-file" : "certificate-file",
                                    error,
                                    "certificate-file and key-file go together");
    if (!self->certificate_file && !self->has_token)
        return akma_settings_reject(settings,
                                    group,
                                    "url",
                                    error,
                                    "certificate-file and key-file, or token-file, must be set");

    return akma_server_config_get_ms(settings, group, "timeout", &self->timeout_ms, error);
}

GPtrArray *
akma_provider_configs_new(const AkmaSettings *settings, GError **error)
{
    g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(provider_config_free);
    g_auto(GStrv) names = akma_settings_dup_names(settings, "provider");

    for (size_t i = 0; names[i]; i++) {
        AkmaProviderConfig *self = g_new0(AkmaProviderConfig, 1);
        g_autofree char *group = g_strdup_printf("provider %s", names[i]);

        self->name = g_strdup(names[i]);
        g_ptr_array_add(all, self);
        if (!load(self, settings, group, error))
            return NULL;
    }

    return g_steal_pointer(&all);
}

const AkmaProviderConfig *
akma_server_config_find_provider(const AkmaServerConfig *self, const char *name)
{
    for (guint i = 0; i < self->providers->len; i++) {
        const AkmaProviderConfig *provider = self->providers->pdata[i];

        if (strcmp(provider->name, name) == 0)
            return provider;
    }

    return NULL;
}

AkmaSecret *
akma_server_config_read_provider_token(const AkmaServerConfig *self,
                                       const AkmaProviderConfig *provider,
                                       GError **error)
{
    g_autofree char *group = g_strdup_printf("provider %s", provider->name);
    AkmaSecret *token = akma_settings_read_secret(
        self->settings, group, "token-file", TOKEN_MIN, AKMA_PROVIDER_TOKEN_MAX, true, error);
    const char *text;
    size_t len = 0;

    if (!token)
        return NULL;
    text = (const char *)akma_secret_peek(token, &len);
    for (size_t i = 0; i < len; i++) {
        /*= RFC 6750 2.1: Authorization: Bearer and a token of the letters of b64token */
        if (!g_ascii_isalnum(text[i]) && (!text[i] || !strchr("-._~+/=", text[i]))) {
            akma_settings_reject(self->settings,
                                 group,
                                 "token-file",
                                 error,
                                 "may hold letters, digits, -._~+/= only");
            akma_secret_unref(token);
            return NULL;
        }
    }

    return token;
}
