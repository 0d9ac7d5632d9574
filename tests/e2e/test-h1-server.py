# SPDX-License-Identifier: LGPL-2.1-or-later
"""The server of src/http in HTTP/1.1 against curl, openssl and Python's http.client."""

import contextlib
import http.client
import re
import socket
import ssl
import subprocess
import time

import peers
from peers import Peer, curl

certificates = peers.Certificates()
ca = certificates.ca
pair = certificates.make("server")
TLS = (f"--certificate={pair[0]}", f"--key={pair[1]}")
GET = b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"


def peer(*args, versions="1"):
    return Peer(f"--versions={versions}", *args)


def url(server, path, tls=False):
    return f"{'https' if tls else 'http'}://localhost:{server.address[1]}{path}"


class Raw:
    """A socket; nothing happens but what the test says."""

    def __init__(self, server):
        self.socket = socket.create_connection(server.address, timeout=peers.WAIT_S)
        self.left = b""

    def send(self, data):
        self.socket.sendall(data)

    def _more(self):
        data = self.socket.recv(65536)
        self.left += data
        return bool(data)

    def answer(self, method="GET"):
        """(status, fields, body); None: closed instead."""
        while b"\r\n\r\n" not in self.left:
            if not self._more():
                assert not self.left, self.left
                return None
        head, _, self.left = self.left.partition(b"\r\n\r\n")
        line, *rest = head.decode().split("\r\n")
        fields = dict(field.split(": ", 1) for field in rest)
        size = 0 if method == "HEAD" else int(fields.get("content-length", 0))
        while len(self.left) < size:
            assert self._more()
        body, self.left = self.left[:size], self.left[size:]
        return int(re.fullmatch(r"HTTP/1\.1 (\d{3}) .*", line)[1]), fields, body

    def is_closed(self):
        return not self.left and self.socket.recv(1) == b""


def ask(server, data):
    """(status, connection closed after it) of one request."""
    client = Raw(server)
    client.send(data)
    status, fields, _ = client.answer()
    return status, fields.get("connection") == "close" and client.is_closed()


def curl_gets_an_answer_in_clear_text():
    with peer() as server:
        assert curl(url(server, "/hello")) == (0, 200, b"hello\n")


def curl_gets_an_answer_over_tls_by_either_version():
    with peer(*TLS, versions="both") as server:
        for version in "--http1.1", "--http2", "--no-alpn":
            assert curl("--cacert", ca, version, url(server, "/hello", True)) == \
                (0, 200, b"hello\n"), version


def alpn_prefers_http_2():
    with peer(*TLS, versions="both") as server:
        for offered, chosen in ("h2,http/1.1", "h2"), ("http/1.1,h2", "h2"), \
                ("http/1.1", "http/1.1"):
            done = subprocess.run(
                ["openssl", "s_client", "-connect", f"localhost:{server.address[1]}", "-alpn",
                 offered], stdin=subprocess.DEVNULL, capture_output=True, text=True)
            assert f"ALPN protocol: {chosen}\n" in done.stdout, done.stdout


