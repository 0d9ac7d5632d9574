# SPDX-License-Identifier: LGPL-2.1-or-later
"""The policy file of the bus as it is shipped, on a bus that is closed as the system's is."""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import world  # noqa: E402
from world import APPLICATION, KEY, World, path_of  # noqa: E402

from gi.repository import Gio, GLib  # noqa: E402

import harness  # noqa: E402
import tap  # noqa: E402

NOBODY = 65534
SHIPPED = os.path.join(harness.SOURCE, "packaging/org.akmad1.conf")
PROPERTIES = "org.freedesktop.DBus.Properties"

# the rules of dbus-daemon's system.conf, written down here; its files come after them
CLOSED = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path=%s</listen><auth>EXTERNAL</auth>
<policy context="default">
  <allow user="*"/><deny own="*"/><deny send_type="method_call"/>
  <allow send_type="signal"/><allow send_requested_reply="true" send_type="method_return"/>
  <allow send_requested_reply="true" send_type="error"/>
  <allow receive_type="method_call"/><allow receive_type="method_return"/>
  <allow receive_type="error"/><allow receive_type="signal"/>
  <allow send_destination="org.freedesktop.DBus"/>
</policy>
INCLUDED
</busconfig>
"""

# by another user: what RequestName answers, or the name of its error
CLAIM = """
import sys
from gi.repository import Gio, GLib
c = Gio.DBusConnection.new_for_address_sync(sys.argv[1],
    Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION,
    None, None)
try:
    print(c.call_sync("org.freedesktop.DBus", "/", "org.freedesktop.DBus", "RequestName",
        GLib.Variant("(su)", (sys.argv[2], 4)), None, 0, -1, None).unpack()[0])
except GLib.Error as e:
    print(Gio.DBusError.get_remote_error(e))
"""
DENIED = "org.freedesktop.DBus.Error.AccessDenied"
IS_OWNER = "1"


class Closed(World):
    """@agent: the user that stands in the shipped file in place of akmad; None: no such file."""

    def __init__(self, agent, applications="[application mqtt]\nserver=keys\nusers=%u\n"):
        super().__init__(applications)
        self.agent = agent

    def __enter__(self):
        included = ""
        if self.agent is not None:
            with open(SHIPPED) as file:
                text, count = re.subn('user="akmad"', 'user="%s"' % self.agent, file.read())
            assert count == 1, "who is akmad?"
            included = "<include>%s</include>" % self.stack.write("org.akmad1.conf", text)
        before, harness.BUS_CONF = harness.BUS_CONF, CLOSED.replace("INCLUDED", included)
        try:
            return super().__enter__()
        finally:
            harness.BUS_CONF = before

    def claim(self, name=world.NAME, uid=None):
        def become():
            if uid is not None:
                os.setgroups([])
                os.setgid(uid)
                os.setuid(uid)
        return subprocess.run(["/usr/bin/python3", "-c", CLAIM, self.stack.bus, name], preexec_fn=become,
                              stdout=subprocess.PIPE, text=True, check=True, timeout=60).stdout.strip()


def root_only():
    if os.getuid() != 0:
        raise tap.Skip("this takes two users")


@tap.test
def the_user_of_the_file_takes_the_name_and_no_other():
    with Closed(agent=os.getuid()) as w:
        assert w.claim() == IS_OWNER
        assert w.claim(name="org.akmad2") == DENIED
        assert w.claim(name="org.akmad1.more") == DENIED


@tap.test
def reject_who_is_not_the_user_of_the_file():
    # root is none of them either
    with Closed(agent=NOBODY) as w:
        assert w.claim() == DENIED


@tap.test
def reject_the_name_where_the_file_is_not_installed():
    with Closed(agent=None) as w:
        assert w.claim() == DENIED
        w.configure()
        os.makedirs(w.stack.path("state"), mode=0o700)
        done = w.run_agent("--bus", w.stack.bus)
        assert done.returncode != 0 and "next: " in done.stderr, done


@tap.test
def reject_another_user_who_wants_the_name():
    root_only()
    with Closed(agent=0) as w:
        assert w.claim(uid=NOBODY) == DENIED
        w.start().wait_key()
        # also once akmad has it, and when it has gone
        assert w.claim(uid=NOBODY) == DENIED
        assert w.stack.stop("akmad") == 0
        assert w.claim(uid=NOBODY) == DENIED


@tap.test
def everybody_may_call_akmad_which_decides_itself():
    root_only()
    with Closed(agent=0, applications="[application mqtt]\nserver=keys\nusers=%d\n" % NOBODY) as w:
        w.start().wait_key()
        nobody = NOBODY, [NOBODY]
        answer = w.call_as(*nobody, path_of("mqtt"), APPLICATION, "GetKey")
        assert answer["ok"] and bytes.fromhex(answer["key"]) == KEY, answer
        assert w.call_as(*nobody, path_of("mqtt"), PROPERTIES, "GetAll", "('%s',)" % APPLICATION)["ok"]
        assert w.call_as(1, [1], path_of("mqtt"), APPLICATION, "GetKey")["error"] == "NotAuthorized"


@tap.test
def reject_calls_to_others_on_this_bus():
    # what the file allows is akmad alone
    with Closed(agent=os.getuid()) as w:
        try:
            w.connection.call_sync(w.connection.get_unique_name(), "/", PROPERTIES, "GetAll",
                                   GLib.Variant("(s)", ("x",)), None, 0, 60000, None)
        except GLib.Error as error:
            assert Gio.DBusError.get_remote_error(error) == DENIED, error
        else:
            raise AssertionError("it was let through")


tap.main()
