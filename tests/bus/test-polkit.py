# SPDX-License-Identifier: LGPL-2.1-or-later
"""Management by whom polkit allows it: a polkit that says what it is told to."""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import APPLICATION, ERROR, MANAGER, ROOT, World, path_of  # noqa: E402

import harness  # noqa: E402
import tap  # noqa: E402

NOBODY = 65534
WHO = (NOBODY, [NOBODY])
RENEW = (path_of("mqtt"), APPLICATION, "Renew")

# org.freedesktop.PolicyKit1; its answers stand in a file, what it is asked goes into another
POLKIT = """
import json, sys
from gi.repository import Gio, GLib
bus = Gio.DBusConnection.new_for_address_sync(sys.argv[1],
    Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION,
    None, None)
XML = '''<node><interface name="org.freedesktop.PolicyKit1.Authority"><method name="CheckAuthorization">
<arg type="(sa{sv})" direction="in"/><arg type="s" direction="in"/><arg type="a{ss}" direction="in"/>
<arg type="u" direction="in"/><arg type="s" direction="in"/><arg type="%s" direction="out"/>
</method></interface></node>'''
kept = []
def asked(connection, sender, path, interface, method, arguments, invocation):
    with open(sys.argv[3], "a") as log:
        print(json.dumps(arguments.unpack()), file=log)
    answer = sys.argv[2]
    if answer == "silent":
        kept.append(invocation)
    elif answer == "error":
        invocation.return_dbus_error("org.freedesktop.PolicyKit1.Error.Failed", "no")
    elif answer == "other":
        invocation.return_value(GLib.Variant("(b)", (True,)))
    else:
        invocation.return_value(GLib.Variant("((bba{ss}))", (
            (answer == "yes", answer == "challenge", {"polkit.result": "x"}),)))
result = "b" if sys.argv[2] == "other" else "(bba{ss})"
bus.register_object("/org/freedesktop/PolicyKit1/Authority",
    Gio.DBusNodeInfo.new_for_xml(XML % result).interfaces[0], asked, None, None)
bus.call_sync("org.freedesktop.DBus", "/", "org.freedesktop.DBus", "RequestName",
    GLib.Variant("(su)", ("org.freedesktop.PolicyKit1", 0)), None, 0, -1, None)
open(sys.argv[3], "w").close()
GLib.MainLoop().run()
"""


def start_polkit(w, answer):
    """A polkit with that answer; what it was asked, as a function."""
    if os.getuid() != 0:
        raise tap.Skip("needs root, to call as another user")
    path = w.stack.path("polkit.asked")
    w.stack.spawn("polkit", ["/usr/bin/python3", "-c", POLKIT, w.stack.bus, answer, path], ready=False)
    harness.wait_until("polkit is there", lambda: os.path.exists(path))

    def asked():
        with open(path) as file:
            return [json.loads(line) for line in file]
    return asked


@tap.test
def who_is_allowed_by_polkit_manages():
    with World("[application mqtt]\nserver=keys\n") as w:
        asked = start_polkit(w, "yes")
        w.start().wait_key()
        w.wait("the modem is there", lambda: ROOT + "/modem/0" in w.objects())
        before = w.first_requests()
        assert w.call_as(*WHO, *RENEW)["ok"]
        assert w.call_as(*WHO, ROOT, MANAGER, "Enroll", "('mqtt',)")["ok"]
        assert w.first_requests() == before + 2
        assert w.call_as(*WHO, ROOT, MANAGER, "Scan")["ok"]
        w.wait("the modem is there", lambda: ROOT + "/modem/0" in w.objects())
        assert w.call_as(*WHO, ROOT + "/modem/0", "org.akmad1.Modem", "Probe")["ok"]
        assert w.call_as(*WHO, ROOT, MANAGER, "Enroll", "('nothing',)")["error"] == "KeyUnknown"
        actions = [question[1] for question in asked()]
        assert actions == ["org.akmad1." + a for a in ("enroll", "enroll", "scan", "probe", "enroll")]
        for (kind, details), _, given, flags, cancel in asked():
            assert kind == "system-bus-name" and details["name"].startswith(":"), details
            assert (given, flags, cancel) == ({}, 0, "")
        harness.wait_until("it is logged", lambda: "Renew mqtt kid - by uid %d pid " % NOBODY in w.log())


