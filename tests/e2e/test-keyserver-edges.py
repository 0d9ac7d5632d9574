# SPDX-License-Identifier: LGPL-2.1-or-later
"""akma-keyserver and those who mean it no good: clients, anchors, full disks, wrong usage."""
import json
import os
import re
import resource
import signal
import socket
import sqlite3
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
import derive  # noqa: E402
import harness  # noqa: E402
import openapi  # noqa: E402
import reference  # noqa: E402
from harness import FQDN  # noqa: E402
from keyserver import (FIRST_KEY, KID, RATES, SUPI, Server, cause_of,  # noqa: E402
                       first_body, problem)


# --- clients ----------------------------------------------------------------------------------

def raw_tls(s):
    context = ssl.create_default_context(cafile=s.stack.path("ca.pem"))
    context.set_alpn_protocols(["h2"])
    return context.wrap_socket(socket.create_connection(s.address, 60), server_hostname=FQDN)


def first_request_bytes():
    conn = h2.connection.H2Connection()
    conn.initiate_connection()
    body = first_body()
    conn.send_headers(1, [(":method", "POST"), (":scheme", "https"), (":authority", FQDN),
                          (":path", "/v1/sessions"), ("content-type", "application/json")])
    conn.send_data(1, body, end_stream=True)
    return conn.data_to_send()


@tap.test
def a_client_that_sends_byte_by_byte_in_time_is_served():
    with Server() as s, raw_tls(s) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in first_request_bytes():
            sock.sendall(bytes([byte]))
        conn, answer = h2.connection.H2Connection(), b""
        conn.initiate_connection()
        while b"expires_in" not in answer:
            data = sock.recv(65536)
            assert data
            answer += data
        assert len(s.operator.requests) == 1


@tap.test
def reject_a_client_that_sends_byte_by_byte_for_ever():
    """It is never idle, but its time for the exchange ends; others do not notice it."""
    with Server(extra=RATES + "idle=5s\nexchange=6s\n") as s, raw_tls(s) as sock:
        begun = time.monotonic()
        ended = None
        try:
            for byte in first_request_bytes()[:-1]:
                sock.sendall(bytes([byte]))
                if int((time.monotonic() - begun) * 10) % 10 == 0:
                    assert "mqtt" in s.exchange().by_id
                time.sleep(0.1)
                ended = time.monotonic() - begun
                assert ended < 30
        except (ssl.SSLError, OSError):
            pass
        assert 5.5 < time.monotonic() - begun < 30
        assert len([r for r in s.audits("session")]) >= 1


@tap.test
def reject_a_client_that_does_not_read():
    with Server(extra=RATES + "idle=3s\nexchange=5s\n") as s, s.client() as c:
        session = c.open_session("akma", KID, FIRST_KEY)
        assert session.id
        begun = time.monotonic()
        # windows of nothing: the answer cannot leave
        c.channel.h2.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 0})
        c.channel.flush()
        c.begin("POST", "/v1/sessions", first_body(), "application/json")
        try:
            while not c.channel.closed:
                c.channel.pump()
        except reference.ConnectionLost:
            pass
        assert time.monotonic() - begun < 30
        assert "mqtt" in s.exchange().by_id


@tap.test
def rates_are_limited_overall_and_connections_at_twice_that():
    with Server(extra="[limits]\naddress=10000/s\nkid=10000/s\ntotal=3/m\n") as s:
        with s.client() as c:
            for _ in range(3):
                c.open_session("akma", KID, FIRST_KEY)
            answer = c.request("POST", "/v1/sessions", first_body(), "application/json")
            problem(answer, 429, "rate_limited")
            assert 1 <= int(answer.headers["retry-after"]) <= 60
        for _ in range(5):
            with s.client():
                pass
        try:
            with s.client():
                raise AssertionError("let in")
        except OSError:
            pass


@tap.test
def connections_over_the_limit_are_closed_and_the_rest_is_served():
    with Server(extra=RATES + "connections=3\n") as s:
        clients = [s.client().__enter__() for _ in range(3)]
        try:
            with s.client():
                raise AssertionError("let in")
        except OSError:
            pass
        assert "mqtt" in clients[0].open_session("akma", KID, FIRST_KEY).ask(["mqtt"]).by_id
        for c in clients:
            c.channel.close()
        harness.wait_until("room again", lambda: tries(s))


