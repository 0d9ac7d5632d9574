# SPDX-License-Identifier: LGPL-2.1-or-later
"""mbim_host: an MBIM host in Python, of USB-IF MBIM 1.0 alone: bytes out, bytes in.

Shares nothing with libmbim or with the simulator; a test sees each message as it is.
"""
import os
import select
import struct
import time
import uuid

BASIC = uuid.UUID("a289cc33-bcbb-8b4f-b6b0-133ec2aae6df").bytes
AUTH = uuid.UUID("1d2b5ff7-0aa1-48b2-aa52-50f15767174e").bytes
UICC = uuid.UUID("c2f6588e-f037-4bc9-8665-f4d44bd09367").bytes

OPEN, CLOSE, COMMAND, HOST_ERROR = 1, 2, 3, 4
OPEN_DONE, CLOSE_DONE, COMMAND_DONE = 0x80000001, 0x80000002, 0x80000003
FUNCTION_ERROR, INDICATE_STATUS = 0x80000004, 0x80000007
QUERY, SET = 0, 1


def words(*values):
    return struct.pack(f"<{len(values)}I", *values)


def word(data, offset):
    return struct.unpack_from("<I", data, offset)[0]


def message(kind, tid, body=b""):
    return words(kind, 12 + len(body), tid) + body


def command(tid, service, cid, kind, info=b"", transfer=4096):
    """The fragments of a command."""
    body = service + words(cid, kind, len(info)) + info
    room = transfer - 20
    parts = [body[i:i + room] for i in range(0, len(body), room)]
    return [message(COMMAND, tid, words(len(parts), i) + part) for i, part in enumerate(parts)]


def pair(data, offset, swapped=False):
    """What an offset and a size (or a size and an offset) at @offset point at."""
    first, second = word(data, offset), word(data, offset + 4)
    at, size = (second, first) if swapped else (first, second)
    assert at + size <= len(data), "a pair points out of the buffer"
    return data[at:at + size]


def text(data, offset):
    return pair(data, offset).decode("utf-16-le")


def pack(fixed, *items, swapped=False):
    """@fixed with a None for each of @items, which stand behind the numbers."""
    size = sum(8 if value is None else 4 for value in fixed)
    numbers, tail, items = [], b"", list(items)
    for value in fixed:
        if value is not None:
            numbers.append(value)
            continue
        item = items.pop(0)
        tail += bytes(-len(tail) % 4)
        where = [size + len(tail), len(item)] if item else [0, 0]
        numbers += reversed(where) if swapped else where
        tail += item
    return words(*numbers) + tail


class Message:
    """One message of the function, fragments put together."""

    def __init__(self, fragments):
        first = fragments[0]
        self.fragments = fragments
        self.kind, _, self.tid = struct.unpack_from("<III", first)
        if self.kind in (OPEN_DONE, CLOSE_DONE, FUNCTION_ERROR):
            assert len(first) == 16
            self.status = word(first, 12)
            return
        body = b"".join(f[20:] for f in fragments)
        self.service, self.cid = body[:16], word(body, 16)
        head = 28 if self.kind == COMMAND_DONE else 24
        self.status = word(body, 20) if self.kind == COMMAND_DONE else None
        self.info = body[head:]
        assert word(body, head - 4) == len(self.info), "wrong length of the information buffer"


