#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The QMI face of the simulated modem with the stock tools: qmicli and qmi-proxy."""
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab  # noqa: E402
import modemsim  # noqa: E402
import tap  # noqa: E402
from modemsim import IMSI, PROGRAM, card  # noqa: E402
from qmi import Sim  # noqa: E402

QMI_PROXY = "/usr/libexec/qmi-proxy"
MBIM_PROXY = "/usr/libexec/mbim-proxy"
IMEI = "001010123456780"
# a network of its own, for abstract sockets, and of processes: all of them end with the first
NAMESPACES = ("unshare", "-rnpf", "--kill-child")


def qmicli(*options, timeout=60):
    result = subprocess.run(["qmicli", *options], capture_output=True, text=True, timeout=timeout)
    return result.returncode, result.stdout + result.stderr


def need_qmicli():
    if not shutil.which("qmicli"):
        raise tap.Skip("qmicli is not installed")


def need_proxy(path):
    if not os.access(path, os.X_OK):
        raise tap.Skip(os.path.basename(path) + " is not installed")


def need_namespaces():
    if subprocess.run([*NAMESPACES, "true"], capture_output=True).returncode != 0:
        raise tap.Skip("user namespaces are off")


@tap.test
def qmicli_reads_who_the_modem_is():
    need_qmicli()
    with Sim() as sim:
        for option, wanted in (("--dms-get-ids", f"IMEI: '{IMEI}'"),
                               ("--dms-get-manufacturer", "Manufacturer: 'akmad'"),
                               ("--dms-get-model", "Model: 'Simulated modem'"),
                               ("--dms-get-capabilities", "Networks: '5gnr'"),
                               ("--dms-get-operating-mode", "Mode: 'online'"),
                               ("--get-service-version-info", "uim (1."),
                               ("--nas-get-serving-system", "'not-registered'"),
                               ("--nas-get-home-network", "MNC: '1'"),
                               ("--dms-get-supported-messages", "0x0043"),
                               ("--uim-get-supported-messages", "0x0042"),
                               ("--nas-get-supported-messages", "0x0024")):
            status, text = qmicli("-d", sim.qmi, "--device-open-qmi", option)
            assert status == 0 and wanted in text, (option, text)
        status, text = qmicli("-d", sim.qmi, "--device-open-qmi", "--dms-get-msisdn")
        assert status != 0 and "NotProvisioned" in text, text
        status, text = qmicli("-d", sim.qmi, "--device-open-qmi", "--wds-noop")
        assert status != 0 and "InvalidServiceType" in text, text
        assert sim.ok("status")["clients"] == "0"


@tap.test
def qmicli_sets_the_operating_mode():
    need_qmicli()
    with Sim() as sim:
        device = ("-d", sim.qmi, "--device-open-qmi")
        assert qmicli(*device, "--dms-set-operating-mode=low-power")[0] == 0
        assert sim.ok("status")["radio"] == "off"
        assert "'low-power'" in qmicli(*device, "--dms-get-operating-mode")[1]
        assert qmicli(*device, "--dms-set-operating-mode=online")[0] == 0
        assert sim.ok("status")["radio"] == "on"


