# SPDX-License-Identifier: LGPL-2.1-or-later
"""How often one user may call: akmad on a real bus, and a caller without mercy."""
import os
import re
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import world  # noqa: E402
from world import APPLICATION, KEY, World, path_of  # noqa: E402

import tap  # noqa: E402
from gi.repository import Gio, GLib  # noqa: E402

BURST, PER_SECOND = 10000, 1000  # dbus/limit.h
ROUND, SECONDS = 4000, 40
NOBODY = 65534
GET = (path_of("mqtt"), APPLICATION, "GetKey")
ALLOWED = "GetKeyVersion mqtt kid - by uid %d pid " % os.getuid()


def message(destination, path, interface, member, arguments=None, answer=False):
    """The bytes of a call, but for its serial number."""
    call = Gio.DBusMessage.new_method_call(destination, path, interface, member)
    call.set_flags(Gio.DBusMessageFlags.NONE if answer else Gio.DBusMessageFlags.NO_REPLY_EXPECTED)
    call.set_byte_order(Gio.DBusMessageByteOrder.LITTLE_ENDIAN)
    call.set_serial(1)
    if arguments:
        call.set_body(arguments)
    return bytes(call.to_blob(Gio.DBusCapabilityFlags.NONE))


class Caller:
    """A connection that writes calls as fast as the socket takes them."""

    def __init__(self, address):
        self.sent = self.serial = 0
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(120)
        self.socket.connect(address.removeprefix("unix:path="))
        self.socket.sendall(b"\0AUTH EXTERNAL %s\r\nBEGIN\r\n" % str(os.getuid()).encode().hex().encode())
        self.read_until(b"OK ")
        self.ask(message("org.freedesktop.DBus", "/", "org.freedesktop.DBus", "Hello", answer=True))
        kid = GLib.Variant("(s)", ("not a kid",))
        self.call = message(world.NAME, path_of("mqtt"), APPLICATION, "GetKeyVersion", kid)
        self.fence = message(world.NAME, world.ROOT, "org.freedesktop.DBus.Peer", "Ping", answer=True)
        # while akmad asks the bus who this is it keeps 16 calls
        self.ask(message(world.NAME, path_of("mqtt"), APPLICATION, "GetKeyVersion", kid, answer=True))
        self.sent += 1

    def read_until(self, mark):
        answers = b""
        while mark not in answers:
            more = self.socket.recv(65536)
            assert more, answers
            answers += more

    def numbered(self, call):
        self.serial += 1
        return call[:8] + self.serial.to_bytes(4, "little") + call[12:]

    def ask(self, call):
        """Until the answer is there, which names the serial number it is for: (field 5, a uint32)."""
        call = self.numbered(call)
        self.socket.sendall(call)
        self.read_until(b"\x05\x01u\0" + self.serial.to_bytes(4, "little"))

    def flood(self, n):
        self.socket.sendall(b"".join(self.numbered(self.call) for _ in range(n)))
        self.sent += n
        self.ask(self.fence)  # the bus keeps the order: akmad has seen them all


@tap.test
def reject_more_calls_a_second_than_one_user_may_make_and_count_each():
    with World("[application mqtt]\nserver=keys\nusers=%%u;%d\n" % NOBODY) as w:
        w.start().wait_key()
        caller = Caller(w.stack.bus)
        begin = time.monotonic()
        while "too many calls" not in w.log() and time.monotonic() - begin < SECONDS:
            caller.flood(ROUND)
        # others are not held up, whatever this user does
        if os.getuid() == 0:
            caller.flood(ROUND)
            assert w.call_as(NOBODY, [NOBODY], *GET)["key"] == KEY.hex()
        passed = time.monotonic() - begin
        first = "%stoo many calls" % re.search(ALLOWED + r"\d+: ", w.log()).group()
        if caller.sent <= BURST + passed * PER_SECOND and first not in w.log():
            raise tap.Skip("this machine does not do %d calls a second now" % PER_SECOND)

        # and so is this one, once it calls less often
        w.wait("it may call again", lambda: w.error_of(w.get_key) is None)
        assert w.stack.processes["akmad"].stop() == 0
        lines = w.log().splitlines()
        allowed = len([one for one in lines if ALLOWED in one and one.endswith(": InvalidArgument")])
        more = [re.search(r"(\d+) more calls about mqtt by uid %d " % os.getuid(), one) for one in lines]
        more = [int(one.group(1)) for one in more if one]
        refused = [one for one in lines if one.endswith(": too many calls")]
        assert BURST <= allowed <= BURST + passed * PER_SECOND + 1, (allowed, passed)
        own = sum("GetKey mqtt kid - " in one for one in refused)
        assert allowed + len(refused) - own + sum(more) >= caller.sent, (allowed, refused, more, caller.sent)
        # as many lines as there are periods of 10 s, not as many as calls
        assert len(refused) + len(more) <= 4 + (time.monotonic() - begin) / 5, (refused, more)


if __name__ == "__main__":
    tap.main()
