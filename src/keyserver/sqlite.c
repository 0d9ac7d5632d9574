/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/sqlite.h"

#include "base/error.h"

#define BUSY_MS 5000 /* verbs and other workers hold the write lock for milliseconds */

typedef struct {
    AkmaRow row;
    sqlite3_stmt *statement; /* NULL: not prepared yet */
} Row;

/* Its own statements. */
enum {
    BEGIN_READ,
    BEGIN_WRITE,
    COMMIT,
    ROLL_BACK,
    N_OWN,
};

static const char *const own[N_OWN] = {
    [BEGIN_READ] = "BEGIN",
    [BEGIN_WRITE] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLL_BACK] = "ROLLBACK",
};

struct _AkmaSqlite {
    AkmaSql sql;
    sqlite3 *db;
    Row rows[AKMA_SQL_N];
    sqlite3_stmt *own[N_OWN];
};

/* Sets @error from what SQLite said last. */
static bool
fail(AkmaSqlite *self, GError **error)
{
    g_set_error(error,
                AKMA_ERROR,
                AKMA_ERROR_STORE_FAILED,
                "store: %s",
                self->db ? sqlite3_errmsg(self->db) : "no memory");

    return false;
}

static bool
prepare(AkmaSqlite *self, const char *text, sqlite3_stmt **statement, GError **error)
{
    return *statement ||
           sqlite3_prepare_v3(self->db, text, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL) ==
               SQLITE_OK ||
           fail(self, error);
}

static bool
bind_value(sqlite3_stmt *statement, int index, const AkmaSqlValue *value)
{
    int result = SQLITE_MISUSE;

    if (value->kind == 't')
        result = value->text ? sqlite3_bind_text(statement, index, value->text, -1, SQLITE_STATIC)
                             : sqlite3_bind_null(statement, index);
    else if (value->kind == 'i')
        result = sqlite3_bind_int64(statement, index, value->number);
    else if (value->kind == 'b')
        result = sqlite3_bind_blob64(statement, index, value->bytes, value->len, SQLITE_STATIC);

    return result == SQLITE_OK;
}

static AkmaRow *
engine_bind(AkmaSql *sql, AkmaSqlId id, const AkmaSqlValue *values, unsigned n, GError **error)
{
    AkmaSqlite *self = (AkmaSqlite *)sql;
    Row *row = &self->rows[id];

    if (!prepare(self, akma_sql_get_statement(id), &row->statement, error))
        return NULL;

    row->row.engine = sql->engine;
    sqlite3_reset(row->statement);
    for (unsigned i = 0; i < n; i++) {
        if (!bind_value(row->statement, (int)i + 1, &values[i])) {
            fail(self, error);
            return NULL;
        }
    }

    return &row->row;
}

static int
step(AkmaSqlite *self, sqlite3_stmt *statement, GError **error)
{
    int result = sqlite3_step(statement);

    if (result == SQLITE_ROW)
        return 1;
    if (result != SQLITE_DONE)
        fail(self, error);
    sqlite3_reset(statement);

    return result == SQLITE_DONE ? 0 : -1;
}

static int
engine_step(AkmaSql *sql, AkmaRow *row, GError **error)
{
    return step((AkmaSqlite *)sql, ((Row *)row)->statement, error);
}

static bool
engine_exec(AkmaSql *sql, AkmaSqlId id, const AkmaSqlValue *values, unsigned n, GError **error)
{
    AkmaRow *row = engine_bind(sql, id, values, n, error);
    int result = row ? 1 : -1;

    while (result == 1)
        result = engine_step(sql, row, error);

    return result == 0;
}

static void
engine_reset(AkmaRow *row)
{
    sqlite3_reset(((Row *)row)->statement);
}

static const char *
engine_get_text(AkmaRow *row, int column)
{
    return (const char *)sqlite3_column_text(((Row *)row)->statement, column);
}

static int64_t
engine_get_int(AkmaRow *row, int column)
{
    return sqlite3_column_int64(((Row *)row)->statement, column);
}

static const void *
engine_get_blob(AkmaRow *row, int column, size_t *ret_len)
{
    sqlite3_stmt *statement = ((Row *)row)->statement;
    const void *bytes = sqlite3_column_blob(statement, column);

    *ret_len = (size_t)sqlite3_column_bytes(statement, column);

    return bytes;
}

static const AkmaSqlEngine engine = {
    .bind = engine_bind,
    .step = engine_step,
    .exec = engine_exec,
    .reset = engine_reset,
    .get_text = engine_get_text,
    .get_int = engine_get_int,
    .get_blob = engine_get_blob,
};

bool
akma_sqlite_script(AkmaSqlite *self, const char *script, GError **error)
{
    return sqlite3_exec(self->db, script, NULL, NULL, NULL) == SQLITE_OK || fail(self, error);
}

AkmaSqlite *
akma_sqlite_open(const char *path, bool create, GError **error)
{
    g_autoptr(AkmaSqlite) self = g_new0(AkmaSqlite, 1);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (create ? SQLITE_OPEN_CREATE : 0);

    self->sql.engine = &engine;
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
    if (!akma_sqlite_script(self,
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
akma_sqlite_close(AkmaSqlite *self)
{
    if (!self)
        return;

    for (size_t i = 0; i < AKMA_SQL_N; i++)
        sqlite3_finalize(self->rows[i].statement);
    for (size_t i = 0; i < N_OWN; i++)
        sqlite3_finalize(self->own[i]);
    sqlite3_close(self->db);
    g_free(self);
}

AkmaSql *
akma_sqlite_get_sql(AkmaSqlite *self)
{
    return &self->sql;
}

sqlite3 *
akma_sqlite_get_db(AkmaSqlite *self)
{
    return self->db;
}

void
akma_sqlite_never_wait(AkmaSqlite *self)
{
    sqlite3_busy_timeout(self->db, 0);
}

bool
akma_sqlite_is_in_place(AkmaSqlite *self)
{
    int moved = 0;

    return sqlite3_file_control(self->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK &&
           !moved;
}

static bool
run_own(AkmaSqlite *self, int which, GError **error)
{
    return prepare(self, own[which], &self->own[which], error) &&
           step(self, self->own[which], error) == 0;
}

bool
akma_sqlite_begin(AkmaSqlite *self, bool write, GError **error)
{
    return run_own(self, write ? BEGIN_WRITE : BEGIN_READ, error);
}

bool
akma_sqlite_commit(AkmaSqlite *self, GError **error)
{
    return run_own(self, COMMIT, error);
}

void
akma_sqlite_roll_back(AkmaSqlite *self)
{
    run_own(self, ROLL_BACK, NULL);
}
