#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""akma-keyserver store migrate, both ways, store backup and store rekey: all of it or nothing."""
import os
import shutil
import sqlite3
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tap  # noqa: E402

try:
    import h2.connection  # noqa: F401
    import jwcrypto.jwe   # noqa: F401
except ImportError as missing:
    tap.skip_all(str(missing))

import postgres  # noqa: E402
from keyserver import FIRST_KEY, Server  # noqa: E402

OTHER = "1.tid@5gc.mnc001.mcc001.3gppnetwork.org"


def furnish(s):
    """Something in every table: keys of two versions, groups, rules, labels, a floor."""
    s.operator.first_keys[OTHER], s.operator.supis[OTHER] = FIRST_KEY, "imsi-001010000000002"
    s.verb("application", "add", "vpn", "--source", "local", "--allow", "group:plant")
    s.verb("application", "add", "gone", "--source", "local", "--allow", "*")
    s.verb("application", "add", "all", "--source", "shared", "--allow", "*")
    s.exchange("mqtt", "gone", "all")
    s.exchange(kid=OTHER)
    terminals = [row["terminal"] for row in s.rows("terminal", "list")]
    s.verb("terminal", "group", terminals[0], "plant")
    s.verb("terminal", "label", terminals[1], "the other ' \u00e9")
    s.verb("key", "rotate", "--application", "mqtt", "--terminal", terminals[0])
    s.verb("application", "remove", "gone")


def keys_of(s, **more):
    """The terminal's own key and the one that all share."""
    keys = s.exchange("mqtt", "all", **more)
    return keys.raw("mqtt"), keys.raw("all")


def contents(s):
    return [s.rows(*words) for words in
            (("application", "list"), ("terminal", "list"), ("key", "list"))]


def write_other(s, name, store_key="store.key", **place):
    """A second configuration of @s's folder, with its store in another place."""
    with open(s.stack.path("akma-keyserver.conf")) as f:
        lines = f.read().splitlines()
    drop = ("backend=", "path=", "conninfo=", "store-key-file=")
    lines = [line for line in lines if not line.startswith(drop)]
    at = lines.index("[store]") + 1
    lines[at:at] = ["%s=%s" % (k, v) for k, v in place.items()] + [
        "store-key-file=" + s.stack.path(store_key)]
    return s.stack.write(name, "\n".join(lines) + "\n")


def use(s, name):
    shutil.copy(s.stack.path(name), s.stack.path("akma-keyserver.conf"))


def make_key(s, name):
    with open(s.stack.path(name), "wb") as f:
        f.write(os.urandom(32))
    os.chmod(s.stack.path(name), 0o600)


@tap.test
def a_store_goes_to_postgresql_and_back_and_gives_the_same_keys():
    with Server() as s:
        furnish(s)
        given = [keys_of(s), keys_of(s, kid=OTHER)]
        assert given[0][0] != given[1][0] and given[0][1] == given[1][1]
        before = contents(s)
        make_key(s, "second.key")
        write_other(s, "pg.conf", store_key="second.key", backend="postgresql",
                    conninfo=pg.conninfo("there"))
        write_other(s, "back.conf", backend="sqlite", path=s.stack.path("back.db"))
        s.stack.stop("akma-keyserver")
        for target in ("pg.conf", "back.conf"):
            rows = s.rows("store", "migrate", "--to", s.stack.path(target))
            assert rows[0]["keys"] == 4 and rows[0]["terminals"] == 2, rows
            assert contents(s) == before
            use(s, target)
            assert contents(s) == before
            s.process = s.stack.start_keyserver()
            assert [keys_of(s), keys_of(s, kid=OTHER)] == given
            s.stack.stop("akma-keyserver")
        # a removed application's versions are not given out again there either
        s.verb("application", "add", "gone", "--source", "local", "--allow", "*")
        s.process = s.stack.start_keyserver()
        assert s.exchange("gone").by_id["gone"]["kid"] == "gone:2"


def open_db(s, name):
    return sqlite3.connect(s.stack.path(name), isolation_level=None)


def columns(db):
    """{table: [(column, type, part of the primary key)]}, by what the schema is now."""
    names = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return {name: [(row[1], row[2], row[5]) for row in db.execute("PRAGMA table_info(%s)" % name)]
            for name in sorted(set(names) - {"meta"})}


