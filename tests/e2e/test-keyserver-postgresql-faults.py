#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The key server and a PostgreSQL that is killed, slow, shut, locked or not what it should be; and
two key servers on one of it."""
import concurrent.futures
import os
import signal
import sys
import threading
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tap  # noqa: E402

try:
    import h2.connection  # noqa: F401
    import jwcrypto.jwe   # noqa: F401
except ImportError as missing:
    tap.skip_all(str(missing))

import harness  # noqa: E402
import keyserver  # noqa: E402
import pgdoor  # noqa: E402
import postgres  # noqa: E402
import reference  # noqa: E402
from keyserver import FIRST_KEY, KID, Server, cause_of  # noqa: E402

GONE = (503, "store_unavailable")
FLEET = ["%d.tid@5gc.mnc001.mcc001.3gppnetwork.org" % i for i in range(40)]


def name_terminals(*servers):
    """Every server's operator knows the whole fleet."""
    for s in servers:
        for i, kid in enumerate(FLEET):
            s.operator.first_keys[kid] = FIRST_KEY
            s.operator.supis[kid] = "imsi-00101%010d" % (100 + i)


class Ledger:
    """What terminals were given: (terminal, kid) -> bytes."""

    def __init__(self):
        self.given = {}
        self.lock = threading.Lock()

    def ask(self, server, kid):
        """Whether it was given a key; anything but a key or 503 with Retry-After is a fault."""
        try:
            keys = server.exchange(kid=kid)
        except reference.Refused as refused:
            assert (refused.status, refused.cause) == GONE, (refused.status, refused.cause)
            assert refused.retry_after > 0
            return False
        place = kid, keys.by_id["mqtt"]["kid"]
        with self.lock:
            assert self.given.setdefault(place, keys.raw("mqtt")) == keys.raw("mqtt"), place
        return True

    def ask_until_given(self, server, kid):
        harness.wait_until("a key for " + kid, lambda: self.ask(server, kid), 60)


def check_store_holds(server, ledger):
    """Each key that was delivered is in the store, with the same bytes."""
    import hashlib
    rows = {row["sha256"] for row in server.rows("key", "list")}
    for place, raw in ledger.given.items():
        assert hashlib.sha256(raw).hexdigest() in rows, place


@tap.test
def two_servers_on_one_database_give_one_value_to_a_kid():
    conninfo = pg.conninfo("two")
    with Server(workers=2, conninfo=conninfo) as one, \
            Server(workers=2, conninfo=conninfo, beside=one) as two:
        name_terminals(one, two)
        ledger = Ledger()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            asked = [pool.submit(ledger.ask, s, kid) for kid in FLEET[:12] for s in (one, two, one, two)]
            assert all(f.result() for f in asked)
            one.verb("key", "rotate", "--all")
            asked = [pool.submit(ledger.ask, s, kid) for kid in FLEET[:12] for s in (two, one)]
            assert all(f.result() for f in asked)
        assert len(ledger.given) == 24
        check_store_holds(two, ledger)
        # revoked by one is not delivered by the other from the next request on
        terminal = one.rows("terminal", "list")[0]["terminal"]
        one.verb("terminal", "revoke", terminal)
        answers = [two.exchange(kid=kid) for kid in FLEET[:12]]
        assert sum(a.errors == {"mqtt": "revoked"} for a in answers) == 1


@tap.test
def a_database_killed_in_the_middle_of_exchanges_loses_nothing_that_was_delivered():
    with Server(workers=2, conninfo=pg.conninfo("killed")) as s:
        name_terminals(s)
        ledger = Ledger()
        ledger.ask_until_given(s, FLEET[0])
        stop = threading.Event()

        def enrol(number):
            i = number
            while not stop.is_set():
                ledger.ask(s, FLEET[i % len(FLEET)])
                i += 4

        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            busy = [pool.submit(enrol, number) for number in range(4)]
            try:
                for _ in range(2):
                    before = len(ledger.given)
                    harness.wait_until("new keys",
                                       lambda: len(ledger.given) >= min(before + 4, len(FLEET)), 60)
                    pg.kill()
                    pg.start()
                    s.verb("key", "rotate", "--all")
            finally:
                stop.set()  # the pool waits for them
            for f in busy:
                f.result()
        for kid in FLEET:
            ledger.ask_until_given(s, kid)
        check_store_holds_or_went_by(s, ledger)


