#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""QMI for tests, written from the message tables: QMUX frames over a pty or an abstract socket.

Shares no code with the program under test, and none with libqmi.
"""
import os
import select
import socket
import struct
import time
import tty

import modemsim

CTL, WDS, DMS, NAS, UIM = 0x00, 0x01, 0x02, 0x03, 0x0B
RESULT = 0x02

OK, MALFORMED, INTERNAL, EXHAUSTED, BAD_CLIENT = 0, 1, 3, 5, 7
BAD_PIN_ID, WRONG_PIN, NOT_PROVISIONED, MISSING, TOO_LONG = 11, 12, 16, 17, 19
NO_EFFECT, BAD_SERVICE, PIN_BLOCKED, ALWAYS_BLOCKED, NO_CARD = 26, 31, 35, 36, 37
BAD_ARGUMENT, NOT_READY, NO_RESOURCES, BAD_COMMAND = 48, 52, 68, 71
NO_FILE, DENIED, NOT_SUPPORTED, BAD_SESSION = 80, 82, 94, 100


def tlv(kind, value=b""):
    return struct.pack("<BH", kind, len(value)) + value


def frame(service, client, transaction, message, *tlvs, flags=0):
    """One request in QMUX."""
    body = b"".join(tlvs)
    if service == CTL:
        head = struct.pack("<BBHH", flags, transaction, message, len(body))
    else:
        head = struct.pack("<BHHH", flags, transaction, message, len(body))
    return struct.pack("<BHBBB", 1, 5 + len(head) + len(body), 0, service, client) + head + body


class Message:
    """A frame of the modem taken apart; broken ones raise ValueError."""

    def __init__(self, data):
        marker, length, sender, self.service, self.client = struct.unpack_from("<BHBBB", data)
        if marker != 1 or length != len(data) - 1 or sender != 0x80:
            raise ValueError(f"broken frame {data.hex()}")
        if self.service == CTL:
            flags, self.transaction, self.id, length = struct.unpack_from("<BBHH", data, 6)
            self.kind = {1: "response", 2: "indication"}[flags]
            body = data[12:]
        else:
            flags, self.transaction, self.id, length = struct.unpack_from("<BHHH", data, 6)
            self.kind = {2: "response", 4: "indication"}[flags]
            body = data[13:]
        if length != len(body):
            raise ValueError(f"broken message {data.hex()}")
        self.tlvs = {}
        while body:
            if len(body) < 3 or len(body) < 3 + struct.unpack_from("<H", body, 1)[0]:
                raise ValueError(f"broken TLV {data.hex()}")
            length = struct.unpack_from("<H", body, 1)[0]
            self.tlvs[body[0]] = body[3:3 + length]
            body = body[3 + length:]

    @property
    def error(self):
        """0 or the QMI error code."""
        failed, code = struct.unpack("<HH", self.tlvs[RESULT])
        assert failed == (1 if code else 0), (failed, code)
        return code


class Link:
    """A client at a pty, or with @name at an abstract socket."""

    def __init__(self, path=None, name=None):
        self.transaction = 0
        self.buffer = b""
        if name is None:
            self.socket = None
            limit = time.monotonic() + 60
            while not os.path.exists(path) and time.monotonic() < limit:
                time.sleep(0.01)  # a port that has hung up comes back
            self.fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
            tty.setraw(self.fd)
        else:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.connect("\0" + name)
            self.fd = self.socket.fileno()

    def close(self):
        if self.socket:
            self.socket.close()
        else:
            os.close(self.fd)

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.close()

    def write(self, data):
        while data:
            select.select([], [self.fd], [], 60)
            data = data[os.write(self.fd, data[:1024]):]

    def read_raw(self, timeout=60.0):
        """The bytes of the next frame; None if none comes."""
        limit = time.monotonic() + timeout
        while True:
            if len(self.buffer) >= 3:
                total = struct.unpack_from("<H", self.buffer, 1)[0] + 1
                if len(self.buffer) >= total:
                    data, self.buffer = self.buffer[:total], self.buffer[total:]
                    return data
            left = limit - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                return None
            try:
                chunk = os.read(self.fd, 65536)
            except OSError:
                chunk = b""
            if not chunk:
                raise EOFError
            self.buffer += chunk

    def read(self, timeout=60.0):
        data = self.read_raw(timeout)
        return Message(data) if data else None

    def next_transaction(self, service):
        self.transaction = self.transaction % (0xFF if service == CTL else 0xFFFF) + 1
        return self.transaction

    def send(self, service, client, message, *tlvs):
        transaction = self.next_transaction(service)
        self.write(frame(service, client, transaction, message, *tlvs))
        return transaction

    def ask(self, service, client, message, *tlvs, timeout=60.0):
        """The answer; indications that come before it are dropped."""
        transaction = self.send(service, client, message, *tlvs)
        limit = time.monotonic() + timeout
        while True:
            answer = self.read(max(0.0, limit - time.monotonic()))
            if answer is None:
                raise TimeoutError(f"no answer to {message:04x}")
            if answer.kind == "response" and answer.transaction == transaction:
                assert (answer.service, answer.client, answer.id) == (service, client, message)
                return answer

    def allocate(self, service):
        answer = self.ask(CTL, 0, 0x0022, tlv(0x01, bytes([service])))
        assert answer.error == 0, answer.error
        given, client = answer.tlvs[0x01]
        assert given == service and client != 0
        return client

    def release(self, service, client):
        return self.ask(CTL, 0, 0x0023, tlv(0x01, bytes([service, client]))).error


class Uim:
    """A client of the UIM service."""

    def __init__(self, link):
        self.link = link
        self.client = link.allocate(UIM)

    def ask(self, message, *tlvs, timeout=60.0):
        return self.link.ask(UIM, self.client, message, *tlvs, timeout=timeout)

    def open(self, aid, fci=None):
        tlvs = [tlv(0x01, b"\x01"), tlv(0x10, bytes([len(aid)]) + aid)]
        if fci is not None:
            tlvs.append(tlv(0x11, bytes([fci])))
        return self.ask(0x0042, *tlvs)

    def close(self, channel):
        return self.ask(0x003F, tlv(0x01, b"\x01"), tlv(0x11, bytes([channel])))

    def apdu(self, text, channel=None, skip=None):
        """The answer to Send APDU; see response()."""
        data = bytes.fromhex(text.replace(" ", ""))
        tlvs = [tlv(0x01, b"\x01"), tlv(0x02, struct.pack("<H", len(data)) + data)]
        if channel is not None:
            tlvs.append(tlv(0x10, bytes([channel])))
        if skip is not None:
            tlvs.append(tlv(0x11, bytes([skip])))
        return self.ask(0x003B, *tlvs)

    @staticmethod
    def response(answer):
        """(data, status word) of an answer to Send APDU."""
        assert answer.error == 0, answer.error
        value = answer.tlvs[0x10]
        assert struct.unpack_from("<H", value)[0] == len(value) - 2
        return value[2:-2].hex(), value[-2:].hex()

    @staticmethod
    def session(kind=0, aid=b""):
        return tlv(0x01, bytes([kind, len(aid)]) + aid)

    @staticmethod
    def file(path):
        """TLV 02: the last file id, then the others; the lower byte first in each."""
        steps = [int(path[i:i + 4], 16) for i in range(0, len(path), 4)]
        steps, last = steps[:-1], steps[-1]
        return tlv(0x02, struct.pack("<HB", last, 2 * len(steps))
                   + b"".join(struct.pack("<H", step) for step in steps))

    def read_transparent(self, path, offset=0, length=0, kind=0, aid=b"", timeout=60.0):
        return self.ask(0x0020, self.session(kind, aid), self.file(path),
                        tlv(0x03, struct.pack("<HH", offset, length)), timeout=timeout)

    @staticmethod
    def content(answer, kind=0x11):
        value = answer.tlvs[kind]
        assert struct.unpack_from("<H", value)[0] == len(value) - 2
        return value[2:]

    def register(self, mask):
        answer = self.ask(0x002E, tlv(0x01, struct.pack("<I", mask)))
        assert answer.error == 0
        return struct.unpack("<I", answer.tlvs[0x10])[0]


def read_file(uim, channel, path, length):
    """(data, status word) of the start of a file, read through Send APDU."""
    _, sw = uim.response(uim.apdu(f"00A4080C{len(path) // 2:02X}{path}", channel))
    assert sw == "9000", (path, sw)
    return uim.response(uim.apdu(f"00B00000{length:02X}", channel))


class Sim(modemsim.Sim):
    """A simulator with QMI on a pty and on a socket."""

    def __init__(self, text=None, *options):
        self.name = f"akmad-test-{os.getpid()}-{time.monotonic_ns()}"
        super().__init__("--qmi-socket", self.name, *options, text=text, faces=("qmi",))
        self.qmi = self.path("qmi")

    def wait_for(self, name, value):
        self.wait_until(lambda: self.ok("status")[name] == value, f"{name}={value}")

    def link(self):
        return Link(self.qmi)

    def connect(self):
        """A client of the socket, which has said which device it means."""
        link = Link(name=self.name)
        assert link.ask(CTL, 0, 0xFF00, tlv(0x01, b"/dev/cdc-wdm0")).error == OK
        return link
