#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The card behind the MBIM face: AKA, channels, files; byte by byte.

What AUTHENTICATE gives is computed by aka.py; challenge and keys are of TS 35.208 test set 1.
"""
import json
import os

import aka
import tap
from mbim_host import AUTH, BASIC, QUERY, UICC, Host, pack, word, words
from modemsim import AID, K, OPC, Sim, card

TOP = os.environ.get("top_srcdir", ".")
RAND = bytes.fromhex("23553cbe9637a89d218ae64dae47bf35")
SQN = 0xFF9BB4D0B607  # the card has seen 0xff9bb4d0b5e7
SQN_SEEN = 0xFF9BB4D0B5E7
AMF_5G = "8000"
NO_SIM, PIN_REQUIRED, INVALID_PARAMETERS = 3, 5, 21
MAC_FAILURE, SYNC_FAILURE, AMF_NOT_SET = 35, 36, 37
NO_CHANNELS, SELECT_FAILED, INVALID_CHANNEL = 0x87430001, 0x87430002, 0x87430003
SELECT_AD, READ_AD = "00A40804047FFF6FAD", "00B0000004"
OK = "90000000"
NETWORK = "5G:mnc001.mcc001.3gppnetwork.org"


def autn(sqn, amf="b9b9", rand=RAND):
    usim = aka.Usim(K, OPC)
    number = sqn.to_bytes(6, "big")
    keep = bytes.fromhex(amf)
    return aka.xor(number, usim._out(rand, 0, 1)[:6]) + keep + usim.f1(rand, number, keep)[0]


def expected(rand=RAND, sqn=SQN):
    """RES, CK, IK"""
    return aka.Usim(K, OPC, sqn - 1).authenticate(rand, autn(sqn, rand=rand))


def run_aka(host, challenge, rand=RAND, network=None):
    """(status, RES, CK, IK, AUTS) of the Auth service; None for what is not there."""
    info = rand + challenge
    if network is not None:
        name = network.encode("utf-16-le")
        info += words(40, len(name)) + name
    got = host.ask(AUTH, 1 if network is None else 2, QUERY, info)
    if not got.info:
        return got.status, None, None, None, None
    assert len(got.info) == 68 and got.info[66:] == b"\0\0"
    res = got.info[:word(got.info, 16)]
    return got.status, res, got.info[36:52], got.info[20:36], got.info[52:66]


# --- the Auth service ---

@tap.test
def aka_gives_what_milenage_gives():
    with Sim() as sim, Host(sim.path("mbim")) as host:
        res, ck, ik = expected()
        assert res.hex() == "a54211d5e3ba50bf"  # TS 35.208 4.3
        assert run_aka(host, autn(SQN)) == (0, res, ck, ik, bytes(14))


#= TS 33.102 6.3.3
@tap.test
def aka_with_an_old_sqn_gives_auts_and_status_36():
    with Sim() as sim, Host(sim.path("mbim")) as host:
        status, res, ck, ik, auts = run_aka(host, autn(SQN_SEEN))
        assert status == SYNC_FAILURE and res == b""
        assert auts == aka.Usim(K, OPC, SQN_SEEN).auts(RAND)
        assert ck == ik == bytes(16)


@tap.test
def aka_of_the_same_challenge_twice_is_a_sync_failure():
    with Sim() as sim, Host(sim.path("mbim")) as host:
        assert run_aka(host, autn(SQN))[0] == 0
        status, *_, auts = run_aka(host, autn(SQN))
        assert status == SYNC_FAILURE and auts == aka.Usim(K, OPC, SQN).auts(RAND)


@tap.test
def reject_aka_with_a_tampered_challenge():
    with Sim() as sim, Host(sim.path("mbim")) as host:
        good = autn(SQN)
        for i in (0, 6, 8, 15):
            bad = bytes(b ^ (1 if j == i else 0) for j, b in enumerate(good))
            assert run_aka(host, bad) == (MAC_FAILURE, None, None, None, None), i
        assert run_aka(host, good)[0] == 0


@tap.test
def reject_aka_that_is_too_short():
    with Sim() as sim, Host(sim.path("mbim")) as host:
        for size in (0, 16, 31):
            got = host.ask(AUTH, 1, QUERY, (RAND + autn(SQN))[:size])
            assert got.status == INVALID_PARAMETERS
        assert run_aka(host, autn(SQN))[0] == 0


@tap.test
def reject_aka_without_card_or_pin():
    with Sim(text=card("pin-enabled=true")) as sim, Host(sim.path("mbim")) as host:
        assert run_aka(host, autn(SQN))[0] == PIN_REQUIRED
        sim.ok("sim out")
        assert run_aka(host, autn(SQN))[0] == NO_SIM


#= TS 33.402 A.2
@tap.test
def aka_prime_binds_the_keys_to_the_network():
    with Sim() as sim, Host(sim.path("mbim")) as host:
        challenge = autn(SQN, AMF_5G)
        status, res, ck, ik, _ = run_aka(host, challenge, network=NETWORK)
        plain_res, plain_ck, plain_ik = expected()
        both = aka.kdf(plain_ck + plain_ik, 0x20, NETWORK.encode(), challenge[:6])
        assert (status, res, ck + ik) == (0, plain_res, both)


@tap.test
def reference_of_aka_prime_is_that_of_rfc_5448():
    with open(os.path.join(TOP, "tests/vectors/eap-aka-prime.json"), encoding="utf-8") as file:
        cases = json.load(file)["cases"]
    assert len(cases) == 4
    for case in cases:
        both = aka.kdf(bytes.fromhex(case["ck"] + case["ik"]), 0x20, case["network"].encode(),
                       bytes.fromhex(case["autn"])[:6])
        assert both.hex() == case["ck_prime"] + case["ik_prime"]


@tap.test
def reject_aka_prime_with_bad_challenges():
    with Sim() as sim, Host(sim.path("mbim")) as host:
        assert run_aka(host, autn(SQN, "0000"), network=NETWORK)[0] == AMF_NOT_SET
        assert run_aka(host, autn(SQN, AMF_5G), network="")[0] == INVALID_PARAMETERS
        assert run_aka(host, autn(SQN, AMF_5G), network="n" * 300)[0] == INVALID_PARAMETERS
        status, *_, auts = run_aka(host, autn(SQN_SEEN, AMF_5G), network=NETWORK)
        assert status == SYNC_FAILURE and auts == aka.Usim(K, OPC, SQN_SEEN).auts(RAND)
        bad = autn(SQN, AMF_5G)[:-1] + b"x"
        assert run_aka(host, bad, network=NETWORK)[0] == MAC_FAILURE


@tap.test
def authenticate_on_a_channel_gives_the_same_as_the_service():
    res, ck, ik = expected()
    with Sim() as sim, Host(sim.path("mbim")) as host:
        channel = host.open_channel(AID)[2]
        apdu = "008800812210" + RAND.hex() + "10" + autn(SQN).hex() + "00"
        status, sw, data = host.apdu(channel, apdu)
        assert (status, sw) == (0, OK)
        assert data == "db08" + res.hex() + "10" + ck.hex() + "10" + ik.hex()


# --- channels ---

@tap.test
def channels_are_opened_until_there_are_none():
    with Sim(text=card("channels=3")) as sim, Host(sim.path("mbim")) as host:
        for channel in (1, 2):
            status, sw, got, fcp = host.open_channel(AID)
            assert (status, sw, got) == (0, OK, channel) and AID.lower() in fcp
        assert host.open_channel(AID) == (NO_CHANNELS, "6a810000", 0, "")
        assert host.close_channel(1) == (0, OK)
        assert host.open_channel(AID)[2] == 1
        sim.ok("channels 20")
        assert [host.open_channel(AID)[2] for _ in range(17)] == list(range(3, 20))
        assert host.apdu(19, SELECT_AD)[:2] == (0, OK)
        assert host.apdu(19, READ_AD) == (0, OK, "00000002")


@tap.test
def reject_applications_that_are_not_there():
    with Sim() as sim, Host(sim.path("mbim")) as host:
        assert host.open_channel("A0000000871004") == (SELECT_FAILED, "6a820000", 0, "")
        assert sim.ok("status")["open"] == "1"
        for aid, p2 in (("", 4), ("A0" * 33, 4), (AID, 256)):
            assert host.open_channel(aid, p2)[0] == INVALID_PARAMETERS
        assert host.open_channel(AID, 0x10)[:2] == (SELECT_FAILED, "6a860000")
        assert sim.ok("status")["open"] == "1"


@tap.test
def select_answers_as_p2_asks():
    with Sim() as sim, Host(sim.path("mbim")) as host:
        assert host.open_channel(AID[:14], 0x04)[3].startswith("62")
        assert host.open_channel(AID, 0x0C) == (0, OK, 2, "")


@tap.test
def channels_are_closed_by_group():
    with Sim(text=card("channels=6")) as sim, Host(sim.path("mbim")) as host:
        for group in (7, 8, 7, 9):
            host.open_channel(AID, group=group)
        assert host.close_channel(0, 7) == (0, OK)
        assert sim.ok("status")["open"] == "3"
        assert [host.apdu(c, SELECT_AD)[0] for c in (1, 2, 3, 4)] == [
            INVALID_CHANNEL, 0, INVALID_CHANNEL, 0]
        assert host.close_channel(0, 1234) == (0, OK)
        assert sim.ok("status")["open"] == "3"


@tap.test
def reject_channels_that_were_not_opened_here():
    with Sim() as sim, Host(sim.path("mbim")) as host:
        for channel in (0, 1, 4, 20, 0xFFFFFFFF):
            assert host.apdu(channel, SELECT_AD)[0] == INVALID_CHANNEL
        for channel in (1, 19, 20, 0xFFFFFFFF):
            assert host.close_channel(channel) == (INVALID_CHANNEL, "")
        host.open_channel(AID)
        assert host.close_channel(1) == (0, OK)
        assert host.close_channel(1) == (INVALID_CHANNEL, "")


@tap.test
def channels_go_with_the_card():
    with Sim() as sim, Host(sim.path("mbim")) as host:
        host.open_channel(AID)
        sim.ok("sim out")
        assert host.apdu(1, SELECT_AD)[0] == NO_SIM
        assert host.open_channel(AID)[0] == NO_SIM
        sim.ok("sim in")
        assert host.apdu(1, SELECT_AD)[0] == INVALID_CHANNEL
        assert host.open_channel(AID)[2] == 1


@tap.test
def class_byte_follows_its_type():
    """Of the host's class byte nothing is left: STATUS is 8X, SELECT is 0X."""
    with Sim(text=card("channels=6")) as sim, Host(sim.path("mbim")) as host:
        for _ in range(5):
            channel = host.open_channel(AID)[2]
        assert channel == 5
        for channel in (1, 5):
            assert host.apdu(channel, "FF" + SELECT_AD[2:])[:2] == (0, OK)
            assert host.apdu(channel, SELECT_AD, kind=1)[1] == "6e000000"
            assert host.apdu(channel, "00F2000C", kind=1)[:2] == (0, OK)
            assert host.apdu(channel, "80F2000C")[1] == "6e000000"
            assert host.apdu(channel, SELECT_AD, secure=1)[1] == "6e000000"
        for kind, secure in ((2, 0), (0, 2)):
            assert host.apdu(1, SELECT_AD, kind, secure)[0] == INVALID_PARAMETERS
        for broken in ("", "00A4", "00" * 262):
            assert host.apdu(1, broken)[0] == INVALID_PARAMETERS


