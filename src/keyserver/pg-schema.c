/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/pg-schema.h"

#include "keyserver/schema.h"

/* Order and comparison by bytes, as in SQLite, whatever the locale of the database. */
static void
translate(GString *text)
{
    static const char *const words[][2] = {
        {" INTEGER", " BIGINT"},
        {" BLOB", " BYTEA"},
        {" TEXT", " TEXT COLLATE \"C\""},
        {" WITHOUT ROWID", ""},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
        g_string_replace(text, words[i][0], words[i][1], 0);
}

char *
akma_pg_schema_dup_steps(int64_t version)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (int64_t i = version; i < AKMA_SCHEMA_VERSION; i++)
        g_string_append(text, akma_schema_steps[i]);
    translate(text);
    g_string_append_printf(text,
                           "INSERT INTO meta (name, value)"
                           " VALUES ('schema', convert_to('%d', 'UTF8'))"
                           " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                           AKMA_SCHEMA_VERSION);

    return g_string_free(g_steal_pointer(&text), FALSE);
}
