# SPDX-License-Identifier: LGPL-2.1-or-later
"""Programs of others with keys of ours: mosquitto with TLS-PSK, WireGuard.

The broker learns its keys from akma-keyserver export --follow, which makes it read them again; the
gateway has them from akmad: one client asks on D-Bus, the other is told by akmactl watch. A key
never stands on a command line: mosquitto_pub reads its options from a file.
"""
import base64
import os
import shutil
import socket
import subprocess
import time

import harness
import tap
from harness import wait_until

try:
    import gi
    gi.require_version("Gio", "2.0")
    from gi.repository import Gio, GLib
except (ImportError, ValueError) as missing:
    tap.skip_all(str(missing))

WAIT = 60
GRACE_S = 4
MQTT = "/org/akmad1/application/mqtt"


def need(*programs):
    for name in programs:
        if not shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin"):
            raise tap.Skip(name + " is not installed")


class Gateway(harness.Stack):
    """Everything runs; the application asks its server each second or two."""

    def __enter__(self):
        self.start_lab()
        self.start_modem()
        self.init_keyserver(application=None)
        self.server("application", "add", "mqtt", "--source", "local", "--allow", "*", "--grace",
                    "%ds" % GRACE_S)
        self.start_keyserver()
        self.start_bus()
        return self

    def start(self):
        self.start_agent(applications="[application mqtt]\nserver=keys\nusers=%u\nrefresh=2s\n")
        return self.wait_key(seconds=WAIT)

    def ask(self):
        """(identity, key in hex) by a call on D-Bus, as a program of the gateway makes it.

        None between two versions: the grace time here, to be over in a test, is shorter than
        the time that a server leaves to followers.
        """
        connection = Gio.DBusConnection.new_for_address_sync(
            self.bus, Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT |
            Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION, None, None)
        try:
            answer, fds = connection.call_with_unix_fd_list_sync(
                "org.akmad1", MQTT, "org.akmad1.Application", "GetKey", None,
                GLib.VariantType("(ha{sv})"), 0, 20000, None, None)
        except GLib.Error as error:
            assert "NotReady" in Gio.DBusError.get_remote_error(error), error
            return None
        finally:
            connection.close_sync(None)
        handle, attributes = answer.unpack()
        with os.fdopen(fds.get(handle), "rb") as file:
            key = file.read()
        return attributes["identity"], key.hex()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Broker:
    """mosquitto with the identities of a file, and a subscriber without TLS at a Unix socket."""

    def __init__(self, stack):
        self.stack = stack
        self.keys = stack.path("psk")
        if not os.path.exists(self.keys):
            stack.write("psk", "")
        # mosquitto takes no port 0, and another program may take the one that was free
        wait_until("mosquitto listens", self.start, WAIT)
        self.subscriber = stack.spawn("subscriber", [
            "mosquitto_sub", "--unix", stack.path("mqtt.sock"), "-t", "test/#"], ready=False)
        wait_until("the subscriber hears", self.hears, WAIT)

    def start(self):
        stack, self.port = self.stack, free_port()
        stack.write("mosquitto.conf", (
            "user %s\nallow_anonymous true\npersistence false\nlistener 0 %s\n"
            "listener %d 127.0.0.1\npsk_hint akmad\npsk_file %s\n") % (
                "root" if os.getuid() == 0 else "nobody", stack.path("mqtt.sock"), self.port,
                self.keys))
        self.process = stack.spawn("mosquitto", [
            shutil.which("mosquitto", path=os.environ["PATH"] + ":/usr/sbin"), "-c",
            stack.path("mosquitto.conf")], ready=False)
        wait_until("mosquitto listens or ends", lambda: self.listens() or
                   self.process.popen.poll() is not None, WAIT)
        return self.listens()

    def listens(self):
        with socket.socket() as s:
            return self.process.popen.poll() is None and \
                s.connect_ex(("127.0.0.1", self.port)) == 0

    def hears(self):
        subprocess.run(["mosquitto_pub", "--unix", self.stack.path("mqtt.sock"), "-t", "test/start",
                        "-m", "start"], timeout=WAIT, check=True)
        return "start" in self.lines

    @property
    def lines(self):
        return self.subscriber.read_log().split()

    def follow(self):
        """The keys of the application, and a signal to the broker at each change."""
        return self.stack.spawn("follower", [
            harness.program("akma-keyserver"), "--config", self.stack.path("akma-keyserver.conf"),
            "export", "--application", "mqtt", "--format", "mosquitto-psk", "--output", self.keys,
            "--follow", "--run", "kill -HUP %d" % self.process.pid], ready=False)

    def identities(self):
        with open(self.keys) as file:
            return [line.split(":")[0] for line in file]

    def publish(self, folder, text):
        """mosquitto_pub with the options that stand in a folder of the gateway; did it arrive?"""
        done = subprocess.run(
            ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(self.port), "-t", "test/gateway", "-m",
             text, "-q", "1"], env=dict(os.environ, HOME=folder, XDG_CONFIG_HOME=folder),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=WAIT)
        if done.returncode != 0:
            return False
        wait_until(text + " arrives", lambda: text in self.lines, WAIT)
        return True


