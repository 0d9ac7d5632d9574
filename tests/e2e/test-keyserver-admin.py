# SPDX-License-Identifier: LGPL-2.1-or-later
"""The admin listener: who is answered, and how; nothing for anybody else."""
import http.client
import os
import signal
import socket
import stat
import subprocess
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

import harness  # noqa: E402
import memscan  # noqa: E402
import reference  # noqa: E402
from figures import TCP, UNIX, admin, get, health, worker_of  # noqa: E402
from keyserver import FIRST_KEY, KID, SUPI, Server  # noqa: E402


def raw(s, text, seconds=15):
    """Sends bytes, reads until the server closes."""
    with socket.create_connection(admin(s), seconds) as sock:
        sock.sendall(text)
        answer = b""
        while True:
            try:
                more = sock.recv(65536)
            except ConnectionResetError:
                return answer
            if not more:
                return answer
            answer += more


# --- who may ask, and how ---------------------------------------------------------------------

@tap.test
def curl_over_a_unix_socket():
    with Server(extra=UNIX) as s:
        path = s.stack.path("admin.sock")
        assert s.stack.ready["akma-keyserver"]["admin"] == "unix:" + path
        assert stat.S_IMODE(os.stat(path).st_mode) & 0o077 == 0
        for resource in ("metrics", "healthz"):
            done = subprocess.run(["curl", "-sSi", "--max-time", "15", "--unix-socket", path,
                                   "http://localhost/" + resource],
                                  capture_output=True, check=True)
            head, body = done.stdout.decode().split("\r\n\r\n", 1)
            assert head.startswith("HTTP/1.1 200 OK\r\n"), head
            assert "cache-control: no-store" in head and body
        # a file of the run before is no obstacle
        s.stack.stop("akma-keyserver")
        s.process = s.stack.start_keyserver()
        assert "mqtt" in s.exchange().by_id


@tap.test
def several_requests_on_one_connection_one_after_the_other():
    with Server(extra=TCP) as s:
        conn = http.client.HTTPConnection(*admin(s), timeout=15)
        for path in ("/metrics", "/healthz", "/nothing", "/metrics"):
            conn.request("GET", path)
            answer = conn.getresponse()
            assert answer.read() and answer.status == (404 if path == "/nothing" else 200)
        conn.close()


@tap.test
def this_machine_by_any_of_its_names():
    with Server(extra=TCP) as s:
        for host in ("localhost", "LocalHost:1", "127.0.0.1", "127.0.0.1:%d" % admin(s)[1],
                     "127.255.0.9", "[::1]", "[::1]:80"):
            assert get(s, "/healthz", host=host)[0].status == 200, host
        # RFC 9112 3.2.2: in absolute-form the authority counts, not Host
        answer = raw(s, b"GET http://localhost/healthz HTTP/1.1\r\nHost: evil.example\r\n"
                        b"Connection: close\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200 "), answer


@tap.test
def reject_other_hosts():
    """A page under a name of its own that leads here (DNS rebinding) reads nothing."""
    with Server(extra=TCP) as s:
        for host in ("evil.example", "localhost.evil.example", "127.0.0.1.evil.example",
                     "keys.example.com", "10.0.0.1", "128.0.0.1", "[::2]", "[::1", "[::1]x",
                     "localhost:", "localhost:x", "localhost:80:80", "0127.0.0.1", "127.1", ":80"):
            answer, body = get(s, "/metrics", host=host)
            assert answer.status in (400, 421) and "akma_" not in body, (host, body)
        for target in (b"http://evil.example/metrics", b"https://evil.example:80/metrics"):
            answer = raw(s, b"GET " + target + b" HTTP/1.1\r\nHost: localhost\r\n"
                            b"Connection: close\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 421 ") and b"akma_" not in answer, answer
        assert raw(s, b"GET /metrics HTTP/1.1\r\nConnection: close\r\n\r\n").startswith(
            b"HTTP/1.1 400 ")


