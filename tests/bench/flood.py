# SPDX-License-Identifier: LGPL-2.1-or-later
"""flood: what strangers may do to a key server, each kind in a thread and from an address of its own.

    with flood.Flood(stack, stolen=KID) as attack:
        ...                                   # others are served meanwhile
    attack.seen["rapid_reset"]                # outcome -> how often

The server must be a fleet.Stack. An outcome is a status, "alert", "closed" or "held". What is held
stands until the server closes it: that is what its limits are for.
"""
import collections
import json
import os
import select
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

# connections that a kind leaves standing, and again once the server has closed all of them
HELD = {"half_open": 100, "slow_reader": 40, "slow_writer": 40, "silent": 40}
CROWD = 400  # connections at most
CROWD_PAUSE_S = 3
STREAMS = 4  # that the server takes at a time
ASKED = 1000  # answers to half of these fill the buffers of a connection with small ones
DEAF = 4  # connections
REFUSED = 40  # so often, and a crowd has seen that there is no room
REQUESTS = 5  # on one connection
TIMEOUT_S = 60


def frame(kind, flags, stream, payload):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b"")
FIELD_4000 = b"\0\1a\x7f\xa1\x1e" + b"b" * 4000  # 127 + 0x21 + 0x1e * 128 bytes
GET = b"\x82\x87\x84\x41\x01a"  # HPACK: GET https / of "a"


class Held:
    """The connections of one kind that stand, each with a number that is the kind's to use."""

    def __init__(self, size):
        self.size, self.begun, self.all = size, 0, {}

    def begin(self):
        """Is it time for one more?"""
        if self.begun >= self.size and not self.all:
            self.begun = 0
        self.begun += 1
        return self.begun <= self.size

    def add(self, sock):
        sock.settimeout(0)
        self.all[sock] = 0

    def drop(self, sock):
        del self.all[sock]
        sock.close()

    def drop_closed(self):
        """How many the server has closed."""
        polled = select.poll()
        for sock in self.all:
            polled.register(sock, select.POLLIN)
        by_fd = {sock.fileno(): sock for sock in self.all}
        return sum(self.is_over(by_fd[fd]) for fd, _ in polled.poll(0))

    def is_over(self, sock):
        try:
            while sock.recv(65536):
                pass
        except (BlockingIOError, ssl.SSLWantReadError):
            return False
        except OSError:
            pass
        self.drop(sock)
        return True


def new_kid():
    return "0.%s@5gc.mnc001.mcc001.3gppnetwork.org" % reference.b64(os.urandom(32))


