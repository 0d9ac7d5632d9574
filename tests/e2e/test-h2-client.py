# SPDX-License-Identifier: LGPL-2.1-or-later
"""The libuv client of src/http against our server, nghttpd, python3-h2 and bad servers."""

import os
import socket
import subprocess
import time

import h2.errors
import h2.events

import harness
import peers
from peers import FakeServer, H2Side, Peer, RawClient, curl

certificates = peers.Certificates()
ca = certificates.ca
pair = certificates.make("server")
TLS = (f"--certificate={pair[0]}", f"--key={pair[1]}")
UNREACHABLE, REFUSED, BUSY = 20, 22, 9


def ask(upstream, path="/hello", *args, data=None, port=None):
    """(HTTP status, text) of one request through a client of ours."""
    port = port or upstream.address[1]
    with Peer(f"--upstream=http://127.0.0.1:{port}", *args) as peer:
        return via(peer, path, data)


def via(peer, path, data=None):
    url = f"http://127.0.0.1:{peer.address[1]}/via{path}"
    more = ("--data-binary", "@-") if data is not None else ()
    _, status, body = curl("--http2-prior-knowledge", *more, url, data=data)
    return status, body.decode()


def connections(server):
    """How many it has."""
    body = curl("--http2-prior-knowledge", f"http://127.0.0.1:{server.address[1]}/status")[2]
    return int(body.split()[0].partition(b"=")[2])


def failed(answer, code, text):
    status, body = answer
    assert status == 502 and body.startswith(f"{code} ") and text in body, answer


def a_request_is_answered_in_clear_text():
    with Peer() as server:
        assert ask(server) == (200, "hello\n")


def a_request_is_answered_over_tls():
    with Peer(*TLS) as server:
        port = server.address[1]
        with Peer(f"--upstream=https://localhost:{port}", f"--upstream-ca={ca}") as peer:
            assert via(peer, "/hello") == (200, "hello\n")
        with Peer(f"--upstream=https://127.0.0.1:{port}", f"--upstream-ca={ca}") as peer:
            assert via(peer, "/hello") == (200, "hello\n")


def a_client_certificate_is_shown():
    mine = certificates.make("anchor-client")
    with Peer(*TLS, f"--client-ca={ca}") as server:
        port = server.address[1]
        with Peer(f"--upstream=https://localhost:{port}", f"--upstream-ca={ca}",
                  f"--certificate={mine[0]}", f"--key={mine[1]}") as peer:
            _, status, body = curl("--cacert", ca, f"https://localhost:{peer.address[1]}/via/whoami")
            assert (status, body) == (200, b"127.0.0.1 /CN=anchor-client\n"), body


def nghttpd_answers():
    peers.need("nghttpd")
    folder = certificates.path("htdocs")
    os.makedirs(folder)
    with open(os.path.join(folder, "file"), "w") as f:
        f.write("from nghttpd\n")
    server, port = peers.at_free_port(
        lambda port: ["nghttpd", "--no-tls", "-d", folder, "-a", "127.0.0.1", str(port)])
    try:
        assert ask(None, "/file", port=port) == (200, "from nghttpd\n")
        assert ask(None, "/nothing", port=port)[0] == 404
    finally:
        server.kill()
        server.wait()


def a_body_goes_and_comes_whole():
    data = os.urandom(12000).hex().encode()[:16000]
    with Peer() as server:
        assert ask(server, "/echo", data=data) == (200, data.decode())


def requests_share_one_connection():
    with Peer() as server, Peer(f"--upstream=http://127.0.0.1:{server.address[1]}") as peer:
        client = RawClient(peer.address)
        streams = [client.request(path="/via/hold") for _ in range(3)]
        client.flush()
        other = RawClient(peer.address)
        server.wait_held(3)
        last = other.request(path="/via/release")
        other.flush()
        assert other.answer(last)[0] == 200
        for stream in streams:
            assert client.answer(stream) == (200, b"released\n")
        client.close()
        other.close()
        peer.stop()
        assert server.stop()["conns"] == 1


