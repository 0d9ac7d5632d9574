# SPDX-License-Identifier: LGPL-2.1-or-later
"""akma-keyserver on the wire: the protocol with the reference client, and every refusal."""
import json
import os
import resource
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
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
import reference  # noqa: E402
from harness import FQDN  # noqa: E402
from keyserver import (FIRST_KEY, KID, RATES, SUPI, Server, cause_of,  # noqa: E402
                       first_body, problem)

# --- exchanges --------------------------------------------------------------------------------

@tap.test
def a_repeated_exchange_gives_the_same_version_and_makes_nothing_twice():
    with Server(workers=2) as s:
        seen = {s.exchange().raw("mqtt") for _ in range(6)}
        assert len(seen) == 1
        assert len(s.rows("key", "list")) == 1 and len(s.rows("terminal", "list")) == 1


@tap.test
def many_at_once_get_the_same_new_key():
    with Server(workers=2) as s:
        import concurrent.futures
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            seen = {f.result().raw("mqtt") for f in [pool.submit(s.exchange) for _ in range(16)]}
        assert len(seen) == 1 and len(s.rows("key", "list")) == 1


@tap.test
def two_terminals_have_different_keys():
    with Server() as s:
        other = "1.tid@5gc.mnc001.mcc001.3gppnetwork.org"
        s.operator.first_keys[other], s.operator.supis[other] = b"k" * 32, "imsi-001010000000002"
        assert s.exchange().raw("mqtt") != s.exchange(kid=other, first_key=b"k" * 32).raw("mqtt")
        assert len(s.rows("terminal", "list")) == 2


@tap.test
def one_connection_to_the_anchor_is_kept():
    with Server() as s:
        for _ in range(3):
            s.exchange()
        assert s.operator.connections == 1
        s.operator.drop()
        s.exchange()
        assert s.operator.connections == 2


# --- rights, rotation, revocation -------------------------------------------------------------

@tap.test
def rotation_leaves_the_version_before_for_its_grace_time():
    with Server(add=()) as s:
        s.verb("application", "add", "mqtt", "--source", "local", "--allow", "*", "--grace", "1h")
        first = s.exchange()
        rotated = s.rows("key", "rotate", "--application", "mqtt")
        assert [r["kid"] for r in rotated] == ["mqtt:2"]
        second = s.exchange()
        key = second.by_id["mqtt"]
        assert key["kid"] == "mqtt:2" and second.raw("mqtt") != first.raw("mqtt")
        assert key["previous"]["kid"] == "mqtt:1"
        assert 3500 < key["previous"]["exp"] - second.now <= 3600
        states = {r["kid"]: r["state"] for r in s.rows("key", "list")}
        assert states == {"mqtt:1": "previous", "mqtt:2": "current"}
        assert [e["kid"] for e in s.audits("rotated")] == ["mqtt:2"]


@tap.test
def a_key_is_replaced_at_its_age():
    with Server(add=()) as s:
        s.verb("application", "add", "mqtt", "--source", "local", "--allow", "*", "--max-age", "2s",
               "--grace", "0s", "--alg", "A256GCM", "--use", "enc", "--length", "16")
        keys = s.exchange()
        key = keys.by_id["mqtt"]
        assert key["exp"] - key["iat"] == 2 and len(keys.raw("mqtt")) == 16
        assert (key["alg"], key["use"]) == ("A256GCM", "enc")
        time.sleep(2.1)
        later = s.exchange()
        assert later.by_id["mqtt"]["kid"] == "mqtt:2" and later.by_id["mqtt"]["exp"] > later.now
        assert "previous" not in later.by_id["mqtt"]


@tap.test
def a_revoked_key_is_not_delivered_until_it_is_rotated():
    with Server() as s:
        s.exchange()
        assert s.rows("key", "revoke", "--kid", "mqtt:1")[0]["state"] == "revoked"
        assert s.exchange().errors == {"mqtt": "revoked"}
        s.verb("key", "rotate", "--application", "mqtt")
        key = s.exchange().by_id["mqtt"]
        assert key["kid"] == "mqtt:2" and "previous" not in key


@tap.test
def a_revoked_terminal_gets_nothing_until_it_is_restored():
    with Server() as s:
        first = s.exchange()
        terminal = s.rows("terminal", "list")[0]["terminal"]
        s.verb("terminal", "revoke", terminal)
        with s.client() as c:
            session = c.open_session("akma", KID, FIRST_KEY)
            assert session.offered == []
            assert session.ask(["mqtt", "unknown"]).errors == {"mqtt": "revoked",
                                                               "unknown": "revoked"}
        s.verb("terminal", "restore", terminal)
        assert s.exchange().raw("mqtt") == first.raw("mqtt")


