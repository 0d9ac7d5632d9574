#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The MBIM face of the simulated modem when things go wrong, and as awkward modems do it."""
import os
import time

import tap
from mbim_host import AUTH, BASIC, QUERY, SET, UICC, Host, pack, pair, word
from modemsim import AID, IMSI, Sim, card

CHALLENGE = bytes.fromhex("23553cbe9637a89d218ae64dae47bf3555f328b43577b9b94a9ffac354dfafb3")
BUSY, FAILURE, NO_SIM, BAD_SIM, PIN_REQUIRED = 1, 2, 3, 4, 5
NOT_SUPPORTED, INVALID_PARAMETERS, MAC_FAILURE = 9, 21, 35
NO_CHANNELS, SELECT_FAILED = 0x87430001, 0x87430002
SELECT_AD, READ_AD = "00A40804047FFF6FAD", "00B0000004"
OK = "90000000"


def run_aka(host):
    return host.ask(AUTH, 1, QUERY, CHALLENGE).status


# --- faults ---

@tap.test
def fault_sw_is_the_cards_word():
    with Sim() as sim, Host(sim.path("mbim")) as host:
        host.open_channel(AID)
        sim.ok("fault sw 6F00 ins=B0")
        assert host.apdu(1, SELECT_AD)[1] == OK
        assert host.apdu(1, READ_AD) == (0, "6f000000", "")
        assert host.apdu(1, READ_AD)[1] == OK
        sim.ok("fault sw 9862 ins=88")
        assert run_aka(host) == MAC_FAILURE
        sim.ok("fault sw 6A81 ins=70")
        assert host.open_channel(AID) == (NO_CHANNELS, "6a810000", 0, "")


@tap.test
def fault_drop_loses_one_answer():
    with Sim() as sim, Host(sim.path("mbim")) as host:
        for fault in ("drop", "drop ins=70"):
            sim.ok("fault " + fault)
            host.start(UICC, 2, SET, pack((None, 4, 1), bytes.fromhex(AID), swapped=True))
            assert host.is_silent(0.3)
            assert host.ask(UICC, 1).status == 0


@tap.test
def fault_garble_spoils_the_numbers():
    with Sim() as sim, Host(sim.path("mbim")) as host:
        good = host.ask(UICC, 1).info
        sim.ok("fault garble")
        bad = host.ask(UICC, 1).info
        assert bad != good and len(bad) == len(good)
        assert host.ask(UICC, 1).info == good


@tap.test
def fault_truncate_stops_in_the_middle():
    with Sim() as sim, Host(sim.path("mbim")) as host:
        whole = len(host.ask(UICC, 1).fragments[0])
        sim.ok("fault truncate")
        host.start(UICC, 1, QUERY)
        assert host.read_some(60)
        while host.read_some(0.3):
            pass
        assert 12 < len(host.buffer) < whole
        host.buffer = b""
        assert host.ask(UICC, 1).status == 0


@tap.test
def fault_close_hangs_up_and_comes_back():
    with Sim() as sim:
        with Host(sim.path("mbim")) as host:
            sim.ok("fault close")
            host.start(UICC, 1, QUERY)
            try:
                host.read()
                raise AssertionError("an answer came")
            except EOFError:
                pass
        sim.wait_until(lambda: os.path.exists(sim.path("mbim")), "back")
        with Host(sim.path("mbim")) as host:
            assert host.ask(UICC, 1).status == 0


@tap.test
def fault_cme_is_the_status_that_means_it():
    with Sim() as sim, Host(sim.path("mbim")) as host:
        for code, status in ((10, NO_SIM), (11, PIN_REQUIRED), (13, BAD_SIM), (14, BUSY),
                             (4, NOT_SUPPORTED), (50, INVALID_PARAMETERS), (20, NO_CHANNELS),
                             (777, FAILURE)):
            sim.ok(f"fault cme {code}")
            got = host.ask(UICC, 1)
            assert (got.status, got.info) == (status, b""), code
        sim.ok("fault cme 14 ins=88")
        assert run_aka(host) == BUSY
        sim.ok("fault cme 14 after=1 times=2")
        assert [host.ask(UICC, 1).status for _ in range(4)] == [0, BUSY, BUSY, 0]


@tap.test
def delay_keeps_answers_back_in_order():
    with Sim() as sim, Host(sim.path("mbim")) as host:
        sim.ok("delay 1500")
        begin = time.monotonic()
        tids = [host.start(UICC, 1, QUERY), host.start(BASIC, 1, QUERY)]
        sim.ok("sim out")  # an indication does not wait
        assert word(host.indication(BASIC, 2).info, 0) == 2  # no answer came before it
        assert [host.answer(tid).status for tid in tids] == [0, 0]
        assert time.monotonic() - begin > 2.9


@tap.test
def commands_to_the_card_are_counted():
    with Sim() as sim, Host(sim.path("mbim")) as host:
        sim.ok("reset")
        host.ask(BASIC, 1)
        host.open_channel(AID)
        host.apdu(1, SELECT_AD)
        host.apdu(1, READ_AD)
        host.close_channel(1)
        count = sim.ok("count")
        assert (count["commands"], count["lines"]) == ("5", "4")
        host.read_binary("7fff5fc04f05", 0, 34)
        assert sim.ok("count")["commands"] == "7"


# --- dialects ---

