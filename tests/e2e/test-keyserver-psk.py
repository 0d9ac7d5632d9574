# SPDX-License-Identifier: LGPL-2.1-or-later
"""The PSK profile of akma-keyserver: what `openssl s_client` gets over both anchors, the anchor that
is slow, gone or wrong meanwhile, and what is left in memory."""
import hashlib
import json
import os
import shutil
import signal
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
if not shutil.which("openssl"):
    tap.skip_all("openssl is not installed")

import harness  # noqa: E402
import memscan  # noqa: E402
import psk_client  # noqa: E402
import reference  # noqa: E402
from harness import FQDN  # noqa: E402
from keyserver import KID, RATES, SUPI, Server  # noqa: E402
from psk_client import (AKMA, B_TID, GBA, IMPI, INTERNAL_ERROR, K_AF, KS_NAF, PskServer,  # noqa: E402
                        Stock, refused)


def key_of(answer, key_id="mqtt"):
    """The one key in a 200."""
    assert answer.status == 200, (answer.status, answer.body)
    assert answer.headers["content-type"] == "application/jwk-set+json"
    assert answer.headers["cache-control"] == "no-store"
    keys = reference.KeySet(reference.read_key_set(answer.body, [key_id]))
    return keys.raw(key_id)


def get(server, identity=AKMA, key=K_AF, *options):
    with Stock(server, identity, key, *options) as c:
        return key_of(c.get())


# --- what stock clients get -------------------------------------------------------------------

@tap.test
def m1_m2_m3_m4_m9_a_stock_client_gets_the_key_over_akma():
    with PskServer() as s:
        #= TS 33.535 B.1.3.2.2: the prefix is 3GPP-AKMA; no separator is named
        for identity in (AKMA, "3GPP-AKMA" + KID):
            with Stock(s, identity, K_AF) as c:
                answer = c.get()
                row = s.rows("key", "list")[0]
                assert hashlib.sha256(key_of(answer)).hexdigest() == row["sha256"]
                assert json.loads(answer.body)["keys"][0]["kid"] == row["kid"] == "mqtt:1"
                # one connection, one exchange
                assert c.is_closed()
        assert {r["body"]["afId"] for r in s.operator.requests} == {FQDN + "0100000007"}
        assert len(s.audits("session")) == len(s.audits("delivered")) == 2
        assert s.audits("refused") == []


@tap.test
def m1_m2_m3_m4_m9_a_stock_client_gets_the_key_over_gba():
    with PskServer() as s:
        assert hashlib.sha256(get(s, GBA, KS_NAF)).hexdigest() == s.rows("key", "list")[0]["sha256"]
        assert {r["body"]["nafId"]["uaSecProtId"] for r in s.bsf.requests} == {"0100000007"}
        assert s.operator.requests == []


@tap.test
def it_is_the_key_of_the_message_profile_and_the_same_terminal():
    with PskServer() as s:
        over_messages = s.exchange().raw("mqtt")
        assert get(s) == get(s, GBA, KS_NAF) == over_messages
        assert len(s.rows("terminal", "list")) == 1
        s.verb("terminal", "revoke", s.rows("terminal", "list")[0]["terminal"])
        for identity, key in ((AKMA, K_AF), (GBA, KS_NAF)):
            with Stock(s, identity, key) as c:
                answer = json.loads(c.get().body)
                assert answer["errors"] == [{"key_id": "mqtt", "cause": "revoked"}], answer


@tap.test
def a_hello_retry_request_asks_the_anchor_once():
    with PskServer() as s:
        for groups in ("P-384:X25519", "P-521:P-256"):
            before = len(s.operator.requests)
            get(s, AKMA, K_AF, "-groups", groups)
            assert len(s.operator.requests) == before + 1
        #= RFC 8446 4.2.11: an external PSK goes with one hash, SHA-256 unless another is agreed on
        assert psk_client.offer_twice(s, [(AKMA, K_AF)], [(AKMA, K_AF)]) == "hello 0"


@tap.test
def the_suites_with_sha_256_are_fine():
    with PskServer() as s:
        for suite in ("TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256"):
            get(s, AKMA, K_AF, "-ciphersuites", suite)


@tap.test
def no_ticket_is_given():
    with PskServer() as s:
        ticket = s.stack.path("ticket.pem")
        get(s, AKMA, K_AF, "-sess_out", ticket)
        assert not os.path.exists(ticket) or not os.path.getsize(ticket)


@tap.test
def every_worker_serves_it_and_a_reload_keeps_it():
    with PskServer(workers=3) as s:
        for _ in range(6):
            get(s)
        with Stock(s, AKMA, K_AF) as c:
            s.process.signal(signal.SIGHUP)
            harness.wait_until("reloaded", lambda: "read again" in s.log())
            key_of(c.get())
        get(s)
        assert s.stack.stop("akma-keyserver") == 0


