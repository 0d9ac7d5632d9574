# SPDX-License-Identifier: LGPL-2.1-or-later
"""psk_client: TLS 1.3 with an external PSK, without a line of ours: `openssl s_client` with
HTTP/2 by python3-h2 through it, and ClientHellos made by hand (RFC 8446) for all that OpenSSL does
not send.

    with psk_client.PskServer() as s, psk_client.Stock(s, identity, key) as c:
        c.get("/v1/keys/mqtt")                             # an Answer: .status .headers .body
    psk_client.offer(s, [(identity, key), ...])            # "hello 0" (which was taken), "alert 47"
"""
import hashlib
import hmac
import os
import socket
import ssl
import struct
import subprocess
import tempfile

import bsf
import reference
import reference_h2
from harness import FQDN
from keyserver import KID, RATES, SUPI, Server

UA = bytes.fromhex("0100000007")
DOMAIN = "bsf.mnc001.mcc001.pub.3gppnetwork.org"
B_TID = "I1U8vpY3qJ0hiuZNrke/NQ==@" + DOMAIN
RAND = bytes.fromhex("23553cbe9637a89d218ae64dae47bf35")
KS = bytes.fromhex("b40ba9a3c58b2a05bbf0d987b21bf8cbf769bcd751044604127672711c6d3441")
IMPI = SUPI.removeprefix("imsi-") + "@ims.mnc001.mcc001.3gppnetwork.org"
KS_NAF = reference.ks_naf(KS, RAND, IMPI, FQDN, UA)
K_AF = os.urandom(32)

HANDSHAKE_FAILURE, PROTOCOL_VERSION, INTERNAL_ERROR = 40, 70, 80
# decrypt_error, as RFC 8446 4.2.11 has it; OpenSSL 3.0: illegal_parameter
WRONG_KEY = 51 if ssl.OPENSSL_VERSION_INFO >= (3, 5) else 47


class PskServer(Server):
    """With both anchors; K_AF is another one than that of the message profile."""

    def __init__(self, rates=RATES, timeout="50s", **config):
        self.bsf = bsf.Bsf()
        self.bsf.start()
        self.bsf.bootstrap(B_TID, KS, RAND, IMPI)
        # what comes first belongs to [anchor operator]
        super().__init__(extra="timeout=%s\n%s[psk]\nlisten=127.0.0.1:0\n"
                         "[anchor bsf]\ntype=gba\noperator=00101\nurl=%s\n" % (
                             timeout, rates, self.bsf.url), **config)
        self.operator.answer = self.answer

    def __exit__(self, kind, value, trace):
        super().__exit__(kind, value, trace)
        self.bsf.stop()
        assert kind or not self.bsf.faults, self.bsf.faults

    def answer(self, request):
        if request["body"]["afId"] != FQDN + UA.hex() or request["body"]["aKId"] != KID:
            return self.operator.usual(request)
        return 200, {"kaf": K_AF.hex(), "expiry": self.operator.expiry, "supi": SUPI}

    def log(self):
        return self.process.read_log()


def address(server):
    host, port = server.stack.ready["akma-keyserver"]["psk"].rsplit(":", 1)
    return host, int(port)


AKMA = "3GPP-AKMA;" + KID
GBA = "3GPP-bootstrapping;" + B_TID


class Answer:
    def __init__(self, message):
        self.status, self.headers, self.body = message.status, message.headers, message.body


class Refused(Exception):
    """The handshake, with the number of the alert (0: none was seen)."""

    def __init__(self, log):
        words = log.replace(":", " ").split()
        self.alert = next((int(words[i + 3]) for i in range(len(words) - 3)
                           if words[i:i + 3] == ["SSL", "alert", "number"]), 0)
        super().__init__("alert %d\n%s" % (self.alert, log))


class Stock:
    """openssl s_client. @key None: without a PSK."""

    def __init__(self, server, identity=None, key=None, *options, where=None):
        self.argv = ["openssl", "s_client", "-quiet", "-connect", "%s:%d" % (where or address(server)),
                     "-servername", FQDN, "-alpn", "h2"]
        if key is not None:
            self.argv += ["-psk_identity", identity, "-psk", key.hex()]
        self.argv += options or ("-tls1_3",)

    def __enter__(self):
        ours, theirs = socket.socketpair()
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(self.argv, stdin=theirs, stdout=theirs, stderr=self.log)
        theirs.close()
        ours.settimeout(60)
        self.channel = None
        try:
            self.channel = reference_h2.Channel(ours, client_side=True)
            # SETTINGS of the server: the handshake is over
            self.channel.pump()
            if self.channel.closed:
                raise reference_h2.ConnectionLost("closed")
        except reference_h2.ConnectionLost as lost:
            ours.close()
            self.process.wait(20)
            raise Refused(self.read_log()) from lost
        self.socket = ours
        return self

    def read_log(self):
        self.log.seek(0)
        return self.log.read()

    def __exit__(self, *_):
        self.socket.close()
        self.process.terminate()
        self.process.wait(20)
        self.log.close()

    def begin(self, path="/v1/keys/mqtt", method="GET", host=FQDN, body=b"", fields=()):
        stream = self.channel.h2.get_next_available_stream_id()
        self.channel.send(stream, [(":method", method), (":scheme", "https"), (":authority", host),
                                   (":path", path), *fields], body)
        return stream

    def finish(self, stream):
        messages = self.channel.messages
        while stream not in messages or not messages[stream].complete:
            if self.channel.closed:
                raise reference_h2.ConnectionLost("the server closed")
            self.channel.pump()
        message = messages.pop(stream)
        if message.reset:
            raise reference_h2.ConnectionLost("the server reset the stream")
        return Answer(message)

    def get(self, path="/v1/keys/mqtt", **more):
        return self.finish(self.begin(path, **more))

    def is_closed(self):
        """Waits until the server has closed."""
        try:
            while not self.channel.closed or self.channel.sock.recv(4096):
                self.channel.pump()
        except (reference_h2.ConnectionLost, OSError):
            pass
        return True


