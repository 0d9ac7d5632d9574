# SPDX-License-Identifier: LGPL-2.1-or-later
"""How the key server treats anchors: which one it asks, how often, and when it leaves one alone."""
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tap  # noqa: E402

try:
    import h2.connection  # noqa: F401
    import jwcrypto.jwe   # noqa: F401
except ImportError as missing:
    tap.skip_all(str(missing))

import aanf  # noqa: E402
import harness  # noqa: E402
from keyserver import (FIRST_KEY, KID, RATES, SUPI, Server, cause_of,  # noqa: E402
                       first_body, problem)

REALM = KID.split("@")[1]


def fail(s, n, expected=(503, "anchor_unavailable"), first=0):
    """@n exchanges, each with a kid of its own."""
    for i in range(first, first + n):
        assert cause_of(s.exchange, kid="%d.%s" % (i, KID)) == expected


def try_again(s):
    """An exchange, once the anchor is asked again."""
    def served():
        try:
            return "mqtt" in s.exchange().by_id
        except Exception as error:
            if getattr(error, "cause", None) != "anchor_unavailable":
                raise
            time.sleep(0.1)
    assert harness.wait_until("served again", served)


# --- the circuit breaker ----------------------------------------------------------------------

@tap.test
def an_anchor_in_trouble_is_left_alone_and_terminals_are_told_when_to_come_back():
    with Server() as s:
        s.operator.answer = lambda request: (500, b"")
        fail(s, 10)
        assert len(s.operator.requests) == 10
        begun = time.monotonic()
        with s.client() as c:
            answer = c.request("POST", "/v1/sessions", first_body(), "application/json")
            problem(answer, 503, "anchor_unavailable")
            assert int(answer.headers["retry-after"]) >= 1
        fail(s, 5, first=20)
        if time.monotonic() - begun < 1.5:
            assert len(s.operator.requests) == 10
        assert "failed 10 times in a row" in s.process.read_log()
        s.operator.answer = None
        try_again(s)
        # it is well again: a failure is only a failure
        s.operator.answer = lambda request: (500, b"")
        fail(s, 1, first=30)
        s.operator.answer = None
        assert "mqtt" in s.exchange().by_id


@tap.test
def one_request_finds_out_while_the_others_are_turned_away():
    # the one that finds out still waits when the last of the others has been turned away
    with Server(extra="timeout=60s\n" + RATES) as s:
        s.operator.answer = lambda request: (503, b"")
        fail(s, 10)
        s.operator.answer = lambda request: None  # silent from now on
        time.sleep(2.5)  # more than the 2 s that nobody is let through
        before = len(s.operator.requests)
        with s.client() as trial:
            trial.begin("POST", "/v1/sessions", first_body(), "application/json")
            harness.wait_until("asked", lambda: len(s.operator.requests) == before + 1)
            for n in range(5):
                with s.client() as c:
                    answer = c.request("POST", "/v1/sessions", first_body("%d.%s" % (n, KID)),
                                       "application/json")
                    problem(answer, 503, "anchor_unavailable")
            assert len(s.operator.requests) == before + 1
        # the one that found out went away: another one does
        s.operator.answer = None
        try_again(s)


@tap.test
def anchors_that_are_silent_or_gone_or_hang_up_are_left_alone_too():
    with Server() as s:
        s.edit("[limits]", "timeout=1s\n[limits]")
        s.stack.stop("akma-keyserver")
        s.process = s.stack.start_keyserver()
        s.operator.answer = lambda request: None
        fail(s, 2)
        s.operator.stop()
        fail(s, 8, first=10)
        harness.wait_until("left alone", lambda: "times in a row" in s.process.read_log())
        s.operator.answer = None
        s.operator.start()
        try_again(s)


@tap.test
def strangers_do_not_break_it():
    """Neither kids that the anchor does not know nor what it refuses say that it is in trouble."""
    with Server() as s:
        for answer, expected in (((204, b""), (404, "anchor_key_unknown")),
                                 ((404, {}), (404, "anchor_key_unknown")),
                                 ((400, {}), (502, "anchor_refused")),
                                 ((403, {}), (502, "anchor_refused")),
                                 ((429, {}), (502, "anchor_refused"))):
            s.operator.answer = lambda request, a=answer: a
            fail(s, 12, expected, first=100 * answer[0])
        s.operator.answer = None
        assert "mqtt" in s.exchange().by_id
        assert "in a row" not in s.process.read_log()


