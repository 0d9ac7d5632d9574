#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""akmactl modem probe, of a real agent with a simulated modem: what it tells, and what it must not."""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(__file__))
import harness
import tap

ICCID = "8988211000000000017"
KEYS = "8020" + "42" * 32


def card(services="68;123;124", keys=KEYS, more=""):
    files = "[files]\n7FFF/5FC0/4F05=%s\n" % keys if keys else ""
    return "[card]\niccid=%s\n%s[usim]\nimsi=%s\nmnc-length=2\nk=%s\nopc=%s\nservices=%s\n%s" % (
        ICCID, more, harness.IMSI, harness.K, harness.OPC, services, files)


class Gateway(harness.Stack):
    """An agent with a modem and no application."""

    def __init__(self, card_text):
        super().__init__()
        self.start_modem(card=card_text, core=False)
        self.start_bus()
        self.write("akmad.conf", "[agent]\nstate-dir=%s\n[modem sim]\ndevice=%s\n" % (
            self.path("state"), self.path("modem.tty")))
        self.start_agent(config=False)
        harness.wait_until("the modem is there", lambda: self.ctl("modem", "--json"))

    def probe(self):
        text = self.ctl("--json", "modem", "probe")
        for secret in (harness.IMSI, ICCID, "42" * 32, "sim_id", "@5gc"):
            assert secret not in text + self.ctl("modem", "probe"), secret
        return json.loads(text)


def expect(card_text, **members):
    with Gateway(card_text) as gateway:
        report = gateway.probe()
        for name, value in members.items():
            assert report[name] == value, report


@tap.test
def card_with_a_key_is_readable():
    expect(card(), channel=True, apdu=True, service_68=True, service_123=True, service_124=True,
           key_file="readable", error=None, protocol="at", sim_state="ready")


@tap.test
def card_that_is_not_registered_has_an_empty_file():
    expect(card(keys="ff" * 110), key_file="empty", error=None)


@tap.test
def card_without_service_123_has_no_file():
    expect(card(services="68", keys=None), service_68=True, service_123=False, service_124=False,
           key_file="absent", error=None)


def key_file(stack):
    return json.loads(stack.ctl("--json", "modem", "probe"))["key_file"]


@tap.test
def key_that_the_operator_knew_is_fresh_until_the_card_has_another_one():
    with harness.Stack() as stack:
        stack.start_all()
        stack.wait_key()
        assert key_file(stack) == "fresh"
        stack.stop("akma-keyserver")  # nobody can be asked any more
        stack.stop("akmad")
        stack.start_agent(config=False)  # what is known outlives the agent
        harness.wait_until("the modem is there", lambda: stack.ctl("modem", "--json"))
        assert key_file(stack) == "fresh"
        with open(stack.path("state", "cards")) as file:
            text = file.read()
        for secret in (harness.IMSI, "5gc", "0."):
            assert secret not in text, secret

        stack.control("register")
        assert key_file(stack) == "readable"


@tap.test
def key_that_the_operator_did_not_know_is_stale_until_it_is_written_anew():
    with harness.Stack() as stack:
        stack.start_all()
        stack.wait_key()
        stack.stop("akma-lab")
        stack.start_lab()  # an operator that has forgotten
        done = stack.ctl("enroll", "mqtt", check=False)
        assert done.returncode and "AnchorKeyUnknown" in stack.ctl("list", "--json"), done
        assert key_file(stack) == "stale"
        stack.control("register")
        stack.renew_once_cured(verb="enroll")
        assert key_file(stack) == "fresh"


@tap.test
def missing_card_is_told():
    with Gateway(card()) as gateway:
        gateway.control("sim out")
        report = gateway.probe()
        assert not report["channel"] and report["key_file"] == "unknown", report
        assert report["service_123"] is None
        assert report["error"]["name"] == "org.akmad1.Error.NoSim", report


@tap.test
def locked_card_is_told():
    with Gateway(card(more="pin=1234\npin-enabled=true\n")) as gateway:
        report = gateway.probe()
        assert report["error"]["name"] == "org.akmad1.Error.PinRequired", report


@tap.test
def modem_without_channels_is_told():
    with Gateway(card()) as gateway:
        gateway.control("channels 1")
        report = gateway.probe()
        assert not report["channel"], report
        assert report["error"]["name"] == "org.akmad1.Error.ModemFailed", report


@tap.test
def reject_somebody_who_is_no_manager():
    if os.getuid() != 0:
        raise tap.Skip("needs root, to become somebody else")
    with Gateway(card()) as gateway:
        # by descriptor: the tree may lie where nobody else may look, as in /root
        with open(harness.program("akmactl"), "rb") as program:
            done = subprocess.run(["akmactl", "--bus", gateway.bus, "modem", "probe"],
                                  executable="/proc/self/fd/%d" % program.fileno(),
                                  pass_fds=[program.fileno()], user="nobody", group=0,
                                  extra_groups=[], env=gateway.env, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True)
        assert done.returncode == 4 and not done.stdout, done


if __name__ == "__main__":
    tap.main()
