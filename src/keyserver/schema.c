/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/schema.h"

#include "base/error.h"

/* "akma" in ASCII: `file` and a wrong path are told apart by it. */
#define APPLICATION_ID 1634430305

/*
 * Step i brings version i to i + 1. Written once, never changed afterwards. Plain types and no
 * rowid tricks, so that the same tables can stand in another engine.
 */
static const char *const steps[AKMA_SCHEMA_VERSION] = {
    "PRAGMA application_id = 1634430305;"
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE application ("
    " id TEXT PRIMARY KEY, source TEXT NOT NULL, length INTEGER NOT NULL, alg TEXT, use TEXT,"
    " max_age INTEGER NOT NULL, grace INTEGER NOT NULL, created INTEGER NOT NULL) WITHOUT ROWID;"
    /* class: 0 one terminal, 1 a group, 2 a glob */
    "CREATE TABLE rule ("
    " application TEXT NOT NULL REFERENCES application (id), class INTEGER NOT NULL,"
    " pattern TEXT NOT NULL, allow INTEGER NOT NULL,"
    " PRIMARY KEY (application, class, pattern)) WITHOUT ROWID;"
    "CREATE INDEX rule_pattern ON rule (class, pattern);"
    "CREATE TABLE terminal ("
    " id TEXT PRIMARY KEY, label TEXT, revoked INTEGER NOT NULL, created INTEGER NOT NULL)"
    " WITHOUT ROWID;"
    "CREATE TABLE membership ("
    " terminal TEXT NOT NULL REFERENCES terminal (id), name TEXT NOT NULL,"
    " PRIMARY KEY (terminal, name)) WITHOUT ROWID;"
    /* state: 0 current, 1 previous, 2 revoked; not_after: 0 = none */
    "CREATE TABLE app_key ("
    " terminal TEXT NOT NULL REFERENCES terminal (id),"
    " application TEXT NOT NULL REFERENCES application (id), version INTEGER NOT NULL,"
    " state INTEGER NOT NULL, sealed BLOB NOT NULL, created INTEGER NOT NULL,"
    " not_after INTEGER NOT NULL, PRIMARY KEY (terminal, application, version)) WITHOUT ROWID;"
    "CREATE INDEX app_key_application ON app_key (application);"
    /* the highest version that a removed application or terminal had: never given out again */
    "CREATE TABLE version_floor (application TEXT PRIMARY KEY, version INTEGER NOT NULL)"
    " WITHOUT ROWID;",
    /* source 'upstream': whom to ask, for what; versions there count from base here */
    "ALTER TABLE application ADD COLUMN provider TEXT;"
    "ALTER TABLE application ADD COLUMN upstream_id TEXT;"
    "ALTER TABLE application ADD COLUMN base INTEGER NOT NULL DEFAULT 0;",
};

static bool
get_pragma(AkmaSql *sql, const char *pragma, int64_t *ret, GError **error)
{
    sqlite3_stmt *statement = NULL;
    bool ok = sqlite3_prepare_v2(sql->db, pragma, -1, &statement, NULL) == SQLITE_OK &&
              sqlite3_step(statement) == SQLITE_ROW;

    if (ok)
        *ret = sqlite3_column_int64(statement, 0);
    else
        g_set_error(
            error, AKMA_ERROR, AKMA_ERROR_STORE_FAILED, "store: %s", sqlite3_errmsg(sql->db));
    sqlite3_finalize(statement);

    return ok;
}

bool
akma_schema_get_version(AkmaSql *sql, int64_t *ret_version, GError **error)
{
    return get_pragma(sql, "PRAGMA user_version", ret_version, error);
}

static bool
check(AkmaSql *sql, bool empty, int64_t *ret_version, GError **error)
{
    int64_t id;

    if (!get_pragma(sql, "PRAGMA application_id", &id, error) ||
        !akma_schema_get_version(sql, ret_version, error))
        return false;
    if (!empty && id != APPLICATION_ID) {
        g_set_error_literal(
            error, AKMA_ERROR, AKMA_ERROR_STORE_FAILED, "this is not a store of akma-keyserver");
        return false;
    }
    if (*ret_version > AKMA_SCHEMA_VERSION) {
        g_set_error(error,
                    AKMA_ERROR,
                    AKMA_ERROR_STORE_FAILED,
                    "the store has version %d, this program knows %d",
                    (int)*ret_version,
                    AKMA_SCHEMA_VERSION);
        return false;
    }

    return true;
}

bool
akma_schema_migrate(AkmaSql *sql, bool empty, GError **error)
{
    g_autofree char *set_version = g_strdup_printf("PRAGMA user_version = %d", AKMA_SCHEMA_VERSION);
    int64_t version;
    bool ok;

    if (!check(sql, empty, &version, error))
        return false;
    if (version == AKMA_SCHEMA_VERSION)
        return true;

    if (!akma_sql_exec(sql, AKMA_SQL_BEGIN_WRITE, error, ""))
        return false;
    /* again: another process may have been faster */
    ok = check(sql, empty, &version, error);
    for (int64_t i = version; ok && i < AKMA_SCHEMA_VERSION; i++)
        ok = akma_sql_script(sql, steps[i], error);
    ok = ok && akma_sql_script(sql, set_version, error) &&
         akma_sql_exec(sql, AKMA_SQL_COMMIT, error, "");
    if (!ok)
        akma_sql_exec(sql, AKMA_SQL_ROLLBACK, NULL, "");

    return ok;
}
