/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * sqlite: one SQLite database and its prepared statements, the engine behind sql.h. Errors of all
 * functions: AKMA_ERROR_STORE_FAILED.
 */
#pragma once

#include <sqlite3.h>

#include "keyserver/sql.h"

G_BEGIN_DECLS

typedef struct _AkmaSqlite AkmaSqlite;

/* @create: it must not be there yet; else it must. */
AkmaSqlite *akma_sqlite_open(const char *path, bool create, GError **error);
void akma_sqlite_close(AkmaSqlite *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaSqlite, akma_sqlite_close)

AkmaSql *akma_sqlite_get_sql(AkmaSqlite *self);
sqlite3 *akma_sqlite_get_db(AkmaSqlite *self);

/* From now on an operation that would wait for another connection fails at once. */
void akma_sqlite_never_wait(AkmaSqlite *self);

/* Is the file at the path still the one that was opened? */
bool akma_sqlite_is_in_place(AkmaSqlite *self);

/* @write: takes the right to write at once, so that nothing it read can change before it does. */
bool akma_sqlite_begin(AkmaSqlite *self, bool write, GError **error);
bool akma_sqlite_commit(AkmaSqlite *self, GError **error);
void akma_sqlite_roll_back(AkmaSqlite *self);

/* Plain SQL, several statements: migrations. */
bool akma_sqlite_script(AkmaSqlite *self, const char *script, GError **error);

G_END_DECLS