@tap.test
def revocation_between_the_two_requests_holds():
    with Server() as s, s.client() as c:
        s.exchange()
        session = c.open_session("akma", KID, FIRST_KEY)
        s.verb("key", "revoke", "--application", "mqtt")
        assert session.ask(["mqtt"]).errors == {"mqtt": "revoked"}


@tap.test
def rights_go_by_terminal_group_and_glob():
    with Server(add=()) as s:
        s.verb("application", "add", "mqtt", "--source", "local")
        assert s.exchange().errors == {"mqtt": "not_entitled"}
        terminal = s.rows("terminal", "list")[0]["terminal"]
        s.verb("application", "allow", "mqtt", "group:plant")
        assert s.exchange().errors == {"mqtt": "not_entitled"}
        s.verb("terminal", "group", terminal, "plant")
        assert "mqtt" in s.exchange().by_id
        s.verb("application", "deny", "mqtt", terminal)
        assert s.exchange("mqtt", "unknown").errors == {"mqtt": "not_entitled",
                                                        "unknown": "not_entitled"}
        s.verb("application", "deny", "mqtt", "*")
        s.verb("application", "allow", "mqtt", terminal)
        assert "mqtt" in s.exchange().by_id
        assert {e["cause"] for e in s.audits("refused")} == {"not_entitled"}


@tap.test
def no_kid_names_two_keys_after_remove_or_forget():
    with Server() as s:
        s.exchange()
        s.verb("key", "rotate", "--all")
        s.verb("terminal", "forget", s.rows("terminal", "list")[0]["terminal"])
        assert s.exchange().by_id["mqtt"]["kid"] == "mqtt:3"
        s.verb("application", "remove", "mqtt")
        assert s.exchange().errors == {"mqtt": "not_entitled"}
        s.verb("application", "add", "mqtt", "--source", "local", "--allow", "*")
        assert s.exchange().by_id["mqtt"]["kid"] == "mqtt:4"


# --- every error of the protocol --------------------------------------------------------------

@tap.test
def reject_malformed_first_requests():
    with Server() as s, s.client() as c:
        good = json.loads(first_body())
        bad = [b"", b"{", b"[]", first_body() + b"x", first_body(kid="nothing"),
               first_body(kid="a@b@c"), first_body(anchor="psk"), first_body(key_ids=[]),
               first_body(key_ids=["a", "a"]), first_body(key_ids=["UP"]),
               json.dumps({**good, "nonce": "AA"}).encode(), first_body()[:-9],
               first_body()[:-1] + b',"anchor":"akma"}', first_body(extra=1.5)]
        for body in bad:
            problem(c.request("POST", "/v1/sessions", body, "application/json"), 400, "malformed")
        assert s.operator.requests == []


@tap.test
def unknown_members_of_the_first_request_are_ignored():
    with Server() as s, s.client() as c:
        answer = c.request("POST", "/v1/sessions", first_body(more={"x": 1}), "application/json")
        assert answer.status == 201, answer.status


@tap.test
def reject_wrong_media_type_encoding_name_size_method_and_path():
    with Server() as s, s.client() as c:
        post = lambda *a, **k: c.request("POST", "/v1/sessions", first_body(), *a, **k)  # noqa: E731
        problem(post("text/plain"), 415, "unsupported_media_type")
        problem(post(None), 415, "unsupported_media_type")
        problem(post("application/jsonx"), 415, "unsupported_media_type")
        problem(post("application/json", extra=[("content-encoding", "gzip")]), 415,
                "unsupported_media_type")
        problem(post("application/json", authority="other.example.com"), 421, "wrong_server")
        problem(post("application/json", authority=FQDN + ".evil.example"), 421, "wrong_server")
        assert post("application/json; charset=utf-8", authority=FQDN.upper() + ":1").status == 201
        problem(c.request("POST", "/v1/sessions", b" " * 16385, "application/json"), 413,
                "too_large")
        for path in ("/", "/v1/session", "/v1/sessions/", "/v1/sessions/x", "/v1/sessions/x/keys/",
                     "/v1/sessions?x", "/v1/sessions//keys"):
            problem(c.request("POST", path, first_body(), "application/json"), 404, None)
        for method in ("GET", "PUT", "DELETE"):
            answer = c.request(method, "/v1/sessions", b"", None)
            problem(answer, 405, None)
            assert answer.headers["allow"] == "POST"
        assert s.operator.requests[1:] == []


