/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* state: the SQNs in a file, so that a restarted lab goes on where its cards are. */
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/settings.h"
#include "base/text.h"
#include "lab/lab.h"

static const AkmaSettingRow rows[] = {
    {"subscriber *", "sqn", AKMA_SETTING_HEX, NULL, NULL, true},
};

static bool
load_one(AkmaLab *self, const AkmaSettings *settings, const char *name, GError **error)
{
    g_autofree char *group = g_strconcat("subscriber ", name, NULL);
    g_autofree char *supi = g_strconcat("imsi-", name, NULL);
    AkmaSubscriber *subscriber = akma_subscribers_find(self->subscribers, supi);
    const char *text = akma_settings_get(settings, group, "sqn");
    uint64_t sqn;

    if (strlen(text) != AKMA_HEX_LEN(6))
        return akma_settings_reject(settings, group, "sqn", error, "is not 12 hex digits");
    sqn = g_ascii_strtoull(text, NULL, 16);
    if (subscriber)
        subscriber->sqn = MAX(subscriber->sqn, sqn);

    return true;
}

bool
akma_lab_state_load(AkmaLab *self, GError **error)
{
    g_autoptr(AkmaSettings) settings = NULL;
    g_auto(GStrv) names = NULL;

    if (!self->options.state || !g_file_test(self->options.state, G_FILE_TEST_EXISTS))
        return true;

    settings = akma_settings_load(self->options.state, NULL, NULL, rows, G_N_ELEMENTS(rows), error);
    if (!settings)
        return false;
    names = akma_settings_dup_names(settings, "subscriber");
    for (size_t i = 0; names[i]; i++) {
        if (!load_one(self, settings, names[i], error))
            return false;
    }

    return true;
}

static int
compare_imsi(gconstpointer a, gconstpointer b)
{
    const AkmaSubscriber *const *one = a;
    const AkmaSubscriber *const *other = b;

    return strcmp((*one)->imsi, (*other)->imsi);
}

bool
akma_lab_state_save(const AkmaLab *self, GError **error)
{
    g_autoptr(GPtrArray) list = NULL;
    g_autoptr(GString) text = NULL;

    if (!self->options.state)
        return true;

    list = akma_subscribers_list(self->subscribers);
    g_ptr_array_sort(list, compare_imsi);
    text = g_string_new("# akma-lab: the last SQN of each subscriber\n");
    for (guint i = 0; i < list->len; i++) {
        const AkmaSubscriber *one = list->pdata[i];

        g_string_append_printf(
            text, "[subscriber %s]\nsqn=%012" G_GINT64_MODIFIER "x\n", one->imsi, one->sqn);
    }

    return akma_file_replace(self->options.state, text->str, text->len, 0600, error);
}
