# SPDX-License-Identifier: LGPL-2.1-or-later
"""What reaches the bus without anybody asking: rotation, revocation, renewal, and the network that
comes back; and a certificate that the clock does not fit.

Runs in a network of its own (unshare -n), which it takes down and up."""
import array
import fcntl
import os
import socket
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import world  # noqa: E402
from world import KEY, World  # noqa: E402

import reference  # noqa: E402  (world puts it in the path)
import tap  # noqa: E402
from gi.repository import GLib  # noqa: E402

SECONDS = 60
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
SLOW = "[application mqtt]\nserver=keys\nusers=%u\nrefresh=30d\n"
OFTEN = "[application mqtt]\nserver=keys\nusers=%u\nrefresh=1s\n"


class QuickWorld(World):
    """A server that is given up after a second."""

    def configure(self):
        super().configure()
        path = self.stack.path("akmad.conf")
        with open(path) as f:
            text = f.read()
        self.stack.write("akmad.conf", text.replace("[server keys]\n", "[server keys]\ntimeout=1s\n"))


def set_loopback(up):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        request = array.array("b", struct.pack("16sh14x", b"lo", 0))
        fcntl.ioctl(s, SIOCGIFFLAGS, request)
        flags = struct.unpack("16sh14x", request)[1]
        flags = flags | IFF_UP if up else flags & ~IFF_UP
        fcntl.ioctl(s, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags))


def enter_own_network():
    """Runs this script again in one; a reason if that cannot be."""
    options = ["-n"] if os.geteuid() == 0 else ["-rn"]
    if os.environ.get("AKMA_OWN_NETWORK") == "yes":
        set_loopback(True)
        return None
    if subprocess.run(["unshare", *options, "true"], stdout=subprocess.DEVNULL,
                      stderr=subprocess.DEVNULL).returncode != 0:
        return "needs root or user namespaces (unshare -rn) for a network of its own"
    sys.stdout.flush()
    os.environ["AKMA_OWN_NETWORK"] = "yes"
    os.execvp("unshare", ["unshare", *options, sys.executable, *sys.argv])


def wait_error(w, name):
    return w.wait(name, lambda: w.properties()["LastError"][0] == world.ERROR + name and
                  w.properties(), SECONDS)


@tap.test
def rotation_reaches_the_bus_by_itself():
    with World(OFTEN) as w:
        w.start().wait_key()
        w.listen()
        w.server.rotate("mqtt", b"n" * 32, grace=600)
        w.wait_signal("KeyChanged", ("mqtt:2",), SECONDS)
        assert w.get_key()[0] == b"n" * 32
        assert w.get_key(kid="mqtt:1")[0] == KEY


@tap.test
def what_the_server_wants_is_when_it_is_asked_again():
    with World(SLOW) as w:
        w.server.ask_again = 3600
        start = time.time()
        w.start().wait_key()
        # a tenth of jitter, downwards, in place of 30 days
        assert 3240 <= w.properties()["NextRenewal"] - start <= 3600 + SECONDS, w.properties()


@tap.test
def revocation_reaches_the_bus_by_itself_and_empties_the_file():
    with World(OFTEN) as w:
        w.start().wait_key()
        sealed = os.path.getsize(w.stack.path("state", "keys.sealed"))
        w.listen()
        w.server.keys["mqtt"].cause = "revoked"
        w.wait_signal("KeyRevoked", ("mqtt:1",), SECONDS)
        w.wait("revoked", lambda: w.properties()["State"] == "revoked", SECONDS)
        # kid, key and times are gone from it
        assert os.path.getsize(w.stack.path("state", "keys.sealed")) <= sealed - len(KEY) - 16
        w.stack.stop("akma-modemsim")
        w.restart()
        assert w.error_of(w.get_key) == "KeyRevoked"


@tap.test
def key_is_renewed_ahead_of_its_end():
    with World(SLOW + "renew-before=90%\n") as w:
        w.server.keys["mqtt"].exp = int(time.time()) + 60
        w.start().wait_key()
        w.listen()
        w.server.rotate("mqtt", b"n" * 32)
        # after a tenth of its life, while it is good for most of it still
        w.wait_signal("KeyChanged", ("mqtt:2",), 45)
        assert w.get_key()[0] == b"n" * 32


