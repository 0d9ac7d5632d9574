# SPDX-License-Identifier: LGPL-2.1-or-later
"""world: akmad on a private bus with a simulated card and the reference server, and a client.

    with world.World() as w:           # one application "mqtt" that this user may have
        w.start(); w.wait_key()
        fd_bytes, attributes = w.get_key()
"""
import fcntl
import json
import os
import subprocess
import sys
import time

import gi
from gi.repository import Gio, GLib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import aka  # noqa: E402
import derive  # noqa: E402
import harness  # noqa: E402
import reference  # noqa: E402
import ubserver  # noqa: E402

gi.require_version("Gio", "2.0")

NAME = "org.akmad1"
ROOT = "/org/akmad1"
APPLICATION = "org.akmad1.Application"
MANAGER = "org.akmad1.Manager"
ERROR = "org.akmad1.Error."
FQDN, IMSI = harness.FQDN, harness.IMSI
K_AUSF = bytes(range(32))
SEALS = 0x0F  # F_SEAL_SEAL | SHRINK | GROW | WRITE
F_GET_SEALS = 1034
KEY = b"k" * 32

# GetKey by another uid: one process, its answer as a line of JSON
CALLER = """
import json, os, sys
from gi.repository import Gio, GLib
try:
    c = Gio.DBusConnection.new_for_address_sync(sys.argv[1],
        Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION,
        None, None)
    r, fds = c.call_with_unix_fd_list_sync("org.akmad1", sys.argv[2], sys.argv[3], sys.argv[4],
        GLib.Variant.parse(None, sys.argv[5], None, None), None, 0, 60000, None, None)
    out = {"ok": True, "key": os.read(fds.get(0), 99).hex() if fds and fds.get_length() else None}
except GLib.Error as e:
    out = {"ok": False, "error": Gio.DBusError.get_remote_error(e)}
print(json.dumps(out))
"""


def card(k_ausf=K_AUSF, imsi=IMSI, iccid="8988211000000000017"):
    return ("[card]\niccid=%s\n[usim]\nimsi=%s\nmnc-length=2\nk=%s\nopc=%s\nservices=123;124\n"
            "routing-indicator=0\nplmn=00101\n[files]\n7FFF/5FC0/4F05=8020%s\n" %
            (iccid, imsi, harness.K, harness.OPC, k_ausf.hex()))


def path_of(application):
    """As sd_bus_path_encode(3)."""
    return ROOT + "/application/" + "".join(
        c if c.isascii() and c.isalnum() and (i or not c.isdigit()) else "_%02x" % ord(c)
        for i, c in enumerate(application))


class Failed(Exception):
    def __init__(self, error):
        name = Gio.DBusError.get_remote_error(error) or ""
        super().__init__("%s: %s" % (name, error.message))
        self.name = name[len(ERROR):] if name.startswith(ERROR) else name


