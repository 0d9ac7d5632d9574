/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/sql.h"

#include <stdarg.h>

#include "base/error.h"

#define BUSY_MS 5000 /* verbs and other workers hold the write lock for milliseconds */

static const char *const sql[AKMA_SQL_N] = {
    [AKMA_SQL_BEGIN_READ] = "BEGIN",
    [AKMA_SQL_BEGIN_WRITE] = "BEGIN IMMEDIATE",
    [AKMA_SQL_COMMIT] = "COMMIT",
    [AKMA_SQL_ROLLBACK] = "ROLLBACK",
    [AKMA_SQL_META_GET] = "SELECT value FROM meta WHERE name = ?1",
    [AKMA_SQL_META_SET] = "INSERT INTO meta (name, value) VALUES (?1, ?2)",
    /* an exact id and a group are found by their index; globs are few and all looked at */
    [AKMA_SQL_RULES_OF_TERMINAL] =
        "SELECT application, class, pattern, allow FROM rule WHERE class = 0 AND pattern = ?1"
        " UNION ALL SELECT application, class, pattern, allow FROM rule"
        " WHERE class = 1 AND pattern IN (SELECT name FROM membership WHERE terminal = ?1)"
        " UNION ALL SELECT application, class, pattern, allow FROM rule WHERE class = 2",
    [AKMA_SQL_RULES_OF_APPLICATION] =
        "SELECT class, pattern, allow FROM rule WHERE application = ?1 ORDER BY class, pattern",
    [AKMA_SQL_RULE_SET] = "INSERT INTO rule (application, class, pattern, allow)"
                          " VALUES (?1, ?2, ?3, ?4)"
                          " ON CONFLICT (application, class, pattern)"
                          " DO UPDATE SET allow = excluded.allow",
    [AKMA_SQL_RULES_DELETE] = "DELETE FROM rule WHERE application = ?1",
    [AKMA_SQL_APPLICATION_GET] =
        "SELECT id, length, alg, use, max_age, grace, created, provider, upstream_id, base"
        " FROM application WHERE id = ?1",
    [AKMA_SQL_APPLICATION_LIST] =
        "SELECT id, length, alg, use, max_age, grace, created, provider, upstream_id, base"
        " FROM application WHERE ?1 IS NULL OR id = ?1 ORDER BY id",
    [AKMA_SQL_APPLICATION_INSERT] =
        "INSERT INTO application (id, length, alg, use, max_age, grace, created, source,"
        " provider, upstream_id, base) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"
        " ON CONFLICT (id) DO NOTHING",
    [AKMA_SQL_APPLICATION_DELETE] = "DELETE FROM application WHERE id = ?1",
    [AKMA_SQL_FLOOR_GET] = "SELECT version FROM version_floor WHERE application = ?1",
    [AKMA_SQL_FLOOR_RAISE] = "INSERT INTO version_floor (application, version) VALUES (?1, ?2)"
                             " ON CONFLICT (application)"
                             " DO UPDATE SET version = max(version, excluded.version)",
    [AKMA_SQL_FLOOR_OF_APPLICATION] =
        "INSERT INTO version_floor (application, version)"
        " SELECT application, max(version) FROM app_key WHERE application = ?1"
        " GROUP BY application ON CONFLICT (application)"
        " DO UPDATE SET version = max(version, excluded.version)",
    [AKMA_SQL_FLOOR_OF_TERMINAL] =
        "INSERT INTO version_floor (application, version)"
        " SELECT application, max(version) FROM app_key WHERE terminal = ?1"
        " GROUP BY application ON CONFLICT (application)"
        " DO UPDATE SET version = max(version, excluded.version)",
    [AKMA_SQL_TERMINAL_GET] = "SELECT revoked FROM terminal WHERE id = ?1",
    [AKMA_SQL_TERMINAL_LIST] = "SELECT id, label, revoked, created FROM terminal"
                               " WHERE (?1 IS NULL OR id = ?1) AND (?2 IS NULL OR id > ?2)"
                               " ORDER BY id LIMIT ?3",
    [AKMA_SQL_TERMINAL_INSERT] = "INSERT INTO terminal (id, label, revoked, created)"
                                 " VALUES (?1, NULL, 0, ?2) ON CONFLICT (id) DO NOTHING",
    [AKMA_SQL_TERMINAL_LABEL] = "UPDATE terminal SET label = ?2 WHERE id = ?1",
    [AKMA_SQL_TERMINAL_REVOKE] = "UPDATE terminal SET revoked = ?2 WHERE id = ?1",
    [AKMA_SQL_TERMINAL_DELETE] = "DELETE FROM terminal WHERE id = ?1",
    [AKMA_SQL_GROUPS_OF_TERMINAL] = "SELECT name FROM membership WHERE terminal = ?1 ORDER BY name",
    [AKMA_SQL_GROUP_ADD] = "INSERT INTO membership (terminal, name) VALUES (?1, ?2)"
                           " ON CONFLICT (terminal, name) DO NOTHING",
    [AKMA_SQL_GROUP_REMOVE] = "DELETE FROM membership WHERE terminal = ?1 AND name = ?2",
    [AKMA_SQL_GROUPS_DELETE] = "DELETE FROM membership WHERE terminal = ?1",
    [AKMA_SQL_KEY_LATEST] = "SELECT version, state, sealed, created, not_after FROM app_key"
                            " WHERE terminal = ?1 AND application = ?2"
                            " ORDER BY version DESC LIMIT 2",
    /* a whole page; NULL: not narrowed. Current rows first would break the cursor. */
    [AKMA_SQL_KEY_LIST] =
        "SELECT terminal, application, version, state, sealed, created, not_after FROM app_key"
        " WHERE (?1 IS NULL OR application = ?1) AND (?2 IS NULL OR terminal = ?2)"
        " AND (?3 IS NULL OR (terminal, application, version) > (?3, ?4, ?5))"
        " ORDER BY terminal, application, version LIMIT ?6",
    [AKMA_SQL_KEY_INSERT] =
        "INSERT INTO app_key (terminal, application, version, state, sealed, created, not_after)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [AKMA_SQL_KEY_SET_STATE] = "UPDATE app_key SET state = ?4, not_after = ?5"
                               " WHERE terminal = ?1 AND application = ?2 AND version = ?3",
    [AKMA_SQL_KEY_DELETE_BEFORE] =
        "DELETE FROM app_key WHERE terminal = ?1 AND application = ?2 AND version < ?3",
    [AKMA_SQL_KEY_REVOKE_PREVIOUS] = "UPDATE app_key SET state = 2"
                                     " WHERE terminal = ?1 AND application = ?2 AND state = 1",
    [AKMA_SQL_KEYS_DELETE_APPLICATION] = "DELETE FROM app_key WHERE application = ?1",
    [AKMA_SQL_KEYS_DELETE_TERMINAL] = "DELETE FROM app_key WHERE terminal = ?1",
    [AKMA_SQL_COUNT_APPLICATIONS] = "SELECT count(*) FROM application",
    [AKMA_SQL_COUNT_TERMINALS] = "SELECT count(*) FROM terminal WHERE ?1 IS NULL OR revoked = ?1",
    [AKMA_SQL_COUNT_KEYS] = "SELECT count(*) FROM app_key WHERE state = ?1"
                            " AND (state <> 1 OR not_after > ?2)",
};

