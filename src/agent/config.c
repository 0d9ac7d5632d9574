/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "agent/config-private.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>

#include "dbus/unit.h"
#include "proto/key-set.h"

#define NAME_MAX_LEN 64

/* The whole of akmad.conf; a key of a feature that is not there is unknown. */
static const AkmaSettingRow rows[] = {
    {"agent", "state-dir", AKMA_SETTING_PATH, NULL, NULL, false},
    {"agent", "sealing", AKMA_SETTING_CHOICE, "auto", "auto|systemd|tpm|file", false},
    {"agent", "sealing-key-file", AKMA_SETTING_SECRET, NULL, NULL, false},
    {"agent", "tpm-tcti", AKMA_SETTING_STRING, AKMA_TPM_TCTI, NULL, false},
    {"agent", "tpm-pcrs", AKMA_SETTING_LIST, NULL, NULL, false},
    {"agent", "tpm-timeout", AKMA_SETTING_DURATION, "30s", NULL, false},
    {"agent", "on-sim-change", AKMA_SETTING_CHOICE, "keep", "keep|wipe", false},
    {"agent", "port-socket", AKMA_SETTING_PATH, "/run/akmad/port.sock", NULL, false},
    {"agent", "credential-socket", AKMA_SETTING_PATH, NULL, NULL, false},
    {"agent", "credential-wait", AKMA_SETTING_DURATION, "30s", NULL, false},
    {"akma", "a-kid-format", AKMA_SETTING_CHOICE, "dot-base64url", "dot-base64url|hex", false},
    {"akma", "a-kid-realm-prefix", AKMA_SETTING_STRING, "", NULL, false},
    {"akma", "routing-indicator", AKMA_SETTING_STRING, "card", NULL, false},
    {"gba", "bsf", AKMA_SETTING_STRING, "auto", NULL, false},
    {"gba", "impi", AKMA_SETTING_STRING, "auto", NULL, false},
    {"gba", "ca-file", AKMA_SETTING_PATH, NULL, NULL, false},
    {"modem *", "device", AKMA_SETTING_STRING, AKMA_DEVICE_AUTO, NULL, false},
    {"modem *", "protocol", AKMA_SETTING_CHOICE, "auto", "auto|at|mbim|qmi", false},
    {"modem *", "proxy", AKMA_SETTING_CHOICE, "auto", "auto|always|never", false},
    {"modem *", "slot", AKMA_SETTING_UINT, "1", NULL, false},
    {"modem *", "pin-file", AKMA_SETTING_SECRET, NULL, NULL, false},
    {"modem *", "timeout", AKMA_SETTING_DURATION, "20s", NULL, false},
    {"server *", "url", AKMA_SETTING_URL, NULL, NULL, true},
    {"server *", "connect", AKMA_SETTING_ADDRESS, NULL, NULL, false},
    {"server *", "ca-file", AKMA_SETTING_PATH, NULL, NULL, false},
    {"server *", "anchor", AKMA_SETTING_CHOICE, "auto", "auto|akma|gba|gba-u", false},
    {"server *", "profile", AKMA_SETTING_CHOICE, "message", "message|psk|digest", false},
    {"server *", "modem", AKMA_SETTING_STRING, NULL, NULL, false},
    {"server *", "interface", AKMA_SETTING_STRING, NULL, NULL, false},
    {"server *", "https-proxy", AKMA_SETTING_ADDRESS, NULL, NULL, false},
    {"server *", "timeout", AKMA_SETTING_DURATION, "30s", NULL, false},
    {"application *", "server", AKMA_SETTING_STRING, NULL, NULL, true},
    {"application *", "key-id", AKMA_SETTING_STRING, NULL, NULL, false},
    {"application *", "users", AKMA_SETTING_LIST, NULL, NULL, false},
    {"application *", "groups", AKMA_SETTING_LIST, NULL, NULL, false},
    {"application *", "units", AKMA_SETTING_LIST, NULL, NULL, false},
    {"application *", "refresh", AKMA_SETTING_DURATION, "6h", NULL, false},
    {"application *", "renew-before", AKMA_SETTING_PERCENT, "20%", NULL, false},
};

static void
application_free(gpointer data)
{
    AkmaConfigApplication *self = data;

    g_free(self->name);
    g_free(self->server);
    g_free(self->key_id);
    g_array_unref(self->uids);
    g_array_unref(self->gids);
    g_strfreev(self->units);
    g_free(self);
}

char *
akma_config_dup(const AkmaConfig *self, const char *group, const char *key)
{
    return g_strdup(akma_settings_get(self->settings, group, key));
}

