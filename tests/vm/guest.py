# SPDX-License-Identifier: LGPL-2.1-or-later
"""guest: the runs of ./dev vm, inside the virtual machine.

The system is that of tests/e2e/harness.py; the modem is on the kernel's virtual USB controller,
its ports are those of the real drivers, udevd is there with the rules that the package ships, and
akmad is its own user. The last line is GUEST ok ..., or VM failed: ...
"""
import contextlib
import grp
import json
import os
import shutil
import subprocess
import sys
import time
import traceback

SOURCE = os.environ["top_srcdir"]
sys.path.insert(0, os.path.join(SOURCE, "tests/e2e"))
import harness  # noqa: E402
from harness import BUILD, IMSI, Process, program, wait_until  # noqa: E402

PATIENCE = 60  # seconds; TCG is slow
HELPER = os.path.join(BUILD, "modem/port/akmad-port")
AS_AKMAD = ["setpriv", "--reuid", "akmad", "--regid", "akmad", "--init-groups"]
WDM = "/dev/cdc-wdm0"
AKMAD = grp.getgrnam("akmad").gr_gid


def say(text):
    print("%7.1f s  %s" % (time.monotonic(), text), flush=True)


def run(*argv, **more):
    return subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=True, timeout=PATIENCE, **more).stdout


def driver(port):
    """Of the USB interface behind a port, as the kernel has it."""
    name = os.path.basename(os.path.realpath(port))
    path = os.path.realpath("/sys/class/%s/%s/device" % ("tty" if "tty" in name else "usbmisc", name))
    while not os.path.exists(path + "/bInterfaceNumber"):
        assert path != "/", port + " is not on USB"
        path = os.path.dirname(path)
    return os.path.basename(os.path.realpath(path + "/driver"))


