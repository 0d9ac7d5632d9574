#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The MBIM face of the simulated modem as the stock client sees it: mbimcli, and mbim-proxy."""
import os
import re
import shutil
import subprocess

import tap
from modemsim import AID, ICCID, IMSI, Sim, card

PROXY = "/usr/libexec/mbim-proxy"
# uid 0, which the proxy wants, and abstract sockets of its own; the proxy ends with the script
ALONE = ["unshare", "-rnpf", "--kill-child"]

if not shutil.which("mbimcli"):
    tap.skip_all("there is no mbimcli: package libmbim-utils")


def mbimcli(sim, *options, status=0):
    done = subprocess.run(["mbimcli", "-d", sim.path("mbim"), *options], capture_output=True,
                          text=True, timeout=60, stdin=subprocess.DEVNULL)
    assert done.returncode == status, (options, done.stdout, done.stderr)
    return done.stdout + done.stderr


def value(output, name):
    """Of a line "   Name: 'value'"."""
    found = re.search(rf"^\s*{re.escape(name)}\s*:\s*'?(.*?)'?\s*$", output, re.M)
    assert found, (name, output)
    return found.group(1)


def data(text):
    return text.replace(":", "").lower()


@tap.test
def device_caps_name_the_device():
    with Sim() as sim:
        out = mbimcli(sim, "--query-device-caps")
        assert value(out, "Device ID") == "001010123456780"
        assert value(out, "SIM class") == "removable"
        assert value(out, "Data class") == "5g-sa"


@tap.test
def subscriber_is_ready_with_its_identities():
    with Sim() as sim:
        out = mbimcli(sim, "--query-subscriber-ready-status")
        assert value(out, "Ready state") == "initialized"
        assert value(out, "Subscriber ID") == IMSI
        assert value(out, "SIM ICCID") == ICCID


@tap.test
def without_a_card_the_subscriber_is_not_inserted():
    with Sim() as sim:
        sim.ok("sim out")
        out = mbimcli(sim, "--query-subscriber-ready-status")
        assert value(out, "Ready state") == "sim-not-inserted"
        assert IMSI not in out and ICCID not in out
        assert "SimNotInserted" in mbimcli(sim, "--query-pin-state", status=1)
        assert "SimNotInserted" in mbimcli(sim, "--ms-query-uicc-atr", status=1)


@tap.test
def registration_without_a_core_is_idle():
    with Sim() as sim:
        out = mbimcli(sim, "--query-registration-state")
        assert value(out, "Register state") == "deregistered"
        assert value(out, "Provider ID") == "unknown"
        assert value(mbimcli(sim, "--query-packet-service-state"),
                     "Packet service state") == "detached"
        assert value(mbimcli(sim, "--query-signal-state"), "RSSI [0-31,99]") == "99"


@tap.test
def device_services_are_those_that_are_served():
    with Sim() as sim:
        out = mbimcli(sim, "--query-device-services")
        assert re.findall(r"Service: '(.*)'", out) == [
            "basic-connect", "auth", "ms-uicc-low-level-access"]
        for cid in (1, 2, 3, 4, 6, 9, 10, 11, 16, 19):  # what ModemManager asks for
            assert f"({cid})" in out.split("'auth'")[0], cid


@tap.test
def newer_mbim_than_is_spoken_is_declined():
    with Sim() as sim:
        for version in ("v2", "v3"):
            out = mbimcli(sim, "--device-open-ms-mbimex-" + version, "--query-device-caps")
            assert value(out, "Device ID") == "001010123456780"


@tap.test
def radio_goes_off_and_on():
    with Sim() as sim:
        assert value(mbimcli(sim, "--set-radio-state=off"), "Software radio state") == "off"
        assert sim.ok("status")["radio"] == "off"
        assert value(mbimcli(sim, "--query-radio-state"), "Software radio state") == "off"
        assert value(mbimcli(sim, "--set-radio-state=on"), "Software radio state") == "on"
        assert sim.ok("status")["radio"] == "on"


@tap.test
def home_provider_comes_from_the_card():
    with Sim(text=card(usim="mnc-length=3")) as sim:
        assert value(mbimcli(sim, "--query-home-provider"), "Provider ID") == IMSI[:6]


