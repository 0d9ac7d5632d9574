# SPDX-License-Identifier: LGPL-2.1-or-later
"""The third server over PostgreSQL: the tests of test-third-server.py that say what it promises, the
same functions; two third servers on one database; a database that is gone while a provider answers."""
import importlib.util
import os
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tap  # noqa: E402

try:
    import h2.connection  # noqa: F401
    import jwcrypto.jwe   # noqa: F401
except ImportError as missing:
    tap.skip_all(str(missing))

import harness  # noqa: E402
import keyserver  # noqa: E402
import memscan  # noqa: E402
import postgres  # noqa: E402
import reference  # noqa: E402
from keyserver import FIRST_KEY, KID  # noqa: E402
from third import KEY, OTHER_KEY, Third  # noqa: E402

# their names, as far as they need no file of SQLite's
PROMISES = (
    "m10_fourth_key_is_asked_for_after_the_fourth_request_and_not_before",
    "m10_fourth_key_never_comes_from_a_cache",
    "m10_reject_fourth_request_that_does_not_open",
    "m10_reject_fourth_request_sent_twice",
    "m10_reject_terminals_without_the_right_and_revoked_ones_without_asking",
    "m10_fourth_key_is_nowhere_in_the_third_server_after_the_exchange",
    "local_and_upstream_keys_come_in_one_answer_and_one_question_for_each_provider",
    "a_kid_names_one_key_whoever_makes_it",
    "a_third_server_that_is_killed_forgets_nothing_that_it_promised",
    "verbs_refuse_what_only_a_provider_can_do",
)


def load_tests():
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "test-third-server.py")
    spec = importlib.util.spec_from_file_location("promises", path)
    main, tap.main = tap.main, lambda: None
    ours, tap._tests[:] = list(tap._tests), []
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
    tap.main = main
    wanted = [test for test in tap._tests if test.__name__ in PROMISES]
    assert len(wanted) == len(PROMISES), "a test of test-third-server.py has another name now"
    tap._tests[:] = wanted + ours


def both(one, two, kid):
    """What a terminal gets for mqtt at each of them."""
    keys = [s.exchange("mqtt", "local") for s in (one, two)]
    assert [k.by_id["mqtt"]["kid"] for k in keys] == [kid, kid]
    return [k.raw("mqtt") for k in keys], [k.raw("local") for k in keys]


@tap.test
def two_third_servers_on_one_database_have_one_terminal_and_one_count_of_versions():
    conninfo = pg.conninfo("two_thirds")
    with Third(conninfo=conninfo) as one, Third(conninfo=conninfo, beside=one) as two:
        two.operator.supis[KID] = one.operator.supis[KID]
        given, local = both(one, two, "mqtt:1")
        assert given == [KEY, KEY] and local[0] == local[1]
        # the provider cannot tell them apart, and each asked for itself
        names = [s.fifth.requests[0]["body"]["terminal"] for s in (one, two)]
        assert names[0] == names[1] and [len(s.fifth.requests) for s in (one, two)] == [1, 1]
        # a version that one of them handed out counts for the other
        one.fifth.versions["broker"], one.fifth.keys["broker"] = 6, OTHER_KEY
        assert one.outcome() == {"mqtt": "mqtt:6"}
        two.verb("application", "remove", "mqtt")
        two.verb("application", "add", "mqtt", "--source", "shared", "--allow", "*")
        assert two.outcome() == one.outcome() == {"mqtt": "mqtt:7"}
        # what is revoked at one is not asked for by the other
        two.add_upstream("again")
        asked = len(one.fifth.requests)
        two.verb("terminal", "revoke", one.rows("terminal", "list")[0]["terminal"])
        assert one.outcome("again") == {"again": "revoked"} and len(one.fifth.requests) == asked


@tap.test
def nothing_of_the_fourth_key_is_in_the_database():
    with Third(conninfo=pg.conninfo("nothing_kept")) as s:
        s.exchange("mqtt", "local")
        assert [r["application"] for r in s.rows("key", "list")] == ["local"]
        pg.sql("CHECKPOINT")
        found = []
        for folder, _, files in os.walk(pg.data):
            for name in files:
                with open(os.path.join(folder, name), "rb") as f:
                    data = f.read()
                found += [name for p in memscan.encodings(KEY).values() if p in data]
                found += ["control"] if b"broker" in data else []
        # the search sees what is there: how the provider calls the application
        assert set(found) == {"control"}, found


@tap.test
def reject_a_fourth_key_that_the_database_could_not_remember():
    """No version leaves before it is known that it did."""
    database = postgres.Postgres()
    try:
        with Third(conninfo=database.conninfo("gone")) as s:
            assert s.outcome() == {"mqtt": "mqtt:1"}
            asked, go = threading.Event(), threading.Event()

            def slow(request):
                asked.set()
                go.wait(60)
                return s.fifth.usual(request)
            s.fifth.versions["broker"], s.fifth.answer = 9, slow
            with s.client(timeout=60) as c:
                session = c.open_session("akma", KID, FIRST_KEY)
                got = []

                def ask():
                    try:
                        got.append(session.ask(["mqtt"]))
                    except reference.Refused as refused:
                        got.append((refused.status, refused.cause))
                thread = threading.Thread(target=ask)
                thread.start()
                assert asked.wait(60)
                database.kill()
                go.set()
                thread.join(60)
                assert got == [(503, "store_unavailable")], got
            database.start()
            s.fifth.answer = None

            def served():
                try:
                    return s.outcome() == {"mqtt": "mqtt:9"}
                except reference.Refused as refused:
                    assert refused.cause == "store_unavailable", refused.cause
            assert harness.wait_until("served again", served, 60)
    finally:
        database.__exit__(None, None, None)


if not postgres.programs():
    tap.skip_all("PostgreSQL is not installed")
load_tests()
with postgres.Postgres() as pg:
    keyserver.STORE = pg
    tap.main()