@tap.test
def reject_second_requests_that_do_not_open():
    with Server() as s, s.client() as c:
        def attempt(change, status, cause):
            session = c.open_session("akma", KID, FIRST_KEY)
            body = session.seal(b'{"key_ids":["mqtt"]}')
            problem(session.post(change(session, body)), status, cause)
            # whatever it was, it was the one chance
            problem(session.post(body), 404, "session_unknown")

        flip = lambda b, i: b[:i] + (b"A" if b[i:i + 1] != b"A" else b"B") + b[i + 1:]  # noqa: E731
        head = lambda **more: lambda n, b: n.seal_as_told(  # noqa: E731
            {**reference.header_of(n.id, "akd1+second-request"), **more}, b'{"key_ids":["mqtt"]}')
        attempt(lambda n, b: flip(b, len(b) - 3), 403, "not_authentic")
        attempt(lambda n, b: flip(b, len(b) // 2), 403, "not_authentic")
        attempt(lambda n, b: n.seal_as_told(None, b'{"key_ids":["mqtt"]}', key=b"x" * 32), 403,
                "not_authentic")
        attempt(lambda n, b: n.seal_as_told(None, b'{"key_ids":["mqtt"]}', key=n.schedule.server),
                403, "not_authentic")
        attempt(lambda n, b: b[:-1], 400, "malformed")
        attempt(lambda n, b: b + b"=", 400, "malformed")
        attempt(lambda n, b: b"", 400, "malformed")
        attempt(head(typ="akd1+second-response"), 400, "malformed")
        attempt(head(alg="A256KW"), 400, "malformed")
        attempt(head(enc="A128GCM"), 400, "malformed")
        attempt(head(kid="AAAAAAAAAAAAAAAAAAAAAA"), 400, "malformed")
        attempt(head(zip="DEF"), 400, "malformed")
        attempt(lambda n, b: n.seal(b'{"key_ids":[]}'), 400, "malformed")
        attempt(lambda n, b: n.seal(b'{"key_ids":["mqtt","mqtt"]}'), 400, "malformed")
        attempt(lambda n, b: b"x" * 16385, 413, "too_large")


@tap.test
def reject_wrong_first_key():
    with Server() as s, s.client() as c:
        try:
            c.open_session("akma", KID, b"wrong" + FIRST_KEY[5:])
        except reference.NotAuthentic:
            return
        raise AssertionError("opened")


@tap.test
def reject_second_request_on_another_connection():
    with Server() as s, s.client() as one, s.client() as two:
        session = one.open_session("akma", KID, FIRST_KEY)
        body = session.seal(b'{"key_ids":["mqtt"]}')
        problem(two.request("POST", session.path, body, "application/jose"), 404, "session_unknown")
        # the other connection has done no harm
        assert "mqtt" in session.open_keys(session.post(body), ["mqtt"]).by_id


@tap.test
def reject_replay_after_the_connection():
    with Server() as s:
        with s.client() as c:
            session = c.open_session("akma", KID, FIRST_KEY)
            body = session.seal(b'{"key_ids":["mqtt"]}')
        with s.client() as c:
            problem(c.request("POST", session.path, body, "application/jose"), 404,
                    "session_unknown")
            c.open_session("akma", KID, FIRST_KEY)
            problem(c.request("POST", session.path, body, "application/jose"), 404,
                    "session_unknown")


@tap.test
def reject_second_request_sent_twice_at_once():
    with Server() as s, s.client() as c:
        session = c.open_session("akma", KID, FIRST_KEY)
        body = session.seal(b'{"key_ids":["mqtt"]}')
        channel = c.channel
        flush, channel.flush = channel.flush, lambda: None
        streams = [c.begin("POST", session.path, body, "application/jose") for _ in range(2)]
        channel.flush = flush
        channel.flush()
        answers = sorted((c.finish(stream) for stream in streams), key=lambda a: a.status)
        assert "mqtt" in session.open_keys(answers[0], ["mqtt"]).by_id
        problem(answers[1], 409, "session_used")


@tap.test
def a_new_first_request_wipes_the_session_before():
    with Server() as s, s.client() as c:
        one = c.open_session("akma", KID, FIRST_KEY)
        two = c.open_session("akma", KID, FIRST_KEY)
        assert "mqtt" in two.ask(["mqtt"]).by_id
        problem(one.post(one.seal(b'{"key_ids":["mqtt"]}')), 404, "session_unknown")


@tap.test
def reject_late_second_request():
    with Server() as s, s.client() as c:
        s.operator.expiry = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 5))
        session = c.open_session("akma", KID, FIRST_KEY)
        assert session.expires_in <= 5
        time.sleep(session.expires_in + 1)
        problem(session.post(session.seal(b'{"key_ids":["mqtt"]}')), 404, "session_unknown")


@tap.test
def rates_are_limited_per_kid_and_address_and_say_when_to_come_back():
    with Server(extra="[limits]\naddress=10000/s\nkid=3/m\n") as s:
        for _ in range(3):
            s.exchange()
        try:
            s.exchange()
            raise AssertionError("not limited")
        except reference.Refused as refused:
            assert (refused.status, refused.cause) == (429, "rate_limited")
            assert 1 <= refused.retry_after <= 20, refused.retry_after
        assert [e["cause"] for e in s.audits("refused")] == ["rate_limited"]
        asked = len(s.operator.requests)
        assert asked == 3
        other = "1.tid@5gc.mnc001.mcc001.3gppnetwork.org"
        assert cause_of(s.exchange, kid=other) == (404, "anchor_key_unknown")