def fill_every_column(db):
    """Values that nothing else has, but for primary keys and what is sealed."""
    for table, described in columns(db).items():
        if not db.execute("SELECT count(*) FROM " + table).fetchone()[0]:
            db.execute("INSERT INTO %s VALUES (%s)" % (table, ", ".join("?" * len(described))),
                       ["some-%s" % name if kind == "TEXT" else 1 for name, kind, _ in described])
        for number, (name, kind, primary) in enumerate(described):
            if not primary and kind != "BLOB":
                # terminal * comes with the schema, in every store
                db.execute("UPDATE %s SET %s = ?%s" % (
                    table, name, " WHERE id <> '*'" if table == "terminal" else ""),
                           ["text-%d" % number if kind == "TEXT" else 1000 + number])


def dump(db):
    """All there is; of what is sealed, whether there is something."""
    return {table: sorted(db.execute("SELECT %s FROM %s" % (
        ", ".join(name + " IS NOT NULL" if kind == "BLOB" else name
                  for name, kind, _ in described), table)).fetchall())
        for table, described in columns(db).items()}


@tap.test
def every_column_of_every_table_goes_along():
    """Also those that a later version of the schema has: nobody has to think of this test."""
    with Server() as s:
        furnish(s)
        s.stack.stop("akma-keyserver")
        write_other(s, "pg.conf", backend="postgresql", conninfo=pg.conninfo("whole"))
        write_other(s, "back.conf", backend="sqlite", path=s.stack.path("back.db"))
        db = open_db(s, "keys.db")
        fill_every_column(db)
        before = dump(db)
        db.close()
        assert all(any(value not in (None, 0) for value in column)
                   for rows in before.values() for column in zip(*rows, strict=True)), before
        for target in ("pg.conf", "back.conf"):
            s.verb("store", "migrate", "--to", s.stack.path(target))
            use(s, target)
        db = open_db(s, "back.db")
        assert dump(db) == before, (dump(db), before)
        db.close()


@tap.test
def reject_a_target_that_is_not_empty_and_leave_it():
    with Server() as s, Server(conninfo=pg.conninfo("taken")) as full:
        raw = full.exchange().raw("mqtt")
        s.stack.stop("akma-keyserver")
        write_other(s, "pg.conf", backend="postgresql", conninfo=pg.conninfo("taken"))
        result = s.verb("store", "migrate", "--to", s.stack.path("pg.conf"), check=False)
        assert result.returncode == 30 and "already a store" in result.stderr, result.stderr
        assert full.exchange().raw("mqtt") == raw
        write_other(s, "same.conf", backend="sqlite", path=s.stack.path("keys.db"))
        result = s.verb("store", "migrate", "--to", s.stack.path("same.conf"), check=False)
        assert result.returncode == 30 and "there already" in result.stderr, result.stderr


@tap.test
def reject_a_store_that_is_served():
    with Server() as s, Server(conninfo=pg.conninfo("served")) as p:
        write_other(s, "pg.conf", backend="postgresql", conninfo=pg.conninfo("empty"))
        write_other(p, "file.conf", backend="sqlite", path=p.stack.path("file.db"))
        for server, target in ((s, "pg.conf"), (p, "file.conf")):
            server.exchange()
            result = server.verb("store", "migrate", "--to", server.stack.path(target), check=False)
            assert result.returncode == 30 and "first" in result.stderr, result.stderr
        assert pg.sql("SELECT to_regclass('empty.meta') IS NULL") == "t"
        assert not os.path.exists(p.stack.path("file.db"))


@tap.test
def reject_a_torn_key_and_leave_nothing_behind():
    with Server() as s:
        furnish(s)
        s.stack.stop("akma-keyserver")
        db = open_db(s, "keys.db")
        db.execute("UPDATE app_key SET sealed = zeroblob(60) WHERE version = 2")
        db.close()
        write_other(s, "pg.conf", backend="postgresql", conninfo=pg.conninfo("torn"))
        write_other(s, "file.conf", backend="sqlite", path=s.stack.path("file.db"))
        for target in ("pg.conf", "file.conf"):
            result = s.verb("store", "migrate", "--to", s.stack.path(target), check=False)
            assert result.returncode == 30 and "does not open" in result.stderr, result.stderr
        assert pg.sql("SELECT to_regclass('torn.meta') IS NULL") == "t"
        assert not os.path.exists(s.stack.path("file.db"))


