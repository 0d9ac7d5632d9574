# SPDX-License-Identifier: LGPL-2.1-or-later
"""What passed through the server and the libuv client of src/http is nowhere in their memory.

Connections stay open while it is searched for. The controls find a value that is planted, and
one that is under way: so the search can fail.
"""

import http.client
import os
import ssl

import memscan
import peers
from peers import Peer, RawClient, client_tls

SIZE = 32
PADDING = b" " * 900  # as bodies of the real protocol are


def value():
    return os.urandom(SIZE)


def bodies(secret):
    """All ways in which it may be written, one body each."""
    for pattern in memscan.encodings(secret).values():
        yield b'{"kaf":"' + pattern + b'"}' + PADDING


def exchange(client, path, body, hold=False):
    """The answer to a POST; its stream if it is not to be waited for."""
    stream = client.request("POST", path, [("content-type", "application/json")], end=False)
    client.h2.send_data(stream, body, end_stream=True)
    client.flush()
    return stream if hold else client.answer(stream)


def places(processes, secret):
    return memscan.scan([p.process.pid for p in processes], {"value": secret})["value"]


def left(processes, secret):
    # not longer: a connection that is idle is closed, and takes what it had with it
    return memscan.left([p.process.pid for p in processes], {"value": secret}, seconds=5)


def next_turn(client, path="/hello"):
    """The last answer was sent; after one more the server has also dropped what it held for it, and
    with /via/hello the one behind it too."""
    assert client.answer((client.request(path=path), client.flush())[0])[0] == 200


def nothing_is_left(path, *servers, tls=None):
    secret = value()
    client = RawClient(servers[0].address, tls=tls)
    for body in bodies(secret):
        assert exchange(client, path, body) == (200, body)
    # the connection is in use: its next frames have passed, but none as long as the value was
    next_turn(client, "/via/hello" if path.startswith("/via/") else "/hello")
    found = left(servers, secret)
    client.close()
    assert not found, found


class Held:
    """A request that @holder holds, asked from @server, and its value."""

    def __init__(self, server, path, holder, tls=None):
        self.value = value()
        self.body = b"held " + self.value.hex().encode()
        self.client = RawClient(server.address, tls=tls)
        self.stream = exchange(self.client, path, self.body, hold=True)
        holder.wait_held()

    def release(self, server, tls=None):
        other = RawClient(server.address, tls=tls)
        assert other.answer((other.request(path="/release"), other.flush())[0])[0] == 200
        assert self.client.answer(self.stream)[0] == 200
        other.close()
        next_turn(self.client)


def the_server_keeps_nothing_in_clear_text():
    with Peer() as server:
        nothing_is_left("/echo", server)


def the_server_keeps_nothing_over_tls():
    with Peer(*TLS) as server:
        nothing_is_left("/echo", server, tls=client_tls(ca))


def nothing_of_http_1_is_left(server, client):
    """Neither of bodies nor of the Authorization field, while the connection stays open."""
    secret = value()
    for body in bodies(secret):
        client.request("POST", "/echo", body, {"Authorization": "Digest x=" + secret.hex()})
        assert client.getresponse().read() == body
    client.request("GET", "/hello")
    assert client.getresponse().read() == b"hello\n"
    found = left([server], secret)
    client.close()
    assert not found, found


def the_server_keeps_nothing_of_http_1_in_clear_text():
    with Peer("--versions=1") as server:
        nothing_of_http_1_is_left(server, http.client.HTTPConnection(*server.address, timeout=peers.WAIT_S))


def the_server_keeps_nothing_of_http_1_over_tls():
    tls = ssl.create_default_context(cafile=ca)
    with Peer("--versions=1", *TLS) as server:
        nothing_of_http_1_is_left(
            server,
            http.client.HTTPSConnection("localhost", server.address[1], timeout=peers.WAIT_S, context=tls))


def the_client_keeps_nothing_in_clear_text():
    with Peer() as anchor, Peer(f"--upstream=http://127.0.0.1:{anchor.address[1]}") as server:
        nothing_is_left("/via/echo", server, anchor)


def the_client_keeps_nothing_over_tls():
    with Peer(*TLS) as anchor:
        with Peer(*TLS, f"--upstream=https://localhost:{anchor.address[1]}",
                  f"--upstream-ca={ca}") as server:
            nothing_is_left("/via/echo", server, anchor, tls=client_tls(ca))