@tap.test
def reject_a_key_to_whom_polkit_allows_everything():
    with World("[application mqtt]\nserver=keys\n") as w:
        asked = start_polkit(w, "yes")
        w.start().wait_key()
        assert w.call_as(*WHO, path_of("mqtt"), APPLICATION, "GetKey")["error"] == "NotAuthorized"
        assert asked() == []


@tap.test
def root_is_not_asked_about():
    with World() as w:
        asked = start_polkit(w, "no")
        w.start().wait_key()
        w.renew()
        assert asked() == []


@tap.each("no", "challenge", "error", "other")
def reject_who_is_not_allowed(answer):
    with World() as w:
        asked = start_polkit(w, answer)
        w.start().wait_key()
        before = w.first_requests()
        assert w.call_as(*WHO, *RENEW)["error"] == "NotAuthorized"
        assert w.call_as(*WHO, ROOT, MANAGER, "Enroll", "('nothing',)")["error"] == "NotAuthorized"
        assert len(asked()) == 2 and w.first_requests() == before


@tap.test
def reject_when_polkit_goes_without_an_answer():
    with World() as w:
        asked = start_polkit(w, "silent")
        w.start().wait_key()
        caller = subprocess.Popen(
            ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups", "busctl",
             "--address=" + w.stack.bus, "--timeout=60", "call", "org.akmad1", *RENEW],
            stderr=subprocess.PIPE, text=True)
        harness.wait_until("polkit was asked", asked)
        # others are served meanwhile
        w.renew()
        polkit = w.stack.processes.pop("polkit")
        polkit.popen.kill()
        polkit.popen.wait()
        _, said = caller.communicate(timeout=60)
        assert caller.returncode == 1 and "only root" in said, said


def start_caller(w, path, interface, method):
    """It says the name of the error, too."""
    return subprocess.Popen(
        ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups", "gdbus", "call",
         "--address", w.stack.bus, "--timeout", "60", "--dest", "org.akmad1", "--object-path", path,
         "--method", interface + "." + method], stderr=subprocess.PIPE, text=True)


def reject_gone(w, caller, name, decision, why):
    _, said = caller.communicate(timeout=60)
    assert caller.returncode == 1 and "%s%s: %s" % (ERROR, name, why) in said, said
    # one line, as each decision has
    lines = [line for line in w.log().splitlines() if decision in line]
    assert len(lines) == 1 and lines[0].endswith(": " + why), lines


@tap.test
def reject_a_call_whose_application_goes_while_polkit_is_asked():
    with World() as w:
        asked = start_polkit(w, "silent")
        w.start().wait_key()
        caller = start_caller(w, *RENEW)
        harness.wait_until("polkit was asked", asked)
        w.applications = ""
        w.reload()
        reject_gone(w, caller, "KeyUnknown", "Renew mqtt kid - by uid %d" % NOBODY,
                    "the application is not there any more")


@tap.test
def reject_a_probe_whose_modem_goes_while_polkit_is_asked():
    with World() as w:
        asked = start_polkit(w, "silent")
        w.start().wait_key()
        w.wait("the modem is there", lambda: ROOT + "/modem/0" in w.objects())
        caller = start_caller(w, ROOT + "/modem/0", "org.akmad1.Modem", "Probe")
        harness.wait_until("polkit was asked", asked)
        assert w.stack.control("unplug").startswith("ok")
        reject_gone(w, caller, "NoModem", "Probe - kid - by uid %d" % NOBODY,
                    "the modem is not there any more")


if __name__ == "__main__":
    tap.main()
