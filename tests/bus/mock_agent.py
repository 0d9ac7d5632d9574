# SPDX-License-Identifier: LGPL-2.1-or-later
"""mock_agent: org.akmad1 with python3-dbus (libdbus), for tests of its clients.

Reads one JSON command a line on stdin and answers each with a line "ok" on stdout. It shares
no code with akmad: what it offers is written down here a second time, from dbus/org.akmad1.xml.
"""
import fcntl
import json
import os
import sys

import dbus
import dbus.mainloop.glib
import dbus.service
from gi.repository import GLib

PREFIX = "org.akmad1."
ROOT = "/org/akmad1"
PROPERTIES = "org.freedesktop.DBus.Properties"
# signature of each property, by interface
TYPES = {
    "Manager": {"Version": "s", "State": "s", "LastError": "(ss)", "Sealing": "s"},
    "Modem": {"Device": "s", "Protocol": "s", "Manufacturer": "s", "Model": "s", "SimState": "s",
              "SimId": "s", "Anchors": "as", "Registration": "s"},
    "Application": {"Id": "s", "Server": "s", "State": "s", "KeyId": "s", "NotAfter": "t",
                    "LastError": "(ss)", "NextRenewal": "t"},
}
SEALS = 0xF  # seal, shrink, grow, write


def typed(signature, value):
    if signature == "s":
        return dbus.String(value)
    if signature == "t":
        return dbus.UInt64(value)
    if signature == "as":
        return dbus.Array(value, signature="s")
    return dbus.Struct(value, signature="ss")


def element(name):
    """The rule of sd_bus_path_encode(3)."""
    out = ""
    for i, byte in enumerate(name.encode()):
        c = chr(byte)
        keep = c.isascii() and (c.isalpha() or (c.isdigit() and i > 0))
        out += c if keep else "_%02x" % byte
    return out or "_"


def descriptor(key):
    """A sealed memfd with the key, or what @key says instead."""
    instead = key.get("instead")
    if instead == "pipe":
        fd, keep_open = os.pipe()
        descriptor.kept.append(keep_open)
        return fd
    if instead in ("file", "device"):
        return os.open(__file__ if instead == "file" else "/dev/zero", os.O_RDONLY)
    fd = os.memfd_create("key", os.MFD_ALLOW_SEALING)
    os.write(fd, bytes.fromhex(key["hex"]))
    if instead == "huge":
        os.truncate(fd, 1 << 40)
    if not key.get("unsealed"):
        fcntl.fcntl(fd, 1033, SEALS)  # F_ADD_SEALS
    os.lseek(fd, key.get("offset", 0), os.SEEK_SET)
    return fd


descriptor.kept = []


class Failure(dbus.DBusException):
    def __init__(self, name, message):
        super().__init__(message)
        self._dbus_error_name = name if "." in name else PREFIX + "Error." + name


class Thing(dbus.service.Object):
    def __init__(self, agent, kind, path, values):
        super().__init__(agent.bus, path)
        self.agent, self.kind, self.path, self.values = agent, kind, path, values

    def all(self):
        return dbus.Dictionary({name: typed(TYPES[self.kind][name], value)
                                for name, value in self.values.items()}, signature="sv")

    @dbus.service.method(PROPERTIES, in_signature="s", out_signature="a{sv}")
    def GetAll(self, interface):
        return self.all() if interface == PREFIX + self.kind else {}

    @dbus.service.method(PROPERTIES, in_signature="ss", out_signature="v")
    def Get(self, interface, name):
        return self.all()[name]

    @dbus.service.signal(PROPERTIES, signature="sa{sv}as")
    def PropertiesChanged(self, interface, changed, invalidated):
        pass

    def change(self, values):
        self.values.update(values)
        self.PropertiesChanged(PREFIX + self.kind,
                               {k: v for k, v in self.all().items() if k in values}, [])

    def called(self, method):
        self.agent.calls.append(method)
        if self.agent.failures.get(method):
            raise Failure(*self.agent.failures[method])


class Application(Thing):
    def __init__(self, agent, path, values):
        super().__init__(agent, "Application", path, values)
        self.keys = {}

    def hand_over(self, kid):
        key = self.keys[kid]
        fd = descriptor(key)
        attributes = {"kid": dbus.String(kid), "kty": dbus.String(key.get("kty", "oct")),
                      "not-before": dbus.UInt64(key.get("not-before", 0)),
                      "not-after": dbus.UInt64(key.get("not-after", 0))}
        for name in "alg", "use", "identity":
            if name in key:
                attributes[name] = dbus.String(key[name])
        for name in key.get("without", []):
            del attributes[name]
        handle = dbus.types.UnixFd(fd)
        os.close(fd)
        return handle, dbus.Dictionary(attributes, signature="sv")

    @dbus.service.method(PREFIX + "Application", out_signature="ha{sv}")
    def GetKey(self):
        self.called("GetKey")
        if not self.values["KeyId"]:
            raise Failure("NotReady", "no key yet")
        return self.hand_over(self.values["KeyId"])

    @dbus.service.method(PREFIX + "Application", in_signature="s", out_signature="ha{sv}")
    def GetKeyVersion(self, kid):
        self.called("GetKeyVersion")
        if kid not in self.keys:
            raise Failure("KeyUnknown", "no version of this name")
        return self.hand_over(kid)

    @dbus.service.method(PREFIX + "Application", async_callbacks=("done", "failed"))
    def Renew(self, done, failed):
        try:
            self.called("Renew")
        except Failure as failure:
            return failed(failure)
        self.agent.later(done, "Renew")

    @dbus.service.signal(PREFIX + "Application", signature="s")
    def KeyChanged(self, kid):
        pass

    @dbus.service.signal(PREFIX + "Application", signature="s")
    def KeyRevoked(self, kid):
        pass