#= TS 102 221 7.3.1.1.4
@tap.test
def modem_fetches_what_61xx_announces():
    with Sim(text=card("t0=true")) as sim, Host(sim.path("mbim")) as host:
        assert host.open_channel(AID)[3].startswith("62")
        assert host.apdu(1, "00A40804047FFF6FAD")[2].startswith("6217")
        assert run_aka(host, autn(SQN))[:2] == (0, expected()[0])


@tap.test
def faces_share_the_card_but_no_channels():
    with Sim(faces=("mbim", "at"), text=card("channels=3")) as sim:
        with Host(sim.path("mbim")) as host, open(sim.path("at"), "r+b", buffering=0) as at:
            at.write(f'ATE0\rAT+CCHO="{AID}"\r'.encode())
            answer = b""
            while b"+CCHO: 1" not in answer:
                answer += at.read(100)
            assert host.apdu(1, SELECT_AD)[0] == INVALID_CHANNEL
            assert host.open_channel(AID)[2] == 2
            assert host.open_channel(AID)[0] == NO_CHANNELS
            assert sim.ok("status")["clients"] == "2"


# --- files ---

@tap.test
def files_are_read_in_any_part():
    with Sim() as sim, Host(sim.path("mbim")) as host:
        keys = sim.ok("dump 7FFF/5FC0/4F05")["content"].lower()
        assert host.read_binary("7fff5fc04f05", 0, 110, AID) == ("9000", keys)
        assert host.read_binary("3f007fff5fc04f05", 2, 32) == ("9000", keys[4:68])
        assert host.read_binary("7fff6fad", 0, 5)[0] == "6c04"
        assert host.read_binary("7fff6fad", 9, 1)[0] == "6b00"
        assert host.read_binary("7fff6ffe", 0, 1) == ("6a82", "")
        assert host.read_binary("7fff6fad", 0, 4, AID[:-2] + "FF") == ("6a82", "")
        assert host.read_binary("3f002f00", 0, 4) == ("6981", "")


