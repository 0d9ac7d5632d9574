#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""booted: the packages in a system that runs under systemd, as root; changes that system.

    booted.py FOLDER      FOLDER/old/*.deb are installed, then upgraded to FOLDER/new/*.deb; FOLDER/cdc-acm.ko
                          is a driver of the modem that is loaded late
    booted.py             what is installed is tried: autopkgtest; the upgrade is to the same again

The units are used as they are shipped. The modem is akma-modemsim, on the kernel's virtual USB
controller if that is there, else on a pseudo terminal. The last line is GUEST ok ... or VM failed: STEP;
in between GUEST boots again, with status 3: then the system is to be booted, and this called again.
"""
import ctypes
import glob
import json
import os
import pwd
import shutil
import socket
import stat
import sys

import entitled
import restarted
from system import (APPARMOR, CORE, PATIENCE, SERVER, UNITS, USB, USERS, WORK, active, applications, as_server,
                    failed_units, get, give_port, listing, packages, plug_in, read, run, say, server_sha256, show,
                    wait_until, write)

PROGRAMS = ["akmad", "akma-keyserver", "akma-lab"]
LIBRARIES = ["libakmad0", "libakmad-dev", "gir1.2-akmad-1.0"]
REBOOT = "/tmp/autopkgtest-reboot"
DONE = WORK + "/done.json"
BASELINE = WORK + "/baseline.json"
PORT = "/etc/systemd/system/akma-keyserver.socket.d/booted.conf"
SECCOMP = "type=1326"  # AUDIT_SECCOMP
# what libraries try first and do without: clone3, whose flags no filter sees (glibc takes clone), and
# sched_setattr (threads of GLib)
TRIED = ("syscall=435 ", "syscall=314 ")
FINIT_MODULE = 313  # of x86_64, as is the kernel of run-deb

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
credential-wait=30m
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
units=booted-vpn.service;
[application tunnel]
server=home
units=booted-tunnel.service;
""" % ("" if USB else "[modem m1]\ndevice=/dev/modem-of-the-test\nprotocol=at\n", SERVER)


# -- steps ---------------------------------------------------------------------------------------

def install(debs):
    """As README says, but that all that they need is there already."""
    run("apt-get", "install", "--yes", *debs, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})


def install_servers(folder):
    run("systemctl", "is-system-running", "--wait", check=False)
    write(BASELINE, json.dumps(sorted(listing())))
    install([deb for deb in packages(folder) if "/akma-" in deb])


def install_agent(folder):
    """On a system whose modem is there already."""
    install([deb for deb in packages(folder) if "/akma-" not in deb])


def started():
    """Without a configuration: what has one to start with runs."""
    for unit in ("akmad.service", "akmad-credentials.socket", "akmad-port.socket"):
        assert active(unit), unit + " does not run"
        assert run("systemctl", "is-enabled", unit).strip() == "enabled", unit
    assert not failed_units(), failed_units()
    state = os.stat("/var/lib/akmad")
    assert (stat.S_IMODE(state.st_mode), state.st_uid) == (0o700, pwd.getpwnam("akmad").pw_uid)
    assert os.stat("/run/akmad/credentials.sock").st_uid == 0
    say("akmad runs, its sockets listen")
    if not USB:
        give_port()
        return
    run("udevadm", "settle")
    port = os.stat("/dev/cdc-wdm0")
    group = pwd.getpwnam("akmad").pw_gid
    assert (stat.S_IMODE(port.st_mode), port.st_gid) == (0o660, group), oct(port.st_mode)
    say("the modem is /dev/cdc-wdm0, of the group akmad by the rule of the package")


def server():
    """The lab and the key server, by their examples and their manual page; its port is systemd's."""
    for unit in ("akma-keyserver.service", "akma-keyserver.socket", "akma-lab.service"):
        assert not active(unit), unit + " runs without a configuration"
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
    for name in ("mqtt", "vpn", "tunnel"):
        as_server("application", "add", name, "--source", "local", "--allow", "*")
    as_server("check")
    write(PORT, "[Socket]\nListenStream=\nListenStream=%s\n" % SERVER)
    run("systemctl", "daemon-reload")
    run("systemctl", "enable", "--now", "akma-keyserver.socket")
    run("systemctl", "start", "akma-keyserver")
    for unit in ("akma-lab", "akma-keyserver", "akma-keyserver.socket"):
        assert active(unit), unit
    say("akma-lab and akma-keyserver run, behind akma-keyserver.socket")


def plugged_in():
    plug_in()
    say("the modem is plugged in" if USB else "no virtual USB controller: the modem is on a pseudo terminal")


def enrol():
    write("/etc/sysusers.d/booted.conf", "u broker -\nu vpnd -\nu stranger -\nu fitter -\n")
    run("systemd-sysusers")
    run("cp", WORK + "/ca.pem", "/etc/akmad/ca.pem")
    write("/etc/akmad/akmad.conf", AKMAD)
    run("systemctl", "reload" if USB else "restart", "akmad")
    for name in ("mqtt", "vpn", "tunnel"):
        run("akmactl", "wait", name, "--timeout", str(PATIENCE - 10))
    run("systemctl", "start", "akmad-wait@mqtt.service")
    run("akmactl", "modem", "probe")
    run("akmactl", "doctor")
    say("enrolled: " + " ".join(sorted(row["key_id"] for row in applications())))


def confined(folder):
    """What the kernel says of the processes; a device that is no modem is out of reach, and a modem is
    not, even if its driver was loaded after akmad had started."""
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
        if APPARMOR and user != "akma-lab":
            with open("/proc/%s/attr/current" % pid) as file:
                assert file.read().strip() == user + " (enforce)", unit
    say("no capabilities, seccomp, AppArmor: %s" % ("enforced" if APPARMOR else "not here"))
    if os.path.exists("/sys/fs/cgroup/cgroup.controllers") and os.path.exists("/dev/vda"):
        assert not can_open("/dev/vda")
        say("the disk is out of reach in akmad's control group, though for root")
    if folder and USB:
        assert not os.path.exists("/sys/module/cdc_acm")
        load_module(folder + "/cdc-acm.ko")
        wait_until("/dev/ttyACM0 is there", lambda: os.path.exists("/dev/ttyACM0"))
        assert can_open("/dev/ttyACM0")
        say("a modem whose driver was loaded after akmad had started is in its reach")
    if "SYSTEMD_LOG_SECCOMP=1" in read("/proc/cmdline").split():
        forbidden = "import socket\ntry: socket.sethostname('x')\nexcept OSError: pass"
        run("systemd-run", "--wait", "--quiet", "--collect", "--property", "SystemCallFilter=~sethostname",
            "--property", "SystemCallErrorNumber=EPERM", "python3", "-c", forbidden)
        wait_until("a call that a filter has refused is told", lambda: kernel_says(SECCOMP, "python3"))


def can_open(device):
    """Whether root can, in akmad's control group."""
    code = ("import os\nwith open('/sys/fs/cgroup/system.slice/akmad.service/cgroup.procs', 'w') "
            "as f: f.write(str(os.getpid()))\nos.open('/dev/null', os.O_RDONLY)\n"
            "try: os.open('%s', os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)\n"
            "except PermissionError: print('out of reach')" % device)
    return not run("python3", "-c", code)


def load_module(path):
    with open(path, "rb") as file:
        status = ctypes.CDLL(None, use_errno=True).syscall(FINIT_MODULE, file.fileno(), b"", 0)
    assert status == 0, os.strerror(ctypes.get_errno())


def kernel_says(*words):
    return [line for line in run("journalctl", "--dmesg", "-o", "cat").splitlines()
            if all(word in line for word in words)]


def denials():
    """What the profiles or the filters have kept from our programs: nothing that they need."""
    found = kernel_says("apparmor=\"DENIED\"", "profile=\"akma")
    found += [line for line in kernel_says(SECCOMP, "akma") if not any(each in line for each in TRIED)]
    assert not found, "\n".join(found)


def boot_again(folder):
    """Ends here; this step is done when all is called again."""
    if not folder and not os.path.exists(REBOOT):
        say("nothing here can boot this system again: what it does then is not tried")
        return
    denials()
    restarted.prepare()
    write(DONE, json.dumps(json.loads(read(DONE)) + ["boot"]))
    print("GUEST boots again", flush=True)
    if folder:
        sys.exit(3)
    run(REBOOT, "booted")  # kills this process


def if_booted_again(step):
    if os.path.exists(restarted.BEFORE):
        step()


def installed_version():
    return run("dpkg-query", "--show", "--showformat=${Version}", "akmad")


def repack():
    """The installed packages as files, with a higher version."""
    folder, tree = WORK + "/repacked", WORK + "/tree"
    os.makedirs(folder, exist_ok=True)
    version = installed_version()
    run("dpkg-repack", *PROGRAMS, *LIBRARIES, cwd=folder)
    for deb in packages(folder):
        run("dpkg-deb", "-R", deb, tree)
        control = read(tree + "/DEBIAN/control").replace("Version: " + version, "Version: %s+again" % version)
        write(tree + "/DEBIAN/control", control.replace("(= %s)" % version, "(= %s+again)" % version))
        run("dpkg-deb", "--root-owner-group", "-b", tree, deb)
        run("rm", "-r", tree)
    return folder


def upgrade(folder):
    before = {name: get_sealed(name) for name in ("mqtt", "vpn")}
    # a key can only come from the state now
    run("systemctl", "stop", "modem", "akma-lab")
    from_version = installed_version()
    port, pid = listener(), show("akma-keyserver", "MainPID")
    run("dpkg", "--install", "--force-confold", *packages(folder))
    wait_until("akmad runs again", lambda: active("akmad.service"))
    assert not failed_units(), failed_units()
    version = installed_version()
    run("dpkg", "--compare-versions", version, "gt", from_version)
    assert active("akmad-credentials.socket")
    assert show("akma-keyserver", "MainPID") not in ("0", pid)
    assert port and listener() == port, "the port of the key server was closed meanwhile"
    after = {name: get_sealed(name) for name in ("mqtt", "vpn")}
    assert before == after, (before, after)
    say("upgraded from %s to %s: the same keys, with modem and operator away" % (from_version, version))
    run("systemctl", "start", "akma-lab")
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


def listener():
    """The inode of what listens on the port of the key server."""
    host, port = SERVER.split(":")
    address = "%s:%04X" % (socket.inet_aton(host)[::-1].hex().upper(), int(port))
    rows = [line.split() for line in read("/proc/net/tcp").splitlines()]
    return [row[9] for row in rows if row[1] == address and row[3] == "0A"]


def get_sealed(name):
    if name == "vpn":
        return "vpn", entitled.credential("booted-vpn", "vpnd")
    status, found, errors = get("broker", name)
    assert status == 0, errors
    return name, found


def processes(user):
    uid = pwd.getpwnam(user).pw_uid
    return [path for path in glob.glob("/proc/[0-9]*") if os.path.exists(path) and
            os.stat(path).st_uid == uid]


def remove():
    run("systemctl", "stop", "modem")
    run("dpkg", "--remove", *PROGRAMS, *LIBRARIES)
    for unit in UNITS:
        assert not active(unit), unit
    assert not failed_units(), failed_units()
    for user in USERS:
        assert not processes(user), user + " still has processes"
    assert not os.path.exists("/run/akmad/credentials.sock")
    assert not listener()
    shutil.rmtree(os.path.dirname(PORT))
    for name in ("akmad/keys.sealed", "akma-keyserver/keys.db", "akma-keyserver/store.key"):
        assert os.path.exists("/var/lib/" + name), name
    say("removed: nothing of it runs, the keys are still there")


def purge():
    """The sealing key is overwritten before it goes: who holds it open reads something else."""
    keys = [path for path in ("/var/lib/akmad/sealing.key", "/var/lib/akmad/sealing.tpm",
                              "/etc/credstore.encrypted/akmad.sealing-host",
                              "/etc/credstore.encrypted/akmad.sealing-tpm2") if os.path.exists(path)]
    assert keys, "nothing has sealed the keys"
    keys.append("/var/lib/akma-keyserver/store.key")
    held = [(path, open(path, "rb", buffering=0)) for path in keys]
    contents = [os.pread(file.fileno(), 32, 0) for _, file in held]
    run("dpkg", "--purge", *PROGRAMS, *LIBRARIES)
    for (path, file), content in zip(held, contents):
        assert len(content) == 32 and content not in os.pread(file.fileno(), 4096, 0), path
        assert not os.path.exists(path)
    left = [path for pattern in ("/var/lib/akma*", "/etc/akma*", "/run/akma*", "/etc/apparmor.d/*akma*",
                                 "/etc/systemd/system/*/akma*", "/var/cache/akma*",
                                 "/var/lib/systemd/deb-systemd-helper-enabled/*akma*")
            for path in glob.glob(pattern)]
    for user in USERS:
        left += run("find", "/", "-xdev", "-user", user).splitlines()
    if os.path.exists(BASELINE):
        left += sorted(listing() - set(json.loads(read(BASELINE))))
    assert not left, left
    for package in PROGRAMS + LIBRARIES:
        assert run("dpkg-query", "--show", package, check=False).returncode, package
    say("purged: the sealing keys were overwritten, and nothing is left")