@tap.test
def qmicli_reads_the_card():
    need_qmicli()
    with Sim() as sim:
        device = ("-d", sim.qmi, "--device-open-qmi")
        for option, wanted in (
                ("--dms-uim-get-imsi", f"IMSI: '{IMSI}'"),
                ("--dms-uim-get-iccid", "ICCID: '8900101234567890123'"),
                ("--dms-uim-get-state", "initialization-completed"),
                ("--dms-uim-get-pin-status", "Status: disabled"),
                ("--uim-get-card-status", "A0:00:00:00:87:10:02:FF:FF:FF:FF:89:07:09:00:00"),
                ("--uim-get-slot-status", "ICCID: 8900101234567890123"),
                ("--uim-read-transparent=0x3F00,0x7FFF,0x6F07", "08:09:10:10:10:32:54:76:98"),
                ("--uim-read-transparent=0x3F00,0x2FE2", "98:00:01:21:43:65:87:09:21:F3"),
                ("--uim-read-transparent=0x3F00,0x7FFF,0x5FC0,0x4F05", "FF:FF:FF:FF"),
                ("--uim-get-file-attributes=0x3F00,0x7FFF,0x6F07", "File size: 9"),
                ("--uim-get-file-attributes=0x3F00,0x2F00", "File type: linear-fixed")):
            status, text = qmicli(*device, option)
            assert status == 0 and wanted in text, (option, text)
        status, text = qmicli(*device, "--uim-read-transparent=0x3F00,0x7FFF,0x6F99")
        assert status != 0 and "SimFileNotFound" in text and "0x6a" in text, text


@tap.test
def qmicli_verifies_the_pin():
    need_qmicli()
    with Sim(card("pin-enabled=true")) as sim:
        device = ("-d", sim.qmi, "--device-open-qmi")
        assert "pin1-or-upin-pin-required" in qmicli(*device, "--uim-get-card-status")[1]
        status, text = qmicli(*device, "--uim-read-transparent=0x3F00,0x7FFF,0x6F07")
        assert status != 0 and "AccessDenied" in text, text
        status, text = qmicli(*device, "--uim-verify-pin=PIN1,0000")
        assert status != 0 and "IncorrectPin" in text and "Verify: 2" in text, text
        assert qmicli(*device, "--uim-verify-pin=PIN1,1234")[0] == 0
        assert "ready" in qmicli(*device, "--uim-get-card-status")[1]
        assert qmicli(*device, "--dms-uim-change-pin=PIN,1234,4321")[0] == 0
        assert qmicli(*device, "--dms-uim-set-pin-protection=PIN,disable,4321")[0] == 0
        assert "Status: disabled" in qmicli(*device, "--dms-uim-get-pin-status")[1]


def hears(monitor, text, timeout):
    """Does @monitor print @text in time? What it prints before is dropped."""
    limit = time.monotonic() + timeout
    heard = b""
    while text.encode() not in heard:
        left = limit - time.monotonic()
        if left <= 0 or not select.select([monitor.stdout], [], [], left)[0]:
            return False
        chunk = os.read(monitor.stdout.fileno(), 4096)
        if not chunk:
            return False
        heard += chunk
    return True


