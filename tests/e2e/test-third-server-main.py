# SPDX-License-Identifier: LGPL-2.1-or-later
"""M10 with every real program: a terminal, its operator as the fourth server, akma-keyserver as the
third server and another one as the fifth."""
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import fifth  # noqa: E402
import harness  # noqa: E402
import memscan  # noqa: E402
import tap  # noqa: E402


def start(s, **settings):
    s.start_lab(), s.start_modem()
    fifth.start_third(s, **settings)
    s.start_bus(), s.start_agent()


def fingerprint(s, *words):
    return s.ctl("get", "mqtt", "--format", "fingerprint", *words).strip()


def made(s, version):
    """The SHA-256 of a version that the fifth server holds."""
    return [r["sha256"] for r in fifth.rows(s) if r["kid"] == "broker:%d" % version][0]


def renew(s):
    return s.ctl("renew", "mqtt", check=False)


def events(s, name):
    with open(s.path("fifth", "audit.jsonl")) as f:
        rows = [json.loads(line) for line in f if line.endswith("\n")]
    return [row for row in rows if row["event"] == name]


@tap.each("akma", "gba")
def m10_the_key_on_the_bus_is_the_one_that_the_fifth_server_made(anchor):
    with harness.Stack(anchor=anchor) as s:
        start(s)
        s.wait_key(kid="mqtt:1")
        assert fingerprint(s) == made(s, 1)
        # the third server keeps no key, and the fifth knows no subscriber and not the third's name
        assert s.server_keys() == []
        third = json.loads(s.server("terminal", "list", "--json").splitlines()[0])["terminal"]
        known = fifth.rows(s, "terminal", "list")[0]["terminal"]
        assert known.startswith("third/") and third not in known
        assert harness.IMSI not in fifth.verb(s, "terminal", "list", "--json")
        assert {e["actor"] for e in events(s, "delivered")} == {"consumer:third"}
        for name in ("akmad", "akma-keyserver", "fifth"):
            assert s.stop(name) == 0, name


@tap.each("akma", "gba")
def m10_rotation_at_the_fifth_server_reaches_the_terminal(anchor):
    with harness.Stack(anchor=anchor) as s:
        start(s)
        s.wait_key()
        first = fingerprint(s)
        fifth.verb(s, "key", "rotate", "--application", "broker")
        s.ctl("renew", "mqtt")
        s.wait_key(kid="mqtt:2")
        assert fingerprint(s) == made(s, 2) != first
        assert fingerprint(s, "--kid", "mqtt:1") == first


@tap.test
def m10_revocation_at_the_fifth_server_takes_the_key_away():
    with harness.Stack() as s:
        start(s)
        s.wait_key()
        fifth.verb(s, "terminal", "revoke", fifth.rows(s, "terminal", "list")[0]["terminal"])
        assert renew(s).returncode == 26
        assert s.application()["state"] == "revoked"
        assert s.ctl("get", "mqtt", "--format", "hex", check=False).returncode == 26


@tap.test
def m10_reject_what_the_fifth_server_does_not_give_and_keep_the_key():
    with harness.Stack() as s:
        start(s)
        s.wait_key()
        first = fingerprint(s)
        fifth.verb(s, "application", "deny", "broker", "third/*")
        result = renew(s)
        assert result.returncode == 31, (result.returncode, result.stderr)
        assert "  next: " in result.stderr, result.stderr
        assert s.application()["last_error"]["name"] == "org.akmad1.Error.UpstreamFailed"
        assert fingerprint(s) == first
        fifth.verb(s, "application", "allow", "broker", "third/*")
        s.renew_once_cured()


@tap.test
def a_fifth_server_that_is_away_costs_no_key_and_is_found_again():
    with harness.Stack() as s:
        start(s)
        s.wait_key()
        first = fingerprint(s)
        s.stop("fifth")
        result = renew(s)
        assert result.returncode == 31, (result.returncode, result.stderr)
        assert fingerprint(s) == first
        fifth.run(s)
        s.renew_once_cured()
        assert fingerprint(s) == first and s.application()["key_id"] == "mqtt:1"


@tap.test
def a_terminal_without_a_key_waits_for_the_fifth_server():
    with harness.Stack() as s:
        s.start_lab(), s.start_modem()
        fifth.start_third(s)
        s.stop("fifth")
        s.start_bus(), s.start_agent()
        assert renew(s).returncode == 31
        assert s.ctl("get", "mqtt", "--format", "hex", check=False).returncode == 8
        fifth.run(s)
        s.wait_key(seconds=60)
        assert fingerprint(s) == made(s, 1)


@tap.each("akma", "gba")
def m10_the_fourth_key_is_nowhere_in_the_third_server_and_control_the_agent_has_it(anchor):
    why = memscan.need_access()
    if why:
        raise tap.Skip(why)
    with harness.Stack(anchor=anchor) as s:
        start(s)
        s.wait_key()
        key = s.ctl("get", "mqtt", "--format", "raw", binary=True)

        def pids(name):
            return harness.worker_pids(s.processes[name].pid)
        hits = memscan.left(pids("akma-keyserver"), {"key": key})
        assert not hits, hits
        hits = memscan.scan(pids("akmad"), {"key": key})
        assert hits["key"], "the search does not see what is there"


if __name__ == "__main__":
    tap.main()