def check_store_holds_or_went_by(s, ledger):
    """After rotations only the newest two versions are kept: the newest that each terminal got."""
    newest = {}
    for (kid, version), raw in ledger.given.items():
        number = int(version.rsplit(":", 1)[1])
        newest[kid] = max(newest.get(kid, (0, b"")), (number, raw))
    last = Ledger()
    last.given = {(kid, "mqtt:%d" % number): raw for kid, (number, raw) in newest.items()}
    check_store_holds(s, last)


@tap.test
def a_connection_that_is_cut_costs_no_exchange():
    with Server(conninfo=pg.conninfo("cut")) as s:
        name_terminals(s)
        ledger = Ledger()
        for kid in FLEET[:6]:
            ledger.ask_until_given(s, kid)
            pg.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                   " WHERE application_name = 'akma-keyserver'")
        check_store_holds(s, ledger)


@tap.test
def a_connection_that_ends_the_moment_it_is_made_costs_no_worker():
    """libpq closes the descriptor when it finds that out: the loop must not wait for it any more."""
    with pgdoor.Door(pg.folder) as door, \
            Server(conninfo=pg.conninfo("moment").replace(pg.folder, door.folder)) as s:
        name_terminals(s)
        ledger = Ledger()
        ledger.ask_until_given(s, KID)
        workers = s.workers()
        door.shuts = True
        pg.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
               " WHERE application_name = 'akma-keyserver'")
        # of two that wait for it the first finds out, and the second makes libpq close it
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            while door.n_shut < 4:
                asked = [pool.submit(cause_of, s.exchange, kid=kid) for kid in FLEET[:8]]
                assert all(f.result() == GONE for f in asked)
        door.shuts = False
        ledger.ask_until_given(s, KID)
        assert s.workers() == workers, s.process.read_log()


@tap.test
def a_database_that_does_not_answer_is_503_and_others_are_served():
    with Server(conninfo=pg.conninfo("slow")) as s:
        name_terminals(s)
        ledger = Ledger()
        ledger.ask_until_given(s, KID)
        stopped = pg.backends()
        assert stopped
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        try:
            with concurrent.futures.ThreadPoolExecutor(1) as pool:
                waiting = pool.submit(cause_of, s.exchange)
                # the loop is free meanwhile: who needs no store hears at once
                wrong = "0.tid@elsewhere.example"
                refused = cause_of(s.exchange, kid=wrong)
                assert not waiting.done() and refused[0] in (403, 404, 422), refused
                assert waiting.result() == GONE
        finally:
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)
        ledger.ask_until_given(s, KID)


@tap.test
def a_terminal_that_somebody_holds_locked_does_not_hold_up_the_others():
    with Server(conninfo=pg.conninfo("locked")) as s:
        name_terminals(s)
        ledger = Ledger()
        ledger.ask_until_given(s, KID)
        s.verb("key", "rotate", "--all")
        terminal = s.rows("terminal", "list")[0]["terminal"]
        # as another server would that has just made a version and hangs
        holder = pg.hold("locked", "DELETE FROM app_key WHERE terminal = '%s'" % terminal,
                         "UPDATE terminal SET revoked = 1 WHERE id = '%s'" % terminal)
        try:
            for kid in FLEET[:4]:
                assert ledger.ask(s, kid)
        finally:
            holder.kill()
            holder.wait()
        ledger.ask_until_given(s, KID)
        check_store_holds(s, ledger)


def store_up(s):
    with urllib.request.urlopen("http://%s/metrics" % s.stack.ready["akma-keyserver"]["admin"]) as answer:
        told = dict(line.rsplit(" ", 1) for line in answer.read().decode().splitlines()
                    if not line.startswith("#"))
    return int(told["akma_store_up"])