@tap.test
def qmicli_hears_of_the_slot():
    need_qmicli()
    with Sim() as sim, subprocess.Popen(
            ["qmicli", "-d", sim.qmi, "--device-open-qmi", "--uim-monitor-slot-status"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as monitor:
        try:
            for _ in range(120):  # it does not say when it has registered
                assert sim.control("sim out") == "ok"
                if hears(monitor, "Card status: absent", 0.5):
                    break
                assert sim.control("sim in") == "ok"
            else:
                raise AssertionError("not heard that the card went")
            assert sim.control("sim in") == "ok"
            assert hears(monitor, "Card status: present", 60), "not heard that the card came"
        finally:
            monitor.kill()


@tap.test
def qmicli_reads_the_registration():
    need_qmicli()
    with lab.Lab() as core, Sim(None, "--core", "http://" + core.ready["core"]) as sim:
        device = ("-d", sim.qmi, "--device-open-qmi")
        status, text = qmicli(*device, "--nas-get-serving-system")
        assert status == 0 and "'registered'" in text and "[0]: '5gnr'" in text, text
        assert "MNC with PCS digit: 'no'" in text, text
        status, text = qmicli(*device, "--nas-get-system-info")
        assert status == 0 and "5G SA service" in text and "Status: 'available'" in text, text
        assert "MCC: '001'" in text and "MNC: '01'" in text, text


def wait_for(proxy):
    """In the shell of its namespaces, until it listens."""
    return "for i in $(seq 600); do grep -q @%s /proc/net/unix && break; sleep 0.1; done; " % proxy


@tap.test
def qmi_proxy_shares_the_modem():
    need_qmicli()
    need_proxy(QMI_PROXY)
    need_namespaces()
    # a proxy of our own: the abstract sockets are those of the network namespace
    script = ('"$PROXY" --no-exit & proxy=$!; ' + wait_for("qmi-proxy") + 'status=0; '
              'for i in 1 2 3; do qmicli -p -d "$DEVICE" --device-open-qmi --dms-get-ids & '
              'pids="$pids $!"; done; for p in $pids; do wait $p || status=1; done; '
              'qmicli -p -d "$DEVICE" --device-open-qmi '
              '--uim-read-transparent=0x3F00,0x7FFF,0x6F07 || status=1; '
              'kill $proxy; wait $proxy; exit $status')
    with Sim() as sim:
        result = subprocess.run(
            [*NAMESPACES, "sh", "-c", script], capture_output=True, text=True, timeout=60,
            env={**os.environ, "PROXY": QMI_PROXY, "DEVICE": sim.qmi})
        text = result.stdout + result.stderr
        assert result.returncode == 0, text
        assert text.count(IMEI) == 3 and "08:09:10:10:10:32:54:76:98" in text, text


@tap.test
def qmicli_finds_the_socket_as_proxy():
    need_qmicli()
    need_namespaces()
    # qmicli asks only for the proxy's own name, which is free in a new namespace
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "card")
        with open(path, "w") as file:
            file.write(card())
        script = ('"$PROGRAM" --card "$CARD" --qmi-socket qmi-proxy --qmi "$CARD.q" '
                  '--ready "$CARD.r" & sim=$!; for i in $(seq 1200); do [ -e "$CARD.r" ] && break; '
                  'sleep 0.05; done; qmicli -p -d "$CARD.q" --device-open-qmi --dms-get-ids; '
                  'status=$?; kill $sim; wait $sim; exit $status')
        result = subprocess.run(
            [*NAMESPACES, "sh", "-c", script], capture_output=True, text=True, timeout=60,
            env={**os.environ, "PROGRAM": os.path.abspath(PROGRAM), "CARD": path})
        text = result.stdout + result.stderr
        assert result.returncode == 0 and IMEI in text, text

@tap.test
def qmicli_speaks_over_mbim():
    need_qmicli()
    with modemsim.Sim("--dialect", "mbim-qmi") as sim:
        device = ("-d", sim.path("mbim"), "--device-open-mbim")
        for option, wanted in (
                ("--dms-get-ids", f"IMEI: '{IMEI}'"),
                ("--uim-get-card-status", "A0:00:00:00:87:10:02:FF:FF:FF:FF:89:07:09:00:00"),
                ("--uim-read-transparent=0x3F00,0x7FFF,0x6F07", "08:09:10:10:10:32:54:76:98"),
                ("--uim-verify-pin=PIN1,1234", "NoEffect")):
            assert wanted in qmicli(*device, option)[1], option


@tap.test
def mbim_proxy_carries_qmi():
    need_qmicli()
    need_proxy(MBIM_PROXY)
    need_namespaces()
    script = ('"$PROXY" --no-exit & proxy=$!; ' + wait_for("mbim-proxy") +
              'qmicli -p -d "$DEVICE" --device-open-mbim --dms-get-ids; status=$?; '
              'kill $proxy; wait $proxy; exit $status')
    with modemsim.Sim("--dialect", "mbim-qmi") as sim:
        result = subprocess.run(
            [*NAMESPACES, "sh", "-c", script], capture_output=True, text=True, timeout=60,
            env={**os.environ, "PROXY": MBIM_PROXY, "DEVICE": sim.path("mbim")})
        text = result.stdout + result.stderr
        assert result.returncode == 0 and IMEI in text, text


if __name__ == "__main__":
    tap.main()
