/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/simulator/profile.h"

#include <openssl/crypto.h>
#include <string.h>

#include "base/error.h"
#include "base/settings.h"
#include "base/text.h"
#include "base/wiping.h"

#define OVERRIDE_MAX 4096 /* bytes of one EF */
#define SERVICE_MAX  160  /* what EF_UST has room for */

static const AkmaSettingRow rows[] = {
    {"card", "iccid", AKMA_SETTING_STRING, NULL, NULL, false},
    {"card", "aid", AKMA_SETTING_HEX, "A0000000871002FFFFFFFF8907090000", NULL, false},
    {"card", "pin", AKMA_SETTING_STRING, "1234", NULL, false},
    {"card", "puk", AKMA_SETTING_STRING, "12345678", NULL, false},
    {"card", "pin-enabled", AKMA_SETTING_BOOL, "false", NULL, false},
    {"card", "channels", AKMA_SETTING_UINT, "4", NULL, false},
    {"card", "t0", AKMA_SETTING_BOOL, "false", NULL, false},
    {"usim", "imsi", AKMA_SETTING_STRING, NULL, NULL, true},
    {"usim", "mnc-length", AKMA_SETTING_UINT, "2", NULL, false},
    {"usim", "k", AKMA_SETTING_HEX, NULL, NULL, true},
    {"usim", "opc", AKMA_SETTING_HEX, NULL, NULL, false},
    {"usim", "op", AKMA_SETTING_HEX, NULL, NULL, false},
    {"usim", "sqn", AKMA_SETTING_HEX, "000000000000", NULL, false},
    {"usim", "sqn-delta", AKMA_SETTING_UINT, "268435456", NULL, false},
    {"usim", "services", AKMA_SETTING_LIST, NULL, NULL, false},
    {"usim", "routing-indicator", AKMA_SETTING_STRING, "0", NULL, false},
    {"usim", "plmn", AKMA_SETTING_STRING, "00101", NULL, false},
    {"files", "*", AKMA_SETTING_HEX, NULL, NULL, false},
};

static const char *const usual_services[] = {"68", "123", "124", NULL};

static void
override_free(gpointer data)
{
    AkmaSoftOverride *override = data;

    g_free(override->path);
    akma_wiping_free(override->bytes);
    g_free(override);
}

void
akma_soft_profile_free(AkmaSoftProfile *self)
{
    if (!self)
        return;

    g_clear_pointer(&self->overrides, g_ptr_array_unref);
    akma_wiping_free(self);
}

static bool
are_digits(const char *text, size_t min, size_t max)
{
    size_t len = strlen(text);

    return len >= min && len <= max && strspn(text, "0123456789") == len;
}

/* Copies a value of @min to @max digits. */
static bool
load_digits(const AkmaSettings *settings,
            const char *group,
            const char *key,
            size_t min,
            size_t max,
            char *ret,
            GError **error)
{
    const char *value = akma_settings_get(settings, group, key);

    if (!are_digits(value, min, max))
        return akma_settings_reject(
            settings, group, key, error, "must have %zu to %zu digits", min, max);
    g_strlcpy(ret, value, max + 1);

    return true;
}

static bool
load_hex(const AkmaSettings *settings,
         const char *group,
         const char *key,
         void *ret,
         size_t len,
         GError **error)
{
    const char *value = akma_settings_get(settings, group, key);

    if (!value || !akma_hex_decode(value, strlen(value), ret, len))
        return akma_settings_reject(
            settings, group, key, error, "must have %zu hex digits", AKMA_HEX_LEN(len));

    return true;
}

/* @ret_check: the digit that makes @digits pass the Luhn test of ITU-T E.118. */
static char
luhn(const char *digits)
{
    unsigned sum = 0;
    size_t len = strlen(digits);

    for (size_t i = 0; i < len; i++) {
        unsigned value = (unsigned)(digits[len - 1 - i] - '0');

        value *= i % 2 == 0 ? 2 : 1;
        sum += value > 9 ? value - 9 : value;
    }

    return (char)('0' + (10 - sum % 10) % 10);
}

static bool
load_card(AkmaSoftProfile *self, const AkmaSettings *settings, GError **error)
{
    const char *aid = akma_settings_get(settings, "card", "aid");
    uint64_t channels = akma_settings_get_uint(settings, "card", "channels");

    self->aid_len = strlen(aid) / 2;
    if (self->aid_len < 5 || self->aid_len > AKMA_SOFT_AID_MAX)
        return akma_settings_reject(settings, "card", "aid", error, "must have 5 to 16 bytes");
    akma_hex_decode(aid, strlen(aid), self->aid, self->aid_len);

    if (channels < 1 || channels > AKMA_SOFT_CHANNELS_MAX)
        return akma_settings_reject(
            settings, "card", "channels", error, "must be 1 to %d", AKMA_SOFT_CHANNELS_MAX);
    self->channels = (unsigned)channels;
    self->t0 = akma_settings_get_bool(settings, "card", "t0");

    if (!akma_soft_pin_init(&self->pin,
                            akma_settings_get(settings, "card", "pin"),
                            akma_settings_get(settings, "card", "puk"),
                            akma_settings_get_bool(settings, "card", "pin-enabled")))
        return akma_settings_reject(
            settings, "card", "pin", error, "must have 4 to 8 digits, and puk 8");

    if (akma_settings_has(settings, "card", "iccid"))
        return load_digits(settings, "card", "iccid", 18, 20, self->iccid, error);
    g_snprintf(self->iccid, sizeof self->iccid, "8900%s", self->imsi);
    self->iccid[strlen(self->iccid)] = luhn(self->iccid);

    return true;
}