@tap.test
def dialect_p2_0c_opens_with_0c_only():
    with Sim("--dialect", "mbim-p2-0c") as sim, Host(sim.path("mbim")) as host:
        assert host.open_channel(AID, 0x04) == (SELECT_FAILED, "6a860000", 0, "")
        assert host.open_channel(AID, 0x00)[0] == SELECT_FAILED
        assert host.open_channel(AID, 0x0C) == (0, OK, 1, "")


@tap.test
def dialects_of_the_class_byte_know_one_type():
    for name, good in (("mbim-class-inter", 0), ("mbim-class-extended", 1)):
        with Sim("--dialect", name) as sim, Host(sim.path("mbim")) as host:
            host.open_channel(AID)
            assert host.apdu(1, SELECT_AD, kind=1 - good)[0] == INVALID_PARAMETERS
            assert host.apdu(1, SELECT_AD, kind=good)[:2] == (0, OK)
            assert host.apdu(1, "80F2000C", kind=good)[:2] == (0, OK)


@tap.test
def dialect_no_le_refuses_it_behind_data_only():
    with Sim("--dialect", "mbim-no-le") as sim, Host(sim.path("mbim")) as host:
        host.open_channel(AID)
        assert host.apdu(1, SELECT_AD + "00")[0] == INVALID_PARAMETERS
        assert host.apdu(1, SELECT_AD)[2].startswith("62")
        assert host.apdu(1, READ_AD)[1] == OK


@tap.test
def dialect_61xx_leaves_it_to_the_host():
    with Sim("--dialect", "mbim-61xx", text=card("t0=true")) as sim:
        with Host(sim.path("mbim")) as host:
            host.open_channel(AID)
            status, sw, data = host.apdu(1, SELECT_AD)
            assert (status, sw[:2], data) == (0, "61", "")
            assert host.apdu(1, "00C00000" + sw[2:4])[2].startswith("62")


@tap.test
def dialect_sw_be_gives_numbers():
    with Sim("--dialect", "mbim-sw-be") as sim, Host(sim.path("mbim")) as host:
        assert host.open_channel(AID)[1] == "00900000"
        assert host.apdu(1, SELECT_AD)[1] == "00900000"
        assert host.apdu(1, "00B0000005")[1] == "046c0000"
        assert host.close_channel(1)[1] == "00900000"


@tap.test
def dialects_leave_services_out():
    with Sim("--dialect", "mbim-no-auth") as sim, Host(sim.path("mbim")) as host:
        assert run_aka(host) == NOT_SUPPORTED
        services = host.ask(BASIC, 16).info
        assert word(services, 0) == 2 and AUTH not in services
    with Sim("--dialect", "mbim-no-uicc-files") as sim, Host(sim.path("mbim")) as host:
        assert [host.ask(UICC, cid, QUERY, b"").status for cid in (7, 8, 9, 10)] == [NOT_SUPPORTED] * 4
        services = host.ask(BASIC, 16).info
        assert [word(pair(services, 8 + 8 * i), 24) for i in range(3)] == [15, 2, 6]
        assert host.open_channel(AID)[0] == 0


@tap.test
def dialect_busy_refuses_until_the_card_is_ready():
    with Sim("--dialect", "busy") as sim, Host(sim.path("mbim")) as host:
        assert host.ask(BASIC, 1).status == 0
        assert [host.ask(UICC, 1).status for _ in range(4)] == [BUSY, BUSY, BUSY, 0]
        sim.ok("sim out")
        assert host.ask(UICC, 1).status == NO_SIM
        sim.ok("sim in")
        assert [host.ask(UICC, 1).status for _ in range(4)] == [BUSY, BUSY, BUSY, 0]


@tap.test
def dialect_awkward_is_all_at_once():
    with Sim("--dialect", "mbim-awkward", text=card("t0=true")) as sim:
        with Host(sim.path("mbim")) as host:
            assert run_aka(host) == host.ask(UICC, 9).status == NOT_SUPPORTED
            assert host.open_channel(AID, 0x04)[0] == SELECT_FAILED
            assert host.open_channel(AID, 0x0C)[1:3] == ("00900000", 1)
            assert host.apdu(1, SELECT_AD, kind=0)[0] == INVALID_PARAMETERS
            assert host.apdu(1, SELECT_AD + "00", kind=1)[0] == INVALID_PARAMETERS
            sw = host.apdu(1, SELECT_AD, kind=1)[1]
            assert sw[2:4] == "61"
            assert host.apdu(1, "00C00000" + sw[:2], kind=1)[2].startswith("62")


@tap.test
def dialects_of_one_interface_leave_the_other_alone():
    with Sim("--dialect", "csim-only") as sim, Host(sim.path("mbim")) as host:
        assert host.open_channel(AID)[0] == 0
    with Sim("--dialect", "mbim-p2-0c", faces=("mbim", "at")) as sim:
        with open(sim.path("at"), "r+b", buffering=0) as at:
            at.write(f'ATE0\rAT+CCHO="{AID}"\r'.encode())
            answer = b""
            while b"+CCHO: 1" not in answer:
                answer += at.read(100)


@tap.test
def control_socket_says_no_identity():
    with Sim() as sim, Host(sim.path("mbim")) as host:
        host.ask(BASIC, 2)
        for line in ("status", "count", "reset", "urc x", "sim out", "sim in"):
            assert IMSI not in sim.control(line)


tap.main()