def tries(s):
    try:
        return s.exchange().by_id
    except (OSError, reference.ConnectionLost):
        return None


# --- anchors ----------------------------------------------------------------------------------

GOOD = {"kaf": FIRST_KEY.hex(), "expiry": "2099-01-01T00:00:00Z", "supi": SUPI}


@tap.test
def reject_answers_of_the_anchor_that_are_not_strict_json():
    text = json.dumps(GOOD).encode()
    with Server() as s:
        for body in (text[:-1] + b',"kaf":"%s"}' % (b"11" * 32), text + b"{}", text[:-1],
                     b"[" + text + b"]", text.replace(b"imsi-", b"imsi-\\u0000"),
                     text.replace(SUPI.encode(), b"\xff\xfe"),
                     text[:-1] + b',"x":' + b"[" * 50 + b"]" * 50 + b"}", b"null",
                     text.replace(b'"2099', b'2099').replace(b'Z"', b"")):
            s.operator.answer = lambda request, b=body: (200, b)
            assert cause_of(s.exchange) == (502, "anchor_refused"), body
        for kind in ("application/jsonx", "application/problem+json", "text/json"):
            s.operator.answer = lambda request, k=kind: (200, GOOD, k)
            assert cause_of(s.exchange) == (502, "anchor_refused"), kind
        s.operator.answer = lambda request: (200, GOOD, "Application/JSON; charset=utf-8")
        assert "mqtt" in s.exchange().by_id
        log = s.process.read_log()
        assert FIRST_KEY.hex() not in log and SUPI not in log


class Bad:
    """A port where something else answers: bytes of ours, at once or drop by drop."""

    def __init__(self, port, greeting, pause=0, hold=True):
        self.listener = aanf.listen_at(port)
        self.greeting, self.pause, self.hold, self.open = greeting, pause, hold, []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.open.append(sock)
            threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    def serve(self, sock):
        try:
            step = 1 if self.pause else len(self.greeting) or 1
            for i in range(0, len(self.greeting), step):
                sock.sendall(self.greeting[i:i + step])
                time.sleep(self.pause)
            if not self.hold:
                sock.close()
        except OSError:
            pass

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        for sock in [self.listener, *self.open]:
            sock.close()


def frame(kind, flags, stream, payload):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


