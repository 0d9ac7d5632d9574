/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* doctor-config: what of akmad.conf the checks need; whether all of it is right akmad says. */
#include <errno.h>
#include <unistd.h>

#include "cli/doctor.h"

#define CONFIG_FILE AKMA_SYSCONFDIR "/akmad/akmad.conf"

static const AkmaSettingRow rows[] = {
    {"server *", "url", AKMA_SETTING_URL, NULL, NULL, true},
    {"server *", "connect", AKMA_SETTING_ADDRESS, NULL, NULL, false},
    {"server *", "https-proxy", AKMA_SETTING_ADDRESS, NULL, NULL, false},
    {"server *", "ca-file", AKMA_SETTING_PATH, NULL, NULL, false},
    {"server *", "profile", AKMA_SETTING_STRING, "message", NULL, false},
    {"server *", "interface", AKMA_SETTING_STRING, NULL, NULL, false},
    {"server *", "anchor", AKMA_SETTING_STRING, "auto", NULL, false},
    {"server *", "*", AKMA_SETTING_STRING, NULL, NULL, false},
    {"application *", "server", AKMA_SETTING_STRING, NULL, NULL, true},
    {"application *", "users", AKMA_SETTING_STRING, "", NULL, false},
    {"application *", "groups", AKMA_SETTING_STRING, "", NULL, false},
    {"application *", "units", AKMA_SETTING_STRING, "", NULL, false},
    {"application *", "*", AKMA_SETTING_STRING, NULL, NULL, false},
    {"agent", "credential-socket", AKMA_SETTING_PATH, NULL, NULL, false},
    {"agent", "*", AKMA_SETTING_STRING, NULL, NULL, false},
    {"akma", "*", AKMA_SETTING_STRING, NULL, NULL, false},
    {"gba", "*", AKMA_SETTING_STRING, NULL, NULL, false},
    {"modem *", "*", AKMA_SETTING_STRING, NULL, NULL, false},
};

void
akma_doctor_server_free(gpointer data)
{
    AkmaDoctorServer *self = data;

    g_free(self->name);
    g_free(self->host);
    g_free(self->peer);
    g_free(self->ca_file);
    g_free(self->interface);
    g_resolver_free_addresses(self->addresses);
    g_clear_error(&self->no_answer);
    g_free(self);
}

static AkmaDoctorServer *
server_new(const AkmaSettings *settings, const char *name)
{
    AkmaDoctorServer *self = g_new0(AkmaDoctorServer, 1);
    g_autofree char *group = g_strconcat("server ", name, NULL);
    const char *profile = akma_settings_get(settings, group, "profile");
    const char *connect = akma_settings_get(settings, group, "connect");
    const char *proxy = akma_settings_get(settings, group, "https-proxy");
    bool tls;

    self->name = g_strdup(name);
    self->ca_file = g_strdup(akma_settings_get(settings, group, "ca-file"));
    self->interface = g_strdup(akma_settings_get(settings, group, "interface"));
    self->by_proxy = proxy != NULL;
    self->is_psk = g_str_equal(profile, "psk");
    self->speaks_old = g_str_equal(profile, "digest");
    akma_setting_parse_url(
        akma_settings_get(settings, group, "url"), &tls, &self->host, &self->port);
    if (proxy || connect)
        akma_setting_parse_address(proxy ? proxy : connect, &self->peer, &self->port);
    else
        self->peer = g_strdup(self->host);

    return self;
}

/* A server that no application names is not asked by the agent either. */
static bool
is_named(const AkmaSettings *settings, const char *server)
{
    g_auto(GStrv) names = akma_settings_dup_names(settings, "application");

    for (char **name = names; *name; name++) {
        g_autofree char *group = g_strconcat("application ", *name, NULL);

        if (g_strcmp0(akma_settings_get(settings, group, "server"), server) == 0)
            return true;
    }

    return false;
}

void
akma_doctor_load_config(AkmaDoctor *self)
{
    const char *file = self->cli->config ? self->cli->config : CONFIG_FILE;
    g_autofree char *dir = g_path_get_dirname(file);
    g_autofree char *folder = g_build_filename(dir, "applications.d", NULL);
    g_auto(GStrv) names = NULL;

    if (access(file, R_OK) != 0 && (errno == EACCES || !self->cli->config)) {
        self->config_unread = g_strdup_printf("cannot read %s: %s", file, g_strerror(errno));
        return;
    }
    self->settings = akma_settings_load(
        file, folder, "application *", rows, G_N_ELEMENTS(rows), &self->config_fault);
    if (!self->settings)
        return;

    names = akma_settings_dup_names(self->settings, "server");
    for (char **name = names; *name; name++) {
        if (is_named(self->settings, *name))
            g_ptr_array_add(self->servers, server_new(self->settings, *name));
    }
}