@tap.test
def nothing_connects_and_nothing_breaks():
    with Sim() as sim:
        out = mbimcli(sim, "--query-connection-state")
        assert value(out, "Activation state") == "deactivated"
        assert "OperationNotAllowed" in mbimcli(sim, "--connect=access-string=internet", status=1)
        assert "ContextNotActivated" in mbimcli(sim, "--query-ip-configuration", status=1)
        assert "(0)" in mbimcli(sim, "--query-provisioned-contexts")
        assert "'enabled'" in mbimcli(sim, "--set-network-idle-hint=enabled")
        assert "'enabled'" in mbimcli(sim, "--query-network-idle-hint")


@tap.test
def what_is_not_served_is_not_supported():
    with Sim() as sim:
        for option in ("--query-preferred-providers", "--query-emergency-mode", "--phonebook-read-all",
                       "--ms-query-sar-config", "--query-packet-statistics"):
            assert "NoDeviceSupport" in mbimcli(sim, option, status=1), option


@tap.test
def pin_is_asked_for_counted_and_verified():
    with Sim(text=card("pin-enabled=true")) as sim:
        out = mbimcli(sim, "--query-pin-state")
        assert (value(out, "PIN state"), value(out, "PIN type")) == ("locked", "pin1")
        assert value(out, "Remaining attempts") == "3"
        assert value(mbimcli(sim, "--query-subscriber-ready-status"),
                     "Ready state") == "device-locked"
        mbimcli(sim, "--enter-pin=4321", status=1)
        assert value(mbimcli(sim, "--query-pin-state"), "Remaining attempts") == "2"
        out = mbimcli(sim, "--enter-pin=1234")
        assert value(out, "PIN state") == "unlocked"
        out = mbimcli(sim, "--query-pin-state")
        assert (value(out, "PIN state"), value(out, "Remaining attempts")) == ("unlocked", "3")
        assert value(mbimcli(sim, "--query-subscriber-ready-status"),
                     "Subscriber ID") == IMSI


@tap.test
def pin_is_changed_disabled_and_enabled():
    with Sim(text=card("pin-enabled=true")) as sim:
        mbimcli(sim, "--enter-pin=1234")
        mbimcli(sim, "--change-pin=1234,5678")
        mbimcli(sim, "--disable-pin=1234", status=1)
        mbimcli(sim, "--disable-pin=5678")
        assert "PinDisabled" in mbimcli(sim, "--disable-pin=5678", status=1)
        assert value(mbimcli(sim, "--query-pin-list"), "Mode") == "disabled"
        mbimcli(sim, "--enable-pin=5678")
        assert value(mbimcli(sim, "--query-pin-list"), "Mode") == "enabled"


@tap.test
def blocked_pin_wants_the_puk():
    with Sim(text=card("pin-enabled=true")) as sim:
        for _ in range(3):
            mbimcli(sim, "--enter-pin=0000", status=1)
        out = mbimcli(sim, "--query-pin-state")
        assert (value(out, "PIN type"), value(out, "Remaining attempts")) == ("puk1", "10")
        assert sim.ok("status")["sim"] == "blocked"
        mbimcli(sim, "--enter-puk=11111111,4444", status=1)
        assert value(mbimcli(sim, "--query-pin-state"), "Remaining attempts") == "9"
        mbimcli(sim, "--enter-puk=12345678,4444")
        assert sim.ok("status")["sim"] == "ready"


#= TS 102 221 6.3.1
@tap.test
def atr_has_a_right_check_byte():
    with Sim(text=card("channels=3")) as sim:
        atr = bytes.fromhex(data(value(mbimcli(sim, "--ms-query-uicc-atr"), "response")))
        check = 0
        for byte in atr[1:]:
            check ^= byte
        assert atr[0] == 0x3B and check == 0
        assert atr[-2] & 7 == 2  # up to three logical channels, ISO 7816-4 8.1.1.2.7


@tap.test
def channel_is_opened_used_and_closed():
    with Sim() as sim:
        out = mbimcli(sim, f"--ms-set-uicc-open-channel=application-id={AID},selectp2arg=4,"
                           "channel-group=7")
        assert (value(out, "status"), value(out, "channel")) == ("144", "1")
        assert AID.lower() in data(value(out, "response"))
        apdu = "--ms-set-uicc-apdu=channel=1,secure-message=none,classbyte-type=inter-industry,command="
        out = mbimcli(sim, apdu + "00A40804047FFF6FAD00")
        assert value(out, "status") == "144" and "83026fad" in data(value(out, "response"))
        out = mbimcli(sim, apdu + "00B0000004")
        assert (value(out, "status"), data(value(out, "response"))) == ("144", "00000002")
        assert value(mbimcli(sim, apdu + "00A40804047FFF6FFF00"), "status") == str(0x826A)
        assert value(mbimcli(sim, "--ms-set-uicc-close-channel=channel=1,channel-group=0"),
                     "status") == "144"
        mbimcli(sim, apdu + "00B0000004", status=1)
        assert sim.ok("status")["open"] == "1"


