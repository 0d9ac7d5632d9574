# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the admin listener tells: figures of exchanges, anchors, consumers and store, and health."""
import collections
import json
import os
import signal
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tap  # noqa: E402

try:
    import h2.connection  # noqa: F401
    import jwcrypto.jwe   # noqa: F401
    import prometheus_client  # noqa: F401
except ImportError as missing:
    tap.skip_all(str(missing))

import provider  # noqa: E402
from figures import TCP, UNIX, exchanges, health, metrics, value, worker_of  # noqa: E402
from harness import wait_until  # noqa: E402
from keyserver import FIRST_KEY, KID, Server, cause_of  # noqa: E402

TOKEN = "0a1B2c3D4e5F6071829304a5b6c7d8e9fAbBcCdDeEf0_-.~+/0123456789abcd"
CONSUMER = ("[limits]\naddress=10000/s\ntotal=10/m\n[admin]\nlisten=127.0.0.1:0\n"
            "[consumer third]\ntoken-sha256=%s\napplications=mqtt\n" % provider.sha256(TOKEN))


@tap.test
def exchanges_are_counted_by_what_became_of_them():
    with Server(extra=TCP, workers=2) as s:
        assert exchanges(s, "ok") == 0
        for _ in range(3):
            s.exchange()
        assert cause_of(s.exchange, kid="x" + KID) == (404, "anchor_key_unknown")
        s.operator.first_keys[KID] = bytes(32)
        with s.client() as c:
            session = c.open_session("akma", KID, bytes(32))
            answer = session.post(b"x.y.z")
            assert answer.status >= 400
        with s.client() as c:
            c.request("POST", "/v1/sessions", b"{", "application/json")
        s.operator.first_keys[KID] = FIRST_KEY
        with s.client() as c:
            c.open_session("akma", KID, FIRST_KEY)
        wait_until("the one that went away is counted", lambda: exchanges(s, "unfinished") == 1)
        assert exchanges(s, "ok") == 3
        assert exchanges(s, "anchor_key_unknown") == 1
        assert exchanges(s, "malformed", "unknown") + exchanges(s, "malformed") + exchanges(
            s, "not_authentic") == 2
        total = sum(n for (name, _), n in metrics(s).items() if name == "akma_exchanges_total")
        assert total == 7, metrics(s)


@tap.test
def times_are_histograms_that_add_up():
    with Server(extra=TCP) as s:
        s.operator.delay = 0.3
        s.exchange()
        s.operator.delay = 0
        s.exchange()
        m = metrics(s)
        for name in ("akma_exchange_seconds", "akma_store_seconds"):
            buckets = sorted((float(dict(labels)["le"]), n) for (key, labels), n in m.items()
                             if key == name + "_bucket")
            assert [n for _, n in buckets] == sorted(n for _, n in buckets), buckets
            assert buckets[-1] == (float("inf"), m[name + "_count", ()])
        assert m["akma_exchange_seconds_count", ()] == 2
        assert 0.3 <= m["akma_exchange_seconds_sum", ()] < 20
        assert m["akma_exchange_seconds_bucket", (("le", "0.25"),)] <= 1
        assert m["akma_store_seconds_count", ()] >= 4
        assert 0 < m["akma_store_seconds_sum", ()] < 20


@tap.test
def keys_that_are_refused_inside_an_exchange_are_counted():
    with Server(extra=TCP) as s:
        s.verb("application", "add", "other", "--source", "local")
        s.exchange("mqtt", "other")
        assert value(s, "akma_keys_answered_total", result="ok") == 1
        assert value(s, "akma_keys_answered_total", result="not_entitled") == 1


@tap.test
def requests_to_anchors_are_counted_by_name_and_a_broken_one_is_told():
    with Server(extra=TCP) as s:
        s.exchange()
        assert value(s, "akma_anchor_requests_total", anchor="operator", result="ok") == 1
        assert health(s)["anchors"] == [{"name": "operator", "state": "ok"}]
        s.operator.answer = lambda request: (503, b"")
        for _ in range(10):
            assert cause_of(s.exchange) == (503, "anchor_unavailable")
        assert value(s, "akma_anchor_requests_total", anchor="operator",
                     result="anchor_unavailable") == 10
        assert value(s, "akma_anchor_broken", anchor="operator") == 1
        told = health(s)
        # another server would not reach it either: this one is well
        assert told["healthy"] and told["anchors"] == [{"name": "operator", "state": "failing"}]


def consumed(s):
    """(consumer, result) -> requests."""
    return collections.Counter({
        (dict(labels)["consumer"], dict(labels)["result"]): n
        for (name, labels), n in metrics(s).items() if name == "akma_consumer_requests_total" and n})


