/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/config.h"

#include <arpa/inet.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "keyserver/config-anchor.h"
#include "keyserver/config-consumer.h"
#include "keyserver/config-provider.h"
#include "keyserver/pg-conninfo.h"
#include "keyserver/seal.h"
#include "proto/key-set.h"

#define STATE_FOLDER "/var/lib/akma-keyserver"

static const AkmaSettingRow rows[] = {
    {"server", "name", AKMA_SETTING_STRING, NULL, NULL, true},
    {"server", "listen", AKMA_SETTING_ADDRESS, "0.0.0.0:8443", NULL, false},
    {"server", "certificate-file", AKMA_SETTING_SECRET, NULL, NULL, true},
    {"server", "key-file", AKMA_SETTING_SECRET, NULL, NULL, true},
    {"server", "client-ca-file", AKMA_SETTING_SECRET, NULL, NULL, false},
    {"server", "audit-file", AKMA_SETTING_PATH, NULL, NULL, false},
    {"server", "workers", AKMA_SETTING_STRING, "auto", NULL, false},
    {"server", "ask-again", AKMA_SETTING_DURATION, NULL, NULL, false},
    {"admin", "listen", AKMA_SETTING_ADDRESS, NULL, NULL, false},
    {"admin", "page", AKMA_SETTING_BOOL, "false", NULL, false},
    {"digest", "listen", AKMA_SETTING_ADDRESS, NULL, NULL, false},
    {"psk", "listen", AKMA_SETTING_ADDRESS, NULL, NULL, false},
    {"store", "backend", AKMA_SETTING_CHOICE, "sqlite", "sqlite|postgresql", false},
    {"store", "conninfo", AKMA_SETTING_STRING, NULL, NULL, false},
    {"store", "password-file", AKMA_SETTING_SECRET, NULL, NULL, false},
    {"store", "path", AKMA_SETTING_PATH, NULL, NULL, false},
    {"store", "store-key-file", AKMA_SETTING_SECRET, NULL, NULL, true},
    {"store", "old-store-key-file", AKMA_SETTING_SECRET, NULL, NULL, false},
    {"limits", "handshakes", AKMA_SETTING_UINT, "1000", NULL, false},
    {"limits", "connections", AKMA_SETTING_UINT, "10000", NULL, false},
    {"limits", "address", AKMA_SETTING_RATE, "50/s", NULL, false},
    {"limits", "kid", AKMA_SETTING_RATE, "10/m", NULL, false},
    {"limits", "total", AKMA_SETTING_RATE, "2000/s", NULL, false},
    {"limits", "idle", AKMA_SETTING_DURATION, "10s", NULL, false},
    {"limits", "exchange", AKMA_SETTING_DURATION, "60s", NULL, false},
    {"anchor *", "type", AKMA_SETTING_CHOICE, NULL, "akma|gba", true},
    {"anchor *", "operator", AKMA_SETTING_STRING, NULL, NULL, true},
    {"anchor *", "realms", AKMA_SETTING_LIST, "*", NULL, false},
    {"anchor *", "url", AKMA_SETTING_STRING, NULL, NULL, true},
    {"anchor *", "api", AKMA_SETTING_CHOICE, "aanf", "aanf|nef", false},
    {"anchor *", "af-id-format", AKMA_SETTING_CHOICE, "hex", "hex", false},
    {"anchor *", "ca-file", AKMA_SETTING_SECRET, NULL, NULL, false},
    {"anchor *", "certificate-file", AKMA_SETTING_SECRET, NULL, NULL, false},
    {"anchor *", "key-file", AKMA_SETTING_SECRET, NULL, NULL, false},
    {"anchor *", "token-url", AKMA_SETTING_STRING, NULL, NULL, false},
    {"anchor *", "client-id", AKMA_SETTING_STRING, NULL, NULL, false},
    {"anchor *", "client-secret-file", AKMA_SETTING_SECRET, NULL, NULL, false},
    {"anchor *", "timeout", AKMA_SETTING_DURATION, "5s", NULL, false},
    {"provider *", "url", AKMA_SETTING_URL, NULL, NULL, true},
    {"provider *", "ca-file", AKMA_SETTING_SECRET, NULL, NULL, false},
    {"provider *", "certificate-file", AKMA_SETTING_SECRET, NULL, NULL, false},
    {"provider *", "key-file", AKMA_SETTING_SECRET, NULL, NULL, false},
    {"provider *", "token-file", AKMA_SETTING_SECRET, NULL, NULL, false},
    {"provider *", "timeout", AKMA_SETTING_DURATION, "10s", NULL, false},
    {"consumer *", "certificate-name", AKMA_SETTING_STRING, NULL, NULL, false},
    {"consumer *", "token-sha256", AKMA_SETTING_HEX, NULL, NULL, false},
    {"consumer *", "applications", AKMA_SETTING_LIST, NULL, NULL, true},
};

