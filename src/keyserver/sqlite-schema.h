/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sqlite-schema: the schema in an SQLite file; its version is the file's user_version. */
#pragma once

#include "keyserver/sqlite.h"

G_BEGIN_DECLS

/*
 * Brings the schema to AKMA_SCHEMA_VERSION, in one transaction; an @empty database gets all of
 * it. Errors: AKMA_ERROR_STORE_FAILED (not ours, of a newer version).
 */
bool akma_sqlite_migrate(AkmaSqlite *self, bool empty, GError **error);

G_END_DECLS
