/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* table: results of verbs as a person reads them, and the pieces of JSON that verbs share. */
#include "keyserver/verb.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct _AkmaTable {
    guint columns;
    GPtrArray *cells; /* char *, the headings first */
};

static void
add_cell(AkmaTable *self, const char *text)
{
    g_ptr_array_add(self->cells, g_strdup(text && text[0] ? text : "-"));
}

AkmaTable *
akma_table_new(const char *first, ...)
{
    AkmaTable *self = g_new0(AkmaTable, 1);
    va_list headings;

    self->cells = g_ptr_array_new_with_free_func(g_free);
    va_start(headings, first);
    for (const char *text = first; text; text = va_arg(headings, const char *)) {
        add_cell(self, text);
        self->columns++;
    }
    va_end(headings);

    return self;
}

void
akma_table_add(AkmaTable *self, ...)
{
    va_list cells;

    va_start(cells, self);
    for (guint i = 0; i < self->columns; i++)
        add_cell(self, va_arg(cells, const char *));
    va_end(cells);
}

void
akma_table_print(AkmaTable *self)
{
    g_autofree int *widths = g_new0(int, self->columns);

    for (guint i = 0; i < self->cells->len; i++)
        widths[i % self->columns] =
            MAX(widths[i % self->columns], (int)g_utf8_strlen(self->cells->pdata[i], -1));
    for (guint i = 0; i < self->cells->len; i++) {
        const char *text = self->cells->pdata[i];
        bool last = i % self->columns == self->columns - 1;
        int missing = widths[i % self->columns] - (int)g_utf8_strlen(text, -1);

        printf("%s%*s%s", text, last ? 0 : missing, "", last ? "\n" : "  ");
    }

    g_ptr_array_unref(self->cells);
    g_free(self);
}

void
akma_verb_print_json(json_t *object)
{
    json_dumpf(object, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(object);
}

json_t *
akma_json_time(int64_t time)
{
    return time > 0 ? json_integer(time) : json_null();
}

json_t *
akma_json_text(const char *text)
{
    return text ? json_string(text) : json_null();
}

char *
akma_dup_time(int64_t time)
{
    g_autoptr(GDateTime) local = time > 0 ? g_date_time_new_from_unix_local(time) : NULL;

    return local ? g_date_time_format(local, "%Y-%m-%d %H:%M:%S") : g_strdup("-");
}

char *
akma_dup_duration(int64_t seconds)
{
    static const struct {
        char unit;
        int64_t seconds;
    } units[] = {{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};

    for (size_t i = 0; seconds > 0 && i < G_N_ELEMENTS(units); i++) {
        if (seconds % units[i].seconds == 0)
            return g_strdup_printf(
                "%" G_GINT64_FORMAT "%c", seconds / units[i].seconds, units[i].unit);
    }

    return g_strdup("-");
}
