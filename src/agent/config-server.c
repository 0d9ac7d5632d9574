/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* config-server: [server NAME], and [gba], which says how GBA asks for all of them. */
#include "agent/config-private.h"
#include "anchor/gba-names.h"

void
akma_config_server_free(gpointer data)
{
    AkmaConfigServer *self = data;

    g_free(self->name);
    g_free(self->url);
    g_free(self->fqdn);
    g_free(self->connect);
    g_free(self->ca_file);
    g_free(self->modem);
    g_free(self->interface);
    g_free(self->https_proxy);
    g_free(self);
}

static AkmaAnchorChoice
to_anchor(const char *name)
{
    static const char *const names[] = {
        [AKMA_ANCHOR_AUTO] = "auto",
        [AKMA_ANCHOR_AKMA] = "akma",
        [AKMA_ANCHOR_GBA] = "gba",
        [AKMA_ANCHOR_GBA_U] = "gba-u",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        if (g_str_equal(name, names[i]))
            return (AkmaAnchorChoice)i;
    }

    return AKMA_ANCHOR_AUTO; /* the table of settings lets no other name in */
}

static AkmaUaProfile
to_profile(const char *name)
{
    if (g_str_equal(name, "psk"))
        return AKMA_UA_PSK;

    return g_str_equal(name, "digest") ? AKMA_UA_DIGEST : AKMA_UA_MESSAGE;
}

static bool
load_server_url(AkmaConfig *self, AkmaConfigServer *server, const char *group, GError **error)
{
    g_autoptr(GError) local = NULL;
    uint16_t port;
    bool tls;

    server->profile = to_profile(akma_settings_get(self->settings, group, "profile"));
    server->url = akma_config_dup(self, group, "url");
    if (!akma_setting_parse_url(server->url, &tls, &server->fqdn, &port) || !tls)
        return akma_settings_reject(self->settings, group, "url", error, "must be https://");
    if (!akma_af_id_init(&server->af_id, server->fqdn, server->profile, &local))
        return akma_settings_reject(self->settings, group, "url", error, "%s", local->message);
    /* lower case and without a final dot, as both ends derive from it */
    g_free(server->fqdn);
    server->fqdn = akma_af_id_dup_fqdn(&server->af_id);

    return true;
}

bool
akma_config_load_server(AkmaConfig *self, const char *group, const char *name, GError **error)
{
    AkmaConfigServer *server = g_new0(AkmaConfigServer, 1);
    unsigned timeout_s = 0;

    g_ptr_array_add(self->servers, server);
    server->name = g_strdup(name);
    server->connect = akma_config_dup(self, group, "connect");
    server->ca_file = akma_config_dup(self, group, "ca-file");
    server->modem = akma_config_dup(self, group, "modem");
    server->interface = akma_config_dup(self, group, "interface");
    server->https_proxy = akma_config_dup(self, group, "https-proxy");
    server->anchor = to_anchor(akma_settings_get(self->settings, group, "anchor"));
    if (!load_server_url(self, server, group, error) ||
        !akma_config_read_uint(self, group, "timeout", 1, 600, &timeout_s, error))
        return false;
    server->timeout_ms = timeout_s * 1000;

    if (server->connect && g_str_has_prefix(server->connect, "unix:"))
        return akma_settings_reject(self->settings, group, "connect", error, "must be HOST:PORT");
    if (server->ca_file && server->profile == AKMA_UA_PSK)
        return akma_settings_reject(
            self->settings, group, "ca-file", error, "profile=psk takes no certificate");
    if (server->ca_file && !g_file_test(server->ca_file, G_FILE_TEST_IS_REGULAR))
        return akma_settings_reject(
            self->settings, group, "ca-file", error, "%s is not there", server->ca_file);
    if (server->modem && !akma_config_find_name(self->modems, server->modem))
        return akma_settings_reject(
            self->settings, group, "modem", error, "no group [modem %s]", server->modem);

    return true;
}

bool
akma_config_server_equal(const AkmaConfigServer *a, const AkmaConfigServer *b)
{
    return g_str_equal(a->url, b->url) && g_strcmp0(a->connect, b->connect) == 0 &&
           g_strcmp0(a->ca_file, b->ca_file) == 0 && g_strcmp0(a->modem, b->modem) == 0 &&
           g_strcmp0(a->interface, b->interface) == 0 &&
           g_strcmp0(a->https_proxy, b->https_proxy) == 0 && a->anchor == b->anchor &&
           a->profile == b->profile;
}

/* "auto" is not set. */
static const char *
get_unless_auto(const AkmaConfig *self, const char *key)
{
    const char *value = akma_settings_get(self->settings, "gba", key);

    return g_str_equal(value, "auto") ? NULL : value;
}

const char *
akma_config_get_bsf(const AkmaConfig *self)
{
    return get_unless_auto(self, "bsf");
}

const char *
akma_config_get_impi(const AkmaConfig *self)
{
    return get_unless_auto(self, "impi");
}

const char *
akma_config_get_bsf_ca_file(const AkmaConfig *self)
{
    return akma_settings_get(self->settings, "gba", "ca-file");
}

bool
akma_config_check_gba(const AkmaConfig *self, GError **error)
{
    const char *bsf = akma_config_get_bsf(self);
    const char *impi = akma_config_get_impi(self);
    const char *ca_file = akma_config_get_bsf_ca_file(self);
    g_autofree char *host = NULL;
    uint16_t port;
    bool tls;

    if (bsf && !akma_setting_parse_url(bsf, &tls, &host, &port))
        return akma_settings_reject(
            self->settings, "gba", "bsf", error, "must be \"auto\", http://HOST or https://HOST");
    /* what it is stays out of the message: it names the subscriber */
    if (impi && !akma_gba_impi_is_valid(impi))
        return akma_settings_reject(
            self->settings, "gba", "impi", error, "must be \"auto\" or NAME@DOMAIN");
    if (ca_file && !g_file_test(ca_file, G_FILE_TEST_IS_REGULAR))
        return akma_settings_reject(
            self->settings, "gba", "ca-file", error, "%s is not there", ca_file);

    return true;
}