def steps_of(folder):
    steps = [("started", started), ("enrol", enrol),
             ("sealed", restarted.sealed), ("d-bus", entitled.by_dbus), ("refused", entitled.refused),
             ("credential", entitled.by_credential), ("confined", lambda: confined(folder)),
             ("unit", entitled.by_unit),
             ("polkit", entitled.managers), ("library", entitled.library), ("boot", lambda: boot_again(folder)),
             ("offline", lambda: if_booted_again(restarted.offline)),
             ("late", lambda: if_booted_again(restarted.late)),
             ("upgrade", lambda: upgrade(folder + "/new" if folder else repack())),
             ("denials", denials), ("remove", remove), ("purge", purge)]
    before = [("server", server), ("plug-in", plugged_in)]
    if folder:
        before = [("install", lambda: install_servers(folder + "/old")), *before,
                  ("agent", lambda: install_agent(folder + "/old"))]
    return before + steps


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else None
    steps = steps_of(folder)
    os.makedirs(WORK, exist_ok=True)
    done = json.loads(read(DONE)) if os.path.exists(DONE) else []
    for name, step in steps:
        if name in done:
            continue
        write(DONE, json.dumps(done))
        try:
            step()
        except Exception as error:  # the last line must say which step
            print("%s: %s" % (type(error).__name__, error))
            print(run("journalctl", "-n", "60", "--no-pager", "-o", "short-monotonic", check=False).stdout)
            print("VM failed: " + name)
            return 1
        done.append(name)
    print("GUEST ok steps=%s kernel=%s systemd=%s" % (
        ",".join(done), os.uname().release, run("systemctl", "--version").split()[1]))
    return 0


sys.exit(main())
