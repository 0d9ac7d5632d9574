# SPDX-License-Identifier: LGPL-2.1-or-later
"""The libcurl client of src/http against our server, python3-h2, openssl and bad servers."""

import hashlib
import os
import socket
import subprocess
import threading
import time

import harness
import peers
from peers import FakeServer, H2Side, Peer

certificates = peers.Certificates()
ca = certificates.ca
pair = certificates.make("server")
TLS = (f"--certificate={pair[0]}", f"--key={pair[1]}")
CONFIG, UNREACHABLE, NOT_AUTHENTIC, REFUSED = 6, 20, 21, 22


def asker():
    return peers.BUILD / "tests" / "e2e" / "http-asker"


def ask(url, *requests, args=(), env=None):
    """A line of words for each request."""
    done = subprocess.run([asker(), f"--url={url}", *args,
                           *(f"--request={request}" for request in requests)],
                          capture_output=True, text=True, timeout=60,
                          env={**os.environ, **(env or {})})
    assert done.returncode == 0 and not done.stderr, done
    lines = [line.split(" ") for line in done.stdout.splitlines()]
    assert len(lines) == len(requests), done
    return lines


def clear(peer):
    return f"http://127.0.0.1:{peer.address[1]}"


def secure(peer, name="localhost"):
    return f"https://{name}:{peer.address[1]}"


def is_answer(line, body, status="200", kind="text/plain"):
    assert line[:2] == [status, kind], line
    assert line[5] == hashlib.sha256(body).hexdigest(), line


def failed(line, code, text):
    assert line[:2] == ["error", str(code)] and text in " ".join(line), line


def a_request_is_answered_in_clear_text():
    with Peer() as peer:
        is_answer(ask(clear(peer), "GET /hello -")[0], b"hello\n")


def a_request_is_answered_over_tls():
    with Peer(*TLS) as peer:
        is_answer(ask(secure(peer), "GET /hello -", args=[f"--ca-file={ca}"])[0], b"hello\n")


def a_body_goes_and_comes_whole():
    body = "x" * 16000
    with Peer(*TLS) as peer:
        is_answer(ask(secure(peer), f"POST /echo {body}", args=[f"--ca-file={ca}"])[0],
                  body.encode())


def any_status_is_an_answer():
    with Peer() as peer:
        assert ask(clear(peer), "GET /nothing -")[0][:2] == ["404", "-"]


def fields_are_read():
    def talk(number, connection):
        side = H2Side(connection)
        side.answer(side.request(), status="503", headers=[
            ("content-type", "Application/Problem+JSON; charset=utf-8"),
            ("location", "/v1/x"), ("retry-after", "17")])
        side.request()

    with FakeServer(talk) as server:
        line = ask(f"http://127.0.0.1:{server.port}", "GET /hello -")[0]
        assert line[:4] == ["503", "application/problem+json", "/v1/x", "17"], line


def two_requests_share_the_connection():
    with Peer(*TLS) as peer:
        lines = ask(secure(peer), "GET /hello -", "POST /echo again same",
                    args=[f"--ca-file={ca}"])
        is_answer(lines[0], b"hello\n")
        is_answer(lines[1], b"again")
        assert peer.stop()["conns"] == 1
    with Peer() as peer:
        lines = ask(clear(peer), "POST /echo once", "POST /echo again same")
        is_answer(lines[0], b"once")
        is_answer(lines[1], b"again")
        assert peer.stop()["conns"] == 1


def reject_the_second_request_on_another_connection():
    with Peer("--idle-ms=1000") as peer:
        lines = ask(clear(peer), "GET /hello -", "GET /hello - same pause")
        is_answer(lines[0], b"hello\n")
        failed(lines[1], UNREACHABLE, "closed between the requests")
        last = peer.stop()
        assert (last["conns"], last["requests"]) == (1, 1), last


def reject_same_connection_without_a_first_request():
    with Peer() as peer:
        failed(ask(clear(peer), "GET /hello - same")[0], UNREACHABLE, "closed between")