@tap.test
def network_that_comes_back_is_used_at_once():
    with QuickWorld(SLOW) as w:
        w.start().wait_key()
        set_loopback(False)
        try:
            assert w.error_of(w.renew) == "ServerUnreachable"
            row = w.properties()
            assert row["State"] == "stale" and w.get_key()[0] == KEY, row
        finally:
            set_loopback(True)
        w.wait("it is told", lambda: "the network has changed" in w.log(), SECONDS)
        w.wait_key()
        assert w.properties()["LastError"] == ("", "")


def fail_while(w, happens):
    """An exchange that ends with ServerUnreachable and a wait of an hour, and what @happens while it
    runs."""
    reached, go_on, ends = threading.Event(), threading.Event(), []

    def refuse(_answer):
        del w.server.hooks["first_response"]
        reached.set()
        go_on.wait(SECONDS)
        return reference.Answer(503, {"Retry-After": "3600"}, b"")
    w.server.hooks["first_response"] = refuse
    w.connection.call(world.NAME, world.path_of("mqtt"), world.APPLICATION, "Renew", None, None, 0,
                      2 * SECONDS * 1000, None, lambda connection, result: ends.append(
                          w.error_of(finish, connection, result)))
    assert reached.wait(SECONDS)
    happens()
    go_on.set()
    w.iterate(lambda: ends, SECONDS)
    assert ends == ["ServerUnreachable"], ends


def finish(connection, result):
    try:
        connection.call_finish(result)
    except GLib.Error as error:
        raise world.Failed(error) from None


@tap.test
def network_that_came_back_while_an_exchange_was_failing_is_used_at_once():
    with World(SLOW) as w:
        w.start().wait_key()

        def come_back():
            before = w.log().count("the network has changed")
            set_loopback(False)
            set_loopback(True)
            w.wait("it is told", lambda: w.log().count("the network has changed") > before, SECONDS)
        fail_while(w, come_back)
        w.wait_key()
        assert w.properties()["LastError"] == ("", "")


@tap.test
def reject_an_exchange_that_failed_without_such_news_until_its_time_has_come():
    with World(SLOW) as w:
        w.start().wait_key()
        asked = w.first_requests()
        fail_while(w, lambda: None)
        row = wait_error(w, "ServerUnreachable")
        assert row["State"] == "stale" and row["NextRenewal"] - time.time() > 3000, row
        assert w.first_requests() == asked + 1


@tap.test
def network_that_is_new_from_the_start_is_waited_for():
    with QuickWorld(SLOW) as w:
        set_loopback(False)
        try:
            w.start()
            wait_error(w, "ServerUnreachable")
        finally:
            set_loopback(True)
        w.wait_key()
        assert w.get_key()[0] == KEY


@tap.test
def certificate_of_tomorrow_names_the_clock_and_takes_no_key():
    with World() as w:
        w.start().wait_key()
        folder = w.stack.path("tomorrow")
        os.makedirs(folder)
        ca, certificate, key = reference.make_certificate(world.FQDN, folder, days=9, begin_hours=24)
        with reference.ReferenceServer(world.FQDN, None, certificate, key) as tomorrow:
            os.unlink(w.stack.path("ca.pem"))
            os.symlink(ca, w.stack.path("ca.pem"))
            w.server = tomorrow
            w.reload()
            row = wait_error(w, "ServerNotAuthentic")
            text = row["LastError"][1]
            assert "not yet valid" in text and time.strftime("the clock shows %Y-") in text, text
            assert "set the clock" in text, text
            done = w.stack.ctl("renew", "mqtt", check=False)
            assert done.returncode == 21, done
            assert "\n  next: if that is wrong, set the clock" in done.stderr, done.stderr
            assert row["State"] == "stale" and w.get_key()[0] == KEY, row
        w.restart()
        assert w.get_key()[0] == KEY
        assert not os.path.exists(w.stack.path("state", "keys.sealed.bad"))


if __name__ == "__main__":
    reason = enter_own_network()
    if reason:
        tap.skip_all(reason)
    tap.main()