def options(stack, name, identity, key):
    """The folder with the options of mosquitto_pub, replaced in one step."""
    folder = stack.path(name)
    os.makedirs(folder, exist_ok=True)
    stack.write(name + "/new", "--psk %s\n--psk-identity %s\n" % (key, identity))
    os.rename(folder + "/new", folder + "/mosquitto_pub")
    return folder


def other_digit(key):
    return key[:-1] + ("0" if key[-1] != "0" else "1")


@tap.test
def mosquitto_takes_the_gateway_through_a_rotation_without_a_restart():
    need("mosquitto", "mosquitto_pub", "mosquitto_sub")
    with Gateway() as s:
        broker = Broker(s)
        broker.follow()
        s.start()
        # told by akmactl watch: lives as long as the test
        os.makedirs(s.path("watched"))
        script = ('set -e; line=$(akmactl get mqtt --format mosquitto-psk); umask 077; '
                  'printf "%%s\\n" "--psk ${line#*:}" "--psk-identity ${line%%%%:*}" > %s/new; '
                  'mv %s/new %s/mosquitto_pub' % ((s.path("watched"),) * 3))
        env = dict(s.env, PATH=os.path.dirname(harness.program("akmactl")) + ":" + os.environ["PATH"])
        watcher = harness.Process("watch", [harness.program("akmactl"), "--bus", s.bus, "watch",
                                            "mqtt", "--", "sh", "-c", script],
                                  s.path("watch.log"), env=env)
        s.processes["watch"] = watcher
        watched, agent = s.path("watched"), s.processes["akmad"].pid

        first = s.ask()
        asked = options(s, "asked", *first)
        wait_until("the broker knows it", lambda: first[0] in broker.identities(), WAIT)
        wait_until("asked on D-Bus, it works", lambda: broker.publish(asked, "one"), WAIT)
        wait_until("told by watch, it works", lambda: os.path.exists(watched + "/mosquitto_pub") and
                   broker.publish(watched, "two"), WAIT)

        s.server("key", "rotate", "--application", "mqtt")

        def other():
            got = s.ask()
            time.sleep(0.1)
            return got if got != first else None
        second = wait_until("akmad has the next", other, WAIT)
        assert second[0] != first[0] and second[1] != first[1]
        # the broker knew it before akmad did: no wait here
        assert second[0] in broker.identities()
        options(s, "asked", *second)
        wait_until("asked again, it works", lambda: broker.publish(asked, "three"), WAIT)
        old = options(s, "old", *first)
        wait_until("told again, it works",
                   lambda: second[0] in open(watched + "/mosquitto_pub").read() and
                   broker.publish(watched, "four"), WAIT)
        # one process of each all the time
        assert s.processes["akmad"].pid == agent and watcher.popen.poll() is None

        wait_until("the old one is refused", lambda: not broker.publish(old, "late"), WAIT)
        assert first[0] not in broker.identities() and "late-again" not in broker.lines
        assert not broker.publish(old, "late-again")
        assert broker.publish(asked, "five")

        # and what was never a key
        wrong = options(s, "wrong", second[0], other_digit(second[1]))
        assert not broker.publish(wrong, "wrong")
        assert not broker.publish(options(s, "wrong", "nobody", second[1]), "wrong")
        assert "wrong" not in broker.lines
        for log in ("mosquitto", "watch", "akmad", "akma-keyserver", "follower"):
            with open(s.path(log + ".log"), errors="replace") as file:
                text = file.read()
            assert first[1] not in text and second[1] not in text, log


@tap.test
def wireguard_takes_the_key_as_one_of_its_own():
    need("wg")
    with Gateway() as s:
        s.start()
        s.ctl("get", "mqtt", "--format", "wireguard-psk", "--output", s.path("wg.psk"))
        with open(s.path("wg.psk")) as file:
            text = file.read()
        # wg itself reads it as a key of 32 bytes; cut or longer it does not
        def takes(key):
            return subprocess.run(["wg", "pubkey"], input=key, text=True, stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL).returncode == 0
        assert takes(text) and not takes(text[4:]) and not takes("A" + text)
        assert base64.b64decode(text).hex() == s.ask()[1]
        assert os.stat(s.path("wg.psk")).st_mode & 0o777 == 0o600
        in_the_kernel(s, text)


def in_the_kernel(s, text):
    need("ip", "unshare")
    name = "ip link add wg0 type wireguard"
    probe = subprocess.run(["unshare", "-rn", "sh", "-c", name], stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, text=True)
    if probe.returncode != 0:
        print("# not in the kernel: %s" % probe.stdout.strip())
        raise tap.Skip("wg has read it, but this kernel gives no WireGuard: " + probe.stdout.strip())
    peer = subprocess.run("wg genkey | wg pubkey", shell=True, stdout=subprocess.PIPE, text=True,
                          check=True).stdout.strip()
    shown = subprocess.run(
        ["unshare", "-rn", "sh", "-ec", name + '; wg genkey | wg set wg0 private-key /dev/stdin; '
         'wg set wg0 peer "$1" preshared-key "$2"; wg show wg0 preshared-keys', "sh", peer,
         s.path("wg.psk")], stdout=subprocess.PIPE, text=True, check=True).stdout
    assert shown.split() == [peer, text.strip()], "not what was given"


if __name__ == "__main__":
    tap.main()