class World:
    def __init__(self, applications="[application mqtt]\nserver=keys\nusers=%u\n", extra="",
                 anchor="akma"):
        """@anchor: akma, or gba with a BSF in Python, self.bsf."""
        self.stack = harness.Stack(anchor=anchor)
        self.bsf = ubserver.Bsf(aka.Usim(harness.K, harness.OPC)) if anchor == "gba" else None
        self.applications, self.extra = applications, extra
        self.servers = []
        self.signals = []

    def __enter__(self):
        s = self.stack
        os.makedirs(s.path("keys"))
        self.server = self.add_server(FQDN, s.path("keys"))
        os.symlink(self.server.ca_file, s.path("ca.pem"))
        self.server.keys["mqtt"] = reference.ServerKey(KEY)
        if self.bsf:
            self.server.first_key = self.ks_naf
        s.start_bus()
        self.connection = self.connect()
        return self

    def __exit__(self, kind, value, trace):
        if not self.connection.is_closed():
            self.connection.close_sync(None)
        self.stack.__exit__(kind, value, trace)
        for server in self.servers:
            server.__exit__()
        if self.bsf:
            self.bsf.__exit__()

    def ks_naf(self, anchor, kid, *_):
        assert anchor == "gba", anchor
        if kid not in self.bsf.sessions:
            return None
        ks, rand, impi = self.bsf.sessions[kid]
        return ubserver.ks_naf(ks, rand, impi, FQDN)

    def add_server(self, fqdn, folder, k_ausf=K_AUSF):
        server = reference.ReferenceServer(fqdn, folder)
        server.first_keys["akma", derive.a_kid(k_ausf, IMSI)] = derive.k_af(k_ausf, IMSI, fqdn)
        server.__enter__()
        self.servers.append(server)
        return server

    # -- programs ---------------------------------------------------------------------------

    def start(self, modem=True):
        if modem:
            self.stack.start_modem(card=card(), core=False)
        self.configure()
        self.stack.start_agent(config=False)
        return self

    def configure(self):
        self.stack.agent_config(applications=self.applications,
                                server="127.0.0.1:%d" % self.server.address[1], extra=self.extra,
                                bsf=self.bsf and self.bsf.url)

    def restart(self):
        assert self.stack.stop("akmad") == 0
        self.stack.start_agent(config=False)

    def reload(self):
        self.configure()
        self.stack.processes["akmad"].signal(harness.signal.SIGHUP)

    def log(self):
        return self.stack.processes["akmad"].read_log()

    def run_agent(self, *options):
        """akmad in the foreground until it ends; the finished process."""
        return subprocess.run([harness.program("akmad"), "--config", self.stack.path("akmad.conf"),
                               *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=60)

    # -- the bus ------------------------------------------------------------------------------

    def connect(self):
        # its socket is there a moment before anybody listens
        return self.wait("the bus answers", self.try_connect)

    def try_connect(self):
        try:
            return self.open_connection()
        except GLib.Error:
            return None

    def open_connection(self):
        return Gio.DBusConnection.new_for_address_sync(
            self.stack.bus, Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT |
            Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION, None, None)

    def call(self, path, interface, method, *arguments, timeout=60000):
        parameters = arguments[0] if arguments else None
        try:
            return self.connection.call_with_unix_fd_list_sync(
                NAME, path, interface, method, parameters, None, Gio.DBusCallFlags.NONE, timeout,
                None, None)
        except GLib.Error as error:
            raise Failed(error) from None

    def get_key(self, application="mqtt", kid=None):
        method = ("GetKeyVersion", GLib.Variant("(s)", (kid,))) if kid is not None else ("GetKey",)
        result, fds = self.call(path_of(application), APPLICATION, *method)
        handle, attributes = result.unpack()
        fd = fds.get(handle)
        try:
            assert fcntl.fcntl(fd, F_GET_SEALS) == SEALS
            assert os.lseek(fd, 0, os.SEEK_CUR) == 0
            return os.read(fd, 70000), attributes
        finally:
            os.close(fd)

    def error_of(self, function, *arguments, **named):
        try:
            function(*arguments, **named)
        except Failed as failed:
            return failed.name
        return None

    def renew(self, application="mqtt", timeout=60000):
        self.call(path_of(application), APPLICATION, "Renew", timeout=timeout)

    def enroll(self, application):
        result, _ = self.call(ROOT, MANAGER, "Enroll", GLib.Variant("(s)", (application,)))
        return result.unpack()[0]

    def get_all(self, path, interface):
        result, _ = self.call(path, "org.freedesktop.DBus.Properties", "GetAll",
                              GLib.Variant("(s)", (interface,)))
        return result.unpack()[0]

    def properties(self, application="mqtt"):
        return self.get_all(path_of(application), APPLICATION)

    def objects(self):
        result, _ = self.call(ROOT, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects")
        return result.unpack()[0]

    def wait(self, what, condition, seconds=60):
        return harness.wait_until(what, condition, seconds)

    def wait_key(self, application="mqtt", kid=None):
        def have():
            row = self.properties(application)
            return row["State"] == "ready" and kid in (None, row["KeyId"]) and row
        return self.wait("%s is ready" % application, have)

    def listen(self):
        """Signals of akmad from now on gather in self.signals as (path, member, arguments)."""
        def got(_connection, _sender, path, _interface, member, parameters):
            self.signals.append((path, member, parameters.unpack()))
        self.connection.signal_subscribe(NAME, None, None, None, None, 0, got)
        self.connection.call_sync("org.freedesktop.DBus", "/", "org.freedesktop.DBus.Peer", "Ping",
                                  None, None, 0, -1, None)

    def wait_signal(self, member, arguments=None, seconds=60):
        def have():
            while GLib.MainContext.default().iteration(False):
                pass
            return [s for s in self.signals if s[1] == member and arguments in (None, s[2])]
        return self.wait("signal %s" % member, have, seconds)

    def iterate(self, condition, seconds=60):
        """Runs the main loop of this process until @condition holds."""
        end = time.monotonic() + seconds
        while not condition() and time.monotonic() < end:
            GLib.MainContext.default().iteration(False)
            time.sleep(0.002)

    def call_as(self, uid, gids, path, interface, method, arguments="()", enter=None):
        """One call by a process of another user (root only), in the unit that it is to @enter."""
        def become():
            if enter:
                enter()
            os.setgroups(gids)
            os.setgid(gids[0])
            os.setuid(uid)
        out = subprocess.run(["/usr/bin/python3", "-c", CALLER, self.stack.bus, path, interface, method,
                              arguments], preexec_fn=become, stdout=subprocess.PIPE, text=True, check=True)
        answer = json.loads(out.stdout)
        if not answer["ok"]:
            answer["error"] = (answer["error"] or "").replace(ERROR, "")
        return answer

    def first_requests(self, server=None):
        return len([e for e in (server or self.server).events if e["event"] == "first_request"])

    def settle(self, seconds=0.3):
        time.sleep(seconds)
