# SPDX-License-Identifier: LGPL-2.1-or-later
"""Modems that are found, come and go: akmad under umockdev, which shows it another /sys and /dev."""
import ctypes.util
import os
import sys
import time

PRELOAD = "libumockdev-preload.so.0"
if PRELOAD not in os.environ.get("LD_PRELOAD", "") and ctypes.util.find_library("umockdev-preload"):
    # what makes the tree needs it too, from its start
    os.environ["LD_PRELOAD"] = PRELOAD
    os.execv(sys.executable, [sys.executable, *sys.argv])

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import world  # noqa: E402
from world import IMSI, K_AUSF, KEY, MANAGER, ROOT, World  # noqa: E402

import tap  # noqa: E402
import gi  # noqa: E402

try:
    gi.require_version("UMockdev", "1.0")
    from gi.repository import UMockdev
except (ImportError, ValueError):
    UMockdev = None

MODEM = "org.akmad1.Modem"
OTHER_K_AUSF = bytes(reversed(range(32)))
OTHER_IMSI = IMSI[:-1] + "8"


class UdevWorld(World):
    """No [modem] group, or @modems instead; nothing is plugged in at first."""

    def __init__(self, modems="", **named):
        if not UMockdev:
            raise tap.Skip("umockdev (gir1.2-umockdev-1.0) is not installed")
        super().__init__(**named)
        self.stack.env.pop("LD_PRELOAD", None)
        self.modems = modems
        self.sticks = {}

    def __enter__(self):
        super().__enter__()
        self.bed = UMockdev.Testbed.new()
        self.root = self.bed.get_root_dir()
        os.makedirs(os.path.join(self.root, "dev"), exist_ok=True)
        return self

    def configure(self):
        super().configure()
        path = self.stack.path("akmad.conf")
        with open(path) as f:
            text = f.read()
        begin, end = text.index("[modem sim]"), text.index("[server keys]")
        self.stack.write("akmad.conf", text[:begin] + self.modems + text[end:])

    def start(self, modem=False):
        self.configure()
        self.stack.env.update(LD_PRELOAD=PRELOAD, UMOCKDEV_DIR=self.root,
                              ASAN_OPTIONS="verify_asan_link_order=0:detect_leaks=0")
        try:
            self.stack.start_agent(config=False)
        finally:
            for name in ("LD_PRELOAD", "UMOCKDEV_DIR", "ASAN_OPTIONS"):
                del self.stack.env[name]
        return self

    def add_modem(self, name="modem", **card):
        self.stack.start_modem(card=world.card(**card), core=False, name=name)

    def plug(self, name="modem", port="1-1", node="ttyUSB2", number="02", driver="option",
             **tags):
        """The simulated modem @name as a stick in @port with one serial port; udev tells of it."""
        drivers = os.path.join(self.root, "sys/bus/usb/drivers", driver)
        os.makedirs(drivers, exist_ok=True)
        stick = self.bed.add_device("usb", port, None, ["idVendor", "1234"],
                                    ["DEVTYPE", "usb_device"])
        interface = self.bed.add_device("usb", "%s:1.%s" % (port, number), stick,
                                        ["bInterfaceNumber", number, "bInterfaceClass", "ff"],
                                        ["DEVTYPE", "usb_interface"])
        self.bed.set_attribute_link(interface, "driver",
                                    "../../../../../bus/usb/drivers/" + driver)
        tty = self.bed.add_device("tty", node, interface, [],
                                  ["DEVNAME", "/dev/" + node] + [x for t in tags.items() for x in t])
        os.symlink(self.stack.path(name + ".tty"), os.path.join(self.root, "dev", node))
        self.sticks[name] = [stick, interface, tty], node

    def unplug(self, name="modem"):
        """Port and power are gone; udev says so."""
        parts, node = self.sticks.pop(name)
        assert self.stack.control("unplug", name).startswith("ok")
        os.unlink(os.path.join(self.root, "dev", node))
        for part in reversed(parts):
            self.bed.remove_device(part)

    def found(self):
        """Device -> properties of the modems on the bus."""
        rows = [interfaces[MODEM] for interfaces in self.objects().values() if MODEM in interfaces]
        return {row["Device"]: row for row in rows}

    def state(self):
        return self.get_all(ROOT, MANAGER)["State"]

    def scan(self):
        self.call(ROOT, MANAGER, "Scan")


@tap.test
def modem_that_is_there_at_the_start_is_found_without_a_group():
    with UdevWorld() as w:
        w.add_modem()
        w.plug()
        w.start().wait_key()
        assert list(w.found()) == ["/dev/ttyUSB2"] and w.found()["/dev/ttyUSB2"]["Protocol"] == "at"
        assert w.get_key()[0] == KEY


@tap.test
def modem_that_comes_later_is_found_by_itself():
    with UdevWorld("[modem m1]\ndevice=auto\nprotocol=auto\n") as w:
        w.add_modem()
        w.start()
        w.wait("it has looked", lambda: w.state() == "no-modem")
        assert w.error_of(w.renew) == "NoModem"
        w.plug()
        w.wait_key()
        assert w.state() == "ready"


@tap.test
def modem_that_goes_is_gone_and_comes_back_under_another_number():
    with UdevWorld() as w:
        w.add_modem()
        w.plug()
        w.start().wait_key()
        w.unplug()
        w.wait("no modem", lambda: w.state() == "no-modem" and not w.found())
        assert w.get_key()[0] == KEY
        assert w.stack.control("plug").startswith("ok")
        w.plug(node="ttyUSB5")
        w.wait("it is back", lambda: list(w.found()) == ["/dev/ttyUSB5"])
        w.wait("it works", lambda: w.error_of(w.renew) is None)