def a_connection_that_the_server_closed_is_opened_again():
    with Peer("--idle-ms=1000") as server:
        with Peer(f"--upstream=http://127.0.0.1:{server.address[1]}") as peer:
            assert via(peer, "/hello")[0] == 200
            peers.eventually(lambda: connections(server) == 1)  # who asks that
            assert via(peer, "/hello")[0] == 200
            peer.stop()
        last = server.stop()
        assert last["requests"] > 2 and last["conns"] == last["requests"], last


def a_connection_broken_before_the_answer_is_tried_once_more():
    def talk(number, connection):
        side = H2Side(connection)
        stream = side.request()
        if number > 1:
            side.answer(stream)
            side.request()

    with FakeServer(talk) as server:
        assert ask(None, port=server.port) == (200, "fake\n")
        assert server.accepted == 2


def reject_a_connection_that_breaks_twice():
    with FakeServer(lambda n, c: H2Side(c).request()) as server:
        failed(ask(None, port=server.port), UNREACHABLE, "127.0.0.1")
        assert server.accepted == 2


def reject_an_answer_that_breaks_in_the_middle():
    def talk(number, connection):
        side = H2Side(connection)
        stream = side.request()
        side.h2.send_headers(stream, [(":status", "200")])
        side.h2.send_data(stream, b"half")
        side.flush()
        # closing with unread bytes would reset the connection and could take the half away
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(4096):
            pass

    with FakeServer(talk) as server:
        failed(ask(None, port=server.port), UNREACHABLE, "127.0.0.1")
        assert server.accepted == 1


def reject_a_reset_answer():
    def talk(number, connection):
        side = H2Side(connection)
        side.h2.reset_stream(side.request(), h2.errors.ErrorCodes.INTERNAL_ERROR)
        side.flush()
        side.request()

    with FakeServer(talk) as server:
        failed(ask(None, port=server.port), UNREACHABLE, "broken off")


def a_refused_stream_is_tried_once_more():
    def talk(number, connection):
        side = H2Side(connection)
        side.h2.reset_stream(side.request(), h2.errors.ErrorCodes.REFUSED_STREAM)
        side.flush()
        side.answer(side.request())
        side.request()

    with FakeServer(talk) as server:
        assert ask(None, port=server.port) == (200, "fake\n")


def after_goaway_the_next_request_has_a_new_connection():
    def talk(number, connection):
        side = H2Side(connection)
        stream = side.request()
        side.answer(stream)
        if number == 1:
            side.h2.close_connection(last_stream_id=stream)
            side.flush()
        time.sleep(2)

    with FakeServer(talk) as server, Peer(f"--upstream=http://127.0.0.1:{server.port}") as peer:
        assert via(peer, "/a") == (200, "fake\n")
        assert via(peer, "/b") == (200, "fake\n")
        assert server.accepted == 2


def an_interim_answer_is_passed_over():
    def talk(number, connection):
        side = H2Side(connection)
        stream = side.request()
        side.h2.send_headers(stream, [(":status", "103"), ("content-type", "x/y")])
        side.answer(stream, headers=[("content-type", "Text/Plain; charset=utf-8")])
        side.request()

    with FakeServer(talk) as server:
        assert ask(None, port=server.port) == (200, "fake\n")


def reject_an_answer_over_the_limit():
    with Peer() as server:
        failed(ask(server, "/big/1001", "--answer-bytes=1000"), REFUSED, "more than 1000 bytes")
        assert ask(server, "/big/1000", "--answer-bytes=1000") == (200, "x" * 1000)


def reject_a_server_of_http_1_1():
    def talk(number, connection):
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        time.sleep(60)

    with FakeServer(talk) as server:
        failed(ask(None, port=server.port), REFUSED, "HTTP/2")


def reject_silence():
    def talk(number, connection):
        H2Side(connection).request()
        time.sleep(60)

    with FakeServer(talk) as server:
        began = time.monotonic()
        failed(ask(None, "/x", "--timeout-ms=300", port=server.port), UNREACHABLE, "within 300 ms")
        assert time.monotonic() - began < 8


