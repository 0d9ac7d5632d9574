# SPDX-License-Identifier: LGPL-2.1-or-later
"""flood: what strangers may do to a key server, each kind in a thread and from an address of its own.

    with flood.Flood(stack, stolen=KID) as attack:
        ...                                   # others are served meanwhile
    attack.seen["rapid_reset"]                # outcome -> how often

The server must be a fleet.Stack. An outcome is a status, "alert", "closed" or "held".
"""
import collections
import json
import os
import socket
import ssl
import struct
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../e2e"))
import h2.exceptions  # noqa: E402
import h2.settings  # noqa: E402

import harness  # noqa: E402
import psk_client  # noqa: E402
import reference  # noqa: E402
import reference_h2  # noqa: E402

HELD = 100  # connections that one kind leaves standing
REQUESTS = 5  # on one connection
TIMEOUT_S = 60


def frame(kind, flags, stream, payload):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b"")
FIELD_4000 = b"\0\1a\x7f\xa1\x1e" + b"b" * 4000  # 127 + 0x21 + 0x1e * 128 bytes
GET = b"\x82\x87\x84\x41\x01a"  # HPACK: GET https / of "a"


def new_kid():
    return "0.%s@5gc.mnc001.mcc001.3gppnetwork.org" % reference.b64(os.urandom(32))


class Flood:
    """@stolen: the kid of a terminal that enrols meanwhile. @pause_s: after each attempt."""

    def __init__(self, stack, stolen, pause_s=0.01):
        self.stack, self.stolen, self.pause_s = stack, stolen, pause_s
        self.context = ssl.create_default_context(cafile=stack.path("ca.pem"))
        self.context.set_alpn_protocols(["h2"])
        self.seen = collections.defaultdict(collections.Counter)
        self.over = threading.Event()
        kinds = (self.unknown_kids, self.stolen_kid, self.unknown_psk, self.stolen_psk,
                 self.slow_reader, self.slow_writer, self.half_open, self.rapid_reset,
                 self.continuation, self.large_headers)
        self.threads = [threading.Thread(target=self.run, args=(kind, "127.0.0.%d" % (i + 2)))
                        for i, kind in enumerate(kinds)]
        self.kinds = [kind.__name__ for kind in kinds]
        self.failures = []

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()
        if self.failures:
            raise self.failures[0]

    def tried(self, kind):
        return sum(self.seen[kind].values())

    def run(self, kind, source):
        held = collections.deque()
        try:
            while not self.over.wait(self.pause_s):
                try:
                    for outcome in kind(source, held):
                        self.seen[kind.__name__][outcome] += 1
                except (OSError, reference_h2.ConnectionLost):
                    self.seen[kind.__name__]["closed"] += 1
                while len(held) > HELD:
                    held.popleft().close()
        except Exception as error:
            self.failures.append(error)
        for sock in held:
            sock.close()

    def connect(self, source, profile="message"):
        return socket.create_connection(self.stack.address(profile), TIMEOUT_S, (source, 0))

    def tls(self, source):
        sock = self.connect(source)
        try:
            return self.context.wrap_socket(sock, server_hostname=harness.FQDN)
        except OSError:
            sock.close()
            raise

    # -- first requests ---------------------------------------------------------------------------

    def post(self, channel, path, body, content_type):
        stream = channel.h2.get_next_available_stream_id()
        channel.send(stream, [(":method", "POST"), (":scheme", "https"), (":authority", harness.FQDN),
                              (":path", path), ("content-type", content_type)], body)
        while stream not in channel.messages or not channel.messages[stream].complete:
            if channel.closed:
                raise reference_h2.ConnectionLost("closed")
            channel.pump()
        message = channel.messages.pop(stream)
        if message.reset:
            raise reference_h2.ConnectionLost("reset")
        return message

    def first(self, channel, kid):
        body = {"anchor": "akma", "kid": kid, "nonce": reference.b64(os.urandom(32))}
        return self.post(channel, "/v1/sessions", json.dumps(body).encode(), "application/json")

    def unknown_kids(self, source, _):
        with self.tls(source) as sock:
            channel = reference_h2.Channel(sock, client_side=True)
            for _ in range(REQUESTS):
                yield self.first(channel, new_kid()).status

    def stolen_kid(self, source, _):
        """Its first request is as good as the terminal's; the second one needs the key."""
        with self.tls(source) as sock:
            channel = reference_h2.Channel(sock, client_side=True)
            answer = self.first(channel, self.stolen)
            yield answer.status
            if answer.status != 201:
                return
            session = json.loads(answer.body)["session"]
            header = reference.header_of(session, "akd1+second-request")
            body = reference.seal_as_told(os.urandom(32), header, b'{"key_ids":["mqtt"]}', None, True)
            yield self.post(channel, "/v1/sessions/%s/keys" % session, body.encode(),
                            "application/jose").status

    # -- handshakes -------------------------------------------------------------------------------

    def shake(self, source, kid):
        hello = psk_client.client_hello([("3GPP-AKMA;" + kid, os.urandom(32))])
        with self.connect(source, "psk") as sock:
            sock.sendall(psk_client.records(hello))
            yield psk_client.read_answer(sock).split()[0]

    def unknown_psk(self, source, _):
        yield from self.shake(source, new_kid())

    def stolen_psk(self, source, _):
        yield from self.shake(source, self.stolen)

    def half_open(self, source, held):
        held.append(self.connect(source))
        held[-1].sendall(b"\x16\x03\x01")
        yield "held"

    # -- slow ones --------------------------------------------------------------------------------

    def slow_reader(self, source, held):
        """A window of nothing: the answer cannot leave."""
        sock = self.tls(source)
        held.append(sock)
        channel = reference_h2.Channel(sock, client_side=True)
        channel.h2.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 0})
        channel.send(1, [(":method", "POST"), (":scheme", "https"), (":authority", harness.FQDN),
                         (":path", "/v1/sessions"), ("content-type", "application/json")],
                     json.dumps({"anchor": "akma", "kid": new_kid(),
                                 "nonce": reference.b64(os.urandom(32))}).encode())
        yield "held"

    def slow_writer(self, source, held):
        """One byte of the preface after the other, on all of them."""
        held.append(self.tls(source))
        for sock in list(held):
            try:
                sock.sendall(PREFACE[:1])
            except OSError:
                held.remove(sock)
                sock.close()
                yield "closed"
        yield "held"

    # -- frames -----------------------------------------------------------------------------------

    def push(self, source, data):
        """All that the server takes of @data; then it must close."""
        with self.tls(source) as sock:
            try:
                sock.sendall(PREFACE + data)
                while sock.recv(65536):
                    pass
            except socket.timeout:
                yield "not closed"
                return
            except OSError:
                pass
            yield "closed"

    def rapid_reset(self, source, _):
        data = b"".join(frame(1, 5, n, GET) + frame(3, 0, n, b"\0\0\0\x08")
                        for n in range(1, 1001, 2))
        yield from self.push(source, data)

    def continuation(self, source, _):
        yield from self.push(source, frame(1, 1, 1, GET) + frame(9, 0, 1, b"\0\1a\1b") * 5000)

    def large_headers(self, source, _):
        yield from self.push(source, b"".join(
            frame(1, 5, n, GET + FIELD_4000 * 4) for n in range(1, 201, 2)))