def reject_http_2_where_it_is_not_spoken():
    with peer(*TLS) as server:
        tls = ssl.create_default_context(cafile=ca)
        tls.set_alpn_protocols(["h2"])
        try:
            with socket.create_connection(server.address, timeout=peers.WAIT_S) as plain:
                tls.wrap_socket(plain, server_hostname="localhost").recv(1)
            assert False, "TLS came up"
        except ssl.SSLError as error:
            assert "no application protocol" in str(error), error
    with peer() as server:
        assert ask(server, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") == (400, True)


def reject_http_1_where_it_is_not_spoken():
    with peer(versions="2") as server:
        client = Raw(server)
        client.send(GET)
        said = b""
        with contextlib.suppress(ConnectionError):
            while more := client.socket.recv(65536):
                said += more
        assert b"HTTP/1" not in said, said


def a_body_comes_back_as_it_was_sent():
    with peer(*TLS) as server:
        data = bytes(range(256)) * 64
        assert curl("--cacert", ca, "--data-binary", "@-", url(server, "/echo", True),
                    data=data) == (0, 200, data)


def a_large_answer_comes_whole():
    with peer(*TLS) as server:
        assert curl("--cacert", ca, url(server, "/big/3000000", True)) == (0, 200, b"x" * 3000000)


def a_connection_serves_one_request_after_the_other():
    with peer() as server:
        client = http.client.HTTPConnection(*server.address, timeout=peers.WAIT_S)
        client.connect()
        port = client.sock.getsockname()[1]
        for n in range(20):
            client.request("POST", "/echo", body=b"x" * n)
            answer = client.getresponse()
            assert (answer.status, answer.read()) == (200, b"x" * n)
            assert client.sock.getsockname()[1] == port
        client.close()
        assert server.stop()["conns"] == 1


def a_request_may_come_byte_by_byte():
    with peer() as server:
        client = Raw(server)
        for byte in b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc":
            client.send(bytes([byte]))
        assert client.answer()[::2] == (200, b"abc")


def an_answer_has_a_date_and_what_the_handler_said():
    with peer() as server:
        client = Raw(server)
        client.send(GET)
        _, fields, _ = client.answer()
        date = time.strptime(fields["date"], "%a, %d %b %Y %H:%M:%S GMT")
        assert fields["content-type"] == "text/plain" and fields["cache-control"] == "no-store"
        assert "connection" not in fields and date.tm_year >= 2024


def head_has_a_length_and_no_body():
    with peer() as server:
        client = Raw(server)
        client.send(GET.replace(b"GET", b"HEAD"))
        status, fields, body = client.answer("HEAD")
        assert (status, fields["content-length"], body) == (200, "6", b"")
        client.send(GET)
        assert client.answer()[::2] == (200, b"hello\n")


def an_answer_may_come_later():
    with peer() as server:
        held, other = Raw(server), Raw(server)
        held.send(GET.replace(b"hello", b"hold"))
        server.wait_held()
        other.send(GET.replace(b"hello", b"release"))
        assert other.answer()[0] == 200
        assert held.answer()[::2] == (200, b"released\n")
        held.send(GET)
        assert held.answer()[0] == 200


def a_client_that_says_so_is_closed_after_the_answer():
    with peer() as server:
        assert ask(server, GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")) == \
            (200, True)


def a_handler_may_close_with_and_without_an_answer():
    with peer() as server:
        client = Raw(server)
        client.send(GET.replace(b"hello", b"close"))
        assert client.answer()[::2] == (200, b"bye\n") and client.is_closed()
        client = Raw(server)
        client.send(GET.replace(b"hello", b"drop"))
        assert client.answer() is None


def stop_ends_idle_connections_and_lets_a_request_end():
    with peer() as server:
        idle, busy = Raw(server), Raw(server)
        idle.send(GET)
        assert idle.answer()[0] == 200
        busy.send(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na")
        peers.wait_read(busy.socket)
        server.terminate()
        assert idle.is_closed()
        busy.send(b"bc")
        status, fields, body = busy.answer()
        assert (status, body, fields["connection"]) == (200, b"abc", "close") and busy.is_closed()


def reject_a_request_before_the_answer_to_the_last_one():
    """Nothing that follows a request is taken for another: no smuggling."""
    with peer() as server:
        client = Raw(server)
        client.send(GET + GET.replace(b"hello", b"status"))
        assert client.answer()[::2] == (200, b"hello\n")
        assert client.is_closed()
        assert server.stop()["requests"] == 1


def reject_what_is_no_request():
    with peer() as server:
        for data, status in ((b"GET / HTTP/1.1\nHost: a\n\n", 400),
                             (b"\x16\x03\x01\x02\x00\x01", 400),
                             (b"GET / HTTP/1.1\r\n\r\n", 400),
                             (b"GET / HTTP/1.0\r\nHost: a\r\n\r\n", 505),
                             (b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
                              b"\r\n3\r\nabc\r\n0\r\n\r\n", 411),
                             (b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
                              b"Content-Length: 3\r\n\r\nabc", 400),
                             (b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
                              b"Content-Length: 4\r\n\r\nabc", 400),
                             (b"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", 400)):
            assert ask(server, data) == (status, True), data
        assert server.stop()["requests"] == 0


def reject_a_head_that_is_too_long():
    with peer("--header-bytes=1000") as server:
        assert ask(server, GET.replace(b"\r\n\r\n", b"\r\nX: " + b"y" * 2000)) == (431, True)
        assert ask(server, GET)[0] == 200


def reject_a_body_that_is_too_long():
    with peer("--body-bytes=1000") as server:
        assert curl("--data-binary", "@-", url(server, "/echo"), data=b"x" * 1000)[1] == 200
        assert curl("--data-binary", "@-", url(server, "/echo"), data=b"x" * 1001)[1] == 413
        assert curl("--data-binary", "@-", "-H", "Expect:", url(server, "/echo"),
                    data=b"x" * 500000)[1] == 413


def reject_a_body_that_never_ends():
    with peer("--handshake-ms=300") as server:
        client = Raw(server)
        client.send(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabc")
        start = time.monotonic()
        assert client.answer() is None
        assert time.monotonic() - start < 8


def reject_a_slow_client_however_often_it_says_something():
    with peer("--handshake-ms=500", "--idle-ms=5000") as server:
        client = Raw(server)
        start = time.monotonic()
        try:
            for byte in GET:
                client.send(bytes([byte]))
                time.sleep(0.1)
            raise AssertionError("it may take all day")
        except ConnectionError:
            pass
        assert time.monotonic() - start < 8


def reject_a_client_that_says_nothing():
    with peer("--handshake-ms=3000", "--idle-ms=3000") as server:
        silent, idle = Raw(server), Raw(server)
        idle.send(GET)
        assert idle.answer()[0] == 200
        assert silent.is_closed() and idle.is_closed()


def reject_a_flood_after_the_request():
    with peer() as server:
        client = Raw(server)
        client.send(GET.replace(b"hello", b"hold"))
        try:
            for _ in range(100):
                client.send(b"x" * 65536)
            raise AssertionError("it takes anything")
        except ConnectionError:
            pass


helpers = {"peer", "url", "ask", "Raw"}
tests = [f for name, f in list(globals().items())
         if getattr(f, "__module__", "") == "__main__" and name not in helpers]

with certificates:
    peers.run(tests)
