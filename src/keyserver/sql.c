/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/sql.h"

#include <stdarg.h>

/* PostgreSQL takes the type of a parameter from where it first stands: compared, not IS NULL. */
static const char *const statements[AKMA_SQL_N] = {
    [AKMA_SQL_META_GET] = "SELECT value FROM meta WHERE name = ?1",
    [AKMA_SQL_META_SET] = "INSERT INTO meta (name, value) VALUES (?1, ?2)",
    [AKMA_SQL_META_CHANGE] = "UPDATE meta SET value = ?2 WHERE name = ?1",
    /*
     * an exact id and a group are found by their index; globs are few and all looked at.
     * IN (SELECT ...) would make SQLite build a table for each question; a CROSS JOIN it takes in
     * the order that is written. */
    [AKMA_SQL_RULES_OF_TERMINAL] =
        "SELECT application, class, pattern, allow FROM rule WHERE class = 0 AND pattern = ?1"
        " UNION ALL SELECT application, class, pattern, allow FROM membership CROSS JOIN rule"
        " WHERE terminal = ?1 AND class = 1 AND pattern = name"
        " UNION ALL SELECT application, class, pattern, allow FROM rule WHERE class = 2",
    [AKMA_SQL_RULES_OF_APPLICATION] =
        "SELECT class, pattern, allow FROM rule WHERE application = ?1 ORDER BY class, pattern",
    [AKMA_SQL_RULE_SET] = "INSERT INTO rule (application, class, pattern, allow)"
                          " VALUES (?1, ?2, ?3, ?4)"
                          " ON CONFLICT (application, class, pattern)"
                          " DO UPDATE SET allow = excluded.allow",
    [AKMA_SQL_RULES_DELETE] = "DELETE FROM rule WHERE application = ?1",
    [AKMA_SQL_APPLICATION_GET] =
        "SELECT id, length, alg, use, max_age, grace, created, provider, upstream_id, base, source"
        " FROM application WHERE id = ?1",
    [AKMA_SQL_APPLICATION_LIST] =
        "SELECT id, length, alg, use, max_age, grace, created, provider, upstream_id, base, source"
        " FROM application WHERE id = ?1 OR ?1 IS NULL ORDER BY id",
    [AKMA_SQL_APPLICATION_INSERT] =
        "INSERT INTO application (id, length, alg, use, max_age, grace, created, source,"
        " provider, upstream_id, base) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    [AKMA_SQL_APPLICATION_DELETE] = "DELETE FROM application WHERE id = ?1",
    [AKMA_SQL_FLOOR_GET] = "SELECT version FROM version_floor WHERE application = ?1",
    [AKMA_SQL_FLOOR_RAISE] =
        "INSERT INTO version_floor (application, version) VALUES (?1, ?2)"
        " ON CONFLICT (application)"
        " DO UPDATE SET version = CASE WHEN version_floor.version > excluded.version"
        " THEN version_floor.version ELSE excluded.version END",
    [AKMA_SQL_FLOOR_OF_APPLICATION] =
        "INSERT INTO version_floor (application, version)"
        " SELECT application, max(version) FROM app_key WHERE application = ?1"
        " GROUP BY application ON CONFLICT (application)"
        " DO UPDATE SET version = CASE WHEN version_floor.version > excluded.version"
        " THEN version_floor.version ELSE excluded.version END",
    [AKMA_SQL_FLOOR_OF_TERMINAL] =
        "INSERT INTO version_floor (application, version)"
        " SELECT application, max(version) FROM app_key WHERE terminal = ?1"
        " GROUP BY application ON CONFLICT (application)"
        " DO UPDATE SET version = CASE WHEN version_floor.version > excluded.version"
        " THEN version_floor.version ELSE excluded.version END",
    [AKMA_SQL_TERMINAL_GET] = "SELECT revoked FROM terminal WHERE id = ?1",
    [AKMA_SQL_TERMINAL_LIST] = "SELECT id, label, revoked, created FROM terminal"
                               " WHERE (id = ?1 OR ?1 IS NULL) AND (id > ?2 OR ?2 IS NULL)"
                               " AND id <> '*'"
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
    /* '*' is AKMA_KS_SHARED: where the key of all terminals lies */
    [AKMA_SQL_KEY_LATEST] =
        "SELECT version, state, sealed, created, not_after FROM app_key"
        " WHERE terminal = (SELECT CASE WHEN source = 'shared' THEN '*' ELSE ?1 END"
        " FROM application WHERE id = ?2) AND application = ?2 ORDER BY version DESC LIMIT 2",
    /* a whole page; NULL: not narrowed. Current rows first would break the cursor. */
    [AKMA_SQL_KEY_LIST] =
        "SELECT terminal, application, version, state, sealed, created, not_after FROM app_key"
        " WHERE (application = ?1 OR ?1 IS NULL) AND (terminal = ?2 OR ?2 IS NULL)"
        " AND ((terminal, application, version) > (?3, ?4, ?5) OR ?3 IS NULL)"
        " ORDER BY terminal, application, version LIMIT ?6",
    /* what its application has to accept now */
    [AKMA_SQL_KEY_EXPORT] =
        "SELECT terminal, version, state, sealed, created, not_after FROM app_key"
        " WHERE application = ?1 AND ((terminal, version) > (?2, ?3) OR ?2 IS NULL)"
        " AND state <> 2 AND (not_after = 0 OR not_after > ?4) AND NOT EXISTS"
        " (SELECT 1 FROM terminal WHERE terminal.id = app_key.terminal AND revoked <> 0)"
        " ORDER BY terminal, version LIMIT ?5",
    [AKMA_SQL_KEY_INSERT] =
        "INSERT INTO app_key (terminal, application, version, state, sealed, created, not_after)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [AKMA_SQL_KEY_SET_STATE] = "UPDATE app_key SET state = ?4, not_after = ?5"
                               " WHERE terminal = ?1 AND application = ?2 AND version = ?3",
    [AKMA_SQL_KEY_SET_SEALED] = "UPDATE app_key SET sealed = ?4"
                                " WHERE terminal = ?1 AND application = ?2 AND version = ?3",
    [AKMA_SQL_KEY_DELETE_BEFORE] =
        "DELETE FROM app_key WHERE terminal = ?1 AND application = ?2 AND version < ?3",
    [AKMA_SQL_KEY_REVOKE_PREVIOUS] = "UPDATE app_key SET state = 2"
                                     " WHERE terminal = ?1 AND application = ?2 AND state = 1",
    [AKMA_SQL_KEYS_DELETE_APPLICATION] = "DELETE FROM app_key WHERE application = ?1",
    [AKMA_SQL_KEYS_DELETE_TERMINAL] = "DELETE FROM app_key WHERE terminal = ?1",
    [AKMA_SQL_FOLLOWER_SET] =
        "INSERT INTO follower (application, name, published, ends) VALUES (?1, ?2, ?3, ?4)"
        " ON CONFLICT (application, name)"
        " DO UPDATE SET published = excluded.published, ends = excluded.ends",
    [AKMA_SQL_FOLLOWER_DELETE] = "DELETE FROM follower WHERE application = ?1 AND name = ?2",
    [AKMA_SQL_FOLLOWERS_EXPIRE] = "DELETE FROM follower WHERE ends <= ?1",
    [AKMA_SQL_FOLLOWERS_BEHIND] = "SELECT count(*) FROM follower"
                                  " WHERE application = ?1 AND ends > ?2 AND published <= ?3",
    [AKMA_SQL_COUNT_APPLICATIONS] = "SELECT count(*) FROM application",
    [AKMA_SQL_COUNT_TERMINALS] = "SELECT count(*), count(CASE revoked WHEN 0 THEN NULL ELSE 1 END)"
                                 " FROM terminal WHERE id <> '*'",
    /* the index app_key_count has all of it, in this order */
    [AKMA_SQL_COUNT_KEYS] = "SELECT application, state, count(*) FROM app_key"
                            " WHERE state <> 1 OR not_after > ?1"
                            " GROUP BY application, state ORDER BY application, state",
    [AKMA_SQL_COPY_APPLICATIONS] =
        "SELECT id, length, alg, use, max_age, grace, created, source, provider, upstream_id, base"
        " FROM application WHERE id > ?1 ORDER BY id LIMIT ?2",
    [AKMA_SQL_COPY_RULES] = "SELECT application, class, pattern, allow FROM rule"
                            " WHERE (application, class, pattern) > (?1, ?2, ?3)"
                            " ORDER BY application, class, pattern LIMIT ?4",
    [AKMA_SQL_COPY_TERMINALS] = "SELECT id, label, revoked, created FROM terminal"
                                " WHERE id > ?1 AND id <> '*' ORDER BY id LIMIT ?2",
    [AKMA_SQL_COPY_TERMINAL_INSERT] =
        "INSERT INTO terminal (id, label, revoked, created) VALUES (?1, ?2, ?3, ?4)",
    [AKMA_SQL_COPY_GROUPS] = "SELECT terminal, name FROM membership"
                             " WHERE (terminal, name) > (?1, ?2)"
                             " ORDER BY terminal, name LIMIT ?3",
    [AKMA_SQL_COPY_KEYS] =
        "SELECT terminal, application, version, state, sealed, created, not_after FROM app_key"
        " WHERE (terminal, application, version) > (?1, ?2, ?3)"
        " ORDER BY terminal, application, version LIMIT ?4",
    [AKMA_SQL_COPY_FLOORS] = "SELECT application, version FROM version_floor"
                             " WHERE application > ?1 ORDER BY application LIMIT ?2",
    [AKMA_SQL_COPY_FOLLOWERS] = "SELECT application, name, published, ends FROM follower"
                                " WHERE (application, name) > (?1, ?2)"
                                " ORDER BY application, name LIMIT ?3",
};

