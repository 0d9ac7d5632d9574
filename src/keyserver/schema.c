/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/schema.h"

#include "base/error.h"

const char *const akma_schema_steps[AKMA_SCHEMA_VERSION] = {
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
    /* who hands keys to applications: until when it has published all, and until when it counts */
    "CREATE TABLE follower ("
    " application TEXT NOT NULL, name TEXT NOT NULL, published INTEGER NOT NULL,"
    " ends INTEGER NOT NULL, PRIMARY KEY (application, name)) WITHOUT ROWID;",
    /* source 'shared': a key that all terminals have lies under '*', which none of them is */
    "INSERT INTO terminal (id, label, revoked, created) VALUES ('*', NULL, 0, 0);",
    /* all that the figures need of a key, so that to count them is to read this from end to end */
    ("CREATE INDEX app_key_count ON app_key (application, state, not_after);"
     "DROP INDEX app_key_application;"),
};

bool
akma_schema_check_version(int64_t version, GError **error)
{
    if (version >= 0 && version <= AKMA_SCHEMA_VERSION)
        return true;

    g_set_error(error,
                AKMA_ERROR,
                AKMA_ERROR_STORE_FAILED,
                "the store has version %d, this program knows %d",
                (int)version,
                AKMA_SCHEMA_VERSION);

    return false;
}
