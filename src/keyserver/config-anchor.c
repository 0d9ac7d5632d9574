/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/config-anchor.h"

#include <string.h>

#define CLIENT_ID_MAX 255

static void
anchor_config_free(AkmaAnchorConfig *self)
{
    g_free(self->name);
    g_free(self->operator);
    g_strfreev(self->realms);
    g_free(self->url);
    g_free(self->root);
    g_free(self->ca_file);
    g_free(self->certificate_file);
    g_free(self->key_file);
    g_free(self->token_url);
    g_free(self->token_path);
    g_free(self->client_id);
    g_free(self);
}

bool
akma_server_config_get_number(const AkmaSettings *settings,
                              const char *group,
                              const char *key,
                              uint64_t min,
                              uint64_t max,
                              unsigned *ret,
                              GError **error)
{
    uint64_t value = akma_settings_get_uint(settings, group, key);

    if (value < min || value > max)
        return akma_settings_reject(settings,
                                    group,
                                    key,
                                    error,
                                    "must be between %" G_GUINT64_FORMAT " and %" G_GUINT64_FORMAT,
                                    min,
                                    max);
    *ret = (unsigned)value;

    return true;
}

bool
akma_server_config_get_ms(
    const AkmaSettings *settings, const char *group, const char *key, unsigned *ret, GError **error)
{
    unsigned seconds = 0;

    /* a day is more than any of these waits makes sense for, and fits an unsigned of ms */
    if (!akma_server_config_get_number(settings, group, key, 1, 86400, &seconds, error))
        return false;
    *ret = seconds * 1000;

    return true;
}

static bool
check_operator(const AkmaSettings *settings, const char *group, GError **error)
{
    const char *value = akma_settings_get(settings, group, "operator");

    /* it is a part of every terminal id: nothing that two people could write differently */
    for (const char *c = value; *c; c++) {
        if (!g_ascii_isalnum(*c) && !strchr("._-", *c))
            return akma_settings_reject(
                settings, group, "operator", error, "may hold letters, digits and . _ - only");
    }

    return true;
}

static bool
is_https(const char *url)
{
    return url && g_str_has_prefix(url, "https://");
}

static bool
check_tls(const AkmaAnchorConfig *self,
          const AkmaSettings *settings,
          const char *group,
          GError **error)
{
    if (!self->certificate_file != !self->key_file)
        return akma_settings_reject(settings,
                                    group,
                                    self->key_file ? "key-file" : "certificate-file",
                                    error,
                                    "certificate-file and key-file go together");
    if (!is_https(self->url) && !is_https(self->token_url) && (self->ca_file || self->key_file))
        return akma_settings_reject(
            settings, group, "url", error, "files for TLS are set, but it is not https://");

    return true;
}

/* What only an AAnF understands must not stand in the group of a BSF. */
static bool
load_type(AkmaAnchorConfig *self, const AkmaSettings *settings, const char *group, GError **error)
{
    static const char *const akma_only[] = {"api", "af-id-format"};

    self->gba = strcmp(akma_settings_get(settings, group, "type"), "gba") == 0;
    self->nef = strcmp(akma_settings_get(settings, group, "api"), "nef") == 0;
    for (size_t i = 0; self->gba && i < G_N_ELEMENTS(akma_only); i++) {
        if (akma_settings_has(settings, group, akma_only[i]))
            return akma_settings_reject(
                settings, group, akma_only[i], error, "is for type=akma only");
    }

    return true;
}

/* "https://nrf.example.com/oauth2/token" -> server and path, "" without one */
static bool
split_url(const char *url, const char *forbidden, char **ret_server, char **ret_path)
{
    const char *authority = strstr(url, "://");
    const char *path = authority ? strchr(authority + strlen("://"), '/') : NULL;
    g_autofree char *host = NULL;
    uint16_t port;
    bool tls;

    *ret_server = path ? g_strndup(url, (size_t)(path - url)) : g_strdup(url);
    *ret_path = g_strdup(path ? path : "");
    for (const char *c = *ret_path; *c; c++) {
        if (!g_ascii_isgraph(*c) || strchr(forbidden, *c))
            return false;
    }

    return akma_setting_parse_url(*ret_server, &tls, &host, &port);
}

static bool
is_this_machine(const char *url)
{
    g_autofree char *host = NULL;
    uint16_t port;
    bool tls;

    return akma_setting_parse_url(url, &tls, &host, &port) &&
           (strcmp(host, "127.0.0.1") == 0 || strcmp(host, "::1") == 0 ||
            strcmp(host, "localhost") == 0);
}

/*= TS 29.122 5.2.4: apiRoot is scheme and authority, and a prefix of the operator's choice */
static bool
load_url(AkmaAnchorConfig *self, const AkmaSettings *settings, const char *group, GError **error)
{
    size_t len;

    if (!split_url(akma_settings_get(settings, group, "url"), "?#", &self->url, &self->root))
        return akma_settings_reject(settings,
                                    group,
                                    "url",
                                    error,
                                    "must be http:// or https:// with a host, and a path at most");
    len = strlen(self->root);
    if (len > 0 && self->root[len - 1] == '/')
        self->root[len - 1] = '\0';

    return true;
}