def a_large_body_leaves_nothing():
    secret = value()
    body = secret * 500  # over several frames and reads, slowly taken
    with Peer("--body-bytes=20000") as anchor:
        with Peer("--body-bytes=20000",
                  f"--upstream=http://127.0.0.1:{anchor.address[1]}") as server:
            client = RawClient(server.address)
            assert exchange(client, "/via/echo", body) == (200, body)
            next_turn(client, "/via/hello")
            found = left([server, anchor], secret)
            client.close()
            assert not found, found


def a_refused_body_leaves_nothing():
    secret = value()
    with Peer("--body-bytes=1000") as server:
        client = RawClient(server.address)
        assert exchange(client, "/echo", secret * 100)[0] == 413
        next_turn(client)
        assert not left([server], secret)
        client.close()


def a_reset_request_leaves_nothing():
    with Peer() as server:
        held = Held(server, "/hold", server)
        held.client.h2.reset_stream(held.stream)
        next_turn(held.client)
        found = left([server], held.value)
        held.client.close()
        assert not found, found


def a_broken_connection_leaves_nothing():
    with Peer() as server:
        held = Held(server, "/hold", server)
        held.client.close()
        assert not left([server], held.value)


def an_answer_that_is_not_taken_stays_and_then_goes():
    secret = value()
    with Peer(f"--body-bytes={1 << 22}", "--idle-ms=2000") as server:
        client = RawClient(server.address)
        client.h2.increment_flow_control_window(1 << 24)
        stream = client.request("POST", "/echo", end=False)
        client.h2.increment_flow_control_window(1 << 24, stream)
        body, sent = secret * 8192, 0
        while sent < len(body):
            n = min(16384, client.h2.local_flow_control_window(stream), len(body) - sent)
            if n == 0:
                client.events += client.h2.receive_data(client.socket.recv(65536))
                continue
            client.h2.send_data(stream, body[sent:sent + n], end_stream=sent + n == len(body))
            client.flush()
            sent += n
        assert client.answer(stream) == (200, body)
        assert not left([server], secret)
        client.close()


def control_a_held_request_is_found():
    with Peer() as server:
        held = Held(server, "/hold", server)
        found = places([server], held.value)
        assert ("hex" in [encoding for _, encoding, _ in found]), found
        held.release(server)
        assert not left([server], held.value)
        held.client.close()


def control_a_call_under_way_is_found():
    with Peer() as anchor, Peer(f"--upstream=http://127.0.0.1:{anchor.address[1]}") as server:
        held = Held(server, "/via/hold", anchor)
        found = places([server, anchor], held.value)
        assert {pid for pid, _, _ in found} == {server.process.pid, anchor.process.pid}, found
        held.release(anchor)
        assert not left([server, anchor], held.value)
        held.client.close()


def planted(where, bare):
    with Peer() as server:
        client = RawClient(server.address)
        secret = value()
        for encoding, pattern in memscan.encodings(secret).items():
            if not bare:
                pattern += b"=" if "base64" in encoding else b""
            assert exchange(client, f"/plant/{where}", pattern)[0] == 200
            next_turn(client)
            found = places([server], secret)
            assert [e for _, e, _ in found] == [encoding], (encoding, found)
            assert exchange(client, "/forget", b"-")[0] == 200
            next_turn(client)
            assert not left([server], secret), encoding
        client.close()


def control_a_value_in_the_ordinary_heap_is_found():
    planted("heap", bare=True)
    planted("heap", bare=False)


def control_a_value_in_the_secure_heap_is_found():
    planted("secure", bare=True)


def control_the_processes_go_on_after_a_search():
    with Peer() as server:
        places([server], value())
        client = RawClient(server.address)
        assert client.answer((client.request(), client.flush())[0]) == (200, b"hello\n")
        client.close()


helpers = {"value", "bodies", "exchange", "places", "left", "next_turn", "nothing_is_left",
           "nothing_of_http_1_is_left", "Held", "planted"}
tests = [f for name, f in list(globals().items())
         if getattr(f, "__module__", "") == "__main__" and name not in helpers]

why_not = memscan.need_access()
if why_not:
    print(f"1..0 # SKIP {why_not}")
else:
    certificates = peers.Certificates()
    ca = certificates.ca
    pair = certificates.make("server")
    TLS = (f"--certificate={pair[0]}", f"--key={pair[1]}")
    with certificates:
        peers.run(tests)
