# SPDX-License-Identifier: LGPL-2.1-or-later
"""restarted: what a system does by itself when it boots, without the modem and without the key server."""
import json
import os
import shutil

from system import (APPARMOR, USB, WORK, active, as_server, failed_units, get, plug_in, read, remove_file, run, say,
                    sealing, server_sha256, show, wait_until, write)

# what units do that start with the system, and where they put what they found: the SHA-256 of a key
BEHIND = """[Unit]
Requires=akmad-wait@%(name)s.service
After=akmad-wait@%(name)s.service
[Service]
Type=oneshot
RemainAfterExit=yes
User=%(user)s
ExecStart=akmactl get %(name)s --format fingerprint
StandardOutput=file:%(out)s
[Install]
WantedBy=multi-user.target
"""
WITH = """[Service]
Type=oneshot
RemainAfterExit=yes
User=%(user)s
LoadCredential=%(name)s.key:/run/akmad/credentials.sock
ExecStart=/bin/sh -c 'sha256sum <"$CREDENTIALS_DIRECTORY/%(name)s.key"'
StandardOutput=file:%(out)s
[Install]
WantedBy=multi-user.target
"""
# unit: what it is, its user, its application; the key of "late" is not there when the system boots
AT_BOOT = {"booted-behind": (BEHIND, "broker", "mqtt"), "booted-vpn": (WITH, "vpnd", "vpn"),
           "booted-late-behind": (BEHIND, "broker", "late"), "booted-late": (WITH, "vpnd", "late")}
LATE = """[application late]
server=home
users=broker;
units=booted-late.service;
"""
PATIENT = "/etc/systemd/system/akmad-wait@late.service.d"
BEFORE = WORK + "/before.json"


def out_of(unit):
    return "%s/%s.out" % (WORK, unit)


def sealed():
    """The best that is here, as akmad says."""
    wanted = ("tpm" if os.path.exists("/dev/tpmrm0") else
              "systemd-host" if os.path.exists("/etc/credstore.encrypted/akmad.sealing-host") else "file")
    assert sealing() == wanted, (sealing(), wanted)
    say("the keys are sealed with: " + wanted)


def prepare():
    """Units that want keys when the system boots; one key that only the key server has then."""
    for unit, (text, user, name) in AT_BOOT.items():
        write("/etc/systemd/system/%s.service" % unit, text % {"user": user, "name": name, "out": out_of(unit)})
        remove_file(out_of(unit))
    write(PATIENT + "/booted.conf", "[Service]\nEnvironment=TIMEOUT=30m\n")
    as_server("application", "add", "late", "--source", "local", "--allow", "*")
    # read when akmad starts, not before
    write("/etc/akmad/applications.d/booted.conf", LATE)
    run("systemctl", "daemon-reload")
    run("systemctl", "enable", *AT_BOOT)
    run("systemctl", "disable", "akma-keyserver.socket", "akma-keyserver", "akma-lab")
    write(BEFORE, json.dumps({"sealing": sealing(), "mqtt": get("broker", "mqtt")[1],
                              "vpn": server_sha256("vpn"), "boot": boot_id()}))


def boot_id():
    return read("/proc/sys/kernel/random/boot_id").strip()


def offline():
    """The keys of before, though there is neither a modem nor a key server."""
    before = json.loads(read(BEFORE))
    assert before["boot"] != boot_id()
    wait_until("akmad runs", lambda: active("akmad.service"))
    assert not active("akma-keyserver") and not active("akma-lab") and not os.path.exists("/dev/cdc-wdm0")
    assert sealing() == before["sealing"], (sealing(), before)
    for unit in ("booted-behind", "booted-vpn"):
        wait_until(unit + " has started", lambda unit=unit: active(unit + ".service"))
        assert read(out_of(unit)).split()[0] == before[AT_BOOT[unit][2]], unit
    assert get("broker", "mqtt")[1] == before["mqtt"]
    in_order("mqtt", "booted-behind")
    if APPARMOR:
        assert read("/proc/%s/attr/current" % show("akmad", "MainPID")).strip() == "akmad (enforce)"
    say("booted again: the keys of before from the file sealed with %s, for a unit behind "
        "akmad-wait@mqtt.service and one with LoadCredential=" % before["sealing"])


def in_order(name, unit):
    ready, began = (int(show(each + ".service", what)) for each, what in (
        ("akmad-wait@" + name, "ExecMainExitTimestampMonotonic"), (unit, "ExecMainStartTimestampMonotonic")))
    assert 0 < ready <= began, (ready, began)


def late():
    """Units that the boot has started wait for a key which comes only now."""
    if not USB:  # nothing tells of a pseudo terminal that appears
        say("no virtual USB controller: not tried how units wait for a modem that comes late")
        run("systemctl", "stop", "booted-late", "booted-late-behind", "akmad-wait@late")
        run("systemctl", "enable", "--now", "akma-lab", "akma-keyserver.socket", "akma-keyserver")
        plug_in()
        run("systemctl", "restart", "akmad")
    else:
        for unit in ("akmad-wait@late.service", "booted-late.service"):
            assert show(unit, "ActiveState") == "activating", unit
        assert not os.path.exists(out_of("booted-late-behind"))
        run("systemctl", "enable", "--now", "akma-lab", "akma-keyserver.socket", "akma-keyserver")
        plug_in()
        for unit in ("booted-late", "booted-late-behind"):
            wait_until(unit + " has started", lambda unit=unit: active(unit + ".service"))
            assert read(out_of(unit)).split()[0] == server_sha256("late"), unit
        in_order("late", "booted-late-behind")
        say("the modem came after the boot: the units that waited for the key of late have it")
    assert not failed_units(), failed_units()
    run("systemctl", "disable", *AT_BOOT)
    shutil.rmtree(PATIENT)
    os.remove("/etc/akmad/applications.d/booted.conf")
    run("systemctl", "daemon-reload")