@tap.test
def application_list_has_the_usim():
    with Sim() as sim:
        out = mbimcli(sim, "--ms-query-uicc-application-list")
        assert data(value(out, "Application ID")) == AID.lower()
        assert value(out, "Application type") == "usim"
        assert value(out, "Application name") == "USIM"


@tap.test
def files_are_read_and_described():
    with Sim() as sim:
        where = f"application-id={AID},file-path="
        out = mbimcli(sim, f"--ms-query-uicc-read-binary={where}7FFF6FAD,read-offset=0,read-size=4")
        assert (value(out, "Status word 1"), data(value(out, "Data"))) == ("144", "00000002")
        out = mbimcli(sim, f"--ms-query-uicc-read-record={where}3F002F00,record-number=1")
        assert data(value(out, "Data")).startswith("61184f10" + AID.lower()), out
        out = mbimcli(sim, f"--ms-query-uicc-file-status={where}7FFF6F07")
        assert [value(out, n) for n in ("Structure", "Item size", "Read", "Update")] == [
            "transparent", "9", "pin1", "adm"]
        out = mbimcli(sim, f"--ms-query-uicc-file-status={where}3F002F00")
        assert value(out, "Structure") == "linear"
        out = mbimcli(sim, f"--ms-query-uicc-file-status={where}7FFF5FC0")
        assert value(out, "Type") == "df-or-adf"
        out = mbimcli(sim, f"--ms-query-uicc-read-binary={where}7FFF6FFE,read-offset=0,read-size=4")
        assert (value(out, "Status word 1"), value(out, "Status word 2")) == ("106", "130")


@tap.test
def reset_powers_the_card_off_and_on():
    with Sim(text=card("pin-enabled=true")) as sim:
        mbimcli(sim, "--enter-pin=1234")
        mbimcli(sim, f"--ms-set-uicc-open-channel=application-id={AID},selectp2arg=4,channel-group=1")
        assert sim.ok("status")["open"] == "2"
        out = mbimcli(sim, "--ms-set-uicc-reset=enable")
        assert value(out, "pass through action") == "enabled"
        assert sim.ok("status")["open"] == "1" and sim.ok("status")["sim"] == "pin"
        assert value(mbimcli(sim, "--ms-set-uicc-reset=disable"),
                     "pass through action") == "disabled"


def through_proxy(sim, script):
    """Runs @script of mbimcli lines, all through one mbim-proxy; its output."""
    if not os.path.exists(PROXY):
        raise tap.Skip("there is no mbim-proxy: package libmbim-proxy")
    if subprocess.run([*ALONE, "true"], capture_output=True, check=False).returncode != 0:
        raise tap.Skip("user namespaces are off")
    start = (f"{PROXY} --no-exit & "
             "for i in $(seq 600); do grep -q mbim-proxy /proc/net/unix && break; sleep 0.1; done; ")
    done = subprocess.run([*ALONE, "sh", "-euc", start + script], capture_output=True, text=True,
                          timeout=60, stdin=subprocess.DEVNULL,
                          env={**os.environ, "M": "mbimcli -p -d " + sim.path("mbim")})
    assert done.returncode == 0, (done.stdout, done.stderr)
    return done.stdout


@tap.test
def proxy_of_libmbim_works():
    with Sim() as sim:
        out = through_proxy(sim, f"""
            $M --query-device-caps
            $M --query-subscriber-ready-status
            $M --ms-set-uicc-open-channel=application-id={AID},selectp2arg=4,channel-group=1
            $M --ms-set-uicc-apdu=channel=1,secure-message=none,classbyte-type=inter-industry,\
command=00A40804047FFF6FAD
            $M --ms-set-uicc-close-channel=channel=1,channel-group=1""")
        assert value(out, "Device ID") == "001010123456780"
        assert value(out, "Subscriber ID") == IMSI
        assert "83:02:6F:AD" in out


@tap.test
def proxy_serves_several_clients_at_once():
    with Sim() as sim:
        sim.ok("delay 50")
        out = through_proxy(sim, "pids=; for i in 1 2 3 4; do $M --ms-query-uicc-atr & "
                                 'pids="$pids $!"; done; for p in $pids; do wait $p; done')
        assert len(re.findall("response: 3B:", out)) == 4, out


tap.main()
