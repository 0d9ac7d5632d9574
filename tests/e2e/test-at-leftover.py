#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Channels that are left on a card behind an AT port: by a port that hangs up in the middle, and by
an answer that never comes. Another host has one of its own, over MBIM, and keeps it."""
import contextlib
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import modemsim
import tap
from mbim_host import Host

TOOL = os.path.join(modemsim.BUILD, "tests/e2e/card-tool")
KEPT = "00a40804047fff6f07"  # what the other host selects
# opening the port reads EF_ICCID, then each read has a channel of its own: MANAGE CHANNEL twice for
# each; READ BINARY once for EF_ICCID and six times for the first read
SECOND_OPEN, SECOND_READ = "ins=70 after=4", "ins=B0 after=7"
READ, FAILED = "ok kid", "error ModemFailed"


def card(extra):
    return modemsim.card(extra, "services=123;124\nrouting-indicator=17",
                         "[files]\n7FFF/5FC0/4F05=8020" + "42" * 32)


def same(got, want):
    assert got == want, "got %r, want %r" % (got, want)


class Modem(modemsim.Sim):
    def __init__(self, dialect, t0=False):
        super().__init__("--dialect", dialect, text=card("t0=true" if t0 else ""),
                         faces=("at", "mbim"))

    def run(self, *actions, timeout=20000):
        done = subprocess.run([TOOL, "--protocol=at", self.path("at"), str(timeout), *actions],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for bad in ("Sanitizer", "runtime error", "CRITICAL", modemsim.IMSI):
            assert bad not in done.stdout + done.stderr, done
        return [line.split(":")[0].split("=")[0] for line in done.stdout.splitlines()]

    def channels(self):
        return int(self.ok("status")["open"]) - 1


@contextlib.contextmanager
def another_host(modem):
    """It has a channel with the USIM selected, and has it afterwards."""
    with Host(modem.path("mbim")) as host:
        status, _, channel, _ = host.open_channel(modemsim.AID)
        assert status == 0 and channel > 0
        yield
        assert host.apdu(channel, KEPT)[1] == "90000000", "its channel was taken from it"
        assert host.close_channel(channel)[0] == 0


def leave_one(dialect, fault, channels, left, ms, again=False, t0=False):
    """Three reads, the second of which is lost with its channel. @left: how many channels are open then
    that are not the other host's. @again: the port has to be opened again."""
    with Modem(dialect, t0) as modem, another_host(modem):
        modem.ok("channels %d" % channels)
        modem.ok("fault " + fault + " times=1")
        between = ("sleep:%d" % (ms // 10), "reopen") if again else ()
        lines = modem.run("read", "read", *between, "read", timeout=ms)
        same((lines, modem.channels() - 1), ([READ, FAILED, READ], left))


def leaves_one(dialect, fault, channels, left, **more):
    tap.patiently(lambda ms: leave_one(dialect, fault, channels, left, ms, **more), 2000, 20000)


@tap.test
def lost_answer_to_manage_channel_costs_a_channel_only_until_there_is_no_other():
    #= TS 102 221 11.1.2
    for t0 in (False, True):
        lost = "drop " + SECOND_OPEN
        leaves_one("csim-only", lost, 4, 1, t0=t0)
        leaves_one("csim-only", lost, 3, 0, t0=t0)


@tap.test
def port_that_hangs_up_costs_a_channel_only_until_there_is_no_other():
    for dialect in ("plain", "session-257", "csim-only"):
        lost = "close " + SECOND_READ
        leaves_one(dialect, lost, 4, 1, again=True)
        leaves_one(dialect, lost, 3, 0, again=True)


@tap.test
def another_process_knows_of_nothing_and_gets_by_with_the_channels_left():
    for dialect in ("plain", "csim-only"):
        with Modem(dialect) as modem, another_host(modem):
            modem.ok("channels 4")
            modem.ok("fault close " + SECOND_READ + " times=1")
            same(modem.run("read", "read"), [READ, FAILED])
            same(modem.run("read"), [READ])
            same(modem.channels(), 2)
            modem.ok("channels 3")
            same(modem.run("read"), [FAILED])


if not os.path.exists(modemsim.PROGRAM):
    tap.skip_all("akma-modemsim is not built")
tap.main()