@tap.test
def rates_are_limited_per_address():
    with Server(extra="[limits]\naddress=3/m\nkid=10000/s\n") as s, s.client() as c:
        for _ in range(3):
            c.open_session("akma", KID, FIRST_KEY)
        answer = c.request("POST", "/v1/sessions", first_body(), "application/json")
        problem(answer, 429, "rate_limited")
        assert int(answer.headers["retry-after"]) >= 1
        # strangers could go on with that as long as they like: no line for each
        assert len(s.audits("session")) == 3 and not s.audits("refused")


# --- the anchor -------------------------------------------------------------------------------

@tap.test
def what_the_anchor_says_becomes_the_right_cause():
    with Server() as s:
        good = {"kaf": FIRST_KEY.hex(), "expiry": "2099-01-01T00:00:00Z", "supi": SUPI}

        def without(name):
            return {k: v for k, v in good.items() if k != name}
        rows = [
            ((204, b""), (404, "anchor_key_unknown")),
            ((404, {"status": 404}, "application/problem+json"), (404, "anchor_key_unknown")),
            ((403, {"status": 403}, "application/problem+json"), (502, "anchor_refused")),
            ((307, b""), (502, "anchor_refused")),
            ((500, b""), (503, "anchor_unavailable")),
            ((503, b""), (503, "anchor_unavailable")),
            ((200, b"garbage"), (502, "anchor_refused")),
            ((200, b""), (502, "anchor_refused")),
            ((200, good, "text/html"), (502, "anchor_refused")),
            ((200, b"x" * 20000), (502, "anchor_refused")),
            ((200, {**good, "kaf": FIRST_KEY.hex()[:-2]}), (502, "anchor_refused")),
            ((200, {**good, "kaf": FIRST_KEY.hex()[:-1] + "g"}), (502, "anchor_refused")),
            ((200, {**good, "kaf": 7}), (502, "anchor_refused")),
            ((200, {**good, "expiry": "2001-01-01T00:00:00Z"}), (502, "anchor_refused")),
            ((200, {**good, "expiry": "tomorrow"}), (502, "anchor_refused")),
            ((200, without("expiry")), (502, "anchor_refused")),
            ((200, without("kaf")), (502, "anchor_refused")),
            ((200, without("supi")), (502, "anchor_refused")),
            ((200, {**without("supi"), "gpsi": "msisdn-491700000000"}), (502, "anchor_refused")),
            ((200, {**good, "supi": "nai-x@example.com"}), (502, "anchor_refused")),
        ]
        for n, (answer, expected) in enumerate(rows):
            s.operator.answer = lambda request, a=answer: a
            # a kid of its own: one that was unknown stays so for a moment
            assert cause_of(s.exchange, kid="%d.%s" % (n, KID)) == expected, answer
        s.operator.answer = None
        assert "mqtt" in s.exchange().by_id
        assert s.rows("terminal", "list") and SUPI not in s.process.read_log()


@tap.test
def upper_case_hex_of_the_anchor_is_accepted():
    with Server() as s:
        s.operator.answer = lambda request: (200, {
            "kaf": FIRST_KEY.hex().upper(), "expiry": "2099-01-01T01:00:00.5+01:00", "supi": SUPI,
            "suppFeat": "0"})
        assert "mqtt" in s.exchange().by_id


@tap.test
def a_store_of_gpsis_refuses_an_answer_without_one():
    with Server(init=("--identity", "gpsi")) as s:
        assert cause_of(s.exchange) == (502, "anchor_refused")
        s.operator.gpsis[KID] = "msisdn-491700000000"
        assert "mqtt" in s.exchange().by_id


@tap.test
def an_anchor_that_is_silent_or_gone_is_unavailable_and_found_again():
    with Server() as s:
        s.edit("[anchor operator]\n", "[anchor operator]\ntimeout=3s\n")
        s.process.signal(signal.SIGHUP)
        harness.wait_until("reloaded", lambda: "read again" in s.process.read_log())
        s.operator.answer = lambda request: None
        begun = time.monotonic()
        assert cause_of(s.exchange) == (503, "anchor_unavailable")
        assert 0.5 < time.monotonic() - begun < 20
        s.operator.answer = None
        s.operator.stop()
        assert cause_of(s.exchange) == (503, "anchor_unavailable")
        s.operator.start()
        assert "mqtt" in s.exchange().by_id