@tap.test
def a_database_that_is_away_is_503_at_once_and_found_again():
    admin = keyserver.RATES + "[admin]\nlisten=127.0.0.1:0\n"
    with Server(extra=admin, conninfo=pg.conninfo("away")) as s:
        name_terminals(s)
        ledger = Ledger()
        ledger.ask_until_given(s, KID)
        assert store_up(s) == 1
        pg.kill()
        for _ in range(3):
            assert cause_of(s.exchange) == GONE
        assert store_up(s) == 0
        result = s.verb("status", check=False)
        assert result.returncode == 30, result
        pg.start()
        ledger.ask_until_given(s, KID)
        harness.wait_until("that is told", lambda: store_up(s) == 1)
        check_store_holds(s, ledger)


@tap.test
def reject_wrong_password_and_take_the_right_one_without_showing_it():
    with postgres.Postgres(password="correct-horse") as shut:
        conninfo = shut.conninfo("shut", role="keys")

        def with_password(stack):
            with open(stack.path("password"), "w") as f:
                f.write("correct-horse\n")
            os.chmod(stack.path("password"), 0o600)
            return keyserver.RATES

        password = "\npassword-file=%DIR%/password"
        with Server(extra=with_password, conninfo=conninfo + password) as s:
            assert "mqtt" in s.exchange().by_id
            with open("/proc/%d/cmdline" % s.process.pid, "rb") as f:
                assert b"correct-horse" not in f.read()
            assert "correct-horse" not in s.verb("status", "--json") + s.process.read_log()
            with open(s.stack.path("password"), "w") as f:
                f.write("wrong-horse\n")
            result = s.verb("check", check=False)
            assert result.returncode == 30 and "authentication" in result.stderr, result.stderr
            assert "wrong-horse" not in result.stderr
            os.chmod(s.stack.path("password"), 0o644)
            assert s.verb("check", check=False).returncode == 6


@tap.test
def reject_a_newer_schema_another_key_and_what_is_no_store():
    conninfo = pg.conninfo("newer")
    with Server(conninfo=conninfo) as s:
        result = s.verb("init", check=False)
        assert result.returncode == 30 and "already a store" in result.stderr, result.stderr
        pg.sql("UPDATE meta SET value = '99' WHERE name = 'schema'", schema="newer")
        result = s.verb("check", check=False)
        assert result.returncode == 30 and "version 99" in result.stderr, result.stderr
        # what serves goes on as long as its connections do; a new one is refused
        pg.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
               " WHERE application_name = 'akma-keyserver'")
        assert cause_of(s.exchange) == GONE
        s.edit("search_path=newer", "search_path=nothing")
        pg.conninfo("nothing")
        result = s.verb("status", check=False)
        assert result.returncode == 30 and "akma-keyserver init" in result.stderr, result.stderr


@tap.test
def reject_an_engine_whose_advisory_locks_do_nothing():
    """Some that speak the protocol are like that: two servers there would make two values."""
    lock = "pg_advisory_xact_lock(integer, integer)"
    conninfo = pg.conninfo("unlocked").replace("=unlocked", "=unlocked,pg_catalog")
    with Server(conninfo=conninfo) as s:
        key = s.exchange().raw("mqtt")
        pg.sql("CREATE FUNCTION %s RETURNS void LANGUAGE plpgsql AS 'BEGIN END'" % lock,
               schema="unlocked,pg_catalog")
        for verb in ("check", "init", "status"):
            result = s.verb(verb, check=False)
            assert result.returncode == 30 and "no advisory locks" in result.stderr, (verb, result)
        # what serves goes on as long as its connections do; a new one is refused
        pg.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
               " WHERE application_name = 'akma-keyserver'")
        assert cause_of(s.exchange) == GONE
        pg.sql("DROP FUNCTION unlocked." + lock)
        harness.wait_until("it is served again", lambda: cause_or_key(s) == key)


def cause_or_key(s):
    try:
        return s.exchange().raw("mqtt")
    except reference.Refused as refused:
        return refused.cause


@tap.test
def the_environment_of_libpq_is_not_looked_at():
    with Server(conninfo=pg.conninfo("environment")) as s:
        s.stack.env.update(PGHOST="/nowhere", PGOPTIONS="-c search_path=nothing", PGUSER="nobody",
                           PGSERVICE="none", PGPORT="1")
        assert s.rows("status")[0]["store"]["backend"] == "postgresql"


if not postgres.programs():
    tap.skip_all("PostgreSQL is not installed")
with postgres.Postgres() as pg:
    tap.main()
