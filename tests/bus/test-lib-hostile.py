# SPDX-License-Identifier: LGPL-2.1-or-later
"""libakmad against an org.akmad1 that shares no code with akmad, and lies (mock_agent.py)."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import mock_bus  # noqa: E402
from gi.repository import Gio, GLib  # noqa: E402
from lib_client import Client, Failed  # noqa: E402

import harness  # noqa: E402
import tap  # noqa: E402

KEY = bytes(range(1, 33))
bus = mock_bus.Bus()
bus.do("application", name="mqtt-2", State="ready", KeyId="mqtt-2:7")
bus.do("key", name="mqtt-2", kid="mqtt-2:7", hex=KEY.hex())


def lying(**lie):
    """What the next answer is, beside or in place of a sealed memfd with the key."""
    bus.do("key", name="mqtt-2", kid="mqtt-2:7", **dict({"hex": KEY.hex()}, **lie))


def descriptors(client):
    return len(os.listdir("/proc/%d/fd" % client.pid))


@tap.test
def key_and_attributes_are_those_of_the_agent():
    with Client(bus.address) as c:
        c.open("mqtt-2")
        assert c.get() == ("mqtt-2:7", 32)
        assert c.key() == KEY and c.key("write-fd") == KEY
        assert c.get("async") == ("mqtt-2:7", 32)
        assert c.get("get", "mqtt-2:7") == c.get("async", "mqtt-2:7")


@tap.test
def an_offset_of_the_memfd_is_no_matter():
    with Client(bus.address) as c:
        lying(offset=16)
        assert c.open("mqtt-2").get() == ("mqtt-2:7", 32) and c.key() == KEY
    lying()


def refused_and_then_well(**lie):
    """Refused by both calls, with nothing left behind, and the next answer is taken."""
    with Client(bus.address) as c:
        c.open("mqtt-2").get()
        before = descriptors(c)
        lying(**lie)
        names = [c.refusal("get"), c.refusal("async")]
        lying()
        assert names == ["Internal", "Internal"], names
        assert c.get() == ("mqtt-2:7", 32) and c.key() == KEY
        # the thread of GDBus lets its copy go a moment later
        harness.wait_until("no descriptor is left open", lambda: descriptors(c) <= before, 60)


@tap.test
def reject_memfd_without_seals():
    refused_and_then_well(unsealed=True)


@tap.test
def reject_pipe_that_nobody_writes_into():
    refused_and_then_well(instead="pipe")


@tap.test
def reject_file_on_a_disk():
    refused_and_then_well(instead="file")


@tap.test
def reject_device():
    refused_and_then_well(instead="device")


@tap.test
def reject_sealed_memfd_of_a_tebibyte():
    refused_and_then_well(instead="huge")


@tap.test
def reject_empty_key():
    refused_and_then_well(hex="")


@tap.test
def reject_key_over_64_kib_and_take_one_of_64_kib():
    refused_and_then_well(hex="6b" * 65537)
    lying(hex="6b" * 65536)
    with Client(bus.address) as c:
        assert c.open("mqtt-2").get() == ("mqtt-2:7", 65536) and c.key() == b"k" * 65536
    lying()


@tap.test
def reject_answer_without_kid_or_kty():
    refused_and_then_well(without=["kid"])
    refused_and_then_well(without=["kty"])


@tap.test
def reject_answer_of_another_type():
    bus.do("application", name="odd", State="ready", KeyId="odd:1", odd=True)
    with Client(bus.address) as c:
        c.open("odd")
        assert c.refusal("get") == "Internal" and c.refusal("async") == "Internal"


@tap.test
def errors_of_the_agent_keep_their_names():
    with Client(bus.address) as c:
        c.open("mqtt-2")
        for name in "NotAuthorized", "NotReady", "KeyRevoked", "RateLimited", "Internal":
            bus.do("fail", method="GetKey", **{"with": [name, "because of the test"]})
            assert c.refusal("get") == name and c.refusal("async") == name
        bus.do("fail", method="GetKey", **{"with": ["org.akmad1.Error.Unheard", "later"]})
        assert c.refusal("get") == "Internal"
        bus.do("fail", method="GetKey", **{"with": None})
        assert c.get() == ("mqtt-2:7", 32)


@tap.test
def reject_unknown_application_and_version():
    with Client(bus.address) as c:
        assert c.open("mqtt-2").refusal("get", "mqtt-2:99") == "KeyUnknown"
        assert c.open("nothing").refusal("get") == "KeyUnknown"
        assert c.open("nothing").refusal("async") == "KeyUnknown"


@tap.test
def reject_version_that_no_bus_carries():
    with Client(bus.address) as c:
        c.open("mqtt-2")
        for verb in b"get", b"async":
            c.process.stdin.buffer.write(verb + b" \xff\xfe\n")
            c.process.stdin.flush()
            try:
                raise AssertionError(c.answer())
            except Failed as failed:
                assert failed.name == "InvalidArgument"


@tap.test
def reject_when_no_agent_is_there_and_wait_for_it():
    bus.do("drop")
    with Client(bus.address) as c:
        c.open("mqtt-2")
        assert c.refusal("get") == "NotRunning" and c.refusal("async") == "NotRunning"
        c.do("watch")
        assert c.do("state") == "state unknown"
        bus.do("own")
        assert c.wait_event("key-changed mqtt-2:7") == ["state ready", "key-changed mqtt-2:7"]
        assert c.get() == ("mqtt-2:7", 32)


@tap.test
def reject_when_no_bus_is_there():
    with Client("unix:path=" + os.path.join(mock_bus.folder, "nothing")) as c:
        c.open("mqtt-2")
        assert c.refusal("get") == "NotRunning" and c.refusal("async") == "NotRunning"
    with Client("nonsense") as c:
        assert c.open("mqtt-2").refusal("get") == "NotRunning"
        assert c.refusal("async") == "NotRunning"


@tap.test
def cancelled_is_cancelled_and_the_next_call_works():
    with Client(bus.address) as c:
        c.open("mqtt-2")
        for _ in range(2):  # before and after there is a connection
            assert c.refusal("get-cancelled") == "cancelled"
            assert c.refusal("async-cancelled") == "cancelled"
            assert c.get() == ("mqtt-2:7", 32)


def stranger():
    return Gio.DBusConnection.new_for_address_sync(
        bus.address, Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT |
        Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION, None, None)


def names_of(connection, pid):
    """Unique names of the connections of process @pid."""
    def ask(method, *arguments):
        value = GLib.Variant("(s)", arguments) if arguments else None
        return connection.call_sync("org.freedesktop.DBus", "/", "org.freedesktop.DBus", method,
                                    value, None, 0, -1, None).unpack()[0]
    return [name for name in ask("ListNames") if name.startswith(":") and
            ask("GetConnectionUnixProcessID", name) == pid]


@tap.test
def signals_of_another_sender_are_not_believed():
    with Client(bus.address) as c:
        c.open("mqtt-2").do("watch")
        c.wait_event("key-changed mqtt-2:7")
        liar = stranger()
        names = names_of(liar, c.pid)
        assert names
        for destination in [None, *names]:
            for member in "KeyRevoked", "KeyChanged":
                liar.emit_signal(destination, "/org/akmad1/application/mqtt_2d2",
                                 "org.akmad1.Application", member, GLib.Variant("(s)", ("lie:1",)))
        liar.flush_sync(None)
        liar.close_sync(None)
        bus.do("changed", name="mqtt-2", kid="mqtt-2:8")
        assert c.wait_event("key-changed mqtt-2:8") == ["key-changed mqtt-2:8"]


@tap.test
def a_bus_that_closes_ends_neither_program_nor_watch():
    second = mock_bus.Bus("second")
    second.do("application", name="m", State="ready", KeyId="m:1")
    second.do("key", name="m", kid="m:1", hex=KEY.hex())
    with Client(second.address) as c:
        c.open("m").do("watch")
        c.wait_event("key-changed m:1")
        assert c.get() == ("m:1", 32)
        second.end()
        assert c.wait_event("state unknown") == ["state unknown"]
        assert c.refusal("get") == "NotRunning"
        third = mock_bus.Bus("second")
        third.do("application", name="m", State="ready", KeyId="m:2")
        third.do("key", name="m", kid="m:2", hex=KEY.hex())
        # m:1 was told; what is new is told after the library has found the bus again
        assert c.wait_event("key-changed m:2") == ["state ready", "key-changed m:2"]
        assert c.get() == ("m:2", 32)


@tap.test
def over_a_connection_that_is_given():
    with Client("nonsense", bus.address) as c:
        c.open("mqtt-2").do("watch")
        c.wait_event("key-changed mqtt-2:7")
        assert c.get() == ("mqtt-2:7", 32) and c.get("async") == ("mqtt-2:7", 32)
        c.do("drop")


if __name__ == "__main__":
    tap.main()