@tap.test
def reject_reads_that_make_no_sense():
    def ask(cid, *values, path=b"\x7f\xff\x6f\xad", aid=b"", pin="", rest=b""):
        fixed = (1, None, None, *values, None, None)
        return host.ask(UICC, cid, QUERY, pack(fixed, aid, path, pin.encode("utf-16-le"), rest)).status

    with Sim() as sim, Host(sim.path("mbim")) as host:
        assert ask(9, 0, 4) == 0
        for status in (ask(9, 0, 0), ask(9, 0, 9000), ask(9, 0x8000, 1), ask(9, 0xFFFFFFFF, 2),
                       ask(9, 0, 4, path=b""), ask(9, 0, 4, path=b"\x7f\xff\x6f"),
                       ask(9, 0, 4, path=bytes(10)), ask(9, 0, 4, pin="1234"),
                       ask(9, 0, 4, rest=b"data"), ask(10, 0), ask(10, 255),
                       host.ask(UICC, 8, QUERY, pack((2, None, None), b"", b"\x3f\x00")).status):
            assert status == INVALID_PARAMETERS


@tap.test
def reject_files_behind_the_pin():
    with Sim(text=card("pin-enabled=true")) as sim, Host(sim.path("mbim")) as host:
        assert host.read_binary("7fff6f07", 0, 9) == ("6982", "")
        assert host.read_binary("7fff6fad", 0, 4)[0] == "9000"
        assert host.ask(BASIC, 6).status == PIN_REQUIRED


tap.main()