@tap.test
def requests_of_consumers_are_counted_and_what_is_refused_is_said_but_not_without_end():
    with Server(extra=CONSUMER) as s:
        ca, begun = s.stack.path("ca.pem"), time.monotonic()
        sums = collections.Counter()
        with provider.Consumer(s.address, ca, token=TOKEN) as third:
            os.rename(s.stack.path("keys.db"), s.stack.path("keys.away"))
            assert third.ask("mqtt").status == 503
            os.rename(s.stack.path("keys.away"), s.stack.path("keys.db"))
            assert third.ask("MQTT").status == 400
            while sums[429] < 30:
                sums[third.ask("mqtt").status] += 1
        assert sums[200] >= 8 and set(sums) == {200, 429}, sums
        with provider.Consumer(s.address, ca) as stranger:
            while sums["strangers"] < 40 or not sums[401]:
                sums["strangers"] += 1
                sums[stranger.ask("mqtt").status] += 1
        assert consumed(s) == {
            ("third", "ok"): sums[200], ("third", "store_unavailable"): 1,
            ("third", "malformed"): 1, ("third", "rate_limited"): sums[429] - sums["strangers"] +
            sums[401], ("unknown", "not_authentic"): sums[401],
            ("unknown", "rate_limited"): sums["strangers"] - sums[401]}, sums
        # ten lines of each, and one more in six seconds
        room = 10 + (time.monotonic() - begun) / 6 + 1
        lines = collections.Counter(line["actor"] for line in s.audits("refused"))
        assert set(lines) == {"consumer", "consumer:third"} and max(lines.values()) <= room, lines
        told = {line["cause"] for line in s.audits("refused") if line["actor"] == "consumer:third"}
        assert told == {"store_unavailable", "malformed", "rate_limited"}, told
        assert len(s.audits("delivered")) == sums[200]
        log = s.process.read_log()
        for detail in ("the store is not available", "too many requests of this consumer"):
            assert "consumer third: refused: " + detail in log, log


@tap.test
def what_is_open_is_told():
    with Server(extra=TCP) as s, s.client() as c, socket.create_connection(s.address, 15):
        c.open_session("akma", KID, FIRST_KEY)
        wait_until("told", lambda: value(s, "akma_sessions") == 1 and
                   value(s, "akma_connections") == 2 and value(s, "akma_handshakes_waiting") == 1)
        told = health(s)
        assert (told["sessions"], told["connections"], told["handshakes_waiting"]) == (1, 2, 1)
        c.channel.close()
        wait_until("closed", lambda: value(s, "akma_sessions") == 0 and
                   value(s, "akma_connections") == 1)


@tap.test
def a_worker_that_dies_makes_it_unwell_and_nothing_counted_is_lost():
    with Server(extra=TCP, workers=2) as s:
        for _ in range(4):
            s.exchange()
        wait_until("both serve", lambda: health(s)["workers"] == {"configured": 2, "serving": 2})
        log = s.process.read_log()
        # stopped, it does not say that it lives; then it dies, and another takes its place
        victim = worker_of(s)
        os.kill(victim, signal.SIGSTOP)
        wait_until("unwell", lambda: not health(s)["healthy"])
        assert health(s)["workers"] == {"configured": 2, "serving": 1}
        os.kill(victim, signal.SIGKILL)
        wait_until("well again", lambda: health(s)["healthy"])
        assert exchanges(s, "ok") == 4, log
        s.exchange()
        assert exchanges(s, "ok") == 5


@tap.test
def an_admin_process_that_dies_is_started_again_and_terminals_do_not_notice():
    with Server(extra=TCP) as s, s.client() as c:
        session = c.open_session("akma", KID, FIRST_KEY)
        s.exchange()
        victim, = set(s.workers()) - {worker_of(s)}
        os.kill(victim, signal.SIGKILL)
        assert "mqtt" in session.ask(["mqtt"]).by_id
        # its socket is the supervisor's: the request waits in the backlog
        assert exchanges(s, "ok") == 2
        assert "the admin process ended" in s.process.read_log()


@tap.test
def a_store_that_is_gone_makes_it_unwell_without_anybody_asking():
    with Server(extra=TCP) as s:
        assert wait_until("well", lambda: health(s)["store"] == "ok")
        path = s.stack.path("keys.db")
        os.rename(path, path + ".away")
        wait_until("unwell", lambda: health(s)["store"] == "failed" and not health(s)["healthy"])
        assert value(s, "akma_store_up") == 0
        os.rename(path + ".away", path)
        wait_until("well again", lambda: health(s)["healthy"])
        assert value(s, "akma_store_up") == 1


@tap.test
def sighup_keeps_the_listener_and_the_figures():
    with Server(extra=TCP) as s:
        s.exchange()
        s.edit("operator=00101", "operator=00102")
        s.edit("[anchor operator]", "[anchor new]")
        s.process.signal(signal.SIGHUP)
        wait_until("reloaded", lambda: "read again" in s.process.read_log())
        assert wait_until("asked", lambda: s.exchange() and value(
            s, "akma_anchor_requests_total", anchor="new", result="ok"))
        assert value(s, "akma_anchor_requests_total", anchor="operator", result="ok") >= 1
        assert exchanges(s, "ok") >= 2


@tap.test
def status_says_what_the_listener_says():
    with Server(extra=UNIX, workers=2) as s:
        wait_until("well", lambda: told(s)["admin"]["store"] == "ok" and
                   told(s)["admin"]["workers"] == {"configured": 2, "serving": 2})
        assert told(s)["admin"]["healthy"]
        text = s.verb("status")
        assert "2 of 2 workers serve" in text and "store answers" in text, text
        s.stack.stop("akma-keyserver")
        assert told(s)["admin"] is None
        assert "does not answer" in s.verb("status")


def told(s):
    return json.loads(s.verb("status", "--json"))


tap.main()