class Odd(Application):
    """One whose GetKey answers with another type."""

    @dbus.service.method(PREFIX + "Application", out_signature="a{sv}")
    def GetKey(self):
        return {"kid": self.values["KeyId"], "kty": "oct"}


class Modem(Thing):
    @dbus.service.method(PREFIX + "Modem", out_signature="a{sv}")
    def Probe(self):
        self.called("Probe")
        report = {name: dbus.Struct(value, signature="ss") if isinstance(value, list) else value
                  for name, value in self.agent.report.items()}
        return dbus.Dictionary(report, signature="sv")


class Manager(Thing):
    def __init__(self, agent):
        super().__init__(agent, "Manager", ROOT, {
            "Version": "0.1.0", "State": "ready", "LastError": ("", ""), "Sealing": "file"})

    @dbus.service.method("org.freedesktop.DBus.ObjectManager", out_signature="a{oa{sa{sv}}}")
    def GetManagedObjects(self):
        return {thing.path: {PREFIX + thing.kind: thing.all()} for thing in self.agent.things}

    @dbus.service.signal("org.freedesktop.DBus.ObjectManager", signature="oa{sa{sv}}")
    def InterfacesAdded(self, path, interfaces):
        pass

    @dbus.service.method(PREFIX + "Manager", in_signature="s", out_signature="o",
                         async_callbacks=("done", "failed"))
    def Enroll(self, application, done, failed):
        try:
            self.called("Enroll")
            if application not in self.agent.applications:
                raise Failure("KeyUnknown", "no application of this name")
        except Failure as failure:
            return failed(failure)
        path = dbus.ObjectPath(self.agent.applications[application].path)
        self.agent.later(lambda: done(path), "Enroll")

    @dbus.service.method(PREFIX + "Manager")
    def Scan(self):
        self.called("Scan")


class Agent:
    def __init__(self, address):
        self.bus = dbus.bus.BusConnection(address)
        self.things, self.applications = [], {}
        self.failures, self.calls, self.delay_ms, self.report = {}, [], 0, {}
        self.manager = Manager(self)
        self.own()

    def own(self):
        self.bus.request_name("org.akmad1", dbus.bus.NAME_FLAG_DO_NOT_QUEUE)

    def drop(self):
        self.bus.release_name("org.akmad1")

    def later(self, done, method):
        def end():
            for command in self.on_call.pop(method, []):
                self.run(command)
            done()
            return False
        GLib.timeout_add(self.delay_ms, end)

    on_call = {}

    def application(self, name, **values):
        start = {"Id": name, "Server": "home", "State": "pending", "KeyId": "", "NotAfter": 0,
                 "LastError": ("", ""), "NextRenewal": 0}
        kind = Odd if values.pop("odd", False) else Application
        start.update(values)
        one = kind(self, ROOT + "/application/" + element(name), start)
        self.applications[name] = one
        self.things.append(one)
        self.manager.InterfacesAdded(one.path, {PREFIX + "Application": one.all()})

    def modem(self, number, **values):
        start = {"Device": "/dev/ttyUSB2", "Protocol": "at", "Manufacturer": "", "Model": "",
                 "SimState": "ready", "SimId": "00" * 16, "Anchors": ["akma"],
                 "Registration": "home"}
        start.update(values)
        self.things.append(Modem(self, "Modem", "%s/modem/%d" % (ROOT, number), start))

    def run(self, command):
        operation = command.pop("do")
        if operation == "application":
            self.application(**command)
        elif operation == "modem":
            self.modem(**command)
        elif operation == "report":
            self.report = command
        elif operation == "manager":
            self.manager.change(command)
        elif operation == "set":
            self.applications[command.pop("name")].change(command)
        elif operation == "key":
            self.applications[command.pop("name")].keys[command.pop("kid")] = command
        elif operation == "changed":
            self.applications[command["name"]].KeyChanged(command["kid"])
        elif operation == "revoked":
            self.applications[command["name"]].KeyRevoked(command["kid"])
        elif operation == "fail":
            self.failures[command["method"]] = command.get("with")
        elif operation == "on":
            self.on_call[command["method"]] = command["run"]
        elif operation == "delay":
            self.delay_ms = command["ms"]
        elif operation == "calls":
            calls, self.calls = self.calls, []
            return json.dumps(calls)
        else:
            {"own": self.own, "drop": self.drop}[operation]()
        return "ok"


def main():
    dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
    agent = Agent(sys.argv[1])
    loop = GLib.MainLoop()

    def read(_fd, _condition):
        line = sys.stdin.readline()
        if not line:
            loop.quit()
            return False
        print(agent.run(json.loads(line)), flush=True)
        return True

    GLib.io_add_watch(0, GLib.PRIORITY_DEFAULT, GLib.IO_IN | GLib.IO_HUP, read)
    print("ok", flush=True)
    loop.run()


main()
