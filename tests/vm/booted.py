#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""booted: the packages in a system that runs under systemd, as root; changes that system.

    booted.py FOLDER      FOLDER/old/*.deb are installed, then upgraded to FOLDER/new/*.deb
    booted.py             what is installed is tried: autopkgtest; nothing is upgraded

The units are used as they are shipped. The modem is akma-modemsim, on the kernel's virtual USB
controller if that is there, else on a pseudo terminal. The last line is GUEST ok ... or VM failed: STEP
"""
import glob
import hashlib
import json
import os
import pwd
import stat
import subprocess
import sys
import time

PATIENCE = 300  # seconds; without KVM everything takes its time
PACKAGES = ["akmad", "akma-keyserver", "akma-lab"]
USERS = ["akmad", "akma-keyserver", "akma-lab"]
UNITS = ["akmad.service", "akmad-credentials.socket", "akmad-port.socket", "akmad-port.service",
         "akma-keyserver.service", "akma-lab.service"]
CORE = "http://127.0.0.1:7777"
SERVER = "127.0.0.1:8443"
WORK = "/run/booted"
VHCI = "/sys/devices/platform/vhci_hcd.0"
USB = os.path.exists(VHCI)
NOTHING = hashlib.sha256(b"").hexdigest()

KEYSERVER = """[server]
name=keys.example.com
listen=%s
certificate-file=/etc/akma-keyserver/certificate.pem
key-file=/etc/akma-keyserver/key.pem
workers=1
[limits]
idle=10m
[store]
store-key-file=/var/lib/akma-keyserver/store.key
[anchor lab]
type=akma
operator=00101
realms=*;
url=%s
timeout=60s
""" % (SERVER, CORE)

AKMAD = """[agent]
credential-wait=120s
%s[server home]
url=https://keys.example.com:8443
connect=%s
ca-file=/etc/akmad/ca.pem
timeout=120s
[application mqtt]
server=home
users=broker;
[application vpn]
server=home
units=vpn.service;
""" % ("" if USB else "[modem m1]\ndevice=/dev/modem-of-the-test\nprotocol=at\n", SERVER)

SERVICE = """[Service]
Type=oneshot
User=%s
LoadCredential=vpn.key:/run/akmad/credentials.sock
ExecStart=/bin/sh -c 'sha256sum <"$CREDENTIALS_DIRECTORY/vpn.key"'
StandardOutput=file:%s/%s.out
"""


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
    with open(path, "w") as file:
        file.write(text)
    os.chmod(path, mode)


def show(unit, name):
    return run("systemctl", "show", "--value", "--property", name, unit).strip()


def active(unit):
    return show(unit, "ActiveState") == "active"


def failed_units():
    rows = run("systemctl", "list-units", "--failed", "--plain", "--no-legend").splitlines()
    return [row for row in rows if row.startswith("akma")]


# -- steps ---------------------------------------------------------------------------------------

def install(folder):
    """Without a configuration of theirs: what has one to start with runs, the rest waits for one."""
    run("dpkg", "--install", *sorted(glob.glob(folder + "/*.deb")))


def started():
    for unit in ("akmad.service", "akmad-credentials.socket", "akmad-port.socket"):
        assert active(unit), unit + " does not run"
        assert run("systemctl", "is-enabled", unit).strip() == "enabled", unit
    for unit in ("akma-keyserver.service", "akma-lab.service"):
        assert not active(unit), unit + " runs without a configuration"
    assert not failed_units(), failed_units()
    assert not active("akma-keyserver.socket")
    state = os.stat("/var/lib/akmad")
    assert (stat.S_IMODE(state.st_mode), state.st_uid) == (0o700, pwd.getpwnam("akmad").pw_uid)
    assert os.stat("/run/akmad/credentials.sock").st_uid == 0
    say("akmad runs, its sockets listen; key server and lab wait for a configuration")


def server():
    """The lab and the key server, by their examples and their manual page."""
    run("cp", "/usr/share/doc/akma-lab/examples/subscribers.conf", "/etc/akma-lab/")
    os.chmod("/etc/akma-lab/subscribers.conf", 0o640)
    run("chgrp", "akma-lab", "/etc/akma-lab/subscribers.conf")
    run("systemctl", "start", "akma-lab")

    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    folder = "/etc/akma-keyserver"
    run("openssl", "req", "-x509", *key, "-keyout", WORK + "/ca.key", "-out", WORK + "/ca.pem",
        "-days", "2", "-subj", "/CN=CA", "-addext", "basicConstraints=critical,CA:TRUE")
    run("openssl", "req", *key, "-keyout", folder + "/key.pem", "-out", WORK + "/csr",
        "-subj", "/CN=keys.example.com")
    write(WORK + "/ext", "subjectAltName=DNS:keys.example.com\n")
    run("openssl", "x509", "-req", "-in", WORK + "/csr", "-CA", WORK + "/ca.pem", "-CAkey",
        WORK + "/ca.key", "-CAcreateserial", "-days", "2", "-extfile", WORK + "/ext",
        "-out", folder + "/certificate.pem")
    run("chgrp", "akma-keyserver", folder + "/key.pem")
    os.chmod(folder + "/key.pem", 0o640)
    write(folder + "/akma-keyserver.conf", KEYSERVER)
    as_server("init")
    for name in ("mqtt", "vpn"):
        as_server("application", "add", name, "--source", "local", "--allow", "*")
    as_server("check")
    run("systemctl", "start", "akma-keyserver")
    assert active("akma-lab") and active("akma-keyserver")
    say("akma-lab and akma-keyserver run")


def as_server(*words):
    return run("runuser", "-u", "akma-keyserver", "--", "akma-keyserver", *words)


def plug_in():
    card = "/usr/share/doc/akma-lab/examples/card.conf"
    face = ["--usb", "mbim"] if USB else ["--at", "/dev/modem-of-the-test"]
    run("systemd-run", "--unit=modem", "--collect", "--service-type=notify", "akma-modemsim", "--card", card,
        "--core", CORE, "--control", WORK + "/modem.sock", *face)
    if not USB:
        port = os.path.realpath("/dev/modem-of-the-test")
        run("chown", "akmad", port)
        say("no virtual USB controller: the modem is on a pseudo terminal")
        return
    wait_until("/dev/cdc-wdm0 is there", lambda: os.path.exists("/dev/cdc-wdm0"))
    run("udevadm", "settle")
    port = os.stat("/dev/cdc-wdm0")
    group = pwd.getpwnam("akmad").pw_gid
    assert (stat.S_IMODE(port.st_mode), port.st_gid) == (0o660, group), oct(port.st_mode)
    say("the modem is /dev/cdc-wdm0, of the group akmad by the rule of the package")


def enrol():
    os.makedirs("/etc/sysusers.d", exist_ok=True)
    write("/etc/sysusers.d/booted.conf", "u broker -\nu vpnd -\nu stranger -\n")
    run("systemd-sysusers")
    run("cp", WORK + "/ca.pem", "/etc/akmad/ca.pem")
    write("/etc/akmad/akmad.conf", AKMAD)
    run("systemctl", "reload" if USB else "restart", "akmad")
    for name in ("mqtt", "vpn"):
        run("akmactl", "wait", name, "--timeout", str(PATIENCE - 10))
    run("systemctl", "start", "akmad-wait@mqtt.service")
    say("enrolled: " + " ".join(sorted(row["key_id"] for row in applications())))


def applications():
    return [json.loads(line) for line in run("akmactl", "list", "--json").splitlines()]


def server_sha256(name):
    rows = [json.loads(line) for line in
            as_server("key", "list", "--application", name, "--json").splitlines()]
    assert len(rows) == 1, rows
    return rows[0]["sha256"]


def get(user, name):
    """akmactl get in a service of @user: status and what it printed."""
    done = run("systemd-run", "--wait", "--pipe", "--quiet", "--property", "User=" + user,
               "akmactl", "get", name, "--format", "fingerprint", check=False)
    return done.returncode, done.stdout.strip(), done.stderr


def by_dbus():
    status, found, errors = get("broker", "mqtt")
    assert (status, found) == (0, server_sha256("mqtt")), (status, found, errors)
    say("the service of broker has the key of mqtt by D-Bus, SHA-256 %s" % found[:16])


def refused():
    for user, name in (("stranger", "mqtt"), ("broker", "vpn"), ("root", "mqtt")):
        status, found, errors = get(user, name)
        assert (status, found) == (4, ""), (user, name, status, errors)
    wait_until("the journal says so", lambda: len(run(
        "journalctl", "--unit", "akmad", "-o", "cat",
        "MESSAGE_ID=c3c3781bf3dd4722a0437995bf88f338").splitlines()) >= 3, 60)
    say("stranger, broker for another key, and root are refused; the journal says so")


def credential(name, user):
    write("/etc/systemd/system/%s.service" % name, SERVICE % (user, WORK, name))
    run("systemctl", "daemon-reload")
    out = "%s/%s.out" % (WORK, name)
    if os.path.exists(out):
        os.remove(out)
    run("systemctl", "start", name)
    with open(out) as file:
        return file.read().split()[0]


def by_credential():
    assert credential("vpn", "vpnd") == server_sha256("vpn")
    assert credential("other", "vpnd") == NOTHING
    say("vpn.service has its key by LoadCredential=; other.service, of the same user, nothing")


def confined():
    """What the kernel says of the processes; a device that is no modem is out of reach."""
    for unit, user in (("akmad.service", "akmad"), ("akma-keyserver.service", "akma-keyserver"),
                       ("akma-lab.service", "akma-lab")):
        pid = show(unit, "MainPID")
        with open("/proc/%s/status" % pid) as file:
            status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
        for name, value in (("CapEff", 0), ("CapBnd", 0), ("CapAmb", 0)):
            assert int(status[name], 16) == value, (unit, name, status[name])
        assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2"), unit
        assert status["Uid"].split()[1] == str(pwd.getpwnam(user).pw_uid), unit
        assert int(show(unit, "WatchdogUSec") != "0") and show(unit, "NRestarts") == "0", unit
        if os.path.exists("/sys/kernel/security/apparmor/profiles") and user != "akma-lab":
            with open("/proc/%s/attr/current" % pid) as file:
                assert file.read().strip() == user + " (enforce)", unit
    say("no capabilities, seccomp, AppArmor: %s" %
        ("enforced" if os.path.exists("/sys/kernel/security/apparmor/profiles") else "not here"))
    if os.path.exists("/sys/fs/cgroup/cgroup.controllers") and os.path.exists("/dev/vda"):
        code = ("import os\nwith open('/sys/fs/cgroup/system.slice/akmad.service/cgroup.procs', 'w') "
                "as f: f.write(str(os.getpid()))\nos.open('/dev/null', os.O_RDONLY)\n"
                "try: os.open('/dev/vda', os.O_RDONLY)\nexcept PermissionError: print('out of reach')")
        assert run("python3", "-c", code).strip() == "out of reach"
        say("the disk is out of reach in akmad's control group, though for root")


def denials():
    """What the profiles or the filters have kept from our programs: nothing that they need."""
    found = [line for line in run("journalctl", "--dmesg", "-o", "cat").splitlines()
             if ("apparmor=\"DENIED\"" in line and "profile=\"akma" in line) or
             ("type=1326" in line and "akma" in line)]
    assert not found, "\n".join(found)


def upgrade(folder):
    before = {name: get_sealed(name) for name in ("mqtt", "vpn")}
    # a key can only come from the state now
    run("systemctl", "stop", "modem", "akma-keyserver", "akma-lab")
    run("dpkg", "--install", "--force-confold", *sorted(glob.glob(folder + "/*.deb")))
    wait_until("akmad runs again", lambda: active("akmad.service"))
    assert not failed_units(), failed_units()
    version = run("dpkg-query", "--show", "--showformat=${Version}", "akmad")
    assert version != "0.0.9-0akmad1" and active("akmad-credentials.socket"), version
    after = {name: get_sealed(name) for name in ("mqtt", "vpn")}
    assert before == after, (before, after)
    say("upgraded to %s: the same keys, with modem and key server away" % version)
    run("systemctl", "start", "akma-lab", "akma-keyserver")
    assert server_sha256("mqtt") == after["mqtt"][1]
    plug_in()
    if not USB:  # nothing tells of a pseudo terminal that appears
        run("systemctl", "restart", "akmad")
    wait_until("akmad has the modem", lambda: run("akmactl", "modem", "--json").strip())
    as_server("key", "rotate", "--application", "mqtt")
    run("akmactl", "renew", "mqtt")
    kids = [row["key_id"] for row in applications()]
    assert "mqtt:2" in kids and get("broker", "mqtt")[1] != after["mqtt"][1], kids
    say("the key server has its store, and gives mqtt:2 after a rotation")


def get_sealed(name):
    if name == "vpn":
        return "vpn", credential("vpn", "vpnd")
    status, found, errors = get("broker", name)
    assert status == 0, errors
    return name, found


def processes(user):
    uid = pwd.getpwnam(user).pw_uid
    return [path for path in glob.glob("/proc/[0-9]*") if os.path.exists(path) and
            os.stat(path).st_uid == uid]


def remove():
    run("systemctl", "stop", "modem")
    run("dpkg", "--remove", *PACKAGES)
    for unit in UNITS:
        assert not active(unit), unit
    assert not failed_units(), failed_units()
    for user in USERS:
        assert not processes(user), user + " still has processes"
    assert not os.path.exists("/run/akmad/credentials.sock")
    for name in ("akmad/keys.sealed", "akma-keyserver/keys.db", "akma-keyserver/store.key"):
        assert os.path.exists("/var/lib/" + name), name
    say("removed: nothing of it runs, the keys are still there")


def purge(baseline):
    """The sealing key is overwritten before it goes: who holds it open reads something else."""
    keys = [path for path in ("/var/lib/akmad/sealing.key",
                              "/etc/credstore.encrypted/akmad.sealing-host",
                              "/etc/credstore.encrypted/akmad.sealing-tpm2") if os.path.exists(path)]
    assert keys, "nothing has sealed the keys"
    keys.append("/var/lib/akma-keyserver/store.key")
    held = [(path, open(path, "rb", buffering=0)) for path in keys]
    contents = [os.pread(file.fileno(), 32, 0) for _, file in held]
    run("dpkg", "--purge", *PACKAGES)
    for (path, file), content in zip(held, contents):
        assert len(content) == 32 and content not in os.pread(file.fileno(), 4096, 0), path
        assert not os.path.exists(path)
    left = [path for pattern in ("/var/lib/akma*", "/etc/akma*", "/run/akma*", "/etc/apparmor.d/*akma*",
                                 "/etc/systemd/system/*/akma*", "/var/cache/akma*",
                                 "/var/lib/systemd/deb-systemd-helper-enabled/*akma*")
            for path in glob.glob(pattern)]
    for user in USERS:
        left += run("find", "/", "-xdev", "-user", user).splitlines()
    if baseline is not None:
        left += sorted(listing() - baseline)
    assert not left, left
    for package in PACKAGES:
        assert run("dpkg-query", "--show", package, check=False).returncode, package
    say("purged: the sealing keys were overwritten, and nothing is left")