def without_that_wish_a_new_connection_is_opened():
    with Peer("--idle-ms=1000") as peer:
        lines = ask(clear(peer), "GET /hello -", "GET /hello - pause")
        is_answer(lines[1], b"hello\n")
        assert peer.stop()["conns"] == 2


def connect_replaces_the_address_and_not_the_name():
    mine = certificates.make("keys", alt="DNS:keys.example.com")
    with Peer(f"--certificate={mine[0]}", f"--key={mine[1]}") as peer:
        args = [f"--ca-file={ca}", f"--connect=127.0.0.1:{peer.address[1]}"]
        is_answer(ask("https://keys.example.com:8443", "GET /hello -", args=args)[0], b"hello\n")
        failed(ask("https://other.example.com:8443", "GET /hello -", args=args)[0],
               NOT_AUTHENTIC, "other.example.com")


def a_proxy_of_the_environment_is_ignored():
    with Peer() as peer:
        env = {name: "http://127.0.0.1:9" for name in
               ("http_proxy", "https_proxy", "all_proxy", "HTTPS_PROXY", "ALL_PROXY")}
        is_answer(ask(clear(peer), "GET /hello -", env=env)[0], b"hello\n")


def a_configured_proxy_gets_connect():
    asked = []

    def talk(number, connection):
        line = b""
        while b"\r\n\r\n" not in line:
            line += connection.recv(4096)
        asked.append(line.split(b"\r\n")[0])
        host, port = line.split(b" ")[1].rsplit(b":", 1)
        upstream = socket.create_connection(("127.0.0.1", int(port)))
        connection.sendall(b"HTTP/1.1 200 Fine\r\ncontent-type: text/wrong\r\n\r\n")
        threading.Thread(target=pump, args=(upstream, connection), daemon=True).start()
        pump(connection, upstream)

    def pump(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass

    with Peer(*TLS) as peer, FakeServer(talk) as proxy:
        line = ask(secure(peer), "GET /hello -",
                   args=[f"--ca-file={ca}", f"--https-proxy=127.0.0.1:{proxy.port}"])[0]
        is_answer(line, b"hello\n")
        assert asked == [b"CONNECT localhost:%d HTTP/1.1" % peer.address[1]], asked


def no_redirect_is_followed():
    def talk(number, connection):
        side = H2Side(connection)
        side.answer(side.request(), status="302", headers=[("location", "/elsewhere")])
        assert side.request() is None

    with FakeServer(talk) as server:
        line = ask(f"http://127.0.0.1:{server.port}", "GET /hello -")[0]
        assert line[:3] == ["302", "-", "/elsewhere"], line


def no_cookie_is_kept():
    seen = []

    def talk(number, connection):
        side = H2Side(connection)
        side.answer(side.request(), headers=[("set-cookie", "a=b")])
        stream = side.request()
        seen.extend(name for name, _ in side.headers)
        side.answer(stream)
        side.request()

    with FakeServer(talk) as server:
        ask(f"http://127.0.0.1:{server.port}", "GET /a -", "GET /b - same")
        assert "user-agent" in seen and "cookie" not in seen, seen


def reject_an_answer_over_the_limit():
    with Peer() as peer:
        lines = ask(clear(peer), "GET /big/1000 -", "GET /big/1001 -", args=["--body-bytes=1000"])
        is_answer(lines[0], b"x" * 1000)
        failed(lines[1], REFUSED, "more than 1000 bytes")


def reject_silence():
    with Peer() as peer:
        began = time.monotonic()
        failed(ask(clear(peer), "GET /hold -", args=["--timeout-ms=300"])[0], UNREACHABLE,
               "timed out")
        assert time.monotonic() - began < 8


def a_cancelled_request_ends_at_once():
    with Peer() as peer:
        began = time.monotonic()
        line = ask(clear(peer), "GET /hold - cancel")[0]
        assert line[:2] == ["error", "g-io-error-quark"], line
        assert time.monotonic() - began < 8


def after_a_cancelled_request_the_next_one_works():
    with Peer() as peer:
        is_answer(ask(clear(peer), "GET /hold - cancel", "GET /hello -")[1], b"hello\n")


def reject_a_closed_port():
    with harness.refusing_address() as address:
        failed(ask(f"http://{address}", "GET /hello -")[0], UNREACHABLE, "connect")


def reject_a_name_that_is_not_there():
    failed(ask("https://nothing.invalid", "GET /hello -")[0], UNREACHABLE, "nothing.invalid")


def reject_a_connection_lost_before_the_answer():
    with FakeServer(lambda n, c: H2Side(c).request()) as server:
        failed(ask(f"http://127.0.0.1:{server.port}", "GET /hello -")[0], UNREACHABLE, "")


def reject_a_connection_lost_in_the_answer():
    def talk(number, connection):
        side = H2Side(connection)
        stream = side.request()
        side.h2.send_headers(stream, [(":status", "200")])
        side.h2.send_data(stream, b"half")
        side.flush()

    with FakeServer(talk) as server:
        failed(ask(f"http://127.0.0.1:{server.port}", "GET /hello -")[0], UNREACHABLE, "")


def reject_a_reset_stream():
    def talk(number, connection):
        side = H2Side(connection)
        side.h2.reset_stream(side.request(), 2)
        side.flush()
        side.request()

    with FakeServer(talk) as server:
        failed(ask(f"http://127.0.0.1:{server.port}", "GET /hello -")[0], UNREACHABLE, "")


def reject_http_1_1_in_clear_text():
    def talk(number, connection):
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        time.sleep(1)

    with FakeServer(talk) as server:
        line = ask(f"http://127.0.0.1:{server.port}", "GET /hello -")[0]
        # libcurl before 8 does not tell it from a lost connection
        assert line[0] == "error" and int(line[1]) in (UNREACHABLE, REFUSED), line


class Http11(FakeServer):
    """Answers each request with the lines of @answer; keeps what it was asked."""

    def __init__(self, *answer, body=b"hello\n"):
        super().__init__(self._talk)
        self.asked, self.body = [], body
        self.head = "\r\n".join(answer or ["HTTP/1.1 200 OK"])

    def _talk(self, number, connection):
        with connection.makefile("rb") as lines:
            while request := lines.readline():
                fields = {}
                while (line := lines.readline().strip()):
                    name, _, value = line.decode().partition(":")
                    fields[name.lower()] = value.strip()
                self.asked.append((request.decode().strip(), fields))
                head = f"{self.head}\r\nContent-Length: {len(self.body)}\r\n\r\n"
                connection.sendall(head.encode() + self.body)


def http_1_1(server, *requests, args=()):
    """As ask(), with the line of fields behind each answer."""
    done = subprocess.run([asker(), f"--url=http://127.0.0.1:{server.port}", "--http-1-1",
                           "--fields", *args, *(f"--request={each}" for each in requests)],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and not done.stderr, done
    return done.stdout.splitlines()


def http_1_1_is_spoken_where_it_is_wanted():
    with Http11("HTTP/1.1 200 OK", "Content-Type: text/plain") as server:
        lines = http_1_1(server, "GET / -", "GET /b -", args=["--authorization=Digest a=b"])
        is_answer(lines[0].split(" "), b"hello\n")
        assert server.accepted == 1, "the connection is kept"
        assert [each[0] for each in server.asked] == ["GET / HTTP/1.1", "GET /b HTTP/1.1"]
        assert server.asked[0][1]["authorization"] == "Digest a=b", server.asked


def http_1_1_needs_no_authorization():
    with Http11() as server:
        http_1_1(server, "GET / -")
        assert "authorization" not in server.asked[0][1], server.asked


def challenges_and_their_answer_are_read():
    with Http11("HTTP/1.1 401 Unauthorized", "WWW-Authenticate: Basic realm=\"a\"",
                "www-authenticate:  Digest realm=\"b\" ", "Authentication-Info: rspauth=\"c\"",
                "Server: bsf 3gpp-gba-tmpi") as server:
        lines = http_1_1(server, "GET / -")
        assert lines[0].startswith("401 ")
        assert lines[1] == ("fields Basic realm=\"a\"|Digest realm=\"b\"|rspauth=\"c\"|"
                            "bsf 3gpp-gba-tmpi"), lines


def reject_more_challenges_than_there_can_be():
    with Http11("HTTP/1.1 401 No", *(f"WWW-Authenticate: {n}" for n in range(9))) as server:
        assert http_1_1(server, "GET / -")[1] == "fields 0|1|2|3|-|-"


def reject_a_challenge_that_is_too_long():
    with Http11("HTTP/1.1 401 No", "WWW-Authenticate: " + "x" * 4097,
                "Authentication-Info: " + "x" * 4097, "Server: " + "x" * 5000) as server:
        assert http_1_1(server, "GET / -")[1] == "fields -|-"


def reject_another_version_where_http_1_1_is_wanted():
    with Http11("HTTP/1.0 200 OK") as server:
        lines = http_1_1(server, "GET / -")
        failed(lines[0].split(" "), REFUSED, "HTTP/1.1")


def reject_an_http_1_1_answer_over_the_limit():
    with Http11(body=b"x" * 1001) as server:
        lines = http_1_1(server, "GET / -", args=["--body-bytes=1000"])
        failed(lines[0].split(" "), REFUSED, "more than 1000 bytes")


def s_server(*options):
    """The answer to a client of ours from openssl s_server."""
    server, port = peers.at_free_port(
        lambda port: ["openssl", "s_server", "-quiet", "-www", "-accept", "127.0.0.1:%d" % port,
                      "-cert", pair[0], "-key", pair[1], *options],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        return ask(f"https://localhost:{port}", "GET /hello -", args=[f"--ca-file={ca}"])[0]
    finally:
        server.kill()
        server.wait()


def reject_http_1_1_over_tls():
    failed(s_server(), REFUSED, "")


def reject_a_server_of_tls_1_2():
    failed(s_server("-tls1_2", "-alpn", "h2"), UNREACHABLE, "")


def reject_a_certificate_of_another_ca():
    with Peer(*TLS) as peer:
        failed(ask(secure(peer), "GET /hello -", args=[f"--ca-file={certificates.other_ca}"])[0],
               NOT_AUTHENTIC, "certificate")
        assert peer.stop()["requests"] == 0


def reject_a_certificate_of_another_name():
    other = certificates.make("elsewhere", alt="DNS:elsewhere.example")
    with Peer(f"--certificate={other[0]}", f"--key={other[1]}") as peer:
        failed(ask(secure(peer), "GET /hello -", args=[f"--ca-file={ca}"])[0], NOT_AUTHENTIC, "name")
        failed(ask(secure(peer, "127.0.0.1"), "GET /hello -", args=[f"--ca-file={ca}"])[0],
               NOT_AUTHENTIC, "127.0.0.1")


def reject_an_expired_certificate():
    old = certificates.make("old", days=-1)
    with Peer(f"--certificate={old[0]}", f"--key={old[1]}") as peer:
        failed(ask(secure(peer), "GET /hello -", args=[f"--ca-file={ca}"])[0], NOT_AUTHENTIC,
               "expired")


def reject_a_ca_file_that_is_not_there():
    with Peer(*TLS) as peer:
        failed(ask(secure(peer), "GET /hello -", args=["--ca-file=/proc/nonexistent"])[0], CONFIG,
               "/proc/nonexistent")


def a_clock_before_the_build_is_named():
    peers.need("faketime")
    if os.environ.get("AKMA_SANITIZERS"):
        raise peers.Skip("faketime and AddressSanitizer exclude each other")
    with Peer(*TLS) as peer:
        done = subprocess.run(["faketime", "2001-01-01", asker(), f"--url={secure(peer)}",
                               f"--ca-file={ca}", "--request=GET /hello -"],
                              capture_output=True, text=True, timeout=60)
        failed(done.stdout.split(" "), NOT_AUTHENTIC, "the clock shows 2001-01-01 00:00 UTC, but")


helpers = {"asker", "ask", "clear", "secure", "is_answer", "failed", "s_server", "http_1_1", "Http11"}
tests = [f for name, f in list(globals().items())
         if getattr(f, "__module__", "") == "__main__" and name not in helpers]

with certificates:
    peers.run(tests)