@tap.test
def modem_that_goes_in_mid_read_fails_the_call_and_the_next_one_takes_over():
    with UdevWorld() as w:
        w.add_modem()
        w.add_modem("second")
        w.plug()
        w.start().wait_key()
        ended = []
        assert w.stack.control("delay 100").startswith("ok")
        w.connection.call(world.NAME, world.path_of("mqtt"), world.APPLICATION, "Renew", None, None, 0,
                          -1, None, lambda c, res: ended.append(failure_of(c, res)))
        w.connection.flush_sync(None)
        w.wait("a channel is open", lambda: "open=2" in w.stack.control("status"))
        w.unplug()
        w.iterate(lambda: ended)
        assert ended and ended[0] in ("NoModem", "ModemFailed"), ended
        w.plug("second", port="1-2", node="ttyUSB7")
        w.wait("the other one works", lambda: w.properties()["State"] == "ready" and
               list(w.found()) == ["/dev/ttyUSB7"])
        w.renew()


def failure_of(connection, result):
    try:
        connection.call_finish(result)
        return None
    except world.GLib.Error as error:
        return world.Failed(error).name


@tap.test
def of_two_modems_the_first_by_path_serves_and_then_the_other():
    with UdevWorld() as w:
        w.server.first_keys["akma", world.derive.a_kid(OTHER_K_AUSF, OTHER_IMSI)] = world.derive.k_af(
            OTHER_K_AUSF, OTHER_IMSI, world.FQDN)
        w.add_modem()
        w.add_modem("second", k_ausf=OTHER_K_AUSF, imsi=OTHER_IMSI, iccid="8988211000000000025")
        w.plug("second", port="1-2", node="ttyUSB7")
        w.plug()
        w.start().wait_key()
        assert sorted(w.found()) == ["/dev/ttyUSB2", "/dev/ttyUSB7"]
        assert w.found()["/dev/ttyUSB2"]["SimId"] != w.found()["/dev/ttyUSB7"]["SimId"]
        assert kids(w) == [world.derive.a_kid(K_AUSF, IMSI)]
        w.unplug()
        w.wait("one is left", lambda: list(w.found()) == ["/dev/ttyUSB7"])
        w.renew()
        assert kids(w)[-1] == world.derive.a_kid(OTHER_K_AUSF, OTHER_IMSI)


def kids(w):
    return [e["kid"] for e in w.server.events if e["event"] == "first_request"]


@tap.test
def card_without_the_anchor_is_passed_over():
    with UdevWorld() as w:
        poor = world.card().replace("services=123;124", "services=27").split("[files]")[0]
        w.stack.start_modem(card=poor, core=False, name="poor")
        w.add_modem()
        w.plug("poor", port="1-1", node="ttyUSB0")
        w.plug("modem", port="1-2", node="ttyUSB4")
        w.start().wait_key()
        assert w.found()["/dev/ttyUSB0"]["Anchors"] == ["gba-me"]
        assert w.found()["/dev/ttyUSB4"]["Anchors"] == ["akma", "gba-me"]


@tap.test
def silent_port_of_a_modem_is_given_up_soon_for_the_next_one():
    with UdevWorld() as w:
        w.add_modem()
        w.add_modem("silent")
        assert w.stack.control("delay 60000", "silent").startswith("ok")
        w.plug("silent", port="1-1", node="ttyUSB2", number="02")
        # the same stick has another port
        stick = w.sticks["silent"][0][0]
        interface = w.bed.add_device("usb", "1-1:1.03", stick, ["bInterfaceNumber", "03"],
                                     ["DEVTYPE", "usb_interface"])
        w.bed.set_attribute_link(interface, "driver", "../../../../../bus/usb/drivers/option")
        w.bed.add_device("tty", "ttyUSB3", interface, [], ["DEVNAME", "/dev/ttyUSB3"])
        os.symlink(w.stack.path("modem.tty"), os.path.join(w.root, "dev", "ttyUSB3"))
        start = time.monotonic()
        w.start().wait_key()
        assert time.monotonic() - start < 40
        assert list(w.found()) == ["/dev/ttyUSB3"]


@tap.test
def reject_port_that_a_rule_ignores_until_scan_sees_that_our_own_names_it():
    with UdevWorld() as w:
        w.add_modem()
        w.plug(ID_MM_PORT_IGNORE="1")
        w.start()
        w.wait("it has looked", lambda: w.state() == "no-modem")
        w.settle(0.5)
        assert not w.found()
        w.bed.set_property(w.sticks["modem"][0][2], "ID_AKMAD_PORT", "at")
        w.scan()
        w.wait_key()


@tap.test
def reject_serial_adapter_that_is_no_modem():
    with UdevWorld() as w:
        w.add_modem()
        w.plug(driver="ftdi_sio")
        w.start()
        w.wait("it has looked", lambda: w.state() == "no-modem")
        w.settle(0.5)
        assert not w.found()
        assert "lines=0" in w.stack.control("count"), "something was sent to it"


@tap.test
def named_port_is_not_found_a_second_time():
    with UdevWorld() as w:
        w.modems = "[modem a]\ndevice=/dev/ttyUSB2\n[modem rest]\ndevice=auto\n"
        w.add_modem()
        w.plug()
        w.start().wait_key()
        assert list(w.found()) == ["/dev/ttyUSB2"]


@tap.test
def two_plugged_in_at_once_are_both_there():
    with UdevWorld() as w:
        w.add_modem()
        w.add_modem("second")
        w.start()
        w.plug("second", port="1-2", node="ttyUSB7")
        w.plug()
        w.wait("both", lambda: sorted(w.found()) == ["/dev/ttyUSB2", "/dev/ttyUSB7"])
        w.wait_key()


if __name__ == "__main__":
    tap.main()