class Host:
    def __init__(self, path, transfer=4096, open_now=True):
        self.fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        self.buffer = b""
        self.tid = 0
        self.transfer = transfer
        self.indications = []
        if open_now:
            answer = self.open()
            assert answer.status == 0, answer.status

    def close_port(self):
        os.close(self.fd)

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.close_port()

    def write(self, data):
        while data:
            select.select([], [self.fd], [], 60)
            data = data[os.write(self.fd, data[:512]):]

    def read_some(self, timeout):
        """False: nothing came."""
        if not select.select([self.fd], [], [], max(timeout, 0))[0]:
            return False
        try:
            chunk = os.read(self.fd, 4096)
        except OSError:
            chunk = b""
        if not chunk:
            raise EOFError
        self.buffer += chunk
        return True

    def read_frame(self, timeout):
        limit = time.monotonic() + timeout
        while len(self.buffer) < 12 or len(self.buffer) < word(self.buffer, 4):
            if not self.read_some(limit - time.monotonic()):
                raise TimeoutError(f"no message: {self.buffer.hex()}")
        size = word(self.buffer, 4)
        assert 12 <= size <= self.transfer, "a message of impossible length"
        frame, self.buffer = self.buffer[:size], self.buffer[size:]
        return frame

    def read(self, timeout=60):
        """The next message, whole."""
        frames = [self.read_frame(timeout)]
        kind, _, tid = struct.unpack_from("<III", frames[0])
        if kind in (COMMAND_DONE, INDICATE_STATUS):
            total, current = struct.unpack_from("<II", frames[0], 12)
            assert current == 0 and total > 0
            while len(frames) < total:
                frames.append(self.read_frame(timeout))
                assert struct.unpack_from("<I4xIII", frames[-1]) == (
                    kind, tid, total, len(frames) - 1), "fragments out of order"
        return Message(frames)

    def answer(self, tid, timeout=60):
        """The answer to @tid; indications before it are kept."""
        while True:
            got = self.read(timeout)
            if got.kind == INDICATE_STATUS:
                assert got.tid == 0
                self.indications.append(got)
                continue
            assert got.tid == tid, (got.tid, tid)
            return got

    def indication(self, service, cid, timeout=60):
        while True:
            for i, got in enumerate(self.indications):
                if (got.service, got.cid) == (service, cid):
                    return self.indications.pop(i)
            got = self.read(timeout)
            assert got.kind == INDICATE_STATUS, hex(got.kind)
            self.indications.append(got)

    def is_silent(self, seconds=0.2):
        return not self.buffer and not self.read_some(seconds)

    def send(self, kind, body=b""):
        self.tid += 1
        self.write(message(kind, self.tid, body))
        return self.tid

    def open(self, transfer=None):
        return self.answer(self.send(OPEN, words(transfer or self.transfer)))

    def start(self, service, cid, kind, info=b""):
        self.tid += 1
        for frame in command(self.tid, service, cid, kind, info, self.transfer):
            self.write(frame)
        return self.tid

    def ask(self, service, cid, kind=QUERY, info=b"", timeout=60):
        got = self.answer(self.start(service, cid, kind, info), timeout)
        assert got.kind == COMMAND_DONE, (hex(got.kind), got.status)
        assert (got.service, got.cid) == (service, cid)
        return got

    # --- low-level UICC access ---

    def open_channel(self, aid, p2=4, group=1):
        """(status, status word as on the wire, channel, response)"""
        got = self.ask(UICC, 2, SET, pack((None, p2, group), bytes.fromhex(aid), swapped=True))
        if not got.info:
            return got.status, None, None, None
        return (got.status, got.info[:4].hex(), word(got.info, 4), pair(got.info, 8, True).hex())

    def apdu(self, channel, command_hex, kind=0, secure=0):
        """(status, SW1 SW2, response)"""
        info = pack((channel, secure, kind, None), bytes.fromhex(command_hex), swapped=True)
        got = self.ask(UICC, 4, SET, info)
        if not got.info:
            return got.status, None, None
        return got.status, got.info[:4].hex(), pair(got.info, 4, True).hex()

    def close_channel(self, channel, group=0):
        got = self.ask(UICC, 3, SET, words(channel, group))
        return got.status, got.info.hex()

    def read_binary(self, path, offset, size, aid=""):
        """(SW1 SW2, data)"""
        info = pack((1, None, None, offset, size, None, None), bytes.fromhex(aid),
                    bytes.fromhex(path), b"", b"")
        got = self.ask(UICC, 9, QUERY, info)
        assert got.status == 0 and word(got.info, 0) == 1, got.status
        return f"{word(got.info, 4):02x}{word(got.info, 8):02x}", pair(got.info, 12).hex()