def refused(server, *arguments, **more):
    """The number of the alert."""
    try:
        with Stock(server, *arguments, **more):
            raise AssertionError("not refused")
    except Refused as refusal:
        return refusal.alert


# --- a ClientHello by hand ------------------------------------------------------------------------

def vector(size, data):
    return len(data).to_bytes(size, "big") + data


def extract(salt, key):
    return hmac.new(salt, key, hashlib.sha256).digest()


def expand_label(secret, label, context, length):
    info = struct.pack(">H", length) + vector(1, b"tls13 " + label) + vector(1, context)
    return hmac.new(secret, info + b"\x01", hashlib.sha256).digest()[:length]


def early_secret(psk):
    """RFC 8446 7.1: who has it can make binders, as with the PSK itself."""
    return extract(bytes(32), psk)


def binder(psk, transcript):
    """RFC 8446 4.2.11.2, for an external PSK and SHA-256."""
    key = expand_label(early_secret(psk), b"ext binder", hashlib.sha256(b"").digest(), 32)
    finished = expand_label(key, b"finished", b"", 32)
    return hmac.new(finished, hashlib.sha256(transcript).digest(), hashlib.sha256).digest()


def extension(kind, data):
    return struct.pack(">H", kind) + vector(2, data)


def records(message):
    parts = [message[i:i + 16384] for i in range(0, len(message), 16384)]
    return b"".join(b"\x16\x03\x01" + vector(2, part) for part in parts)


def client_hello(offers, modes=b"\x01", versions=b"\x03\x04", suites=b"\x13\x01", share=b"\x00\x1d",
                 before=b""):
    """A ClientHello; @offers: [(identity, psk)], the binders are right. @share: the group that it
    has a share of; @before: the transcript of a HelloRetryRequest."""
    point = os.urandom(32) if share == b"\x00\x1d" else b"\x04" + os.urandom(96)
    extensions = (extension(0, vector(2, b"\x00" + vector(2, FQDN.encode()))) +
                  extension(43, vector(1, versions)) +
                  extension(10, vector(2, b"\x00\x18\x00\x1d")) +
                  extension(13, vector(2, b"\x04\x03")) +
                  extension(51, vector(2, share + vector(2, point))) +
                  extension(16, vector(2, vector(1, b"h2"))) + extension(45, vector(1, modes)))
    names = [o[0] if isinstance(o[0], bytes) else o[0].encode() for o in offers]
    identities = vector(2, b"".join(vector(2, name) + bytes(4) for name in names))
    binders_len = 2 + 33 * len(offers)
    psk = identities + bytes(binders_len) if offers else b""
    if offers:
        extensions += extension(41, psk)
    body = (b"\x03\x03" + bytes(32) + vector(1, bytes(32)) + vector(2, suites) + b"\x01\x00" +
            vector(2, extensions))
    message = b"\x01" + vector(3, body)
    if offers:
        transcript = message[:-binders_len]
        message = transcript + vector(2, b"".join(vector(1, binder(key, before + transcript))
                                                  for _, key in offers))
    return message


def connect(server):
    return socket.create_connection(address(server), 60)


def read_answer(sock):
    """"hello N": ServerHello that took the PSK N (None: none), "alert N", "closed", or the bytes of a
    HelloRetryRequest."""
    data = b""
    while len(data) < 5 or len(data) < 5 + int.from_bytes(data[3:5], "big"):
        try:
            more = sock.recv(65536)
        except ConnectionResetError:
            more = b""
        if not more:
            return "closed"
        data += more
    record = data[5:5 + int.from_bytes(data[3:5], "big")]
    if data[0] == 21:
        return "alert %d" % record[1]
    assert data[0] == 22 and record[0] == 2, data[:6].hex()
    if record[6:38] == hashlib.sha256(b"HelloRetryRequest").digest():
        return record
    rest = record[38 + 1 + record[38] + 3 + 2:]
    while rest:
        kind, length = struct.unpack(">HH", rest[:4])
        if kind == 41:
            return "hello %d" % int.from_bytes(rest[4:6], "big")
        rest = rest[4 + length:]
    return "hello None"


def send(server, data):
    with connect(server) as sock:
        sock.sendall(data)
        return read_answer(sock)


def offer(server, offers, **more):
    return send(server, records(client_hello(offers, **more)))


def offer_twice(server, first, second):
    """Both ClientHellos of a handshake with a HelloRetryRequest between them."""
    with connect(server) as sock:
        hello = client_hello(first, share=b"\x00\x18")
        sock.sendall(records(hello))
        retry = read_answer(sock)
        if isinstance(retry, str):
            return retry
        before = b"\xfe" + vector(3, hashlib.sha256(hello).digest()) + retry
        sock.sendall(records(client_hello(second, before=before)))
        return read_answer(sock)
