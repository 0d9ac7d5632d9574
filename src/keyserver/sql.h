/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * sql: the statements of the store and how an action runs them in its transaction, whichever
 * engine is behind: sqlite.h or pg.h. Belongs to one thread at a time.
 *
 * An action sees what it reads as it was when it began: what it writes is seen by others once it
 * is committed, and by its own later reads on no engine for sure. Where rows are missing
 * (PostgreSQL beside a loop) it is run again from its start when they have come: it changes
 * nothing but its operation.
 *
 * Errors of all functions: AKMA_ERROR_STORE_FAILED.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

G_BEGIN_DECLS

typedef enum {
    AKMA_SQL_META_GET,
    AKMA_SQL_META_SET,
    AKMA_SQL_META_CHANGE,
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
    AKMA_SQL_KEY_EXPORT,
    AKMA_SQL_KEY_INSERT,
    AKMA_SQL_KEY_SET_STATE,
    AKMA_SQL_KEY_SET_SEALED,
    AKMA_SQL_KEY_DELETE_BEFORE,
    AKMA_SQL_KEY_REVOKE_PREVIOUS,
    AKMA_SQL_KEYS_DELETE_APPLICATION,
    AKMA_SQL_KEYS_DELETE_TERMINAL,
    /* who publishes keys */
    AKMA_SQL_FOLLOWER_SET,
    AKMA_SQL_FOLLOWER_DELETE,
    AKMA_SQL_FOLLOWERS_EXPIRE,
    AKMA_SQL_FOLLOWERS_BEHIND,
    AKMA_SQL_COUNT_APPLICATIONS,
    AKMA_SQL_COUNT_TERMINALS,
    AKMA_SQL_COUNT_KEYS,
    /* a whole store, in pages: the columns of the inserts above, behind a key; limit */
    AKMA_SQL_COPY_APPLICATIONS,
    AKMA_SQL_COPY_RULES,
    AKMA_SQL_COPY_TERMINALS,
    AKMA_SQL_COPY_TERMINAL_INSERT,
    AKMA_SQL_COPY_GROUPS,
    AKMA_SQL_COPY_KEYS,
    AKMA_SQL_COPY_FLOORS,
    AKMA_SQL_COPY_FOLLOWERS,
    AKMA_SQL_N,
} AkmaSqlId;

#define AKMA_SQL_VALUES_MAX 16 /* of one statement */

/* One value of a statement; all borrowed. */
typedef struct {
    char kind;        /* 't' text, 'i' number, 'b' bytes */
    const char *text; /* NULL: null */
    int64_t number;
    const void *bytes;
    size_t len;
} AkmaSqlValue;

typedef struct _AkmaSql AkmaSql;
typedef struct _AkmaRow AkmaRow;

/* What an engine does; the functions below call it. */
typedef struct {
    void (*want)(AkmaSql *self, AkmaSqlId id, const AkmaSqlValue *values, unsigned n);
    AkmaRow *(*bind)(
        AkmaSql *self, AkmaSqlId id, const AkmaSqlValue *values, unsigned n, GError **error);
    int (*step)(AkmaSql *self, AkmaRow *row, GError **error);
    bool (*exec)(
        AkmaSql *self, AkmaSqlId id, const AkmaSqlValue *values, unsigned n, GError **error);
    void (*reset)(AkmaRow *row);
    const char *(*get_text)(AkmaRow *row, int column);
    int64_t (*get_int)(AkmaRow *row, int column);
    const void *(*get_blob)(AkmaRow *row, int column, size_t *ret_len);
} AkmaSqlEngine;

/* The first member of what an engine makes of each. */
struct _AkmaSql {
    const AkmaSqlEngine *engine;
};
struct _AkmaRow {
    const AkmaSqlEngine *engine;
};

/* In the dialect that both engines speak; parameters are ?1 to ?16. */
const char *akma_sql_get_statement(AkmaSqlId id);

/* As akma_sql_bind(), but only says that an action will: the rows come in one go with others. */
void akma_sql_want(AkmaSql *self, AkmaSqlId id, const char *format, ...);

/*
 * Binds one value a letter of @format: 't' const char * (NULL = null), 'i' int64_t, 'b' GBytes *.
 * What is bound is borrowed until the row is reset. Returns: (transfer none), for akma_sql_step(),
 * until the statement is bound again or the transaction ends.
 */
AkmaRow *akma_sql_bind(AkmaSql *self, AkmaSqlId id, GError **error, const char *format, ...);

/* 1: a row is there; 0: none left, it is reset; -1: error, reset. */
int akma_sql_step(AkmaSql *self, AkmaRow *row, GError **error);

/* Columns from 0; text and bytes live until the next step. */
const char *akma_row_get_text(AkmaRow *self, int column); /* NULL: null */
int64_t akma_row_get_int(AkmaRow *self, int column);
const void *akma_row_get_blob(AkmaRow *self, int column, size_t *ret_len);
void akma_row_reset(AkmaRow *self); /* before its last row was read */

/* Binds, runs to the end. */
bool akma_sql_exec(AkmaSql *self, AkmaSqlId id, GError **error, const char *format, ...);

/* A number in the first column of the first row; 0 without one. */
bool akma_sql_number(
    AkmaSql *self, AkmaSqlId id, int64_t *ret, GError **error, const char *format, ...);

G_END_DECLS
