/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sqlite-schema: the schema in an SQLite file; its version is the file's user_version. */
#include "keyserver/sqlite-schema.h"

#include "base/error.h"
#include "keyserver/schema.h"

/* "akma" in ASCII: `file` and a wrong path are told apart by it. */
#define APPLICATION_ID 1634430305

static bool
get_pragma(AkmaSqlite *self, const char *pragma, int64_t *ret, GError **error)
{
    sqlite3 *db = akma_sqlite_get_db(self);
    sqlite3_stmt *statement = NULL;
    bool ok = sqlite3_prepare_v2(db, pragma, -1, &statement, NULL) == SQLITE_OK &&
              sqlite3_step(statement) == SQLITE_ROW;

    if (ok)
        *ret = sqlite3_column_int64(statement, 0);
    else
        g_set_error(error, AKMA_ERROR, AKMA_ERROR_STORE_FAILED, "store: %s", sqlite3_errmsg(db));
    sqlite3_finalize(statement);

    return ok;
}

static bool
set_pragma(AkmaSqlite *self, const char *pragma, int value, GError **error)
{
    g_autofree char *script = g_strdup_printf("PRAGMA %s = %d", pragma, value);

    return akma_sqlite_script(self, script, error);
}

static bool
check(AkmaSqlite *self, bool empty, int64_t *ret_version, GError **error)
{
    int64_t id;

    if (!get_pragma(self, "PRAGMA application_id", &id, error) ||
        !get_pragma(self, "PRAGMA user_version", ret_version, error))
        return false;
    if (!empty && id != APPLICATION_ID) {
        g_set_error_literal(
            error, AKMA_ERROR, AKMA_ERROR_STORE_FAILED, "this is not a store of akma-keyserver");
        return false;
    }

    return akma_schema_check_version(*ret_version, error);
}

bool
akma_sqlite_migrate(AkmaSqlite *self, bool empty, GError **error)
{
    int64_t version;
    bool ok;

    if (!check(self, empty, &version, error))
        return false;
    if (version == AKMA_SCHEMA_VERSION)
        return true;

    if (!akma_sqlite_begin(self, true, error))
        return false;
    /* again: another process may have been faster */
    ok = check(self, empty, &version, error) &&
         set_pragma(self, "application_id", APPLICATION_ID, error);
    for (int64_t i = version; ok && i < AKMA_SCHEMA_VERSION; i++)
        ok = akma_sqlite_script(self, akma_schema_steps[i], error);
    ok = ok && set_pragma(self, "user_version", AKMA_SCHEMA_VERSION, error) &&
         akma_sqlite_commit(self, error);
    if (!ok)
        akma_sqlite_roll_back(self);

    return ok;
}