class Flood:
    """@stolen: the kid of a terminal that enrols meanwhile. @pause_s: after each attempt. @deaf_s: so
    long nothing is read; the server's limit of idle connections, and more."""

    def __init__(self, stack, stolen, pause_s=0.01, deaf_s=12):
        self.stack, self.stolen, self.pause_s, self.deaf_s = stack, stolen, pause_s, deaf_s
        self.context = ssl.create_default_context(cafile=stack.path("ca.pem"))
        self.context.set_alpn_protocols(["h2"])
        self.seen = collections.defaultdict(collections.Counter)
        self.over = threading.Event()
        kinds = (self.unknown_kids, self.stolen_kid, self.unknown_psk, self.stolen_psk,
                 self.slow_reader, self.slow_writer, self.half_open, self.silent, self.deaf,
                 self.crowd, self.rapid_reset, self.continuation, self.large_headers)
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
        held = Held(HELD.get(kind.__name__, 0))
        try:
            while not self.over.wait(self.pause_s):
                try:
                    for outcome in kind(source, held):
                        self.seen[kind.__name__][outcome] += 1
                except (OSError, reference_h2.ConnectionLost):
                    self.seen[kind.__name__]["closed"] += 1
                n = held.drop_closed()
                if n > 0:
                    self.seen[kind.__name__]["closed"] += n
        except Exception as error:
            self.failures.append(error)
        for sock in held.all:
            sock.close()

    def connect(self, source, profile="message", small=False):
        """@small: the server's side soon has no room for what is not read."""
        sock = socket.socket()
        try:
            sock.settimeout(TIMEOUT_S)
            if small:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
            sock.bind((source, 0))
            sock.connect(self.stack.address(profile))
        except OSError:
            sock.close()
            raise
        return sock

    def tls(self, source, **more):
        sock = self.connect(source, **more)
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
        if held.begin():
            sock = self.connect(source)
            sock.sendall(b"\x16\x03\x01")
            held.add(sock)
            yield "held"

    # -- slow ones --------------------------------------------------------------------------------

    def slow_reader(self, source, held):
        """A window of nothing: the answer cannot leave."""
        if not held.begin():
            return
        sock = self.tls(source)
        channel = reference_h2.Channel(sock, client_side=True)
        channel.h2.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 0})
        channel.send(1, [(":method", "POST"), (":scheme", "https"), (":authority", harness.FQDN),
                         (":path", "/v1/sessions"), ("content-type", "application/json")],
                     json.dumps({"anchor": "akma", "kid": new_kid(),
                                 "nonce": reference.b64(os.urandom(32))}).encode())
        held.add(sock)
        yield "held"

    def slow_writer(self, source, held):
        """One byte of the preface after the other, on all of them; but never the last one."""
        if held.begin():
            held.add(self.tls(source))
            yield "held"
        for sock, sent in list(held.all.items()):
            try:
                sock.sendall(PREFACE[:-1][sent:sent + 1])
                held.all[sock] = sent + 1
            except OSError:
                held.drop(sock)
                yield "closed"

    def silent(self, source, held):
        """All is well, and then nothing comes."""
        if held.begin():
            sock = self.tls(source)
            sock.sendall(PREFACE)
            held.add(sock)
            yield "held"

    def deaf(self, source, _):
        """It asks until all is full of answers and takes none; and then looks what is left of it."""
        held = []
        try:
            for _ in range(DEAF):
                held.append(self.tls(source, small=True))
                held[-1].sendall(PREFACE)
            for n in range(0, ASKED, STREAMS):
                for sock in held:
                    sock.sendall(b"".join(frame(1, 5, 2 * i + 1, GET) for i in range(n, n + STREAMS)))
                if self.over.wait(0.01):
                    return
            if self.over.wait(self.deaf_s):
                return
            for sock in held:
                yield self.read_to_end(sock)
        finally:
            for sock in held:
                sock.close()

    def crowd(self, _, held):
        """From many addresses as many as there is room for; then they go, and others come in again."""
        refused = 0
        while refused < REFUSED and len(held.all) < CROWD and not self.over.is_set():
            try:
                held.add(self.tls("127.0.1.%d" % (1 + (refused + len(held.all)) % 250)))
            except OSError:
                refused += 1
        yield "no room" if refused == REFUSED else "room for all"
        for sock in list(held.all):
            held.drop(sock)
        self.over.wait(CROWD_PAUSE_S)

    @staticmethod
    def read_to_end(sock):
        try:
            while sock.recv(65536):
                pass
        except socket.timeout:
            return "not closed"
        except OSError:
            pass
        return "closed"

    # -- frames -----------------------------------------------------------------------------------

    def push(self, source, data):
        """All that the server takes of @data; then it must close."""
        with self.tls(source) as sock:
            try:
                sock.sendall(PREFACE + data)
            except socket.timeout:
                yield "not closed"
                return
            except OSError:
                pass
            yield self.read_to_end(sock)

    def rapid_reset(self, source, _):
        data = b"".join(frame(1, 5, n, GET) + frame(3, 0, n, b"\0\0\0\x08")
                        for n in range(1, 1001, 2))
        yield from self.push(source, data)

    def continuation(self, source, _):
        yield from self.push(source, frame(1, 1, 1, GET) + frame(9, 0, 1, b"\0\1a\1b") * 5000)

    def large_headers(self, source, _):
        yield from self.push(source, b"".join(
            frame(1, 5, n, GET + FIELD_4000 * 4) for n in range(1, 201, 2)))
