/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * sql: one SQLite database and its prepared statements. Belongs to one thread at a time.
 *
 * The statements are plain SQL; what only SQLite knows stands in sql.c. Errors of all functions:
 * AKMA_ERROR_STORE_FAILED.
 */
#pragma once

#include <glib.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

G_BEGIN_DECLS

typedef enum {
    AKMA_SQL_BEGIN_READ,
    AKMA_SQL_BEGIN_WRITE,
    AKMA_SQL_COMMIT,
    AKMA_SQL_ROLLBACK,
    AKMA_SQL_META_GET,
    AKMA_SQL_META_SET,
    /* rights */
    AKMA_SQL_RULES_OF_TERMINAL,
    AKMA_SQL_RULES_OF_APPLICATION,
    AKMA_SQL_RULE_SET,
    AKMA_SQL_RULES_DELETE,
    /* applications */
    AKMA_SQL_APPLICATION_GET,
    AKMA_SQL_APPLICATION_LIST,
    AKMA_SQL_APPLICATION_INSERT,
    AKMA_SQL_APPLICATION_DELETE,
    AKMA_SQL_FLOOR_GET,
    AKMA_SQL_FLOOR_RAISE,
    AKMA_SQL_FLOOR_OF_APPLICATION,
    AKMA_SQL_FLOOR_OF_TERMINAL,
    /* terminals */
    AKMA_SQL_TERMINAL_GET,
    AKMA_SQL_TERMINAL_LIST,
    AKMA_SQL_TERMINAL_INSERT,
    AKMA_SQL_TERMINAL_LABEL,
    AKMA_SQL_TERMINAL_REVOKE,
    AKMA_SQL_TERMINAL_DELETE,
    AKMA_SQL_GROUPS_OF_TERMINAL,
    AKMA_SQL_GROUP_ADD,
    AKMA_SQL_GROUP_REMOVE,
    AKMA_SQL_GROUPS_DELETE,
    /* keys */
    AKMA_SQL_KEY_LATEST,
    AKMA_SQL_KEY_LIST,
    AKMA_SQL_KEY_INSERT,
    AKMA_SQL_KEY_SET_STATE,
    AKMA_SQL_KEY_DELETE_BEFORE,
    AKMA_SQL_KEY_REVOKE_PREVIOUS,
    AKMA_SQL_KEYS_DELETE_APPLICATION,
    AKMA_SQL_KEYS_DELETE_TERMINAL,
    AKMA_SQL_COUNT_APPLICATIONS,
    AKMA_SQL_COUNT_TERMINALS,
    AKMA_SQL_COUNT_KEYS,
    AKMA_SQL_N,
} AkmaSqlId;

typedef struct {
    sqlite3 *db;
    sqlite3_stmt *statements[AKMA_SQL_N];
} AkmaSql;

/* @create: it must not be there yet; else it must. */
AkmaSql *akma_sql_open(const char *path, bool create, GError **error);
void akma_sql_close(AkmaSql *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaSql, akma_sql_close)

/* From now on an operation that would wait for another connection fails at once. */
void akma_sql_never_wait(AkmaSql *self);

/* Is the file at the path still the one that was opened? */
bool akma_sql_is_in_place(AkmaSql *self);

/*
 * Binds one value a letter of @format: 't' const char * (NULL = null), 'i' int64_t, 'b' GBytes *.
 * Text is borrowed until the statement is reset. Returns: (transfer none), for akma_sql_step().
 */
sqlite3_stmt *akma_sql_bind(AkmaSql *self, AkmaSqlId id, GError **error, const char *format, ...);

/* 1: a row is there; 0: none left, the statement is reset; -1: error, reset. */
int akma_sql_step(AkmaSql *self, sqlite3_stmt *statement, GError **error);

/* Binds, runs to the end. */
bool akma_sql_exec(AkmaSql *self, AkmaSqlId id, GError **error, const char *format, ...);

/* A number in the first column of the first row; 0 without one. */
bool akma_sql_number(
    AkmaSql *self, AkmaSqlId id, int64_t *ret, GError **error, const char *format, ...);

/* Plain SQL, several statements: migrations. */
bool akma_sql_script(AkmaSql *self, const char *script, GError **error);
int64_t akma_sql_get_changes(AkmaSql *self);

G_END_DECLS