bool
akma_config_read_uint(const AkmaConfig *self,
                      const char *group,
                      const char *key,
                      unsigned low,
                      unsigned high,
                      unsigned *ret,
                      GError **error)
{
    uint64_t value = akma_settings_get_uint(self->settings, group, key);

    if (value < low || value > high)
        return akma_settings_reject(
            self->settings, group, key, error, "must be from %u to %u", low, high);
    *ret = (unsigned)value;

    return true;
}

const char *
akma_config_find_name(const GPtrArray *list, const char *name)
{
    for (guint i = 0; i < list->len; i++) {
        /* each kind of group begins with its name */
        char *const *item = list->pdata[i];

        if (g_str_equal(*item, name))
            return *item;
    }

    return NULL;
}

bool
akma_config_name_is_valid(const char *name)
{
    size_t len = strlen(name);
    bool ok = len > 0 && len <= NAME_MAX_LEN;

    for (size_t i = 0; i < len; i++)
        ok = ok && (g_ascii_isalnum(name[i]) || strchr("._-", name[i]));

    return ok;
}

static bool
check_name(const AkmaConfig *self, const char *group, const char *name, GError **error)
{
    if (!akma_config_name_is_valid(name))
        return akma_settings_reject(self->settings,
                                    group,
                                    NULL,
                                    error,
                                    "a name has 1 to %d characters of A-Z a-z 0-9 . _ -",
                                    NAME_MAX_LEN);

    return true;
}

static bool
parse_id(const char *text, unsigned *ret)
{
    guint64 number;

    if (!g_ascii_string_to_unsigned(text, 10, 0, UINT32_MAX - 1, &number, NULL))
        return false;
    *ret = (unsigned)number;

    return true;
}

static bool
find_user(const char *text, uid_t *ret)
{
    const struct passwd *user = getpwnam(text);

    if (user)
        *ret = user->pw_uid;

    return user || parse_id(text, ret);
}

static bool
find_group(const char *text, gid_t *ret)
{
    const struct group *group = getgrnam(text);

    if (group)
        *ret = group->gr_gid;

    return group || parse_id(text, ret);
}

static bool
load_rule(AkmaConfig *self, AkmaConfigApplication *application, const char *group, GError **error)
{
    const char *const *users = akma_settings_get_list(self->settings, group, "users");
    const char *const *groups = akma_settings_get_list(self->settings, group, "groups");

    application->uids = g_array_new(FALSE, FALSE, sizeof(uid_t));
    application->gids = g_array_new(FALSE, FALSE, sizeof(gid_t));
    application->units = g_strdupv((char **)akma_settings_get_list(self->settings, group, "units"));
    for (; *users; users++) {
        uid_t uid;

        if (!find_user(*users, &uid))
            return akma_settings_reject(
                self->settings, group, "users", error, "no user \"%s\"", *users);
        g_array_append_val(application->uids, uid);
    }
    for (; *groups; groups++) {
        gid_t gid;

        if (!find_group(*groups, &gid))
            return akma_settings_reject(
                self->settings, group, "groups", error, "no group \"%s\"", *groups);
        g_array_append_val(application->gids, gid);
    }
    for (size_t i = 0; application->units[i]; i++) {
        if (!akma_unit_name_is_valid(application->units[i]))
            return akma_settings_reject(self->settings,
                                        group,
                                        "units",
                                        error,
                                        "\"%s\" is not the whole name of a unit, as x.service",
                                        application->units[i]);
    }

    return true;
}

static bool
load_application(AkmaConfig *self, const char *group, const char *name, GError **error)
{
    AkmaConfigApplication *application = g_new0(AkmaConfigApplication, 1);
    bool has_rule = load_rule(self, application, group, error);

    g_ptr_array_add(self->applications, application);
    application->name = g_strdup(name);
    application->server = akma_config_dup(self, group, "server");
    application->key_id = akma_config_dup(self, group, "key-id");
    if (!has_rule ||
        !akma_config_read_uint(
            self, group, "refresh", 1, 366 * 86400, &application->refresh_s, error) ||
        !akma_config_read_uint(
            self, group, "renew-before", 0, 90, &application->renew_before_percent, error))
        return false;

    if (!akma_config_find_name(self->servers, application->server))
        return akma_settings_reject(
            self->settings, group, "server", error, "no group [server %s]", application->server);
    if (!application->key_id)
        application->key_id = g_strdup(name);
    if (!akma_key_id_is_valid(application->key_id))
        return akma_settings_reject(self->settings,
                                    group,
                                    "key-id",
                                    error,
                                    "\"%s\" is not 1 to %d characters of a-z 0-9 . _ -",
                                    application->key_id,
                                    AKMA_KEY_ID_MAX);

    return true;
}

typedef bool (*LoadFunc)(AkmaConfig *self, const char *group, const char *name, GError **error);