@tap.test
def reject_anchors_that_speak_something_else():
    settings = frame(4, 0, 0, b"")
    with Server() as s:
        s.edit("realms=*", "realms=*\ntimeout=1s")
        s.process.signal(signal.SIGHUP)
        harness.wait_until("reloaded", lambda: "read again" in s.process.read_log())
        s.operator.stop()
        rows = [(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", 0),
                (os.urandom(4096), 0),
                (b"", 0),                                                # silence
                (settings + frame(0, 0, 1, b"x" * 16384) * 8, 0),        # DATA without HEADERS
                (settings + frame(6, 0, 0, b"12345678") * 4000, 0),      # a flood of PING
                (settings + frame(1, 4, 1, b"\xff" * 4096), 0),          # HPACK that is none
                (settings + frame(7, 0, 0, b"\0" * 8) * 3, 0),           # GOAWAY, again and again
                (settings + settings * 100, 0.05)]                       # drop by drop
        for greeting, pause in rows:
            bad = Bad(s.operator.port, greeting, pause)
            begun = time.monotonic()
            status, cause = cause_of(s.exchange)
            assert (status, cause) in ((502, "anchor_refused"), (503, "anchor_unavailable")), cause
            assert time.monotonic() - begun < 20, greeting[:20]
            bad.stop()
            time.sleep(0.05)
        s.operator.start()
        harness.wait_until("found again", lambda: tries_anchor(s))


def tries_anchor(s):
    try:
        return s.exchange().by_id
    except reference.Refused:
        time.sleep(0.2)
        return None


@tap.test
def an_anchor_that_says_goaway_each_time_is_asked_on_new_connections():
    with Server() as s:
        usual = s.operator.handle

        def handle(event, conn, streams, sock, lock):
            usual(event, conn, streams, sock, lock)
            if isinstance(event, h2.events.StreamEnded):
                threading.Timer(0.1, lambda: (conn.close_connection(),
                                              sock.sendall(conn.data_to_send()))).start()
        s.operator.handle = handle
        for n in range(3):
            assert "mqtt" in s.exchange().by_id
            harness.wait_until("it has gone", lambda: s.operator.ended == n + 1)
        assert s.operator.connections == 3


@tap.test
def reject_redirects_of_the_anchor():
    with Server() as s, aanf.Aanf() as other:
        other.first_keys[KID], other.supis[KID] = FIRST_KEY, SUPI
        for status in (301, 302, 307, 308):
            s.operator.answer = lambda request, n=status: (
                n, {"cause": "moved", "targetNfApiRoot": other.url}, "application/problem+json")
            assert cause_of(s.exchange) == (502, "anchor_refused")
        assert other.requests == []


@tap.test
def an_anchor_behind_mutual_tls_is_asked():
    if not os.path.exists(harness.program("akma-lab")):
        raise tap.Skip("akma-lab is not built")
    with harness.Stack() as s:
        s.make_certificates()
        certify(s, "core", "localhost")
        certify(s, "client", "keys")
        certify(s, "stranger", "localhost", ca="other")
        s.start_lab(extra=["--certificate", s.path("core.pem"), "--key", s.path("core.key"),
                           "--client-ca", s.path("ca.pem")])
        port = s.ready["akma-lab"]["core"].rsplit(":", 1)[1]
        kid = register(s, "https://localhost:" + port)
        good = "ca-file=%s\ncertificate-file=%s\nkey-file=%s\n" % tuple(
            map(s.path, ("ca.pem", "client.pem", "client.key")))
        s.keyserver_config(core="https://localhost:" + port, extra=good + RATES)
        s.server("init")
        s.server("application", "add", "mqtt", "--source", "local", "--allow", "*")
        s.start_keyserver()

        def attempt():
            host, port = s.ready["akma-keyserver"]["listen"].rsplit(":", 1)
            return reference.exchange("https://%s:8443" % FQDN, "akma", kid,
                                      derive.k_af(K_AUSF, harness.IMSI, FQDN), ["mqtt"],
                                      s.path("ca.pem"), (host, int(port)))
        assert attempt().by_id["mqtt"]["kid"] == "mqtt:1"

        # no certificate of ours, one of somebody else, a core of another CA, another name
        rows = [("https://localhost:", "ca-file=%s\n" % s.path("ca.pem")),
                ("https://localhost:", good.replace("client.", "stranger.")),
                ("https://localhost:", good.replace("/ca.pem", "/other.pem")),
                ("https://127.0.0.1:", good)]
        for url, files in rows:
            s.stop("akma-keyserver")
            s.keyserver_config(core=url + port, extra=files + RATES)
            s.start_keyserver()
            assert cause_of(attempt) == (503, "anchor_unavailable"), (url, files)


K_AUSF = bytes(range(32))


def certify(s, name, host, ca="ca"):
    def run(*argv):
        subprocess.run(["openssl", *argv], check=True, cwd=s.dir, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    if not os.path.exists(s.path(ca + ".pem")):
        run("req", "-x509", *key, "-keyout", ca + ".key", "-out", ca + ".pem", "-days", "2",
            "-subj", "/CN=other", "-addext", "keyUsage=critical,keyCertSign")
    run("req", *key, "-keyout", name + ".key", "-out", name + ".csr", "-subj", "/CN=" + host)
    s.write(name + ".ext", "subjectAltName=DNS:%s\nauthorityKeyIdentifier=keyid\n" % host)
    run("x509", "-req", "-in", name + ".csr", "-CA", ca + ".pem", "-CAkey", ca + ".key",
        "-CAcreateserial", "-out", name + ".pem", "-days", "2", "-extfile", name + ".ext")


def register(s, core):
    """As an AUSF would, with the client certificate; the A-KID."""
    kid = derive.a_kid(K_AUSF, harness.IMSI)
    body = json.dumps({"supi": "imsi-" + harness.IMSI, "aKId": kid,
                       "kAkma": derive.k_akma(K_AUSF, harness.IMSI).hex()})
    subprocess.run(["curl", "-sSf", "--http2", "--cacert", s.path("ca.pem"), "--cert",
                    s.path("client.pem"), "--key", s.path("client.key"), "-H",
                    "Content-Type: application/json", "-d", body,
                    core + "/naanf-akma/v1/register-anchorkey"], check=True,
                   stdout=subprocess.DEVNULL)
    return kid


@tap.test
def what_goes_to_the_anchor_and_comes_from_it_is_as_ts_29_535_says():
    try:
        api = openapi.Api()
    except openapi.Absent as absent:
        raise tap.Skip(str(absent))
    with Server() as s:
        answers = []

        def answer(request):
            answers.append(s.operator.usual(request))
            return answers[-1]
        s.operator.answer = answer
        s.exchange()
        assert cause_of(s.exchange, kid="1.x@5gc.mnc001.mcc001.3gppnetwork.org")[0] == 404
        for request, (status, body) in zip(s.operator.requests, answers):
            headers = request["headers"]
            api.check_request(headers[":method"], headers[":path"], headers["content-type"],
                              json.dumps(request["body"]))
            api.check_answer(headers[":method"], headers[":path"], status,
                             "application/json" if body else None,
                             json.dumps(body) if body else b"")
        # so that this can fail
        broken = {k: v for k, v in s.operator.requests[0]["body"].items() if k != "afId"}
        try:
            api.check_request("POST", aanf.PATH, "application/json", json.dumps(broken))
            raise AssertionError("taken")
        except openapi.Invalid:
            pass


# --- the store --------------------------------------------------------------------------------

@tap.test
def a_verb_counts_from_the_next_request_on_whatever_else_the_store_does():
    with Server(workers=2) as s:
        s.exchange()
        stop = threading.Event()

        def churn():
            # checkpoints and a writer beside it, as other servers and a backup would have them
            db = sqlite3.connect(s.stack.path("keys.db"), timeout=10, isolation_level=None)
            while not stop.is_set():
                db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                db.execute("BEGIN IMMEDIATE")
                db.execute("UPDATE terminal SET label = 'x'")
                db.execute("COMMIT")
                time.sleep(0.005)
            db.close()
        thread = threading.Thread(target=churn)
        thread.start()
        try:
            for version in range(2, 12):
                s.verb("key", "rotate", "--application", "mqtt")
                for _ in range(3):
                    assert s.exchange().by_id["mqtt"]["kid"] == "mqtt:%d" % version
            terminal = s.rows("terminal", "list")[0]["terminal"]
            s.verb("terminal", "revoke", terminal)
            assert [s.exchange().errors for _ in range(4)] == [{"mqtt": "revoked"}] * 4
            s.verb("terminal", "restore", terminal)
            assert all("mqtt" in s.exchange().by_id for _ in range(4))
        finally:
            stop.set()
            thread.join()


@tap.test
def reject_another_store_in_the_place_of_ours():
    with Server() as s:
        first = s.exchange().raw("mqtt")
        path = s.stack.path("keys.db")
        s.stack.stop("akma-keyserver")
        os.rename(path, path + ".ours")
        s.verb("init")
        s.verb("application", "add", "mqtt", "--source", "local", "--allow", "*")
        os.rename(path, path + ".theirs")
        os.rename(path + ".ours", path)
        s.process = s.stack.start_keyserver()
        assert s.exchange().raw("mqtt") == first
        # the same store key, another id key: terminals would have other names in it
        os.rename(path, path + ".ours")
        os.rename(path + ".theirs", path)
        for _ in range(2):
            assert cause_of(s.exchange) == (503, "store_unavailable")
        assert "another store has taken its place" in s.process.read_log()
        os.rename(path, path + ".theirs")
        os.rename(path + ".ours", path)
        assert s.exchange().raw("mqtt") == first


@tap.test
def a_full_disk_is_503_and_nothing_is_delivered_that_is_not_stored():
    with Server() as s:
        s.stack.stop("akma-keyserver")
        s.process = s.stack.spawn(
            "akma-keyserver", [harness.program("akma-keyserver"), "--config",
                               s.stack.path("akma-keyserver.conf"), "serve"],
            preexec_fn=lambda: signal.signal(signal.SIGXFSZ, signal.SIG_IGN))
        unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.prlimit(s.workers()[0], resource.RLIMIT_FSIZE, (1024, unlimited[1]))
        for _ in range(2):
            assert cause_of(s.exchange) == (503, "store_unavailable")
        resource.prlimit(s.workers()[0], resource.RLIMIT_FSIZE, unlimited)
        assert s.rows("key", "list") == [] and s.audits("delivered") == []
        assert s.exchange().by_id["mqtt"]["kid"] == "mqtt:1"


# --- what leaves the program ------------------------------------------------------------------

@tap.test
def rows_and_audit_events_have_the_members_that_interfaces_promise():
    with Server() as s:
        s.exchange("mqtt", "nothing")
        cause_of(s.exchange, kid="1.x@5gc.mnc001.mcc001.3gppnetwork.org")
        s.rows("key", "rotate", "--application", "mqtt")
        s.rows("key", "revoke", "--application", "mqtt")
        terminal = s.rows("terminal", "list")[0]["terminal"]
        s.verb("terminal", "revoke", terminal)

        key = {"application": str, "terminal": str, "kid": str, "state": str, "length": int,
               "sha256": str, "created": int, "not_after": (int, type(None))}
        rows = s.rows("key", "list")
        assert len(rows) == 2 and {r["state"] for r in rows} == {"revoked"}
        for row in rows + s.rows("key", "rotate", "--kid", "mqtt:2"):
            assert list(row) == list(key), row
            assert all(isinstance(row[name], kind) for name, kind in key.items()), row
            assert re.fullmatch("[0-9a-f]{64}", row["sha256"])

        members = ["time", "event", "terminal", "application", "kid", "cause", "address", "actor"]
        with open(s.audit) as f:
            events = [json.loads(line) for line in f]
        for event in events:
            assert list(event) == members, event
            assert abs(event["time"] - time.time()) < 60 and isinstance(event["time"], int)
        # which members of each kind say something
        told = {(e["event"],) + tuple(m for m in members[2:] if e[m] is not None) for e in events}
        assert told == {("session", "terminal", "address"),
                        ("delivered", "terminal", "application", "kid", "address"),
                        ("refused", "terminal", "application", "cause", "address"),
                        ("refused", "cause", "address"),
                        ("rotated", "terminal", "application", "kid", "actor"),
                        ("revoked", "terminal", "application", "kid", "actor"),
                        ("revoked", "terminal", "actor")}, told
        assert {e["actor"] for e in events if e["actor"]} == {"uid:%d" % os.getuid()}
        assert {e["address"] for e in events if e["address"]} == {"127.0.0.1"}


@tap.test
def neither_arguments_nor_environment_of_a_process_hold_a_secret():
    with Server() as s:
        s.stack.start_lab()
        s.stack.start_modem()
        secrets = [FIRST_KEY, SUPI[5:].encode(), KID.encode(), s.exchange().raw("mqtt"),
                   bytes.fromhex(harness.K), bytes.fromhex(harness.OPC), harness.IMSI.encode()]
        with open(s.stack.path("store.key"), "rb") as f:
            secrets.append(f.read())
        needles = [n for one in secrets for n in (one, one.hex().encode(), one.hex().upper().encode())]
        pids = [p.pid for p in s.stack.processes.values()] + s.workers()
        assert len(pids) == 4
        for pid in pids:
            for name in ("cmdline", "environ"):
                try:
                    with open("/proc/%d/%s" % (pid, name), "rb") as f:
                        text = f.read()
                except PermissionError:
                    # not dumpable: nobody but root sees the environment
                    assert name == "environ" and os.getuid() != 0
                    continue
                assert text and not [n for n in needles if n in text], (pid, name)


# --- the command line -------------------------------------------------------------------------

def run(*argv, **more):
    env = dict(os.environ, LC_ALL="C.UTF-8")
    return subprocess.run([harness.program(argv[0]), *argv[1:]], capture_output=True, text=True,
                          env=env, timeout=60, **more)


VERBS = [(), ("init",), ("serve",), ("check",), ("status",)] + [
    ("application", w) for w in ("", "add", "list", "show", "remove", "allow", "deny")] + [
    ("terminal", w) for w in ("", "list", "show", "id", "label", "group", "revoke", "restore",
                              "forget")] + [
    ("key", w) for w in ("", "list", "rotate", "revoke", "import")] + [("export",)] + [
    ("store", w) for w in ("", "migrate", "backup", "rekey")]


@tap.test
def each_program_and_verb_has_help_and_refuses_what_it_does_not_know():
    words = [("akma-lab",), ("akma-modemsim",)]
    words += [("akma-keyserver", *filter(None, verb)) for verb in VERBS]
    for one in words:
        if not os.path.exists(harness.program(one[0])):
            continue
        helped = run(*one, "--help")
        assert helped.returncode == 0 and helped.stderr == "", (one, helped)
        assert "[OPTION\u2026]" in helped.stdout and "--version" in helped.stdout, helped.stdout
        version = run(*one, "--version")
        assert version.returncode == 0, version
        assert re.fullmatch(re.escape(one[0]) + r" [0-9.]+\n", version.stdout), version.stdout
        for wrong in ("--bogus", "--bogus=1", "-Z"):
            refused = run(*one, wrong)
            assert refused.returncode == 2 and refused.stdout == "", (one, refused)
            assert re.fullmatch(re.escape(one[0]) + r": .+\n  next: .+\n", refused.stderr), refused


@tap.test
def reject_wrong_words_also_as_json():
    for words in (["bogus"], [], ["key"], ["key", "bogus"], ["key", "rotate"], ["--bogus"],
                  ["status", "more"], ["application", "add"],
                  ["psk"], ["export"], ["store"], ["store", "bogus"], ["store", "migrate"], ["key", "import"], ["serve", "--follow"]):
        plain, as_json = run("akma-keyserver", *words), run("akma-keyserver", "--json", *words)
        assert plain.returncode == as_json.returncode == 2, (words, plain, as_json)
        assert plain.stdout == "" and plain.stderr == as_json.stderr, words
        error = json.loads(as_json.stdout)["error"]
        assert list(error) == ["name", "status", "message", "next"]
        assert (error["name"], error["status"]) == ("org.akmad1.Error.InvalidArgument", 2)
        assert "akma-keyserver: %s\n  next: %s\n" % (error["message"], error["next"]) == plain.stderr


@tap.test
def reject_bad_limits_and_files_by_name():
    with Server() as s:
        path = s.stack.path("akma-keyserver.conf")
        with open(path) as f:
            good = f.read()
        rows = [("address=10000/s", "address=0/s", "[limits] address:"),
                ("address=10000/s", "address=5", "[limits] address:"),
                ("kid=10000/s", "kid=10/d", "[limits] kid:"),
                ("kid=10000/s", "kid=10000/s\nhandshakes=0", "[limits] handshakes:"),
                ("kid=10000/s", "kid=10000/s\nconnections=-1", "[limits] connections:"),
                ("kid=10000/s", "kid=10000/s\nidle=0s", "[limits] idle:"),
                ("kid=10000/s", "kid=10000/s\nexchange=1y", "[limits] exchange:"),
                ("kid=10000/s", "kid=10000/s\nsessions=1", "[limits] sessions:"),
                ("[store]", "[store]\nconninfo=x", "[store] conninfo:"),
                ("realms=*", "realms=*\ntoken-url=http://x", "[anchor operator] token-url:"),
                ("realms=*", "realms=*\napi=nrf", "[anchor operator] api:"),
                ("realms=*", "realms=*\nca-file=relative", "[anchor operator] ca-file:"),
                ("realms=*", "realms=*\nkey-file=/x", "[anchor operator] key-file:")]
        for old, new, where in rows:
            assert old in good, old
            s.stack.write("akma-keyserver.conf", good.replace(old, new, 1))
            for verb in ("check", "serve", "status"):
                refused = s.verb(verb, check=False)
                assert refused.returncode == 6, (new, refused)
                assert refused.stderr.startswith("akma-keyserver: %s: %s " % (path, where)), refused
        s.stack.write("akma-keyserver.conf", good)
        os.chmod(s.stack.path("server.key"), 0o644)
        refused = s.verb("check", check=False)
        assert refused.returncode == 6 and "open to everybody" in refused.stderr
        os.unlink(s.stack.path("store.key"))
        os.mkfifo(s.stack.path("store.key"), 0o600)
        os.chmod(s.stack.path("server.key"), 0o600)
        refused = s.verb("check", check=False)
        assert refused.returncode == 6 and "is not a file" in refused.stderr


@tap.test
def init_on_a_full_disk_leaves_nothing_in_the_way():
    with harness.Stack() as s:
        s.make_certificates()
        s.keyserver_config(core="http://127.0.0.1:1")

        def full():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        failed = run("akma-keyserver", "--config", s.path("akma-keyserver.conf"), "init",
                     preexec_fn=full)
        assert failed.returncode == 30, failed
        assert not [name for name in os.listdir(s.dir) if name.startswith("keys.db")]
        s.server("init")
        assert json.loads(s.server("status", "--json"))["applications"] == 0
        # twice is once too often, and harms nothing
        assert s.server("init", check=False).returncode == 30
        assert json.loads(s.server("status", "--json"))["applications"] == 0


tap.main()
