/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "dbus/refusals.h"

#include <inttypes.h>

struct _AkmaRefusals {
    GHashTable *rows; /* its own key -> Row */
    guint source;     /* while there is a row */
    unsigned period_ms;
};

/* Turned away in this period or the one before. */
typedef struct {
    AkmaEvent event;
    uid_t uid;
    char *application;
    uint64_t counted; /* since its last line */
} Row;

static guint
row_hash(gconstpointer data)
{
    const Row *row = data;

    return (row->application ? g_str_hash(row->application) : 0) ^ (guint)row->uid ^
           ((guint)row->event << 24);
}

static gboolean
row_equal(gconstpointer a, gconstpointer b)
{
    const Row *one = a;
    const Row *other = b;

    return one->event == other->event && one->uid == other->uid &&
           g_strcmp0(one->application, other->application) == 0;
}

static void
row_free(gpointer data)
{
    Row *row = data;

    g_free(row->application);
    g_free(row);
}

/* False: nothing was to be said. */
static bool
tell(Row *row)
{
    g_autofree char *who = row->uid == AKMA_REFUSALS_NOBODY ? g_strdup("unknown callers")
                                                            : g_strdup_printf("uid %u", row->uid);

    if (row->counted == 0)
        return false;

    akma_event_log(row->event,
                   row->application,
                   NULL,
                   "%" PRIu64 " more calls about %s by %s were refused for the same reason",
                   row->counted,
                   row->application ? row->application : "-",
                   who);
    row->counted = 0;

    return true;
}

static gboolean
period_over(gpointer user_data)
{
    AkmaRefusals *self = user_data;
    GHashTableIter iter;
    gpointer row;

    g_hash_table_iter_init(&iter, self->rows);
    while (g_hash_table_iter_next(&iter, &row, NULL)) {
        if (!tell(row))
            g_hash_table_iter_remove(&iter);
    }
    if (g_hash_table_size(self->rows) > 0)
        return G_SOURCE_CONTINUE;

    self->source = 0;

    return G_SOURCE_REMOVE;
}

AkmaRefusals *
akma_refusals_new(unsigned period_ms)
{
    AkmaRefusals *self = g_new0(AkmaRefusals, 1);

    self->rows = g_hash_table_new_full(row_hash, row_equal, row_free, NULL);
    self->period_ms = period_ms;

    return self;
}

void
akma_refusals_free(AkmaRefusals *self)
{
    GHashTableIter iter;
    gpointer row;

    if (!self)
        return;

    g_clear_handle_id(&self->source, g_source_remove);
    g_hash_table_iter_init(&iter, self->rows);
    while (g_hash_table_iter_next(&iter, &row, NULL))
        tell(row);
    g_hash_table_unref(self->rows);
    g_free(self);
}

bool
akma_refusals_is_first(AkmaRefusals *self, AkmaEvent event, uid_t uid, const char *application)
{
    Row wanted = {.event = event, .uid = uid, .application = (char *)application};
    Row *row = g_hash_table_lookup(self->rows, &wanted);

    if (row) {
        row->counted++;
        return false;
    }

    row = g_new0(Row, 1);
    row->event = event;
    row->uid = uid;
    row->application = g_strdup(application);
    g_hash_table_add(self->rows, row);
    if (self->source == 0)
        self->source = g_timeout_add(self->period_ms, period_over, self);

    return true;
}