/* What holds from one start to the next: all processes of a server have the same of these. */
static const struct {
    const char *group;
    const char *key;
} fixed[] = {
    {"server", "listen"},
    {"server", "workers"},
    {"admin", "listen"},
    {"digest", "listen"},
    {"psk", "listen"},
    {"store", "backend"},
    {"store", "conninfo"},
    {"store", "password-file"},
    {"store", "path"},
    {"store", "store-key-file"},
    {"store", "old-store-key-file"},
    {"limits", "handshakes"},
    {"limits", "connections"},
    {"limits", "idle"},
    {"limits", "exchange"},
};

static AkmaRate
get_rate(const AkmaSettings *settings, const char *key)
{
    return (AkmaRate){.events = akma_settings_get_uint(settings, "limits", key),
                      .seconds = akma_settings_get_rate_s(settings, "limits", key)};
}

/* Workers listen with SO_REUSEPORT: on one address two faces would take turns. */
static bool
check_listen(const AkmaServerConfig *self,
             const char *group,
             const char *address,
             const char *other,
             GError **error)
{
    if (!address || g_strcmp0(address, other) != 0 || g_str_has_suffix(address, ":0"))
        return true;

    return akma_settings_reject(
        self->settings, group, "listen", error, "%s is taken by another group", address);
}

static bool
load_server(AkmaServerConfig *self, GError **error)
{
    const AkmaSettings *settings = self->settings;
    const char *workers = akma_settings_get(settings, "server", "workers");
    const char *name = akma_settings_get(settings, "server", "name");
    g_autoptr(GError) local = NULL;
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    guint64 number;

    if (!akma_af_id_init(&self->af_id, name, AKMA_UA_MESSAGE, &local))
        return akma_settings_reject(settings, "server", "name", error, "%s", local->message);
    self->name = akma_af_id_dup_fqdn(&self->af_id);
    self->listen = g_strdup(akma_settings_get(settings, "server", "listen"));
    self->digest_listen = g_strdup(akma_settings_get(settings, "digest", "listen"));
    self->psk_listen = g_strdup(akma_settings_get(settings, "psk", "listen"));
    if (!check_listen(self, "digest", self->digest_listen, self->listen, error) ||
        !check_listen(self, "psk", self->psk_listen, self->listen, error) ||
        !check_listen(self, "psk", self->psk_listen, self->digest_listen, error))
        return false;
    self->certificate_file = akma_settings_dup_path(settings, "server", "certificate-file");
    self->key_file = akma_settings_dup_path(settings, "server", "key-file");
    self->client_ca_file = akma_settings_dup_path(settings, "server", "client-ca-file");
    self->audit_file = akma_settings_dup_path(settings, "server", "audit-file");

    if (strcmp(workers, "auto") == 0)
        self->workers = (unsigned)CLAMP(processors, 1, AKMA_WORKERS_MAX);
    else if (g_ascii_string_to_unsigned(workers, 10, 1, AKMA_WORKERS_MAX, &number, NULL))
        self->workers = (unsigned)number;
    else
        return akma_settings_reject(settings,
                                    "server",
                                    "workers",
                                    error,
                                    "\"%s\" is neither auto nor 1 to %d",
                                    workers,
                                    AKMA_WORKERS_MAX);

    return !akma_settings_has(settings, "server", "ask-again") ||
           akma_server_config_get_number(settings,
                                         "server",
                                         "ask-again",
                                         AKMA_ASK_AGAIN_MIN_S,
                                         AKMA_ASK_AGAIN_MAX_S,
                                         &self->ask_again_s,
                                         error);
}