/* Sets @error from what SQLite said last. */
static bool
fail(AkmaSql *self, GError **error)
{
    g_set_error(error,
                AKMA_ERROR,
                AKMA_ERROR_STORE_FAILED,
                "store: %s",
                self->db ? sqlite3_errmsg(self->db) : "no memory");

    return false;
}

bool
akma_sql_script(AkmaSql *self, const char *script, GError **error)
{
    return sqlite3_exec(self->db, script, NULL, NULL, NULL) == SQLITE_OK || fail(self, error);
}

AkmaSql *
akma_sql_open(const char *path, bool create, GError **error)
{
    g_autoptr(AkmaSql) self = g_new0(AkmaSql, 1);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (create ? SQLITE_OPEN_CREATE : 0);

    if (create && g_file_test(path, G_FILE_TEST_EXISTS)) {
        g_set_error(error, AKMA_ERROR, AKMA_ERROR_STORE_FAILED, "store %s is there already", path);
        return NULL;
    }
    if (sqlite3_open_v2(path, &self->db, flags, NULL) != SQLITE_OK) {
        fail(self, error);
        g_prefix_error(error, "%s: ", path);
        return NULL;
    }
    sqlite3_busy_timeout(self->db, BUSY_MS);
    /* wiped where it is freed; FULL: a commit is on the disk before anybody hears of it */
    if (!akma_sql_script(self,
                         "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                         "PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON;"
                         "PRAGMA trusted_schema = OFF;",
                         error)) {
        g_prefix_error(error, "%s: ", path);
        return NULL;
    }

    return g_steal_pointer(&self);
}

