# SPDX-License-Identifier: LGPL-2.1-or-later
"""system: the system that booted.py tries: how it is set up, asked and waited for."""
import glob
import json
import os
import pwd
import subprocess
import time

PATIENCE = 300  # seconds; without KVM everything takes its time
USERS = ["akmad", "akma-keyserver", "akma-lab"]
UNITS = ["akmad.service", "akmad-credentials.socket", "akmad-port.socket", "akmad-port.service",
         "akma-keyserver.service", "akma-keyserver.socket", "akma-lab.service"]
CORE = "http://127.0.0.1:7777"
SERVER = "127.0.0.1:8443"
WORK = "/var/lib/booted"  # stays over a boot
VHCI = "/sys/devices/platform/vhci_hcd.0"
USB = os.path.exists(VHCI)
APPARMOR = os.path.exists("/sys/kernel/security/apparmor/profiles")


def say(text):
    print("%7.1f s  %s" % (time.monotonic(), text), flush=True)


def run(*argv, check=True, **more):
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          stdin=subprocess.DEVNULL, timeout=PATIENCE, **more)
    if check and done.returncode:
        raise AssertionError("%s: status %d\n%s%s" % (" ".join(argv), done.returncode, done.stdout,
                                                      done.stderr))
    return done.stdout if check else done


def wait_until(what, function, seconds=PATIENCE):
    end = time.monotonic() + seconds
    while not (found := function()):
        assert time.monotonic() < end, "not within %d s: %s" % (seconds, what)
        time.sleep(0.3)
    return found


def write(path, text, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)
    os.chmod(path, mode)


def read(path):
    with open(path) as file:
        return file.read()


def remove_file(path):
    if os.path.exists(path):
        os.remove(path)


# -- units ---------------------------------------------------------------------------------------

def show(unit, name):
    return run("systemctl", "show", "--value", "--property", name, unit).strip()


def active(unit):
    return show(unit, "ActiveState") == "active"


def failed_units():
    rows = run("systemctl", "list-units", "--failed", "--plain", "--no-legend").splitlines()
    return [row for row in rows if row.startswith("akma")]


def in_service(user, *argv, unit=None):
    """What @argv does in a service of @user, and of this name: status, stdout, stderr."""
    done = run("systemd-run", "--wait", "--pipe", "--quiet", "--collect", *(["--unit", unit] if unit else []),
               "--property", "User=" + user, *argv, check=False)
    return done.returncode, done.stdout.strip(), done.stderr


# -- akmad, the key server and the modem -----------------------------------------------------------

def applications():
    return [json.loads(line) for line in run("akmactl", "list", "--json").splitlines()]


def sealing():
    return json.loads(run("akmactl", "status", "--json"))["sealing"]


def get(user, name, unit=None):
    return in_service(user, "akmactl", "get", name, "--format", "fingerprint", unit=unit)


def as_server(*words):
    return run("runuser", "-u", "akma-keyserver", "--", "akma-keyserver", *words)


def server_sha256(name):
    rows = [json.loads(line) for line in
            as_server("key", "list", "--application", name, "--json").splitlines()]
    assert len(rows) == 1, rows
    return rows[0]["sha256"]


def plug_in():
    card = "/usr/share/doc/akma-lab/examples/card.conf"
    face = ["--usb", "mbim"] if USB else ["--at", "/dev/modem-of-the-test"]
    run("systemd-run", "--unit=modem", "--collect", "--service-type=notify", "akma-modemsim", "--card", card,
        "--core", CORE, "--control", "/run/modem-of-the-test.sock", *face)
    if USB:
        wait_until("/dev/cdc-wdm0 is there", lambda: os.path.exists("/dev/cdc-wdm0"))
        run("udevadm", "settle")
    elif any(row.pw_name == "akmad" for row in pwd.getpwall()):
        give_port()


def give_port():
    run("chown", "akmad", os.path.realpath("/dev/modem-of-the-test"))


# -- files ---------------------------------------------------------------------------------------

OWN = ("/var/lib/booted", "/var/lib/dpkg", "/var/lib/systemd/catalog", "/var/lib/systemd/timers",
       "/var/lib/systemd/random-seed", "/var/lib/systemd/credential.secret", "/var/log", "/var/cache/apparmor",
       "/var/cache/ldconfig", "/etc/sysusers.d", "/etc/passwd-", "/etc/group-", "/etc/shadow-",
       "/etc/gshadow-", "/etc/.pwd.lock", "/etc/systemd/system/booted-", "/var/tmp/systemd-private-",
       "/var/lib/polkit-1", "/var/cache/apt", "/var/cache/debconf", "/var/lib/apt")


def listing():
    """Every file of the system but those of this test, of dpkg and of what runs."""
    found = set()
    for top in ("/etc", "/usr", "/var", "/opt"):
        for folder, folders, files in os.walk(top):
            found.update(os.path.join(folder, name) for name in folders + files)
    return {path for path in found if not path.startswith(OWN) and "__pycache__" not in path}


def packages(folder):
    return sorted(glob.glob(folder + "/*.deb"))
