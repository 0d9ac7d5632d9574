/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "base/setting-syntax.h"

#include <string.h>

bool
akma_setting_parse_duration(const char *text, uint64_t *ret_s)
{
    static const struct {
        char unit;
        uint64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    char *end;
    guint64 value;

    if (!g_ascii_isdigit(text[0]))
        return false;

    value = g_ascii_strtoull(text, &end, 10);
    if (value > G_MAXUINT32 || end[0] == '\0' || end[1] != '\0')
        return false;
    for (size_t i = 0; i < G_N_ELEMENTS(units); i++) {
        if (units[i].unit == *end) {
            *ret_s = value * units[i].seconds;
            return true;
        }
    }

    return false;
}

static bool
parse_port(const char *text, uint16_t *ret)
{
    guint64 value;

    if (!g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT16, &value, NULL))
        return false;

    *ret = (uint16_t)value;

    return true;
}

/* "HOST", "HOST:PORT", "[V6]", "[V6]:PORT"; without a port @ret_port stays. */
static bool
parse_host(const char *text, char **ret_host, uint16_t *ret_port, bool port_needed)
{
    const char *end = text[0] == '[' ? strchr(text, ']') : strchr(text, ':');
    const char *after = end;
    g_autofree char *host = NULL;

    if (text[0] == '[') {
        if (!end)
            return false;
        host = g_strndup(text + 1, (size_t)(end - text - 1));
        after = end + 1;
    } else {
        host = end ? g_strndup(text, (size_t)(end - text)) : g_strdup(text);
    }

    if (host[0] == '\0' || strpbrk(host, " \t/[]@"))
        return false;
    if (after && *after != '\0' && (*after != ':' || !parse_port(after + 1, ret_port)))
        return false;
    if (port_needed && (!after || *after == '\0'))
        return false;

    *ret_host = g_steal_pointer(&host);

    return true;
}

bool
akma_setting_parse_address(const char *text, char **ret_host, uint16_t *ret_port)
{
    if (g_str_has_prefix(text, "unix:")) {
        if (text[strlen("unix:")] != '/')
            return false;
        *ret_host = g_strdup(text);
        *ret_port = 0;
        return true;
    }

    return parse_host(text, ret_host, ret_port, true);
}

bool
akma_setting_parse_url(const char *text, bool *ret_tls, char **ret_host, uint16_t *ret_port)
{
    bool tls = g_str_has_prefix(text, "https://");
    const char *rest = strstr(text, "://");
    uint16_t port = tls ? 443 : 80;
    g_autofree char *authority = NULL;
    g_autofree char *host = NULL;
    const char *slash;

    if (!tls && !g_str_has_prefix(text, "http://"))
        return false;

    rest += strlen("://");
    slash = strchr(rest, '/');
    if (slash && slash[1] != '\0')
        return false;
    authority = slash ? g_strndup(rest, (size_t)(slash - rest)) : g_strdup(rest);
    if (!parse_host(authority, &host, &port, false))
        return false;

    *ret_tls = tls;
    *ret_host = g_ascii_strdown(host, -1);
    *ret_port = port;

    return true;
}

static bool
is_choice(const char *choices, const char *value)
{
    g_auto(GStrv) all = g_strsplit(choices, "|", -1);

    return g_strv_contains((const char *const *)all, value);
}

bool
akma_setting_parse_rate(const char *text, uint64_t *ret_events, unsigned *ret_s)
{
    g_auto(GStrv) halves = g_strsplit(text, "/", 3);
    guint64 events;

    if (g_strv_length(halves) != 2 || strlen(halves[1]) != 1 ||
        !g_ascii_string_to_unsigned(halves[0], 10, 1, G_MAXUINT32, &events, NULL))
        return false;

    switch (halves[1][0]) {
    case 's':
        *ret_s = 1;
        break;
    case 'm':
        *ret_s = 60;
        break;
    case 'h':
        *ret_s = 3600;
        break;
    default:
        return false;
    }
    *ret_events = events;

    return true;
}

bool
akma_setting_parse_percent(const char *text, uint64_t *ret)
{
    g_autofree char *digits = g_strdup(text);
    size_t len = strlen(digits);
    guint64 value;

    if (len < 2 || digits[len - 1] != '%')
        return false;
    digits[len - 1] = '\0';
    if (!g_ascii_string_to_unsigned(digits, 10, 0, 100, &value, NULL))
        return false;
    *ret = value;

    return true;
}

static bool
is_hex(const char *text)
{
    size_t len = strlen(text);

    return len % 2 == 0 && strspn(text, "0123456789abcdefABCDEF") == len;
}

static bool
is_secret_place(const char *text)
{
    return g_str_has_prefix(text, AKMA_CREDENTIAL_PREFIX)
               ? strlen(text) > strlen(AKMA_CREDENTIAL_PREFIX) && !strchr(text, '/')
               : g_path_is_absolute(text);
}

const char *
akma_setting_find_fault(const AkmaSettingRow *row, const char *value)
{
    g_autofree char *host = NULL;
    uint16_t port;
    uint64_t number;
    guint64 uint;
    unsigned seconds;
    bool tls;

    switch (row->type) {
    case AKMA_SETTING_STRING:
        return value[0] ? NULL : "must not be empty";
    case AKMA_SETTING_LIST:
        return NULL;
    case AKMA_SETTING_BOOL:
        return is_choice("true|false", value) ? NULL : "must be true or false";
    case AKMA_SETTING_UINT:
        return g_ascii_string_to_unsigned(value, 10, 0, G_MAXINT64, &uint, NULL)
                   ? NULL
                   : "must be a whole number";
    case AKMA_SETTING_HEX:
        return is_hex(value) ? NULL : "must be pairs of hex digits";
    case AKMA_SETTING_DURATION:
        return akma_setting_parse_duration(value, &number) ? NULL
                                                           : "must be a duration like 30s, 15m, 6h "
                                                             "or 30d";
    case AKMA_SETTING_RATE:
        return akma_setting_parse_rate(value, &number, &seconds)
                   ? NULL
                   : "must be a rate like 10/s or 5/m";
    case AKMA_SETTING_PERCENT:
        return akma_setting_parse_percent(value, &number) ? NULL : "must be a percentage like 20%";
    case AKMA_SETTING_ADDRESS:
        return akma_setting_parse_address(value, &host, &port)
                   ? NULL
                   : "must be HOST:PORT, [V6]:PORT or unix:/PATH";
    case AKMA_SETTING_URL:
        return akma_setting_parse_url(value, &tls, &host, &port)
                   ? NULL
                   : "must be http://HOST[:PORT] or https://HOST[:PORT], without a path";
    case AKMA_SETTING_PATH:
        return g_path_is_absolute(value) ? NULL : "must be an absolute path";
    case AKMA_SETTING_SECRET:
        return is_secret_place(value) ? NULL : "must be an absolute path or credential:NAME";
    case AKMA_SETTING_CHOICE:
        return is_choice(row->choices, value) ? NULL : "is none of the values that there are";
    }

    g_return_val_if_reached("cannot be checked");
}