@tap.test
def it_is_not_there_unless_it_is_configured():
    with Server() as s:
        assert "psk" not in s.stack.ready["akma-keyserver"]
        # and the port that is there knows no PSK
        host, port = s.address
        assert refused(s, AKMA, K_AF, "-verify_return_error", "-CAfile", "/dev/null",
                       where=(host, port)) == 0
        s.edit("[anchor operator]", "[psk]\nlisten=127.0.0.1:9443\n[digest]\nlisten=127.0.0.1:9443\n"
               "[anchor operator]")
        done = s.verb("check", check=False)
        assert done.returncode == 6 and "[psk] listen: 127.0.0.1:9443 is taken" in done.stderr, done


# --- the anchor -------------------------------------------------------------------------------

class Waiting:
    """A handshake that waits for the anchor, in a thread; result() is the key or the alert."""

    def __init__(self, server):
        self.got = None
        self.thread = threading.Thread(target=self.run, args=(server,))
        self.before = len(server.operator.requests)
        self.thread.start()
        harness.wait_until("the anchor is asked",
                           lambda: len(server.operator.requests) > self.before)

    def run(self, server):
        try:
            self.got = get(server)
        except psk_client.Refused as refusal:
            self.got = refusal.alert

    def result(self):
        self.thread.join(60)
        return self.got


def cpu_ticks(pid):
    with open("/proc/%d/stat" % pid) as f:
        fields = f.read().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


class Gate:
    """An anchor that answers when it is told to."""

    def __init__(self, server):
        self.opened = threading.Event()
        self.usual = server.operator.answer
        server.operator.answer = self.answer

    def answer(self, request):
        self.opened.wait(60)
        return self.usual(request)


@tap.test
def a_handshake_waits_for_a_slow_anchor_and_others_are_served_meanwhile():
    with PskServer() as s:
        gate = Gate(s)
        waiting = [Waiting(s) for _ in range(3)]
        assert get(s, GBA, KS_NAF)
        # it costs no time: what the client sends meanwhile stays in the socket
        with psk_client.connect(s) as sock:
            sock.sendall(psk_client.records(psk_client.client_hello([(AKMA, K_AF)])))
            sock.sendall(bytes(100000))
            before = cpu_ticks(s.workers()[0])
            time.sleep(1)
            used = cpu_ticks(s.workers()[0]) - before
            assert used < os.sysconf("SC_CLK_TCK") / 4, used
        gate.opened.set()
        assert len({w.result() for w in waiting}) == 1
        assert isinstance(waiting[0].result(), bytes)


@tap.test
def figures_tell_who_waits_and_what_became_of_them():
    try:
        import figures
    except ImportError as absent:
        raise tap.Skip(str(absent))
    with PskServer(rates=figures.TCP) as s:
        gate = Gate(s)
        waiting = [Waiting(s) for _ in range(3)]
        harness.wait_until("they are counted",
                           lambda: figures.value(s, "akma_handshakes_waiting") == 3)
        gate.opened.set()
        assert [isinstance(w.result(), bytes) for w in waiting] == [True] * 3
        get(s, GBA, KS_NAF), refused(s, AKMA, bytes(32)), refused(s, "3GPP-AKMA;x@y", K_AF)
        harness.wait_until("nobody waits any more",
                           lambda: figures.value(s, "akma_handshakes_waiting") == 0)
        for anchor, result, number in (("akma", "ok", 3), ("gba", "ok", 1), ("gba", "not_authentic", 0),
                                       ("akma", "not_authentic", 1), ("akma", "anchor_key_unknown", 1)):
            # a client hears of its wrong key before that is counted
            harness.wait_until("%s %s: %d" % (anchor, result, number), lambda: figures.exchanges(
                s, result, anchor=anchor, profile="psk") == number)


@tap.test
def clients_that_leave_while_the_anchor_thinks_are_noticed():
    with PskServer(rates=RATES + "connections=3\n") as s:
        gate = Gate(s)
        hellos = [psk_client.connect(s) for _ in range(3)]
        for sock in hellos:
            sock.sendall(psk_client.records(psk_client.client_hello([(AKMA, K_AF)])))
        harness.wait_until("they wait", lambda: len(s.operator.requests) == 3)
        hellos[0].sendall(bytes(10))
        assert served(s, GBA, KS_NAF) is None, "the limit does not hold"
        for sock in hellos:
            sock.close()
        harness.wait_until("there is room again", lambda: served(s, GBA, KS_NAF))
        gate.opened.set()
        assert get(s) and len(s.workers()) == 1 and "ended" not in s.log()
        assert s.audits("refused") == []


def served(server, identity, key):
    try:
        return get(server, identity, key)
    except psk_client.Refused:
        return None


