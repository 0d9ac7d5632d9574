# SPDX-License-Identifier: LGPL-2.1-or-later
"""manager: the real ModemManager on the MBIM port of a simulated modem, without root.

In namespaces of its own, where it is uid 0 and mbim-proxy serves it; udev is umockdev, the system
bus a private one. Commands run beside it, by a shell in there.
"""
import json
import os
import shutil
import subprocess
import tempfile

import tap

ALONE = ["unshare", "-rnpf", "--kill-child"]
NEEDED = {"ModemManager": "modemmanager", "mmcli": "modemmanager", "umockdev-run": "umockdev",
          "dbus-run-session": "dbus", "mbimcli": "libmbim-utils"}
DEVICE = "/dev/cdc-wdm0"
USB = "/devices/pci0000:00/0000:00:14.0/usb1/1-1"

TESTBED = f"""P: {USB}
N: bus/usb/001/002
E: SUBSYSTEM=usb
E: DEVTYPE=usb_device
E: DRIVER=usb
E: PRODUCT=1d6b/104/6
A: idVendor=1d6b
A: idProduct=0104
A: bcdDevice=0006
A: manufacturer=akmad
A: product=Simulated modem

P: {USB}/1-1:1.0
E: SUBSYSTEM=usb
E: DEVTYPE=usb_interface
E: DRIVER=cdc_mbim
A: bInterfaceNumber=00
A: bInterfaceClass=02
A: bInterfaceSubClass=0e

P: {USB}/1-1:1.0/usbmisc/cdc-wdm0
N: cdc-wdm0
E: DEVNAME={DEVICE}
E: SUBSYSTEM=usbmisc
E: ID_MM_CANDIDATE=1
E: ID_USB_INTERFACE_NUM=00
E: MAJOR=180
E: MINOR=176

P: {USB}/1-1:1.0/net/wwan0
E: SUBSYSTEM=net
E: DEVTYPE=wwan
E: INTERFACE=wwan0
E: IFINDEX=9
E: ID_MM_CANDIDATE=1
E: ID_USB_INTERFACE_NUM=00
A: type=1
A: address=02:00:00:00:00:01
"""

# umockdev follows the links of drivers and leaves the device node to us: it is the terminal.
SHELL = r"""
export DBUS_SYSTEM_BUS_ADDRESS=$DBUS_SESSION_BUS_ADDRESS
mocked=$LD_PRELOAD
unset LD_PRELOAD
for driver in usb cdc_mbim; do mkdir -p "$UMOCKDEV_DIR/sys/bus/usb/drivers/$driver"; done
ln -sfn ../../../../../bus/usb/drivers/usb "$UMOCKDEV_DIR/sys$USB/driver"
ln -sfn ../../../../../../bus/usb/drivers/cdc_mbim "$UMOCKDEV_DIR/sys$USB/1-1:1.0/driver"
rm -f "$UMOCKDEV_DIR/dev/cdc-wdm0"
ln -s "$PORT" "$UMOCKDEV_DIR/dev/cdc-wdm0"
LD_PRELOAD=$mocked ModemManager --test-session >"$LOG" 2>&1 &
beside() { LD_PRELOAD=$mocked "$@"; }
while read -r line; do eval "$line" </dev/null; echo "status $?"; done
"""


def skip_unless_possible():
    for program, package in NEEDED.items():
        if not shutil.which(program):
            tap.skip_all(f"there is no {program}: package {package}")
    if subprocess.run([*ALONE, "true"], capture_output=True, check=False).returncode != 0:
        tap.skip_all("user namespaces are off")


class Manager:
    """ModemManager on @sim, which must serve MBIM, and a shell beside it."""

    def __init__(self, sim):
        self.sim = sim
        self.dir = tempfile.TemporaryDirectory(prefix="manager-")
        testbed = os.path.join(self.dir.name, "testbed")
        with open(testbed, "w", encoding="ascii") as file:
            file.write(TESTBED)
        self.logfile = os.path.join(self.dir.name, "log")
        self.shell = subprocess.Popen(
            [*ALONE, "dbus-run-session", "umockdev-run", "-d", testbed, "--", "bash", "-c", SHELL],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env={**os.environ, "USB": USB, "PORT": os.readlink(sim.path("mbim")),
                 "LOG": self.logfile, "TMPDIR": self.dir.name})

    def run(self, line):
        """(status, output) of a shell command; `beside PROGRAM` sees the device of the testbed."""
        self.shell.stdin.write(line + "\n")
        self.shell.stdin.flush()
        out = ""
        while True:
            text = self.shell.stdout.readline()
            assert text, "the shell beside ModemManager ended: " + self.log()
            if text.startswith("status "):
                return int(text.split()[1]), out
            out += text

    def ok(self, line):
        status, out = self.run(line + " 2>&1")
        assert status == 0, (line, status, out, self.log())
        return out

    def ask(self, *words):
        """The answer of mmcli as a dictionary; {} if there is none."""
        status, out = self.run("mmcli -J " + " ".join(words) + " 2>/dev/null")
        return json.loads(out) if status == 0 else {}

    def modem(self):
        return self.ask("-m", "any").get("modem", {})

    def wait_for(self, condition, what, timeout=60):
        """Of the modem, as mmcli shows it."""
        found = {}

        def look():
            found.update(modem=self.modem())
            return bool(found["modem"]) and condition(found["modem"])
        self.sim.wait_until(look, what + ": " + self.log()[-2000:], timeout)
        return found["modem"]

    def log(self):
        try:
            with open(self.logfile, encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.shell.kill()  # everything in its namespace goes with it
        self.shell.wait()
        self.shell.stdin.close()
        self.shell.stdout.close()
        self.dir.cleanup()