static bool
load_kind(AkmaConfig *self, const char *kind, LoadFunc load, GError **error)
{
    g_auto(GStrv) names = akma_settings_dup_names(self->settings, kind);

    for (char **name = names; *name; name++) {
        g_autofree char *group = g_strdup_printf("%s %s", kind, *name);

        if (!check_name(self, group, *name, error) || !load(self, group, *name, error))
            return false;
    }

    return true;
}

static bool
check_akma(const AkmaConfig *self, GError **error)
{
    const char *digits = akma_config_get_usim(self).routing_indicator;
    size_t len = digits ? strspn(digits, "0123456789") : 1;

    if (len < 1 || len > 4 || (digits && digits[len] != '\0'))
        return akma_settings_reject(self->settings,
                                    "akma",
                                    "routing-indicator",
                                    error,
                                    "must be \"card\" or 1 to 4 digits");

    return true;
}

static bool
load_credential_wait(AkmaConfig *self, GError **error)
{
    return akma_config_read_uint(
        self, "agent", "credential-wait", 0, 3600, &self->credential_wait_s, error);
}

AkmaConfig *
akma_config_load(const char *file, GError **error)
{
    g_autoptr(AkmaConfig) self = g_new0(AkmaConfig, 1);
    g_autofree char *dir = g_path_get_dirname(file);
    g_autofree char *folder = g_build_filename(dir, "applications.d", NULL);

    g_atomic_ref_count_init(&self->refs);
    self->modems = g_ptr_array_new_with_free_func(akma_config_modem_free);
    self->servers = g_ptr_array_new_with_free_func(akma_config_server_free);
    self->applications = g_ptr_array_new_with_free_func(application_free);
    self->settings =
        akma_settings_load(file, folder, "application *", rows, G_N_ELEMENTS(rows), error);

    if (!self->settings || !akma_config_load_tpm(self, error) ||
        !load_credential_wait(self, error) || !check_akma(self, error) ||
        !akma_config_check_gba(self, error) ||
        !load_kind(self, "modem", akma_config_load_modem, error) ||
        !load_kind(self, "server", akma_config_load_server, error) ||
        !load_kind(self, "application", load_application, error))
        return NULL;
    akma_config_finish_modems(self);

    return g_steal_pointer(&self);
}

AkmaConfig *
akma_config_ref(AkmaConfig *self)
{
    g_atomic_ref_count_inc(&self->refs);

    return self;
}

void
akma_config_unref(AkmaConfig *self)
{
    if (!self || !g_atomic_ref_count_dec(&self->refs))
        return;

    akma_settings_unref(self->settings);
    g_free(self->tpm_pcrs);
    g_ptr_array_unref(self->modems);
    g_ptr_array_unref(self->servers);
    g_ptr_array_unref(self->applications);
    g_free(self);
}

const AkmaSettings *
akma_config_get_settings(const AkmaConfig *self)
{
    return self->settings;
}

const char *
akma_config_get_state_dir(const AkmaConfig *self)
{
    return akma_settings_get(self->settings, "agent", "state-dir");
}

bool
akma_config_wipes_on_sim_change(const AkmaConfig *self)
{
    return g_str_equal(akma_settings_get(self->settings, "agent", "on-sim-change"), "wipe");
}

AkmaAkmaUsimConfig
akma_config_get_usim(const AkmaConfig *self)
{
    const char *format = akma_settings_get(self->settings, "akma", "a-kid-format");
    const char *digits = akma_settings_get(self->settings, "akma", "routing-indicator");

    return (AkmaAkmaUsimConfig){
        .a_kid_format = g_str_equal(format, "hex") ? AKMA_A_KID_HEX : AKMA_A_KID_DOT_BASE64URL,
        .realm_prefix = akma_settings_get(self->settings, "akma", "a-kid-realm-prefix"),
        .routing_indicator = g_str_equal(digits, "card") ? NULL : digits,
    };
}

const GPtrArray *
akma_config_get_modems(const AkmaConfig *self)
{
    return self->modems;
}

const char *
akma_config_get_credential_socket(const AkmaConfig *self)
{
    return akma_settings_get(self->settings, "agent", "credential-socket");
}

unsigned
akma_config_get_credential_wait_s(const AkmaConfig *self)
{
    return self->credential_wait_s;
}

const GPtrArray *
akma_config_get_servers(const AkmaConfig *self)
{
    return self->servers;
}

const GPtrArray *
akma_config_get_applications(const AkmaConfig *self)
{
    return self->applications;
}

AkmaAuthRule
akma_config_application_get_rule(const AkmaConfigApplication *application)
{
    return (AkmaAuthRule){
        .uids = (const uid_t *)(gconstpointer)application->uids->data,
        .n_uids = application->uids->len,
        .gids = (const gid_t *)(gconstpointer)application->gids->data,
        .n_gids = application->gids->len,
        .units = (const char *const *)application->units,
    };
}