const char *
akma_sql_get_statement(AkmaSqlId id)
{
    return statements[id];
}

static unsigned
collect(AkmaSqlValue *values, const char *format, va_list *args)
{
    unsigned n;

    for (n = 0; format[n] && n < AKMA_SQL_VALUES_MAX; n++) {
        values[n] = (AkmaSqlValue){.kind = format[n]};
        if (format[n] == 't')
            values[n].text = va_arg(*args, const char *);
        else if (format[n] == 'i')
            values[n].number = va_arg(*args, int64_t);
        else
            values[n].bytes = g_bytes_get_data(va_arg(*args, GBytes *), &values[n].len);
    }

    return n;
}

void
akma_sql_want(AkmaSql *self, AkmaSqlId id, const char *format, ...)
{
    AkmaSqlValue values[AKMA_SQL_VALUES_MAX];
    unsigned n;
    va_list args;

    if (!self->engine->want)
        return;

    va_start(args, format);
    n = collect(values, format, &args);
    va_end(args);
    self->engine->want(self, id, values, n);
}

AkmaRow *
akma_sql_bind(AkmaSql *self, AkmaSqlId id, GError **error, const char *format, ...)
{
    AkmaSqlValue values[AKMA_SQL_VALUES_MAX];
    unsigned n;
    va_list args;

    va_start(args, format);
    n = collect(values, format, &args);
    va_end(args);

    return self->engine->bind(self, id, values, n, error);
}