/* An NEF is in another network than ours: neither keys nor our secret go there in clear. */
static bool
check_way(const AkmaAnchorConfig *self,
          const AkmaSettings *settings,
          const char *group,
          GError **error)
{
    const char *const urls[][2] = {{"url", self->url}, {"token-url", self->token_url}};

    for (size_t i = 0; self->nef && i < G_N_ELEMENTS(urls); i++) {
        if (urls[i][1] && !is_https(urls[i][1]) && !is_this_machine(urls[i][1]))
            return akma_settings_reject(
                settings, group, urls[i][0], error, "must be https:// for api=nef");
    }

    return true;
}

static bool
load_token(AkmaAnchorConfig *self, const AkmaSettings *settings, const char *group, GError **error)
{
    const char *url = akma_settings_get(settings, group, "token-url");
    const char *id = akma_settings_get(settings, group, "client-id");
    bool secret = akma_settings_has(settings, group, "client-secret-file");

    if (!url != !id || !url != !secret)
        return akma_settings_reject(settings,
                                    group,
                                    url  ? "token-url"
                                    : id ? "client-id"
                                         : "client-secret-file",
                                    error,
                                    "token-url, client-id and client-secret-file go together");
    if (!url)
        return true;

    if (!split_url(url, "#", &self->token_url, &self->token_path))
        return akma_settings_reject(
            settings, group, "token-url", error, "must be http:// or https:// with host and path");
    if (strlen(id) > CLIENT_ID_MAX)
        return akma_settings_reject(settings, group, "client-id", error, "is too long");
    if (self->token_path[0] == '\0') {
        g_free(self->token_path);
        self->token_path = g_strdup("/");
    }
    self->client_id = g_strdup(id);

    return true;
}

static bool
load_anchor(AkmaAnchorConfig *self, const AkmaSettings *settings, const char *name, GError **error)
{
    static const char *const any[] = {"*", NULL};
    g_autofree char *group = g_strdup_printf("anchor %s", name);
    const char *const *realms = akma_settings_get_list(settings, group, "realms");

    self->name = g_strdup(name);
    self->operator= g_strdup(akma_settings_get(settings, group, "operator"));
    self->realms = g_strdupv((GStrv)(realms[0] ? realms : any));
    self->ca_file = akma_settings_dup_path(settings, group, "ca-file");
    self->certificate_file = akma_settings_dup_path(settings, group, "certificate-file");
    self->key_file = akma_settings_dup_path(settings, group, "key-file");

    return load_type(self, settings, group, error) && check_operator(settings, group, error) &&
           load_url(self, settings, group, error) && load_token(self, settings, group, error) &&
           check_way(self, settings, group, error) && check_tls(self, settings, group, error) &&
           akma_server_config_get_ms(settings, group, "timeout", &self->timeout_ms, error);
}

/* One of two that have the same realm would never be asked, and nobody would know which. */
static bool
check_realms(const AkmaAnchorConfig *one,
             const AkmaAnchorConfig *other,
             const AkmaSettings *settings,
             GError **error)
{
    g_autofree char *group = g_strdup_printf("anchor %s", one->name);

    for (size_t i = 0; one->gba == other->gba && one->realms[i]; i++) {
        if (g_strv_contains((const char *const *)other->realms, one->realms[i]))
            return akma_settings_reject(settings,
                                        group,
                                        "realms",
                                        error,
                                        "[anchor %s] has \"%s\" too",
                                        other->name,
                                        one->realms[i]);
    }

    return true;
}

GPtrArray *
akma_anchor_configs_new(const AkmaSettings *settings, GError **error)
{
    g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func((GDestroyNotify)anchor_config_free);
    g_auto(GStrv) names = akma_settings_dup_names(settings, "anchor");

    for (size_t i = 0; names[i]; i++) {
        AkmaAnchorConfig *self = g_new0(AkmaAnchorConfig, 1);

        g_ptr_array_add(all, self);
        if (!load_anchor(self, settings, names[i], error))
            return NULL;
        for (guint other = 0; other < i; other++) {
            if (!check_realms(self, all->pdata[other], settings, error))
                return NULL;
        }
    }

    return g_steal_pointer(&all);
}

AkmaSecret *
akma_server_config_read_client_secret(const AkmaServerConfig *self,
                                      const AkmaAnchorConfig *anchor,
                                      GError **error)
{
    g_autofree char *group = g_strdup_printf("anchor %s", anchor->name);

    return akma_settings_read_secret(
        self->settings, group, "client-secret-file", 1, AKMA_CLIENT_SECRET_MAX, true, error);
}