@tap.test
def reject_when_the_anchor_fails_with_another_alert_than_for_a_wrong_key():
    with PskServer() as s:
        for answer in ((500, {}), (403, {}), (200, {"kaf": "00", "supi": SUPI}), (200, b"{"),
                       (200, {"kaf": K_AF.hex(), "expiry": "2001-01-01T00:00:00Z", "supi": SUPI})):
            s.operator.answer = lambda request, answer=answer: answer
            assert refused(s, AKMA, K_AF) == INTERNAL_ERROR, answer
        s.operator.stop()
        assert refused(s, AKMA, K_AF) == INTERNAL_ERROR
        assert {e["cause"] for e in s.audits("refused")} == {"anchor_refused", "anchor_unavailable"}
        assert s.rows("terminal", "list") == []
        s.operator.start()
        s.operator.answer = s.answer
        harness.wait_until("it is served again", lambda: served(s, AKMA, K_AF))


@tap.test
def reject_when_the_anchor_keeps_silent():
    with PskServer(timeout="1s") as s:
        s.operator.answer = lambda request: None
        assert refused(s, AKMA, K_AF) == INTERNAL_ERROR
        assert [e["cause"] for e in s.audits("refused")] == ["anchor_unavailable"]


@tap.test
def rates_are_those_of_first_requests():
    with PskServer(rates="[limits]\naddress=10000/s\nkid=2/m\n") as s:
        get(s), get(s)
        assert refused(s, AKMA, K_AF) == INTERNAL_ERROR
        assert [e["cause"] for e in s.audits("refused")] == ["rate_limited"]
        get(s, GBA, KS_NAF)
        # the other profile draws on the same
        try:
            s.exchange()
            raise AssertionError("not limited")
        except reference.Refused as refusal:
            assert refusal.cause == "rate_limited"
    with PskServer(rates="[limits]\naddress=10000/s\nkid=10000/s\ntotal=2/m\n") as s:
        get(s), get(s)
        assert refused(s, "nobody", K_AF) == INTERNAL_ERROR
        # strangers could go on with that as long as they like: no line for each
        assert len(s.audits("session")) == 2 and not s.audits("refused")


@tap.test
def half_open_handshakes_keep_nobody_out():
    with PskServer(rates=RATES + "handshakes=2\n") as s:
        hello = psk_client.records(psk_client.client_hello([(AKMA, K_AF)]))
        silent = [psk_client.connect(s) for _ in range(2)]
        silent[0].sendall(hello[:100])
        # the oldest goes once it had time enough
        harness.wait_until("a real one is served", lambda: served(s, AKMA, K_AF))
        # the same for clients that never end theirs
        shaking = [psk_client.connect(s) for _ in range(2)]
        for sock in shaking:
            sock.sendall(hello)
        harness.wait_until("a real one is served", lambda: served(s, AKMA, K_AF))
        for sock in silent + shaking:
            sock.close()


# --- secrets ----------------------------------------------------------------------------------

@tap.each("akma", "gba")
def m5_no_copy_of_the_first_key_is_left_and_control_a_live_one_is_found(anchor):
    if os.geteuid() != 0 or os.environ.get("AKMA_SANITIZERS"):
        raise tap.Skip("needs root and a plain build to search memory")
    name, key, kid = {"akma": (AKMA, K_AF, KID), "gba": (GBA, KS_NAF, B_TID)}[anchor]
    secrets = {"early": psk_client.early_secret(key), "first key": key}
    identity = {"IMSI": SUPI.removeprefix("imsi-").encode(), "kid": kid[:40].encode()}
    with PskServer() as s:
        # a handshake that its client does not end: both are needed
        with psk_client.connect(s) as sock:
            sock.sendall(psk_client.records(psk_client.client_hello([(name, key)])))
            assert psk_client.read_answer(sock) == "hello 0"
            assert all(memscan.scan(s.workers(), secrets).values()), "the search does not see them"
        assert not memscan.left(s.workers(), dict(**secrets, **identity))

        with Stock(s, name, key) as c:
            # the connection is open; only TLS needs what it made of the key
            assert not memscan.left(s.workers(), dict(key=key))
            key_of(c.get())
            assert c.is_closed()
            assert not memscan.left(s.workers(), dict(early=secrets["early"]))
            assert (s.operator if anchor == "akma" else s.bsf).open, "the connection to the anchor is closed"
            assert not memscan.left(s.workers(), dict(**secrets, **identity))
        assert refused(s, name, bytes(32)) == psk_client.WRONG_KEY
        assert not memscan.left(s.workers(), dict(**secrets, **identity))


@tap.test
def logs_hold_no_key_and_no_identity():
    with PskServer() as s:
        get(s), get(s, GBA, KS_NAF), refused(s, AKMA, bytes(32)), refused(s, "3GPP-AKMA;x@y", K_AF)
        with open(s.audit) as f:
            text = f.read() + s.log()
        for secret in (KID, B_TID, SUPI, IMPI, "x@y", K_AF.hex(), KS_NAF.hex()):
            assert secret not in text


tap.main()