def listing():
    """Every file of the system but those of this test, of dpkg and of what runs."""
    own = ("/var/lib/dpkg", "/var/lib/systemd/catalog", "/var/lib/systemd/timers",
           "/var/lib/systemd/random-seed", "/var/lib/systemd/credential.secret", "/var/log", "/var/cache/apparmor",
           "/var/cache/ldconfig", "/etc/sysusers.d", "/etc/systemd/system/vpn.service",
           "/etc/systemd/system/other.service", "/etc/passwd-", "/etc/group-", "/etc/shadow-",
           "/etc/gshadow-", "/etc/.pwd.lock")
    found = set()
    for top in ("/etc", "/usr", "/var", "/opt"):
        for folder, folders, files in os.walk(top):
            found.update(os.path.join(folder, name) for name in folders + files)
    return {path for path in found if not path.startswith(own) and "__pycache__" not in path}


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else None
    os.makedirs(WORK, exist_ok=True)
    baseline = listing() if folder else None
    steps = [("started", started), ("server", server), ("plug-in", plug_in), ("enrol", enrol),
             ("d-bus", by_dbus), ("refused", refused), ("credential", by_credential),
             ("confined", confined)]
    if folder:
        steps.insert(0, ("install", lambda: install(folder + "/old")))
        steps.append(("upgrade", lambda: upgrade(folder + "/new")))
    steps += [("denials", denials), ("remove", remove), ("purge", lambda: purge(baseline))]
    for name, step in steps:
        try:
            step()
        except Exception as error:  # the last line must say which step
            print("%s: %s" % (type(error).__name__, error))
            print(run("journalctl", "-n", "60", "--no-pager", "-o", "short-monotonic", check=False).stdout)
            print("VM failed: " + name)
            return 1
    print("GUEST ok steps=%s kernel=%s systemd=%s" % (
        ",".join(name for name, _ in steps), os.uname().release,
        run("systemctl", "--version").split()[1]))
    return 0


sys.exit(main())