void
akma_sql_never_wait(AkmaSql *self)
{
    sqlite3_busy_timeout(self->db, 0);
}

void
akma_sql_close(AkmaSql *self)
{
    if (!self)
        return;

    for (size_t i = 0; i < AKMA_SQL_N; i++)
        sqlite3_finalize(self->statements[i]);
    sqlite3_close(self->db);
    g_free(self);
}

bool
akma_sql_is_in_place(AkmaSql *self)
{
    int moved = 0;

    return sqlite3_file_control(self->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK &&
           !moved;
}

static int
bind_value(sqlite3_stmt *statement, int index, char kind, va_list *args)
{
    const char *text;
    GBytes *bytes;
    gsize len;

    switch (kind) {
    case 't':
        text = va_arg(*args, const char *);
        return text ? sqlite3_bind_text(statement, index, text, -1, SQLITE_STATIC)
                    : sqlite3_bind_null(statement, index);
    case 'i':
        return sqlite3_bind_int64(statement, index, va_arg(*args, int64_t));
    case 'b':
        bytes = va_arg(*args, GBytes *);
        text = g_bytes_get_data(bytes, &len);
        return sqlite3_bind_blob64(statement, index, text, len, SQLITE_STATIC);
    default:
        return SQLITE_MISUSE;
    }
}

static sqlite3_stmt *
bind_list(AkmaSql *self, AkmaSqlId id, GError **error, const char *format, va_list *args)
{
    sqlite3_stmt **statement = &self->statements[id];

    if (!*statement &&
        sqlite3_prepare_v3(self->db, sql[id], -1, SQLITE_PREPARE_PERSISTENT, statement, NULL) !=
            SQLITE_OK) {
        fail(self, error);
        return NULL;
    }

    sqlite3_reset(*statement);
    for (int i = 0; format && format[i]; i++) {
        if (bind_value(*statement, i + 1, format[i], args) != SQLITE_OK) {
            fail(self, error);
            return NULL;
        }
    }

    return *statement;
}

sqlite3_stmt *
akma_sql_bind(AkmaSql *self, AkmaSqlId id, GError **error, const char *format, ...)
{
    sqlite3_stmt *statement;
    va_list args;

    va_start(args, format);
    statement = bind_list(self, id, error, format, &args);
    va_end(args);

    return statement;
}

int
akma_sql_step(AkmaSql *self, sqlite3_stmt *statement, GError **error)
{
    int result = sqlite3_step(statement);

    if (result == SQLITE_ROW)
        return 1;
    if (result != SQLITE_DONE)
        fail(self, error);
    sqlite3_reset(statement);

    return result == SQLITE_DONE ? 0 : -1;
}

bool
akma_sql_exec(AkmaSql *self, AkmaSqlId id, GError **error, const char *format, ...)
{
    sqlite3_stmt *statement;
    va_list args;
    int result;

    va_start(args, format);
    statement = bind_list(self, id, error, format, &args);
    va_end(args);
    if (!statement)
        return false;

    do
        result = akma_sql_step(self, statement, error);
    while (result == 1);

    return result == 0;
}

bool
akma_sql_number(AkmaSql *self, AkmaSqlId id, int64_t *ret, GError **error, const char *format, ...)
{
    sqlite3_stmt *statement;
    va_list args;
    int result;

    va_start(args, format);
    statement = bind_list(self, id, error, format, &args);
    va_end(args);
    if (!statement)
        return false;

    result = akma_sql_step(self, statement, error);
    if (result < 0)
        return false;
    *ret = result == 1 ? sqlite3_column_int64(statement, 0) : 0;
    sqlite3_reset(statement);

    return true;
}

int64_t
akma_sql_get_changes(AkmaSql *self)
{
    return sqlite3_changes64(self->db);
}