def a_dead_connection_is_not_used_again():
    def talk(number, connection):
        side = H2Side(connection)
        stream = side.request()
        if number == 1:
            time.sleep(60)
        side.answer(stream)
        side.request()

    with FakeServer(talk) as server, Peer(f"--upstream=http://127.0.0.1:{server.port}",
                                          "--timeout-ms=4000") as peer:
        failed(via(peer, "/x"), UNREACHABLE, "within 4000 ms")
        assert via(peer, "/x") == (200, "fake\n")


def reject_a_closed_port():
    with harness.refusing_address() as address:
        failed(ask(None, port=address.rsplit(":", 1)[1]), UNREACHABLE, "onnection refused")


def reject_a_name_that_is_not_there():
    with Peer("--upstream=http://nothing.invalid:80") as peer:
        failed(via(peer, "/x"), UNREACHABLE, "cannot connect to nothing.invalid:80")


def reject_requests_over_the_number_in_flight():
    with Peer() as server, Peer(f"--upstream=http://127.0.0.1:{server.address[1]}",
                                "--in-flight=2") as peer:
        client = RawClient(peer.address)
        streams = [client.request(path="/via/hold") for _ in range(3)]
        client.flush()
        status, body = client.answer(streams[2])
        assert (status, body[:2]) == (502, b"9 "), (status, body)
        client.close()


def a_cancelled_call_is_reset_at_the_server():
    with Peer() as server, Peer(f"--upstream=http://127.0.0.1:{server.address[1]}") as peer:
        client = RawClient(peer.address)
        stream = client.request(path="/via/hold")
        client.flush()
        server.wait_held()
        client.h2.reset_stream(stream, h2.errors.ErrorCodes.CANCEL)
        client.settle()
        assert via(peer, "/hello") == (200, "hello\n")
        client.close()
        peer.stop()
        last = server.stop()
        assert (last["held"], last["closed"]) == (0, 2), last


def ending_with_a_request_under_way_is_clean():
    with Peer() as server, Peer(f"--upstream=http://127.0.0.1:{server.address[1]}") as peer:
        client = RawClient(peer.address)
        client.request(path="/via/hold")
        client.flush()
        server.wait_held()
        last = peer.stop()
        assert last["loop"] == 0 and last["closed"] == 1, last


def tls_fails(server_args, url_host, ca_file, text, code=UNREACHABLE):
    with Peer(*server_args) as server:
        with Peer(f"--upstream=https://{url_host}:{server.address[1]}",
                  f"--upstream-ca={ca_file}") as peer:
            failed(via(peer, "/hello"), code, text)


def reject_a_certificate_of_another_ca():
    tls_fails(TLS, "localhost", certificates.other_ca, "unable to get local issuer")


def reject_a_certificate_of_another_name():
    other = certificates.make("elsewhere", alt="DNS:elsewhere.example")
    tls_fails((f"--certificate={other[0]}", f"--key={other[1]}"), "localhost", ca,
               "hostname mismatch")
    tls_fails((f"--certificate={other[0]}", f"--key={other[1]}"), "127.0.0.1", ca,
               "IP address mismatch")


def reject_an_expired_certificate():
    old = certificates.make("old", days=-1)
    tls_fails((f"--certificate={old[0]}", f"--key={old[1]}"), "localhost", ca, "has expired")


def s_server(*options):
    server, port = peers.at_free_port(
        lambda port: ["openssl", "s_server", "-quiet", "-accept", "127.0.0.1:%d" % port,
                      "-cert", pair[0], "-key", pair[1], *options],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with Peer(f"--upstream=https://localhost:{port}", f"--upstream-ca={ca}") as peer:
            return via(peer, "/hello")
    finally:
        server.kill()
        server.wait()


def reject_a_server_of_tls_1_2():
    failed(s_server("-tls1_2", "-alpn", "h2"), UNREACHABLE, "TLS")


def reject_a_server_without_alpn():
    failed(s_server(), REFUSED, "ALPN h2")


helpers = {"ask", "via", "connections", "failed", "tls_fails", "s_server"}
tests = [f for name, f in list(globals().items())
         if getattr(f, "__module__", "") == "__main__" and name not in helpers]

with certificates:
    peers.run(tests)