static bool
load_services(AkmaSoftProfile *self, const AkmaSettings *settings, GError **error)
{
    const char *const *list = akma_settings_has(settings, "usim", "services")
                                  ? akma_settings_get_list(settings, "usim", "services")
                                  : usual_services;
    guint64 number;

    for (; *list; list++) {
        if (!g_ascii_string_to_unsigned(*list, 10, 1, SERVICE_MAX, &number, NULL))
            return akma_settings_reject(
                settings, "usim", "services", error, "\"%s\" is no service number", *list);
        self->services[number] = true;
    }

    return true;
}

static bool
load_keys(AkmaSoftProfile *self, const AkmaSettings *settings, GError **error)
{
    g_auto(AkmaKey128) op = {0};
    bool has_op = akma_settings_has(settings, "usim", "op");

    if (!load_hex(settings, "usim", "k", &self->milenage.k, sizeof self->milenage.k, error))
        return false;
    if (has_op == akma_settings_has(settings, "usim", "opc"))
        return akma_settings_reject(settings, "usim", "opc", error, "give one of opc and op");
    if (!has_op)
        return load_hex(
            settings, "usim", "opc", &self->milenage.opc, sizeof self->milenage.opc, error);

    return load_hex(settings, "usim", "op", &op, sizeof op, error) &&
           akma_milenage_opc(&self->milenage.k, &op, &self->milenage.opc, error);
}

static bool
load_usim(AkmaSoftProfile *self, const AkmaSettings *settings, GError **error)
{
    uint64_t mnc_len = akma_settings_get_uint(settings, "usim", "mnc-length");
    uint8_t sqn[6] = {0};

    if (!load_digits(settings, "usim", "imsi", 6, AKMA_SOFT_IMSI_MAX, self->imsi, error) ||
        !load_digits(settings, "usim", "plmn", 5, 6, self->plmn, error) ||
        !load_digits(settings, "usim", "routing-indicator", 1, 4, self->routing_indicator, error) ||
        !load_hex(settings, "usim", "sqn", sqn, sizeof sqn, error) ||
        !load_services(self, settings, error) || !load_keys(self, settings, error))
        return false;
    if (mnc_len != 2 && mnc_len != 3)
        return akma_settings_reject(settings, "usim", "mnc-length", error, "must be 2 or 3");

    self->mnc_len = (unsigned)mnc_len;
    self->sqn_delta = akma_settings_get_uint(settings, "usim", "sqn-delta");
    for (size_t i = 0; i < sizeof sqn; i++)
        self->sqn = self->sqn << 8 | sqn[i];

    return true;
}

static bool
load_files(AkmaSoftProfile *self, const AkmaSettings *settings, GError **error)
{
    g_auto(GStrv) paths = akma_settings_dup_keys(settings, "files");

    for (size_t i = 0; paths[i]; i++) {
        const char *value = akma_settings_get(settings, "files", paths[i]);
        AkmaSoftOverride *override;

        if (value[0] == '\0' || strlen(value) > AKMA_HEX_LEN(OVERRIDE_MAX))
            return akma_settings_reject(
                settings, "files", paths[i], error, "must have 1 to %d bytes", OVERRIDE_MAX);
        override = g_new0(AkmaSoftOverride, 1);
        g_ptr_array_add(self->overrides, override);
        override->path = g_strdup(paths[i]);
        override->len = strlen(value) / 2;
        override->bytes = akma_wiping_malloc(override->len);
        if (!override->bytes ||
            !akma_hex_decode(value, strlen(value), override->bytes, override->len))
            return akma_settings_reject(settings, "files", paths[i], error, "does not fit");
    }

    return true;
}

AkmaSoftProfile *
akma_soft_profile_load(const char *file, GError **error)
{
    g_autoptr(AkmaSettings) settings =
        akma_settings_load(file, NULL, NULL, rows, G_N_ELEMENTS(rows), error);
    g_autoptr(AkmaSoftProfile) self = NULL;

    if (!settings)
        return NULL;
    self = akma_wiping_calloc(1, sizeof *self);
    if (!self) {
        g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "no memory for a card");
        return NULL;
    }
    self->overrides = g_ptr_array_new_with_free_func(override_free);

    if (!load_usim(self, settings, error) || !load_card(self, settings, error) ||
        !load_files(self, settings, error))
        return NULL;

    return g_steal_pointer(&self);
}
