/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* config-modem: the groups [modem NAME]. */
#include "agent/config-private.h"

#include <string.h>

#include "base/file.h"

#define TIMEOUT_MS 20000 /* the default of the table */

void
akma_config_modem_free(gpointer data)
{
    AkmaConfigModem *self = data;

    g_free(self->name);
    g_free(self->device);
    g_free(self->protocol);
    g_free(self->pin_file);
    g_free(self);
}

static AkmaProxy
parse_proxy(const char *text)
{
    return g_str_equal(text, "always")  ? AKMA_PROXY_ALWAYS
           : g_str_equal(text, "never") ? AKMA_PROXY_NEVER
                                        : AKMA_PROXY_AUTO;
}

/* What one key allows and another does not. */
static bool
check_modem(const AkmaConfig *self, const AkmaConfigModem *modem, const char *group, GError **error)
{
    bool is_at = g_str_equal(modem->protocol, "at");
    unsigned n_auto = 0;

    for (guint i = 0; i < self->modems->len; i++)
        n_auto += akma_config_modem_is_auto(self->modems->pdata[i]) ? 1 : 0;
    if (akma_config_modem_is_auto(modem) && n_auto > 1)
        return akma_settings_reject(
            self->settings, group, "device", error, "only one group may have \"auto\"");
    if (!akma_config_modem_is_auto(modem) && !g_path_is_absolute(modem->device))
        return akma_settings_reject(
            self->settings, group, "device", error, "must be \"auto\" or an absolute path");
    if (is_at && modem->slot > 1)
        return akma_settings_reject(
            self->settings, group, "slot", error, "AT commands reach slot 1 only");
    if (is_at && modem->proxy == AKMA_PROXY_ALWAYS)
        return akma_settings_reject(
            self->settings, group, "proxy", error, "there is no proxy for AT ports");

    return true;
}

/* A credential is not there when somebody else than the unit reads the configuration. */
static bool
check_pin_file(const AkmaConfig *self,
               const AkmaConfigModem *modem,
               const char *group,
               GError **error)
{
    const char *value = akma_settings_get(self->settings, group, "pin-file");
    g_autoptr(GError) local = NULL;

    if (!value || (!g_path_is_absolute(value) && !g_getenv("CREDENTIALS_DIRECTORY")) ||
        akma_file_check_secret(modem->pin_file, &local))
        return true;

    return akma_settings_reject(self->settings, group, "pin-file", error, "%s", local->message);
}

bool
akma_config_load_modem(AkmaConfig *self, const char *group, const char *name, GError **error)
{
    AkmaConfigModem *modem = g_new0(AkmaConfigModem, 1);
    unsigned timeout_s = 0;

    g_ptr_array_add(self->modems, modem);
    modem->name = g_strdup(name);
    modem->device = akma_config_dup(self, group, "device");
    modem->protocol = akma_config_dup(self, group, "protocol");
    if (!akma_config_read_uint(self, group, "slot", 1, 8, &modem->slot, error) ||
        !akma_config_read_uint(self, group, "timeout", 1, 600, &timeout_s, error))
        return false;
    modem->timeout_ms = timeout_s * 1000;
    modem->pin_file = akma_settings_dup_path(self->settings, group, "pin-file");
    modem->proxy = parse_proxy(akma_settings_get(self->settings, group, "proxy"));

    return check_modem(self, modem, group, error) && check_pin_file(self, modem, group, error);
}

/* Who names no modem means any. */
static void
add_default_modem(AkmaConfig *self)
{
    AkmaConfigModem *modem = g_new0(AkmaConfigModem, 1);

    modem->name = g_strdup("");
    modem->device = g_strdup(AKMA_DEVICE_AUTO);
    modem->protocol = g_strdup("auto");
    modem->slot = 1;
    modem->timeout_ms = TIMEOUT_MS;
    g_ptr_array_add(self->modems, modem);
}

static int
compare_devices(gconstpointer a, gconstpointer b)
{
    const AkmaConfigModem *const *x = a;
    const AkmaConfigModem *const *y = b;

    return strcmp((*x)->device, (*y)->device);
}

void
akma_config_finish_modems(AkmaConfig *self)
{
    if (self->modems->len == 0)
        add_default_modem(self);
    g_ptr_array_sort(self->modems, compare_devices);
}

bool
akma_config_modem_equal(const AkmaConfigModem *a, const AkmaConfigModem *b)
{
    return g_str_equal(a->name, b->name) && g_str_equal(a->device, b->device) &&
           g_str_equal(a->protocol, b->protocol) && a->slot == b->slot && a->proxy == b->proxy &&
           g_strcmp0(a->pin_file, b->pin_file) == 0 && a->timeout_ms == b->timeout_ms;
}

bool
akma_config_modem_is_auto(const AkmaConfigModem *modem)
{
    return g_str_equal(modem->device, AKMA_DEVICE_AUTO);
}
