# SPDX-License-Identifier: LGPL-2.1-or-later
"""units= of an application, read from the cgroup of the caller, and applications.d."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import world  # noqa: E402
from world import APPLICATION, KEY, World, path_of  # noqa: E402

import cgroups  # noqa: E402
import harness  # noqa: E402
import tap  # noqa: E402

NOBODY, SOMEBODY = 65534, 1
UNIT, OTHER = "akma-test-%d.service" % os.getpid(), "akma-test-%d-other.service" % os.getpid()
GET = (path_of("mqtt"), APPLICATION, "GetKey")

# connects, ends, and leaves the connection to a child: the pid that the bus knows is gone
HEIR = """
import os, sys, time
import dbus, dbus.bus
bus = dbus.bus.BusConnection(sys.argv[1])
parent = os.getpid()
if os.fork():
    os._exit(0)
while os.getppid() == parent:
    time.sleep(0.01)
try:
    bus.get_object("org.akmad1", sys.argv[2]).GetKey(dbus_interface="org.akmad1.Application")
    print("key", flush=True)
except dbus.DBusException as error:
    print(error.get_dbus_name(), flush=True)
"""


def section(units="", users=""):
    return "[application mqtt]\nserver=keys\nunits=%s\nusers=%s\n" % (units, users)


@tap.test
def a_process_of_a_named_unit_gets_the_key_whoever_it_is():
    with cgroups.Unit(UNIT) as unit, World(section(OTHER + ";" + UNIT)) as w:
        w.start().wait_key()
        assert w.call_as(NOBODY, [NOBODY], *GET, enter=unit.enter)["key"] == KEY.hex()
        assert w.call_as(SOMEBODY, [SOMEBODY], *GET, enter=unit.enter)["key"] == KEY.hex()
        harness.wait_until("the unit is logged", lambda: "kid mqtt:1 by uid %d unit %s pid " % (
            NOBODY, UNIT) in w.log())


@tap.test
def reject_a_process_of_another_unit_and_one_of_none():
    with cgroups.Unit(UNIT) as unit, cgroups.Unit(OTHER) as other, World(section(UNIT)) as w:
        w.start().wait_key()
        assert w.call_as(NOBODY, [NOBODY], *GET, enter=other.enter)["error"] == "NotAuthorized"
        assert w.call_as(NOBODY, [NOBODY], *GET)["error"] == "NotAuthorized"
        assert w.call_as(NOBODY, [NOBODY], *GET, enter=unit.enter)["key"] == KEY.hex()
        # the log says what could be written into units=
        harness.wait_until("the refusal is logged", lambda: "kid - by uid %d unit %s pid " % (
            NOBODY, OTHER) in w.log())


@tap.test
def reject_a_connection_whose_process_has_ended():
    with cgroups.Unit(UNIT) as unit, World(section(UNIT)) as w:
        w.start().wait_key()
        heir = subprocess.run(
            ["/usr/bin/python3", "-c", HEIR, w.stack.bus, path_of("mqtt")], preexec_fn=unit.enter,
            stdout=subprocess.PIPE, text=True, timeout=60)
        assert heir.stdout.strip() == "org.akmad1.Error.NotAuthorized", heir


@tap.test
def reject_the_unit_once_the_configuration_does_not_name_it():
    with cgroups.Unit(UNIT) as unit, World(section(UNIT)) as w:
        w.start().wait_key()
        assert w.call_as(NOBODY, [NOBODY], *GET, enter=unit.enter)["key"] == KEY.hex()
        w.applications = section(OTHER)
        w.reload()
        harness.wait_until("the new rule holds", lambda: w.call_as(
            NOBODY, [NOBODY], *GET, enter=unit.enter).get("error") == "NotAuthorized")


@tap.test
def reject_who_is_in_no_named_unit():
    with World(section("akma-test-nobody.service")) as w:
        w.start().wait_key()
        assert w.error_of(w.get_key) == "NotAuthorized"


@tap.test
def reject_units_that_no_process_can_be_in():
    for name in ("mqtt", "mqtt@.service", "mqtt.slice", "/mqtt.service"):
        with World(section("good.service;" + name)) as w:
            w.configure()
            done = w.run_agent("--check")
            assert done.returncode == 6 and "[application mqtt] units: \"%s\"" % name in done.stderr, done


@tap.test
def an_application_in_applications_d_comes_and_goes_with_a_reload():
    with World() as w:
        w.start().wait_key()
        os.mkdir(w.stack.path("applications.d"))
        w.stack.write("applications.d/vpn.conf", "[application vpn]\nserver=keys\nkey-id=mqtt\nusers=%d\n"
                      % os.getuid())
        w.reload()
        w.wait("vpn is there", lambda: path_of("vpn") in w.objects())
        w.wait_key("vpn")
        assert w.get_key("vpn")[0] == KEY
        os.unlink(w.stack.path("applications.d/vpn.conf"))
        w.reload()
        w.wait("vpn is gone", lambda: path_of("vpn") not in w.objects())
        assert w.get_key()[0] == KEY


@tap.test
def reject_a_group_that_stands_in_two_files_and_name_both():
    with World() as w:
        w.start().wait_key()
        os.mkdir(w.stack.path("applications.d"))
        path = w.stack.write("applications.d/mqtt.conf", "[application mqtt]\nserver=keys\nusers=0\n")
        w.reload()
        line = "%s: [application mqtt]: is already in %s; the old configuration stays" % (
            path, w.stack.path("akmad.conf"))
        harness.wait_until("the fault is logged", lambda: line in w.log())
        assert w.get_key()[0] == KEY
        assert w.run_agent("--check").returncode == 6


@tap.test
def reject_other_groups_in_applications_d():
    with World() as w:
        w.configure()
        os.mkdir(w.stack.path("applications.d"))
        w.stack.write("applications.d/a.conf", "[server other]\nurl=https://other.example.com\n")
        done = w.run_agent("--check")
        assert done.returncode == 6 and "a.conf: [server other]: not allowed" in done.stderr, done


if __name__ == "__main__":
    tap.main()