int
akma_sql_step(AkmaSql *self, AkmaRow *row, GError **error)
{
    return self->engine->step(self, row, error);
}

const char *
akma_row_get_text(AkmaRow *self, int column)
{
    return self->engine->get_text(self, column);
}

int64_t
akma_row_get_int(AkmaRow *self, int column)
{
    return self->engine->get_int(self, column);
}

const void *
akma_row_get_blob(AkmaRow *self, int column, size_t *ret_len)
{
    return self->engine->get_blob(self, column, ret_len);
}

void
akma_row_reset(AkmaRow *self)
{
    self->engine->reset(self);
}

bool
akma_sql_exec(AkmaSql *self, AkmaSqlId id, GError **error, const char *format, ...)
{
    AkmaSqlValue values[AKMA_SQL_VALUES_MAX];
    unsigned n;
    va_list args;

    va_start(args, format);
    n = collect(values, format, &args);
    va_end(args);

    return self->engine->exec(self, id, values, n, error);
}

bool
akma_sql_number(AkmaSql *self, AkmaSqlId id, int64_t *ret, GError **error, const char *format, ...)
{
    AkmaSqlValue values[AKMA_SQL_VALUES_MAX];
    AkmaRow *row;
    unsigned n;
    int more;
    va_list args;

    va_start(args, format);
    n = collect(values, format, &args);
    va_end(args);

    row = self->engine->bind(self, id, values, n, error);
    more = row ? akma_sql_step(self, row, error) : -1;
    if (more < 0)
        return false;
    *ret = more == 1 ? akma_row_get_int(row, 0) : 0;
    if (more == 1)
        akma_row_reset(row);

    return true;
}