@tap.test
def a_slow_anchor_does_not_hold_up_the_others():
    with Server() as s, s.client() as slow:
        other = "1.tid@5gc.mnc001.mcc001.3gppnetwork.org"
        s.operator.first_keys[other], s.operator.supis[other] = b"k" * 32, "imsi-001010000000002"
        go_on = threading.Event()
        s.operator.answer = lambda request: (
            go_on.wait(60) if request["body"]["aKId"] == other else None,
            s.operator.usual(request))[1]
        stream = slow.begin("POST", "/v1/sessions", first_body(kid=other), "application/json")
        harness.wait_until("it is asked", lambda: s.operator.requests)
        s.exchange()
        go_on.set()
        assert slow.finish(stream).status == 201


@tap.test
def realms_that_are_not_configured_have_no_anchor():
    with Server(realms="5gc.mnc001.mcc001.3gppnetwork.org;*.example.net") as s:
        assert "mqtt" in s.exchange().by_id
        for kid in ("x@example.net", "x@5gc.mnc001.mcc002.3gppnetwork.org"):
            assert cause_of(s.exchange, kid=kid) == (404, "anchor_key_unknown")
        with s.client() as c:
            problem(c.request("POST", "/v1/sessions", first_body(anchor="gba"), "application/json"),
                    404, "anchor_key_unknown")
        assert len(s.operator.requests) == 1


@tap.test
def the_exchange_works_with_the_lab_as_the_operator():
    if not os.path.exists(harness.program("akma-lab")):
        raise tap.Skip("akma-lab is not built")
    import derive
    with harness.Stack() as s:
        s.start_lab()
        s.start_keyserver()
        k_ausf = bytes(range(32))
        kid = derive.a_kid(k_ausf, harness.IMSI)
        body = json.dumps({"supi": "imsi-" + harness.IMSI, "aKId": kid,
                           "kAkma": derive.k_akma(k_ausf, harness.IMSI).hex()})
        subprocess.run(["curl", "-sf", "--http2-prior-knowledge", "-H",
                        "Content-Type: application/json", "-d", body,
                        s.core + "/naanf-akma/v1/register-anchorkey"], check=True,
                       stdout=subprocess.DEVNULL)
        host, port = s.ready["akma-keyserver"]["listen"].rsplit(":", 1)
        keys = reference.exchange("https://%s:8443" % FQDN, "akma", kid,
                                  derive.k_af(k_ausf, harness.IMSI, FQDN), ["mqtt"],
                                  s.path("ca.pem"), (host, int(port)))
        assert keys.by_id["mqtt"]["kid"] == "mqtt:1"


# --- the server as a daemon -------------------------------------------------------------------

@tap.test
def a_killed_worker_is_started_again_and_the_store_has_lost_nothing():
    with Server() as s:
        first = s.exchange().raw("mqtt")
        victim = s.workers()[0]
        os.kill(victim, signal.SIGKILL)
        harness.wait_until("another worker", lambda: s.workers() and s.workers() != [victim])
        assert s.exchange().raw("mqtt") == first
        assert "started again" in s.process.read_log()


def starts(log):
    """When a worker that ended is started again, in seconds of the day and late by one at most."""
    return [3600 * int(h) + 60 * int(m) + float(s) + int(pause) for h, m, s, pause in re.findall(
        r"(\d\d):(\d\d):(\S+) .* is started again in (\d+) s", log)]


@tap.test
def a_worker_that_cannot_start_is_tried_more_and_more_rarely():
    with Server() as s:
        path = s.stack.path("store.key")
        os.rename(path, path + ".away")
        os.kill(s.workers()[0], signal.SIGKILL)
        harness.wait_until("three starts", lambda: len(starts(s.process.read_log())) >= 3, 60)
        seen = starts(s.process.read_log())
        # after 2 s, then after 4 s, however long a start takes
        assert (seen[1] - seen[0]) % 86400 >= 1 and (seen[2] - seen[1]) % 86400 >= 3, seen
        # SIGTERM is heard meanwhile
        begun = time.monotonic()
        assert s.stack.stop("akma-keyserver") == 0
        assert time.monotonic() - begun < 5


@tap.test
def a_start_that_hangs_does_not_hold_up_sigterm():
    with Server() as s:
        import sqlite3
        s.stack.stop("akma-keyserver")
        # somebody keeps the whole store to himself: whoever opens it waits for seconds
        other = sqlite3.connect(s.stack.path("keys.db"), isolation_level=None)
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        process = s.stack.spawn("akma-keyserver",
                                [harness.program("akma-keyserver"), "--config",
                                 s.stack.path("akma-keyserver.conf"), "serve"], ready=False)
        harness.wait_until("a worker", lambda: len(harness.worker_pids(process.pid)) > 1)
        begun = time.monotonic()
        assert s.stack.stop("akma-keyserver") == 0
        assert time.monotonic() - begun < 5, process.read_log()
        other.close()