class Machine(harness.Stack):
    """Everything but modem and agent, which each run has anew."""

    def start(self):
        os.chmod(self.dir, 0o711)
        self.start_udevd()
        self.start_lab()
        self.start_keyserver()
        self.start_bus()
        # the folders on the way to the build may be closed to others
        self.akmad = shutil.copy(program("akmad"), "/run/akmad-program")
        os.chmod(self.path("ca.pem"), 0o644)

    def start_udevd(self):
        os.makedirs("/run/udev/rules.d")
        shutil.copy(os.path.join(SOURCE, "packaging/udev/60-akmad.rules"), "/run/udev/rules.d")
        self.processes["udevd"] = Process("udevd", ["/lib/systemd/systemd-udevd"],
                                          self.path("udevd.log"))
        wait_until("udevd is there", lambda: os.path.exists("/run/udev/control"), PATIENCE)

    def plug_in(self, model):
        card = self.write("usb.card", (
            "[card]\niccid=8988211000000000017\n[usim]\nimsi=%s\nmnc-length=2\nk=%s\nopc=%s\n"
            "sqn=000000000000\nservices=123;124\nrouting-indicator=0\nplmn=00101\n" % (
                IMSI, harness.K, harness.OPC)))
        self.spawn("akma-modemsim", [program("akma-modemsim"), "--card", card, "--usb", model,
                                     "--control", self.control_path(), "--core", self.core])

    def wait_port(self, port):
        wait_until(port + " is there", lambda: os.path.exists(port), PATIENCE)
        run("udevadm", "settle")

    def start_akmad(self, device, protocol, proxy, more=""):
        """As its own user, with a state of its own."""
        server = self.ready["akma-keyserver"]["listen"]
        config = self.write("akmad.conf", (
            "[agent]\nstate-dir=%s\nport-socket=%s\n"
            "[modem usb]\ndevice=%s\nprotocol=%s\nproxy=%s\n%s"
            "[server keys]\nurl=https://%s:%s\nconnect=%s\nca-file=%s\n"
            "[application mqtt]\nserver=keys\nusers=0\n" % (
                self.path("state"), self.path("port.sock"), device, protocol, proxy, more,
                harness.FQDN, server.rsplit(":", 1)[1], server, self.path("ca.pem"))), 0o644)
        shutil.rmtree(self.path("state"), ignore_errors=True)
        os.mkdir(self.path("state"), 0o700)
        shutil.chown(self.path("state"), "akmad", "akmad")
        os.chmod(self.dir, 0o777)
        self.spawn("akmad", [*AS_AKMAD, self.akmad, "--config", config, "--bus", self.bus])

    def check_key(self, what):
        """The key that a process gets over D-Bus is the one that the server holds."""
        row = self.wait_key(seconds=PATIENCE)
        agent = self.ctl("get", "mqtt", "--format", "fingerprint").strip()
        server = self.server_keys()[0]
        assert (row["key_id"], agent) == (server["kid"], server["sha256"]), (row, server)
        say("%s: %s, SHA-256 %s, is the server's" % (what, row["key_id"], agent[:16]))

    def rotate(self, what):
        """Another version needs the card again."""
        wanted = "mqtt:%d" % (int(self.server_keys()[0]["kid"].split(":")[1]) + 1)
        self.server("key", "rotate", "--application", "mqtt")
        self.ctl("renew", "mqtt", timeout=PATIENCE)
        self.wait_key(seconds=PATIENCE, kid=wanted)
        self.check_key(what)

    def check_modem(self, protocol):
        row = json.loads(self.ctl("modem", "--json"))
        assert row["protocol"] == protocol, row
        probe = self.ctl("modem", "probe", timeout=PATIENCE)
        assert IMSI not in probe and "EF_5GAUTHKEYS" in probe, probe

    def unplug(self, port):
        self.control("unplug")
        wait_until(port + " goes", lambda: not os.path.exists(port), PATIENCE)
        wait_until("the modem goes", lambda: not self.ctl("modem", "--json"), PATIENCE)
        say("unplugged: the port and the modem are gone")

    def unplug_in_the_middle(self, port):
        """While an answer of the card is awaited: what was asked for ends, with an error."""
        self.control("reset")
        self.control("delay 5000")
        renew = subprocess.Popen([program("akmactl"), "--bus", self.bus, "renew", "mqtt"],
                                 env=self.env, stderr=subprocess.PIPE, text=True)
        wait_until("the card is asked", lambda: "lines=0" not in self.control("count"), PATIENCE)
        self.unplug(port)
        _, errors = renew.communicate(timeout=PATIENCE)
        assert renew.returncode in (10, 11), (renew.returncode, errors)
        say("what was going on ended: " + errors.splitlines()[0])
        self.control("reset")

    def plug(self, port):
        self.control("plug")
        self.wait_port(port)
        wait_until("the modem is back", lambda: self.ctl("modem", "--json"), PATIENCE)

    def start_proxy(self, name):
        self.processes[name] = Process(name, [os.path.join("/usr/libexec", name), "--no-exit"],
                                       self.path(name + ".log"))

        def listens():
            with open("/proc/net/unix") as file:
                return "@" + name in file.read()
        wait_until(name + " listens", listens, PATIENCE)

    @contextlib.contextmanager
    def manager(self):
        """ModemManager, and the proxies: it waits no more than a second for one that it starts."""
        proxies = ["mbim-proxy", "qmi-proxy"]
        for each in proxies:
            self.start_proxy(each)
        self.processes["ModemManager"] = Process(
            "ModemManager", ["ModemManager", "--log-file", self.path("ModemManager.log")],
            self.path("ModemManager.log"), env=self.env)
        yield self.processes["ModemManager"]
        for each in ["ModemManager", *proxies]:
            self.stop(each)

    def wait_manager(self, port):
        """ModemManager has a modem that works, by that port."""
        def has():
            found = subprocess.run(["mmcli", "-J", "-m", "any"], env=self.env, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            if found.returncode:
                return None
            modem = json.loads(found.stdout)["modem"]["generic"]
            return modem["primary-port"] == port and modem["state"] == "disabled" and modem
        modem = wait_until("ModemManager has " + port, has, PATIENCE)
        say("ModemManager has %s, %s" % (port, " ".join(modem["ports"])))

    @contextlib.contextmanager
    def modem(self, model, port):
        self.plug_in(model)
        self.wait_port(port)
        found = os.stat(port)
        assert (found.st_mode & 0o777, found.st_gid) == (0o660, AKMAD), found
        say("%s: %s by %s" % (model, port, driver(port)))
        try:
            yield
        except BaseException:
            sys.stdout.write(subprocess.run(["dmesg"], stdout=subprocess.PIPE, text=True).stdout[-4000:])
            raise
        self.stop("akma-modemsim")
        wait_until(port + " goes", lambda: not os.path.exists(port), PATIENCE)


# -- the runs ------------------------------------------------------------------------------------

def direct(machine, model, port, protocol, wanted, found=True):
    """akmad opens the port itself, as a member of its group. @found: without being told which."""
    with machine.modem(model, port):
        assert driver(port) == wanted, driver(port)
        machine.start_akmad(*(("auto", "auto") if found else (port, protocol)), "never")
        machine.check_key("key over %s" % port)
        machine.check_modem(protocol)
        machine.unplug_in_the_middle(port)
        machine.plug(port)
        machine.rotate("key over %s, plugged in again" % port)
        machine.stop("akmad")


def mbim(machine):
    direct(machine, "mbim", WDM, "mbim", "cdc_mbim")


def qmi(machine):
    direct(machine, "qmi", WDM, "qmi", "qmi_wwan")


def at(machine):
    direct(machine, "qmi", "/dev/ttyUSB2", "at", "option", found=False)


def clients(machine):
    """The stock clients, straight at the port."""
    with machine.modem("mbim", WDM):
        assert IMSI in run("mbimcli", "-d", WDM, "--query-subscriber-ready-status")
        say("mbimcli reads the card")
    with machine.modem("qmi", WDM):
        assert IMSI in run("qmicli", "-d", WDM, "--dms-uim-get-imsi")
        say("qmicli reads the card")


def reject_a_port_that_the_manager_holds(machine):
    """Its proxy reads the answers: akmad alone gets none, and does no harm."""
    machine.start_akmad(WDM, "mbim", "never", more="timeout=5s\n")
    wait_until("the refusal is told",
               lambda: "no answer from the modem" in machine.processes["akmad"].read_log(), PATIENCE)
    assert not machine.ctl("modem", "--json")
    machine.stop("akmad")
    machine.wait_manager("cdc-wdm0")


def manager_mbim(machine):
    """Beside ModemManager, through akmad-port and the proxy that ModemManager uses."""
    with machine.manager(), machine.modem("mbim", WDM):
        machine.wait_manager("cdc-wdm0")
        reject_a_port_that_the_manager_holds(machine)
        machine.spawn("akmad-port", [HELPER, "--socket", machine.path("port.sock")])
        machine.start_akmad("auto", "auto", "auto")
        machine.check_key("key through mbim-proxy, beside ModemManager")
        assert "opening %s" % WDM in machine.processes["akmad-port"].read_log()
        machine.wait_manager("cdc-wdm0")
        machine.unplug(WDM)
        machine.plug(WDM)
        machine.rotate("key through mbim-proxy, plugged in again")
        machine.wait_manager("cdc-wdm0")
        machine.stop("akmad")
        machine.stop("akmad-port")


def manager_qmi(machine):
    """The same with QMI. ModemManager 1.20 takes the port, but never ends looking at a modem without
    WDS, as the simulated one is: so it is asked for no more than to hold the port."""
    with machine.manager() as manager, machine.modem("qmi", WDM):
        wait_until("ModemManager has the modem",
                   lambda: "successfully created" in manager.read_log(), PATIENCE)
        machine.spawn("akmad-port", [HELPER, "--socket", machine.path("port.sock")])
        machine.start_akmad("auto", "auto", "auto")
        machine.check_key("key through qmi-proxy, beside ModemManager")
        assert "opening %s" % WDM in machine.processes["akmad-port"].read_log()
        assert manager.popen.poll() is None
        machine.stop("akmad")
        machine.stop("akmad-port")


def manager_at(machine):
    """ModemManager has the MBIM port, akmad the AT port, as the example of a rule says."""
    with open(os.path.join(SOURCE, "packaging/udev/78-akmad-at-port.rules.example")) as file:
        rule = file.read()
    for example, here in (('=="2c7c"', '=="1209"'), ('=="0125"', '=="0001"'), ('=="03"', '=="02"')):
        assert example in rule
        rule = rule.replace(example, here)
    with open("/run/udev/rules.d/78-akmad-at-port.rules", "w") as file:
        file.write(rule)
    run("udevadm", "control", "--reload")
    with machine.manager(), machine.modem("mbim", "/dev/akmad-at"):
        assert driver("/dev/akmad-at") == "cdc_acm"
        machine.wait_manager("cdc-wdm0")
        assert "ttyACM0 (ignored)" in run("mmcli", "-m", "any", env=machine.env)
        machine.start_akmad("/dev/akmad-at", "at", "auto")
        machine.check_key("key over /dev/akmad-at, beside ModemManager")
        machine.unplug("/dev/akmad-at")
        machine.plug("/dev/akmad-at")
        machine.rotate("key over /dev/akmad-at, plugged in again")
        machine.stop("akmad")


RUNS = [mbim, qmi, at, clients, manager_mbim, manager_qmi, manager_at]


def main():
    start = time.monotonic()
    done = []
    try:
        with Machine() as machine:
            machine.start()
            say("core, key server, bus and udevd are there")
            for each in RUNS:
                each(machine)
                done.append(each.__name__)
    except Exception:
        print(traceback.format_exc())
        print("VM failed: run %s" % RUNS[len(done)].__name__)
        return
    print("GUEST ok runs=%s kernel=%s guest_seconds=%.0f" % (
        ",".join(done), os.uname().release, time.monotonic() - start))


main()