@tap.test
def reject_a_target_without_its_key_and_a_missing_word():
    with Server() as s:
        s.stack.stop("akma-keyserver")
        write_other(s, "nokey.conf", store_key="none.key", backend="sqlite",
                    path=s.stack.path("file.db"))
        assert s.verb("store", "migrate", "--to", s.stack.path("nokey.conf"),
                      check=False).returncode == 6
        assert s.verb("store", "migrate", check=False).returncode == 2
        assert s.verb("store", "backup", check=False).returncode == 2
        assert not os.path.exists(s.stack.path("file.db"))


@tap.each("sqlite", "postgresql")
def a_backup_is_made_while_serving_and_restored(backend):
    conninfo = pg.conninfo("backed_up") if backend == "postgresql" else None
    with Server(conninfo=conninfo) as s:
        furnish(s)
        raw, before = keys_of(s), contents(s)
        saved = s.stack.path("saved.db")
        s.verb("store", "backup", saved)
        assert os.stat(saved).st_mode & 0o777 == 0o600
        assert not os.path.exists(saved + ".partial")
        result = s.verb("store", "backup", saved, check=False)
        assert result.returncode == 30 and "there already" in result.stderr, result.stderr
        s.verb("key", "rotate", "--all")
        s.exchange()
        s.stack.stop("akma-keyserver")
        write_other(s, "restored.conf", backend="sqlite", path=saved)
        use(s, "restored.conf")
        assert contents(s) == before
        s.process = s.stack.start_keyserver()
        assert keys_of(s) == raw


def blobs(db):
    """{(table, column): its values} of every column that can hold what is sealed."""
    names = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return {(table, column): {value for value, in db.execute("SELECT %s FROM %s" % (column, table))}
            for table in names
            for _, column, kind, *_ in db.execute("PRAGMA table_info(%s)" % table).fetchall()
            if kind == "BLOB"}


@tap.test
def nothing_stays_under_the_old_store_key():
    """Also no column that a later version of the schema has: store rekey must know of each."""
    with Server() as s:
        furnish(s)
        s.stack.stop("akma-keyserver")
        db = open_db(s, "keys.db")
        before = blobs(db)
        make_key(s, "new.key")
        old, new = ("store-key-file=" + s.stack.path(name) for name in ("store.key", "new.key"))
        s.edit(old, new + "\nold-" + old)
        s.verb("store", "rekey")
        after = blobs(db)
        db.close()
        assert ("app_key", "sealed") in before and ("meta", "value") in before, before.keys()
        for place, values in before.items():
            sealed = values - {b"supi", None}  # the kind of identity is no secret
            assert sealed, "furnish() puts nothing into %s.%s" % place
            assert not sealed & after[place], "store rekey leaves %s.%s as it was" % place


@tap.each("sqlite", "postgresql")
def the_store_key_is_changed_while_serving(backend):
    conninfo = pg.conninfo("rekeyed") if backend == "postgresql" else None
    with Server(conninfo=conninfo) as s:
        furnish(s)
        raw, before = keys_of(s), contents(s)
        assert s.verb("store", "rekey", check=False).returncode == 2
        old, new = ("store-key-file=" + s.stack.path(name) for name in ("store.key", "new.key"))
        make_key(s, "new.key")
        # the new key alone opens nothing
        s.edit(old, new)
        result = s.verb("check", check=False)
        assert result.returncode == 30 and "does not fit" in result.stderr, result.stderr
        s.edit(new, new + "\nold-" + old)
        s.stack.stop("akma-keyserver")
        s.process = s.stack.start_keyserver()
        assert keys_of(s) == raw
        # every key, and the key of terminal ids
        assert s.rows("store", "rekey") == [{"sealed": len(before[2]) + 1}]
        assert s.rows("store", "rekey") == [{"sealed": 0}]
        assert keys_of(s) == raw and contents(s) == before
        s.edit("\nold-" + old, "")
        s.stack.stop("akma-keyserver")
        s.process = s.stack.start_keyserver()
        assert keys_of(s) == raw and contents(s) == before
        s.edit(new, old)
        assert s.verb("check", check=False).returncode == 30


if not postgres.programs():
    tap.skip_all("PostgreSQL is not installed")
with postgres.Postgres() as pg:
    tap.main()