@tap.test
def workers_end_with_a_supervisor_that_is_killed():
    with Server(workers=2) as s:
        workers = s.workers()
        assert len(workers) == 2
        s.process.popen.kill()
        s.process.popen.wait()
        harness.wait_until("all ended", lambda: not any(os.path.exists("/proc/%d/exe" % pid) or
                                                        running(pid) for pid in workers))
        del s.stack.processes["akma-keyserver"]


def running(pid):
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@tap.test
def sigterm_with_open_connections_and_requests_ends_within_5_s():
    with Server() as s, s.client() as idle, s.client() as waiting:
        idle.open_session("akma", KID, FIRST_KEY)
        s.operator.answer = lambda request: None
        waiting.begin("POST", "/v1/sessions", first_body(), "application/json")
        harness.wait_until("asked", lambda: len(s.operator.requests) == 2)
        begun = time.monotonic()
        assert s.stack.stop("akma-keyserver") == 0
        assert time.monotonic() - begun < 5


def command_with_sockets(s, sockets, names):
    """As systemd would start it; the child's own pid is needed: a shell sets it."""
    script = "".join("exec %d<&%d; " % (20 + i, sock.fileno()) for i, sock in enumerate(sockets))
    script += "".join("exec %d<&%d; " % (3 + i, 20 + i) for i in range(len(sockets)))
    script += "export LISTEN_PID=$$ LISTEN_FDS=%d; " % len(sockets)
    if names is not None:
        script += "export LISTEN_FDNAMES='%s'; " % ":".join(names)
    return ["bash", "-c", script + 'exec "$@"', "bash", harness.program("akma-keyserver"), "--config",
            s.stack.path("akma-keyserver.conf"), "serve"]


@tap.test
def reject_sockets_from_systemd_that_are_not_one_that_listens_for_each_face():
    with Server() as s:
        s.stack.stop("akma-keyserver")
        udp, tcp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), socket.create_server(("", 0))
        for sockets, names in (([udp], None), ([tcp, udp], None), ([tcp, tcp], None),
                               ([tcp, udp], ["listen", "psk"]), ([tcp, tcp], ["psk", "psk"]),
                               ([tcp, tcp], ["listen", "x.socket"]), ([tcp], ["pks"]), ([tcp], [""])):
            done = subprocess.run(command_with_sockets(s, sockets, names),
                                  pass_fds=[sock.fileno() for sock in sockets],
                                  capture_output=True, text=True, timeout=60)
            assert done.returncode == 6 and "LISTEN_FDS" in done.stderr, (names, done)


def shows_it(s):
    """The certificate of the CA that terminals know now."""
    try:
        s.client().__enter__().__exit__()
        return True
    except ssl.SSLError:
        return False


@tap.test
def sighup_reloads_and_keeps_the_old_configuration_if_the_new_one_is_bad():
    with Server() as s, s.client() as open_before:
        session = open_before.open_session("akma", KID, FIRST_KEY)
        s.edit("operator=00101", "operator=00101\nbogus=1")
        s.process.signal(signal.SIGHUP)
        harness.wait_until("reported", lambda: "old one stays" in s.process.read_log())
        assert "[anchor operator] bogus: no such key" in s.process.read_log()
        assert "mqtt" in s.exchange().by_id
        s.edit("\nbogus=1", "")
        s.edit("kid=10000/s", "kid=1/m")
        s.stack.make_certificates()
        s.process.signal(signal.SIGHUP)
        harness.wait_until("reloaded", lambda: "read again" in s.process.read_log())
        # the connection from before is still there; a new one meets certificate and limit
        assert "mqtt" in session.ask(["mqtt"]).by_id
        # the worker hears of it a moment later
        harness.wait_until("the new certificate is shown", lambda: shows_it(s))
        assert "mqtt" in s.exchange().by_id
        assert cause_of(s.exchange) == (429, "rate_limited")


@tap.test
def sighup_says_what_needs_a_restart():
    with Server() as s:
        with open(s.stack.path("other.key"), "wb") as f:
            f.write(os.urandom(32))
        os.chmod(s.stack.path("other.key"), 0o600)

        def is_told(old, new):
            before, done = s.process.read_log(), "configuration read again"
            s.edit(old, new)
            s.process.signal(signal.SIGHUP)
            harness.wait_until("reloaded", lambda: s.process.read_log().count(done) >
                               before.count(done))
            words = "needs a restart"
            return s.process.read_log().count(words) > before.count(words)
        assert not is_told("kid=10000/s", "kid=1000/s")
        assert is_told("[limits]\n", "[limits]\nhandshakes=7\n")
        s.edit("handshakes=7\n", "")
        old_key = "[store]\nold-store-key-file=%s\n" % s.stack.path("other.key")
        assert is_told("[store]\n", old_key)
        # as long as it is so
        assert is_told("kid=1000/s", "kid=10000/s")
        assert not is_told(old_key, "[store]\n")