/* It shows figures to whoever reaches it, in clear text: nobody from outside may. */
static bool
is_local(const char *address)
{
    g_autofree char *host = NULL;
    struct in6_addr v6;
    struct in_addr v4;
    uint16_t port;

    if (g_str_has_prefix(address, "unix:"))
        return true;
    if (!akma_setting_parse_address(address, &host, &port))
        return false;
    if (inet_pton(AF_INET, host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;

    return strcmp(host, "localhost") == 0 ||
           (inet_pton(AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6));
}

static bool
load_admin(AkmaServerConfig *self, GError **error)
{
    const char *folder = g_getenv("RUNTIME_DIRECTORY");

    self->admin_listen = g_strdup(akma_settings_get(self->settings, "admin", "listen"));
    self->admin_page = akma_settings_get_bool(self->settings, "admin", "page");
    if (!self->admin_listen && folder)
        self->admin_listen = g_strdup_printf("unix:%s/admin.sock", folder);
    if (self->admin_listen && !is_local(self->admin_listen))
        return akma_settings_reject(self->settings,
                                    "admin",
                                    "listen",
                                    error,
                                    "must be unix:/PATH or an address of the loopback interface");

    return true;
}

/* A key that the backend has no use for would be believed to do something. */
static bool
load_backend(AkmaServerConfig *self, GError **error)
{
    static const char *const sqlite_only[] = {"path"};
    static const char *const postgresql_only[] = {"conninfo", "password-file"};
    const AkmaSettings *settings = self->settings;
    const char *backend = akma_settings_get(settings, "store", "backend");
    g_autoptr(GError) local = NULL;
    const char *const *refused;
    size_t n;

    self->postgresql = strcmp(backend, "postgresql") == 0;
    refused = self->postgresql ? sqlite_only : postgresql_only;
    n = self->postgresql ? G_N_ELEMENTS(sqlite_only) : G_N_ELEMENTS(postgresql_only);
    for (size_t i = 0; i < n; i++) {
        if (akma_settings_has(settings, "store", refused[i]))
            return akma_settings_reject(
                settings, "store", refused[i], error, "not with backend=%s", backend);
    }
    if (!self->postgresql)
        return true;

    self->conninfo = g_strdup(akma_settings_get(settings, "store", "conninfo"));
    if (!self->conninfo)
        return akma_settings_reject(
            settings, "store", "conninfo", error, "backend=postgresql needs it");

    return akma_pg_check_conninfo(self->conninfo, &local) ||
           akma_settings_reject(settings, "store", "conninfo", error, "%s", local->message);
}

static bool
load_store(AkmaServerConfig *self, GError **error)
{
    const char *state = g_getenv("STATE_DIRECTORY");

    self->store_path = akma_settings_dup_path(self->settings, "store", "path");
    if (!self->store_path)
        self->store_path = g_build_filename(state ? state : STATE_FOLDER, "keys.db", NULL);
    self->store_key_file = akma_settings_dup_path(self->settings, "store", "store-key-file");

    return load_backend(self, error);
}

static bool
load_limits(AkmaServerConfig *self, GError **error)
{
    const AkmaSettings *settings = self->settings;

    self->address = get_rate(settings, "address");
    self->kid = get_rate(settings, "kid");
    self->total = get_rate(settings, "total");

    return akma_server_config_get_number(
               settings, "limits", "handshakes", 1, 1000000, &self->handshakes, error) &&
           akma_server_config_get_number(
               settings, "limits", "connections", 1, 1000000, &self->connections, error) &&
           akma_server_config_get_ms(settings, "limits", "idle", &self->idle_ms, error) &&
           akma_server_config_get_ms(settings, "limits", "exchange", &self->exchange_ms, error);
}

static AkmaSettings *
load_settings(const char *file, GError **error)
{
    g_autofree char *folder = g_strdup_printf("%s.d", file);

    return akma_settings_load(file, folder, NULL, rows, G_N_ELEMENTS(rows), error);
}

/* @settings: taken; NULL: @error is set. */
static AkmaServerConfig *
load_from(AkmaSettings *settings, GError **error)
{
    g_autoptr(AkmaServerConfig) self = g_new0(AkmaServerConfig, 1);

    self->settings = settings;
    if (!self->settings || !load_server(self, error) || !load_admin(self, error) ||
        !load_limits(self, error) || !load_store(self, error))
        return NULL;

    self->anchors = akma_anchor_configs_new(self->settings, error);
    self->consumers = self->anchors ? akma_consumer_configs_new(self->settings, error) : NULL;
    self->providers = self->consumers ? akma_provider_configs_new(self->settings, error) : NULL;
    if (!self->providers)
        return NULL;

    return g_steal_pointer(&self);
}

AkmaServerConfig *
akma_server_config_load(const char *file, GError **error)
{
    return load_from(load_settings(file, error), error);
}

AkmaServerConfig *
akma_server_config_load_again(const char *file,
                              const AkmaServerConfig *running,
                              char **ret_kept,
                              GError **error)
{
    AkmaSettings *settings = load_settings(file, error);
    g_autoptr(GString) kept = g_string_new(NULL);
    AkmaServerConfig *self;

    for (size_t i = 0; settings && i < G_N_ELEMENTS(fixed); i++) {
        const char *group = fixed[i].group, *key = fixed[i].key;

        if (akma_settings_keep(settings, running->settings, group, key))
            g_string_append_printf(kept, "%s[%s] %s", kept->len > 0 ? ", " : "", group, key);
    }
    self = load_from(settings, error);
    /* "auto" may be another number by now */
    if (self)
        self->workers = running->workers;
    if (ret_kept)
        *ret_kept = self && kept->len > 0 ? g_strdup(kept->str) : NULL;

    return self;
}

void
akma_server_config_free(AkmaServerConfig *self)
{
    if (!self)
        return;

    akma_settings_unref(self->settings);
    g_free(self->name);
    g_free(self->listen);
    g_free(self->digest_listen);
    g_free(self->admin_listen);
    g_free(self->psk_listen);
    g_free(self->certificate_file);
    g_free(self->key_file);
    g_free(self->client_ca_file);
    g_free(self->audit_file);
    g_free(self->store_path);
    g_free(self->conninfo);
    g_free(self->store_key_file);
    g_clear_pointer(&self->anchors, g_ptr_array_unref);
    g_clear_pointer(&self->consumers, g_ptr_array_unref);
    g_clear_pointer(&self->providers, g_ptr_array_unref);
    g_free(self);
}

AkmaSecret *
akma_server_config_read_store_key(const AkmaServerConfig *self, GError **error)
{
    return akma_settings_read_secret(
        self->settings, "store", "store-key-file", AKMA_KS_KEY_LEN, AKMA_KS_KEY_LEN, false, error);
}

bool
akma_server_config_read_old_store_key(const AkmaServerConfig *self,
                                      AkmaSecret **ret_key,
                                      GError **error)
{
    *ret_key = NULL;
    if (!akma_settings_has(self->settings, "store", "old-store-key-file"))
        return true;

    *ret_key = akma_settings_read_secret(self->settings,
                                         "store",
                                         "old-store-key-file",
                                         AKMA_KS_KEY_LEN,
                                         AKMA_KS_KEY_LEN,
                                         false,
                                         error);

    return *ret_key;
}

bool
akma_server_config_read_password(const AkmaServerConfig *self,
                                 AkmaSecret **ret_password,
                                 GError **error)
{
    *ret_password = NULL;
    if (!akma_settings_has(self->settings, "store", "password-file"))
        return true;

    *ret_password = akma_settings_read_secret(
        self->settings, "store", "password-file", 1, AKMA_PG_PASSWORD_MAX, true, error);

    return *ret_password;
}