@tap.test
def reject_other_methods_and_paths():
    with Server(extra=TCP) as s:
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "get"):
            answer, _ = get(s, "/metrics", method=method)
            assert answer.status == 405 and answer.headers["allow"] == "GET", method
        for path in ("/metrics/", "/Metrics", "/metrics?x=1", "//metrics", "/../metrics", "/v1/sessions",
                     "/"):
            assert get(s, path)[0].status == 404, path
        answer = raw(s, b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc")
        assert answer.startswith(b"HTTP/1.1 413 "), answer


@tap.test
def reject_http_2_and_what_is_no_http():
    with Server(extra=TCP) as s:
        answer = raw(s, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        assert answer.startswith((b"HTTP/1.1 505 ", b"HTTP/1.1 400 ")), answer
        for text in (b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + bytes(100) + b"\r\n\r\n",
                     b"GET /metrics\r\n\r\n", b"GET /metrics HTTP/1.1\nHost: localhost\n\n",
                     b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
                     b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
                     b"0\r\n\r\n"):
            answer = raw(s, text)
            assert b" 200 " not in answer and b"akma_" not in answer, (text, answer)
        assert health(s)["healthy"]


@tap.test
def reject_oversized_headers():
    with Server(extra=TCP) as s:
        answer = raw(s, b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 9000 + b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 431 "), answer[:100]
        answer = raw(s, b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n" + b"X: a\r\n" * 200 + b"\r\n")
        assert answer.startswith(b"HTTP/1.1 431 "), answer[:100]
        assert health(s)["healthy"]


@tap.test
def reject_the_second_of_two_requests_at_once():
    with Server(extra=TCP) as s:
        one = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
        assert raw(s, one + one).count(b"HTTP/1.1 200 ") == 1


@tap.test
def reject_a_client_that_never_ends_its_request_while_others_are_answered():
    with Server(extra=TCP) as s, socket.create_connection(admin(s), 30) as slow:
        slow.sendall(b"GET /metrics HTTP/1.1\r\n")
        begun, ended = time.monotonic(), False
        while not ended:
            assert time.monotonic() - begun < 25
            assert health(s)["healthy"]
            slow.settimeout(0.3)
            try:
                slow.sendall(b"X: a\r\n")
                ended = slow.recv(1000) == b""
            except socket.timeout:
                pass
            except OSError:
                ended = True


@tap.test
def reject_addresses_that_others_reach():
    with Server(extra=TCP) as s:
        s.stack.stop("akma-keyserver")
        before = "127.0.0.1:0"
        for address in ("0.0.0.0:0", "192.0.2.1:9", "[::]:0", "keys.example.com:9", "[2001:db8::1]:9"):
            s.edit("[admin]\nlisten=" + before, "[admin]\nlisten=" + address)
            before = address
            done = s.verb("check", check=False)
            assert done.returncode == 6 and "[admin] listen: must be" in done.stderr, done


@tap.test
def it_is_not_there_unless_it_is_configured():
    with Server() as s:
        assert "admin" not in s.stack.ready["akma-keyserver"]
        assert len(s.workers()) == 1


@tap.test
def systemd_s_runtime_directory_is_the_default():
    with Server() as s:
        s.stack.stop("akma-keyserver")
        s.stack.env["RUNTIME_DIRECTORY"] = s.stack.dir
        s.process = s.stack.start_keyserver()
        assert s.stack.ready["akma-keyserver"]["admin"] == "unix:" + s.stack.path("admin.sock")


@tap.test
def the_admin_process_holds_no_key_and_tells_of_nobody():
    why_not = memscan.need_access()
    if why_not:
        raise tap.Skip(why_not)
    with Server(extra=TCP) as s, s.client() as c:
        first_key = s.operator.first_keys[KID] = os.urandom(32)
        c.open_session("akma", KID, first_key)
        s.exchange(first_key=first_key)
        pid, = set(s.workers()) - {worker_of(s)}
        with open(s.stack.path("store.key"), "rb") as f:
            store_key = f.read()
        found = memscan.scan([pid], {"store key": store_key, "first key": first_key,
                                     "identity": SUPI.encode()})
        assert not any(found.values()), found
        links = [os.readlink("/proc/%d/fd/%s" % (pid, fd)) for fd in os.listdir("/proc/%d/fd" % pid)]
        assert not any(link.endswith(("keys.db", "keys.db-wal", ".key")) for link in links), links
        for path in ("/metrics", "/healthz"):
            body = get(s, path)[1]
            terminal = s.rows("terminal", "list")[0]["terminal"]
            assert terminal not in body and SUPI not in body and KID not in body


@tap.test
def a_worker_that_dies_costs_its_own_sessions_and_no_others():
    with Server(workers=2) as s:
        clients = [s.client().__enter__() for _ in range(24)]
        sessions = [c.open_session("akma", KID, FIRST_KEY) for c in clients]
        os.kill(s.workers()[0], signal.SIGKILL)
        served = 0
        for session in sessions:
            try:
                assert "mqtt" in session.ask(["mqtt"]).by_id
                served += 1
            except (reference.ConnectionLost, OSError):
                pass
        # the kernel spreads connections over both: neither had all of them
        assert 0 < served < len(clients), served
        harness.wait_until("both are back", lambda: len(s.workers()) == 2)
        for _ in range(6):
            s.exchange()


@tap.test
def sigterm_with_open_admin_connections_ends_in_time():
    with Server(extra=TCP) as s, socket.create_connection(admin(s), 15) as idle:
        idle.sendall(b"GET /metrics HTTP/1.1\r\n")
        begun = time.monotonic()
        assert s.stack.stop("akma-keyserver") == 0
        assert time.monotonic() - begun < 9


tap.main()