@tap.test
def one_that_fails_leaves_the_others_as_they_are():
    with aanf.Aanf() as other, Server() as s:
        add_anchor(s, "other", other.url, "other.example")
        other.answer = lambda request: (500, b"")
        for n in range(12):
            assert cause_of(s.exchange, kid="%d@other.example" % n) == (503, "anchor_unavailable")
        assert len(other.requests) < 12
        assert "mqtt" in s.exchange().by_id


# --- kids that nobody knows -------------------------------------------------------------------

@tap.test
def a_flood_with_an_unknown_kid_costs_one_request():
    with Server() as s:
        kid = "unknown." + KID
        begun = time.monotonic()
        for _ in range(20):
            assert cause_of(s.exchange, kid=kid) == (404, "anchor_key_unknown")
        if time.monotonic() - begun < 4:
            assert len(s.operator.requests) == 1, len(s.operator.requests)
        # others are not mixed up with it
        assert "mqtt" in s.exchange().by_id
        # it is only remembered for a moment: then the anchor may know it
        s.operator.first_keys[kid] = FIRST_KEY
        s.operator.supis[kid] = SUPI

        def known():
            try:
                return s.exchange(kid=kid).by_id
            except Exception as error:
                assert error.cause == "anchor_key_unknown"
                time.sleep(0.2)
        harness.wait_until("it is known", known)


@tap.test
def what_was_refused_for_another_reason_is_asked_again():
    with Server() as s:
        for answer in ((403, {}), (500, b""), (200, b"garbage")):
            s.operator.answer = lambda request, a=answer: a
            assert cause_of(s.exchange)[1] != "anchor_key_unknown"
            s.operator.answer = None
            assert "mqtt" in s.exchange().by_id


# --- several of them --------------------------------------------------------------------------

def add_anchor(s, name, url, realms, operator="00101"):
    s.stack.stop("akma-keyserver")
    s.edit("[anchor operator]", "[anchor %s]\ntype=akma\noperator=%s\nrealms=%s\nurl=%s\n"
           "[anchor operator]" % (name, operator, realms, url))
    s.process = s.stack.start_keyserver()


@tap.test
def the_realm_decides_and_the_most_exact_one_wins():
    with aanf.Aanf() as exact, aanf.Aanf() as glob, Server(realms="*.mcc001.*;%s-" % REALM) as s:
        add_anchor(s, "exact", exact.url, "x.example;" + REALM)
        add_anchor(s, "glob", glob.url, "5gc.mnc0*.mcc001.3gppnetwork.org;*.example")
        for realm, asked in ((REALM, exact), ("x.example", exact), ("y.example", glob),
                             ("5gc.mnc002.mcc001.3gppnetwork.org", glob),
                             ("5gc.mnc102.mcc001.3gppnetwork.org", s.operator),
                             (REALM + "-", s.operator)):
            before = {one: len(one.requests) for one in (exact, glob, s.operator)}
            assert cause_of(s.exchange, kid="k@" + realm) == (404, "anchor_key_unknown")
            after = {one: len(one.requests) - n for one, n in before.items()}
            assert after.pop(asked) == 1 and not any(after.values()), realm


@tap.test
def a_realm_without_an_anchor_costs_no_request():
    with Server(realms=REALM) as s:
        for realm in ("evil.example", "x" + REALM, REALM + ".evil", REALM.upper() + "x"):
            for _ in range(3):
                assert cause_of(s.exchange, kid="k@" + realm) == (404, "anchor_key_unknown")
        assert not s.operator.requests and s.operator.connections == 0


@tap.test
def an_anchor_speaks_for_the_subscribers_of_its_operator_only():
    """The same identity from another operator is another terminal, with other keys."""
    with aanf.Aanf() as other, Server() as s:
        add_anchor(s, "other", other.url, "other.example", operator="99999")
        other.first_keys["k@other.example"] = FIRST_KEY
        other.supis["k@other.example"] = SUPI
        assert s.exchange().raw("mqtt") != s.exchange(kid="k@other.example").raw("mqtt")
        assert len(s.rows("terminal", "list")) == 2


tap.main()
