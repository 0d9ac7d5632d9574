# SPDX-License-Identifier: LGPL-2.1-or-later
"""entitled: who gets a key, and who may manage, in a system with a key of mqtt, vpn and tunnel."""
import contextlib
import hashlib
import os
import shutil
import time

from system import WORK, get, in_service, read, remove_file, run, say, server_sha256, show, wait_until, write

NOTHING = hashlib.sha256(b"").hexdigest()
NOT_AUTHORIZED = 4
REFUSED_MESSAGE = "c3c3781bf3dd4722a0437995bf88f338"
POLKIT_BUS = "/usr/share/dbus-1/system-services/org.freedesktop.PolicyKit1.service"
POLKIT_RULE = "/etc/polkit-1/rules.d/50-booted.rules"
EXAMPLES = "/usr/share/doc/libakmad-dev/examples/"

CREDENTIAL = """[Service]
Type=oneshot
User=%s
LoadCredential=vpn.key:/run/akmad/credentials.sock
ExecStart=/bin/sh -c 'sha256sum <"$CREDENTIALS_DIRECTORY/vpn.key"'
StandardOutput=file:%s
"""

RULE = """polkit.addRule(function(action, subject) {
    if (action.id == "org.akmad1.enroll" && subject.user == "fitter")
        return polkit.Result.YES;
});
"""


# -- keys ----------------------------------------------------------------------------------------

def by_dbus():
    status, found, errors = get("broker", "mqtt")
    assert (status, found) == (0, server_sha256("mqtt")), (status, found, errors)
    say("the service of broker has the key of mqtt by D-Bus, SHA-256 %s" % found[:16])


def refused():
    for user, name in (("stranger", "mqtt"), ("broker", "vpn"), ("root", "mqtt")):
        status, found, errors = get(user, name)
        assert (status, found) == (NOT_AUTHORIZED, ""), (user, name, status, errors)
    wait_until("the journal says so", lambda: len(run(
        "journalctl", "--unit", "akmad", "-o", "cat", "MESSAGE_ID=" + REFUSED_MESSAGE).splitlines()) >= 3, 60)
    say("stranger, broker for another key, and root are refused; the journal says so")


def by_unit():
    """units= with the caller's control group, which akmad reads as its unit and its profile let it."""
    status, found, errors = get("vpnd", "tunnel", unit="booted-tunnel.service")
    assert (status, found) == (0, server_sha256("tunnel")), (status, found, errors)
    for unit in ("booted-elsewhere.service", "booted-tunnel-2.service"):
        status, found, errors = get("vpnd", "tunnel", unit=unit)
        assert (status, found) == (NOT_AUTHORIZED, ""), (unit, status, errors)
    say("booted-tunnel.service has its key by D-Bus; other units of the same user are refused")


def credential(unit, user):
    """What @unit, of @user, finds as its credential: the SHA-256."""
    out = "%s/%s.out" % (WORK, unit)
    write("/etc/systemd/system/%s.service" % unit, CREDENTIAL % (user, out))
    run("systemctl", "daemon-reload")
    remove_file(out)
    run("systemctl", "restart", unit)
    return read(out).split()[0]


def by_credential():
    assert credential("booted-vpn", "vpnd") == server_sha256("vpn")
    assert credential("booted-other", "vpnd") == NOTHING
    say("booted-vpn.service has its key by LoadCredential=; booted-other.service, of the same user, nothing")


# -- management ----------------------------------------------------------------------------------

@contextlib.contextmanager
def polkit_away():
    """As where it is not installed: its name has no owner, and the bus knows of nothing to start."""
    shutil.move(POLKIT_BUS, WORK)
    run("systemctl", "stop", "polkit")
    reload_bus()
    try:
        yield
    finally:
        shutil.move(os.path.join(WORK, os.path.basename(POLKIT_BUS)), POLKIT_BUS)
        reload_bus()


def reload_bus():
    run("busctl", "call", "org.freedesktop.DBus", "/", "org.freedesktop.DBus", "ReloadConfig")


def renew(user):
    status, _, errors = in_service(user, "akmactl", "renew", "mqtt")
    assert status in (0, NOT_AUTHORIZED), (user, status, errors)
    return status == 0


def scan(user):
    status, _, errors = in_service(user, "busctl", "call", "org.akmad1", "/org/akmad1", "org.akmad1.Manager",
                                   "Scan")
    assert status == 0 or "polkit" in errors, (user, status, errors)
    return status == 0


def managers():
    if not os.path.exists(POLKIT_BUS):
        say("no polkit here: only root is tried")
        assert renew("root") and not renew("fitter")
        return
    with polkit_away():
        known = run("busctl", "call", "org.freedesktop.DBus", "/", "org.freedesktop.DBus",
                    "ListActivatableNames") + run("busctl", "list", "--acquired")
        assert "PolicyKit1" not in known, known
        assert renew("root") and not renew("fitter")
    say("without polkit root may renew a key, fitter may not")

    assert not renew("fitter") and not scan("fitter")
    assert show("polkit", "ActiveState") == "active"
    write(POLKIT_RULE, RULE)
    try:
        run("systemctl", "restart", "polkit")
        assert renew("fitter") and not scan("fitter")
        assert not renew("stranger") and renew("root")
    finally:
        remove_file(POLKIT_RULE)
        run("systemctl", "restart", "polkit")
    assert not renew("fitter")
    say("polkitd, with the policy of the package: fitter may renew by a rule, and nothing else; "
        "stranger may not")


# -- the library ---------------------------------------------------------------------------------

def follow(name, user, *argv):
    """The first that an example, which runs until it is stopped, says of the key of mqtt."""
    out = "%s/%s.out" % (WORK, name)
    remove_file(out)
    run("systemd-run", "--unit", name, "--collect", "--property", "User=" + user, "--property",
        "StandardOutput=file:" + out, "--property", "StandardError=file:" + out, *argv, "mqtt")
    try:
        return wait_until(name + " says something", lambda: os.path.exists(out) and "\n" in read(out) and
                          read(out))
    finally:
        run("systemctl", "stop", name)


def library():
    """The examples of libakmad-dev, with what the packages of the library install and nothing else."""
    began = time.monotonic()
    program = WORK + "/follow"
    flags = run("pkg-config", "--cflags", "--libs", "akmad", "libcrypto").split()
    run("gcc", "-Wall", "-Werror", "-o", program, EXAMPLES + "follow.c", *flags)
    key = server_sha256("mqtt")
    for name, argv in (("booted-c", [program]), ("booted-python", ["python3", EXAMPLES + "follow.py"])):
        said = follow(name, "broker", *argv)
        assert said.split()[1:] == [key], (name, said)
        said = follow(name, "stranger", *argv)
        assert "next: " in said and key not in said, (name, said)
    say("libakmad: a program in C, built with pkg-config, and one in Python have the key as broker, and "
        "are refused as stranger; %.0f s" % (time.monotonic() - began))
