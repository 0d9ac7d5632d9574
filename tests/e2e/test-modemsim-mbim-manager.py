#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The real ModemManager finds, enables and follows the simulated modem over MBIM, and another
program reaches the card through the same mbim-proxy meanwhile."""
import re

import manager
import tap
from lab import SUBSCRIBER, Lab
from manager import DEVICE, Manager
from modemsim import AID, ICCID, IMSI, Sim, card

manager.skip_unless_possible()

OPEN = f"--ms-set-uicc-open-channel=application-id={AID},selectp2arg=4,channel-group=1"
READ = ("--ms-set-uicc-apdu=channel=1,secure-message=none,classbyte-type=inter-industry,"
        "command=00B0870000")  # EF_IMSI by its short identifier
CLOSE = "--ms-set-uicc-close-channel=channel=1,channel-group=0"


@tap.test
def manager_finds_modem_and_card():
    with Sim() as sim, Manager(sim) as mm:
        modem = mm.wait_for(lambda m: m["generic"]["state"] == "disabled", "found")
        generic = modem["generic"]
        assert generic["equipment-identifier"] == "001010123456780"
        assert generic["primary-port"] == "cdc-wdm0"
        assert generic["sim"] not in ("", "--")
        properties = mm.ask("-i", "any")["sim"]["properties"]
        assert (properties["imsi"], properties["iccid"]) == (IMSI, ICCID)
        assert properties["operator-code"] == "00101"


@tap.test
def manager_registers_and_follows_the_registration():
    subscriber = SUBSCRIBER.replace("sqn=0000", "sqn=ff9c")
    with Lab(subscriber, "--listen", "127.0.0.1:0") as lab:
        with Sim("--core", "http://" + lab.ready["core"]) as sim, Manager(sim) as mm:
            mm.wait_for(lambda m: m["generic"]["state"] == "disabled", "found")
            mm.ok("mmcli -m any -e")
            modem = mm.wait_for(lambda m: m["generic"]["state"] == "registered", "registered")
            assert modem["3gpp"]["operator-code"] == "00101"
            assert modem["3gpp"]["registration-state"] == "home"
            sim.ok("deregister")
            mm.wait_for(lambda m: m["generic"]["state"] != "registered", "left")
            sim.ok("register")
            mm.wait_for(lambda m: m["generic"]["state"] == "registered", "back")


@tap.test
def manager_asks_for_the_pin():
    with Sim(text=card("pin-enabled=true")) as sim, Manager(sim) as mm:
        modem = mm.wait_for(lambda m: m["generic"]["state"] == "locked", "locked")
        assert modem["generic"]["unlock-required"] == "sim-pin"
        mm.ok("mmcli -i any --pin=1234")
        mm.wait_for(lambda m: m["generic"]["state"] == "disabled", "unlocked")
        assert sim.ok("status")["sim"] == "ready"


@tap.test
def manager_sees_the_card_go_and_another_come():
    other = card().replace(IMSI, "001010123456780")
    with Sim() as sim, Manager(sim) as mm:
        modem = mm.wait_for(lambda m: m["generic"]["state"] == "disabled", "found")
        before = modem["dbus-path"]
        sim.ok("sim out")
        sim.wait_until(lambda: mm.modem().get("dbus-path") != before, "gone")
        sim.ok("sim in " + sim.write("other", other))
        mm.wait_for(lambda m: m["generic"]["state"] == "disabled", "back")
        assert mm.ask("-i", "any")["sim"]["properties"]["imsi"] == "001010123456780"


@tap.test
def card_is_reached_beside_the_manager():
    with Sim() as sim, Manager(sim) as mm:
        mm.wait_for(lambda m: m["generic"]["state"] == "disabled", "found")
        for _ in range(3):
            out = mm.ok(f"beside mbimcli -p -d {DEVICE} '{OPEN}'")
            assert "channel: 1" in out, out
            out = mm.ok(f"beside mbimcli -p -d {DEVICE} '{READ}'")
            assert re.search("response: 08:09:10:10:10:32:54:76:98", out), out
            assert "status: 144" in mm.ok(f"beside mbimcli -p -d {DEVICE} '{CLOSE}'")
        assert mm.modem()["generic"]["state"] == "disabled"
        assert sim.ok("status")["clients"] == "1"  # the proxy


tap.main()
