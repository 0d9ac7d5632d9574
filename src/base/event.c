/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "base/event.h"

static const struct {
    const char *id;
    GLogLevelFlags level;
} rows[] = {
    [AKMA_EVENT_KEY_GIVEN] = {"130d85f56eef4ab08fff0c5021fa6ca9", G_LOG_LEVEL_INFO},
    [AKMA_EVENT_KEY_REFUSED] = {"c3c3781bf3dd4722a0437995bf88f338", G_LOG_LEVEL_MESSAGE},
    [AKMA_EVENT_NO_KEY] = {"815b6af1b0a9453988288c3317e0fcac", G_LOG_LEVEL_INFO},
    [AKMA_EVENT_TOO_MANY_CALLS] = {"31c4d543dbf2486992c112dcd3e22ce6", G_LOG_LEVEL_MESSAGE},
    [AKMA_EVENT_CALLER_UNKNOWN] = {"ebe6e844a0d04667a315b03bd66dd68f", G_LOG_LEVEL_MESSAGE},
    [AKMA_EVENT_MANAGEMENT_ALLOWED] = {"67c702029af640ab8ef99429699baec8", G_LOG_LEVEL_INFO},
    [AKMA_EVENT_MANAGEMENT_REFUSED] = {"5b82a4ee451549cb9745f47ea1badfb9", G_LOG_LEVEL_MESSAGE},
    [AKMA_EVENT_KEY_NEW] = {"0cddd3ebd537457ca76ec4ea397d9949", G_LOG_LEVEL_INFO},
    [AKMA_EVENT_KEY_REVOKED] = {"b478602978ac4ff993ce02d283501f43", G_LOG_LEVEL_MESSAGE},
    [AKMA_EVENT_KEY_WIPED] = {"9ea659830a44414ba2a080667f652c07", G_LOG_LEVEL_MESSAGE},
    [AKMA_EVENT_RENEWAL_FAILED] = {"9802ec6e892c428290ab60d2856b5d3e", G_LOG_LEVEL_WARNING},
    [AKMA_EVENT_EXCHANGE_FAILED] = {"c85e061a7fa54eaca68e975157c096f5", G_LOG_LEVEL_WARNING},
    [AKMA_EVENT_CARD_MISSING] = {"edc1d4c2e29d45489008b7afd3964c45", G_LOG_LEVEL_INFO},
    [AKMA_EVENT_CREDENTIAL_GIVEN] = {"940d278c262b41a5b1b4a4437f089147", G_LOG_LEVEL_INFO},
    [AKMA_EVENT_CREDENTIAL_REFUSED] = {"5255e49c0d63464a8d31f3764545251c", G_LOG_LEVEL_MESSAGE},
    [AKMA_EVENT_CREDENTIAL_LOST] = {"20a5fdd55888411f841854ab8e435152", G_LOG_LEVEL_WARNING},
};

static const char *
get_priority(GLogLevelFlags level)
{
    if (level & G_LOG_LEVEL_WARNING)
        return "4";

    return level & G_LOG_LEVEL_MESSAGE ? "5" : "6";
}

static void
add(GArray *fields, const char *key, const char *value)
{
    const GLogField field = {.key = key, .value = value, .length = -1};

    g_array_append_val(fields, field);
}

static void
write_line(const char *domain,
           AkmaEvent event,
           const char *const *applications,
           size_t n_applications,
           const char *kid,
           const char *message)
{
    g_autoptr(GArray) fields = g_array_new(FALSE, FALSE, sizeof(GLogField));

    add(fields, "PRIORITY", get_priority(rows[event].level));
    add(fields, "GLIB_DOMAIN", domain);
    add(fields, "MESSAGE_ID", rows[event].id);
    for (size_t i = 0; i < n_applications; i++)
        add(fields, "AKMA_APPLICATION", applications[i]);
    add(fields, "AKMA_KID", kid ? kid : "");
    add(fields, "MESSAGE", message);
    g_log_structured_array(
        rows[event].level, (const GLogField *)(gpointer)fields->data, fields->len);
}

void
akma_event_log_in(const char *domain,
                  AkmaEvent event,
                  const char *application,
                  const char *kid,
                  const char *format,
                  ...)
{
    const char *one = application ? application : "";
    g_autofree char *message = NULL;
    va_list args;

    va_start(args, format);
    message = g_strdup_vprintf(format, args);
    va_end(args);
    write_line(domain, event, &one, 1, kid, message);
}

void
akma_event_log_all_in(
    const char *domain, AkmaEvent event, const GPtrArray *applications, const char *format, ...)
{
    g_autofree char *message = NULL;
    va_list args;

    va_start(args, format);
    message = g_strdup_vprintf(format, args);
    va_end(args);
    write_line(
        domain, event, (const char *const *)applications->pdata, applications->len, NULL, message);
}