@tap.test
def a_store_that_is_gone_is_503_and_is_found_again():
    with Server() as s:
        s.exchange()
        path = s.stack.path("keys.db")
        os.rename(path, path + ".away")
        assert cause_of(s.exchange) == (503, "store_unavailable")
        os.rename(path + ".away", path)
        assert "mqtt" in s.exchange().by_id


def opened(client):
    """A session, or None while the server has no room for it."""
    try:
        return client.open_session("akma", KID, FIRST_KEY)
    except reference.Refused as error:
        assert error.status == 503, error.status
        return None


def with_locked_memory(limit):
    """What starts a program that may lock so many bytes: a prefix, and keywords of Popen."""
    # root may lock what it likes: without the capability the limit counts
    wrap = (["setpriv", "--bounding-set=-ipc_lock", "--inh-caps=-ipc_lock"] if os.getuid() == 0
            else [])
    return wrap, {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_MEMLOCK, (limit, limit))}


@tap.test
def a_full_secure_heap_is_503_and_one_line_says_which_limit():
    with Server(extra=RATES + "connections=9000\n") as s:
        s.stack.stop("akma-keyserver")
        # a few hundred sessions, all open before the first one's 60 s are over
        wrap, keywords = with_locked_memory(300 * 1024)
        s.process = s.stack.spawn(
            "akma-keyserver",
            wrap + [harness.program("akma-keyserver"), "--config",
                    s.stack.path("akma-keyserver.conf"), "serve"], **keywords)
        log = s.process.read_log()
        assert log.count("LimitMEMLOCK=") == 1, log
        room = int(log.split("has room for ")[1].split(" ")[0])
        clients = []
        try:
            for _ in range(room):
                clients.append(s.client().__enter__())
                clients[-1].open_session("akma", KID, FIRST_KEY)
            with s.client() as one_more:
                answer = one_more.request("POST", "/v1/sessions", first_body(), "application/json")
                problem(answer, 503, "store_unavailable")
                assert int(answer.headers["retry-after"]) >= 1
                clients.pop().channel.close()
                session = harness.wait_until("room again", lambda: opened(one_more))
                session.ask(["mqtt"])
        finally:
            for client in clients:
                client.channel.close()


@tap.test
def reject_a_limit_on_locked_memory_that_leaves_no_room_and_say_its_name():
    with Server() as s:
        s.stack.stop("akma-keyserver")
        wrap, keywords = with_locked_memory(64 * 1024)
        done = subprocess.run(
            wrap + [harness.program("akma-keyserver"), "--config",
                    s.stack.path("akma-keyserver.conf"), "serve"],
            # a worker that cannot start leaves its loop to the end of the process
            env=dict(os.environ, ASAN_OPTIONS="detect_leaks=0"),
            capture_output=True, text=True, timeout=60, **keywords)
        assert done.returncode == 6 and "LimitMEMLOCK=" in done.stderr, done


@tap.test
def a_terminal_that_sends_nothing_is_closed_after_the_idle_time():
    with Server(extra=RATES + "idle=1s\n") as s, s.client() as c:
        c.open_session("akma", KID, FIRST_KEY)
        begun = time.monotonic()
        try:
            while not c.channel.closed:
                c.channel.pump()
        except reference.ConnectionLost:
            pass
        assert 0.5 < time.monotonic() - begun < 30


@tap.test
def all_workers_listen_on_one_port_and_stop_with_status_0():
    with Server(workers=3) as s:
        assert len(s.workers()) == 3
        status = json.loads(s.verb("status", "--json"))
        assert status["running"] and status["pid"] == s.process.pid
        for _ in range(12):
            s.exchange()
        assert s.stack.stop("akma-keyserver") == 0
        assert not json.loads(s.verb("status", "--json"))["running"]


@tap.test
def terminals_are_told_when_to_come_again():
    with Server() as s:
        assert s.exchange().ask_again is None
        s.edit("workers=", "ask-again=2m\nworkers=")
        s.process.signal(signal.SIGHUP)
        harness.wait_until("it is read", lambda: s.exchange().ask_again == 120)
        # also one that gets no key
        s.verb("terminal", "revoke", s.rows("terminal", "list")[0]["terminal"])
        answer = s.exchange()
        assert answer.errors == {"mqtt": "revoked"} and answer.ask_again == 120


def shake_hands(s, address):
    context = ssl.create_default_context(cafile=s.stack.path("ca.pem"))
    context.set_alpn_protocols(["h2"])
    with socket.create_connection(address, 60) as sock:
        context.wrap_socket(sock, server_hostname=harness.FQDN).close()


@tap.test
def a_socket_from_systemd_is_used_for_the_face_that_it_names():
    for names, faces in ((None, ["listen"]), (["akma-keyserver.socket"], ["listen"]),
                         (["psk", "unknown", "digest"], ["psk", "listen", "digest"])):
        with Server(workers=2) as s:
            s.stack.stop("akma-keyserver")
            listeners = [socket.create_server(("127.0.0.1", 0)) for _ in faces]
            s.process = s.stack.spawn("akma-keyserver", command_with_sockets(s, listeners, names),
                                      pass_fds=[listener.fileno() for listener in listeners])
            ready = s.stack.ready["akma-keyserver"]
            for face, listener in zip(faces, listeners):
                assert ready[face] == "%s:%d" % listener.getsockname(), (face, ready)
            assert ("psk" in ready) == ("psk" in faces) and ("digest" in ready) == ("psk" in faces)
            assert "mqtt" in s.exchange().by_id
            # only the port of the PSK profile shows no certificate
            for face, listener in zip(faces, listeners):
                try:
                    shake_hands(s, listener.getsockname())
                    assert face != "psk"
                except ssl.SSLError:
                    assert face == "psk", face


@tap.test
def verbs_refuse_what_is_not_there():
    with Server() as s:
        def status(*words):
            return s.verb(*words, check=False).returncode
        assert status("application", "show", "nope") == 25
        assert status("application", "add", "mqtt", "--source", "local") == 2
        assert status("application", "add", "x", "--source", "upstream") == 2
        assert status("application", "add", "UP", "--source", "local") == 2
        assert status("application", "add", "x", "--source", "local", "--length", "8") == 2
        assert status("application", "allow", "mqtt", "no-wildcard") == 2
        assert status("application", "allow", "nope", "*") == 25
        assert status("terminal", "show", "x") == 2
        assert status("terminal", "revoke", "A" * 43) == 25
        assert status("key", "rotate") == 2
        assert status("key", "rotate", "--application", "nope") == 25
        assert status("key", "revoke", "--kid", "mqtt:9") == 25
        assert status("key", "import", "--application", "mqtt") == 2
        assert status("export", "--application", "mqtt") == 2
        assert status("init") == 30
        refused = s.verb("terminal", "show", "A" * 43, "--json", check=False)
        error = json.loads(refused.stdout)["error"]
        assert error["name"] == "org.akmad1.Error.KeyUnknown" and error["status"] == 25
        assert refused.stderr.startswith("akma-keyserver: ") and "\n  next: " in refused.stderr


@tap.test
def check_says_what_is_wrong_and_where():
    with Server() as s:
        def fault():
            result = s.verb("check", check=False)
            assert result.returncode == 6, result
            return result.stderr
        path = s.stack.path("akma-keyserver.conf")
        with open(path) as f:
            good = f.read()
        assert "all is well" in s.verb("check")
        rows = [("name=" + FQDN, "name=other.example.com", "[server] certificate-file:"),
                (s.stack.path("server.key"), s.stack.path("ca.key"), "[server] key-file:"),
                ("listen=", "listen=nonsense\nx=", "[server] listen:"),
                ("workers=1", "workers=many", "[server] workers:"),
                ("type=akma", "type=nef", "[anchor operator] type:"),
                ("operator=00101", "operator=a/b", "[anchor operator] operator:"),
                ("backend=sqlite", "backend=oracle", "[store] backend:"),
                ("backend=sqlite", "backend=postgresql", "[store] path:"),
                ("[limits]", "[psk]\nlisten=nonsense\n[limits]", "[psk] listen:"),
                ("store.key", "server.pem", "[store] store-key-file:")]
        for old, new, where in rows:
            assert old in good
            s.stack.write("akma-keyserver.conf", good.replace(old, new, 1))
            assert path + ": " + where in fault(), (where, fault())
        s.stack.write("akma-keyserver.conf", good)
        with open(s.stack.path("store.key"), "wb") as f:
            f.write(b"k" * 32)
        result = s.verb("check", check=False)
        assert result.returncode == 30 and "does not fit" in result.stderr


@tap.test
def nothing_in_the_store_or_the_logs_names_the_subscriber_or_shows_a_key():
    with Server() as s:
        raw = s.exchange().raw("mqtt")
        s.stack.stop("akma-keyserver")
        for name in os.listdir(s.stack.dir):
            with open(s.stack.path(name), "rb") as f:
                content = f.read()
            if name in ("ca.key", "server.key"):
                continue
            for secret in (SUPI.encode(), SUPI[5:].encode(), KID.encode(), raw, FIRST_KEY,
                           raw.hex().encode(), FIRST_KEY.hex().encode()):
                assert secret not in content, (name, secret)


tap.main()
