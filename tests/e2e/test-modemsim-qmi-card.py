#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The card behind the QMI face of the simulated modem, in bytes of our own.

Numbers: the message tables that libqmi publishes (data/qmi-service-*.json), Send APDU and the
logical channels as of libqmi 1.36, Authenticate as in Sierra's GobiAPI. Keys and challenges:
TS 35.208 test set 1.
"""
import os
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import modemsim  # noqa: E402
import tap  # noqa: E402
from mbim_host import Host  # noqa: E402
from modemsim import AID, card  # noqa: E402
from qmi import (  # noqa: E402
    ALWAYS_BLOCKED, BAD_ARGUMENT, BAD_COMMAND, BAD_PIN_ID, BAD_SESSION, DENIED, DMS, INTERNAL,
    MALFORMED, MISSING, NOT_PROVISIONED, NOT_READY, NOT_SUPPORTED, NO_EFFECT, NO_FILE,
    NO_RESOURCES, OK, PIN_BLOCKED, TOO_LONG, WRONG_PIN, Sim, Uim, read_file, tlv, Link
)

IMEI = "001010123456780"
RAND = "23553cbe9637a89d218ae64dae47bf35"
AUTN = "55f328b43577b9b94a9ffac354dfafb3"
CK = "b40ba9a3c58b2a05bbf0d987b21bf8cb"


# --- the card, in bytes of our own ---

@tap.test
def channel_carries_commands():
    with Sim() as sim, sim.link() as link:
        uim = Uim(link)
        answer = uim.open(bytes.fromhex(AID))
        assert answer.error == OK and answer.tlvs[0x11] == b"\x90\x00"
        assert answer.tlvs[0x12][0] == len(answer.tlvs[0x12]) - 1 and answer.tlvs[0x12][1] == 0x62
        channel = answer.tlvs[0x10][0]
        assert channel == 1 and sim.ok("status")["open"] == "2"
        assert read_file(uim, channel, "7FFF6F07", 9) == ("080910101032547698", "9000")
        assert read_file(uim, channel, "7FFF5FC04F05", 34) == ("ff" * 34, "9000")
        data, sw = uim.response(uim.apdu(f"0088008122 10{RAND}10{AUTN}00", channel))
        assert sw == "9000" and data.startswith("db08a54211d5e3ba50bf10" + CK), sw
        data, sw = uim.response(uim.apdu("00B0000009"))  # the basic channel: at the MF
        assert (data, sw) == ("", "6986")
        answer = uim.close(channel)
        assert answer.error == OK and sim.ok("status")["open"] == "1"
        assert uim.apdu("00B0000009", channel).error == BAD_ARGUMENT  # closed
        assert uim.close(channel).error == BAD_ARGUMENT
        assert uim.close(0).error == BAD_ARGUMENT


@tap.test
def a_prefix_of_the_aid_opens_and_fci_may_be_left_out():
    with Sim() as sim, sim.link() as link:
        uim = Uim(link)
        answer = uim.open(bytes.fromhex(AID[:14]), fci=0)
        assert answer.error == OK and answer.tlvs[0x12] == b"\x00"
        # the older message opens and closes too
        answer = uim.ask(0x003F, tlv(0x01, b"\x01"), tlv(0x10, b"\x07" + bytes.fromhex(AID[:14])))
        assert answer.error == OK and answer.tlvs[0x10] == b"\x02"
        assert uim.close(2).error == OK and uim.close(1).error == OK
        # without a name: at the MF
        answer = uim.ask(0x0042, tlv(0x01, b"\x01"))
        assert answer.error == OK and answer.tlvs[0x12] == b"\x00"
        assert read_file(uim, 1, "2FE2", 10)[1] == "9000"


@tap.test
def reject_more_channels_than_there_are():
    with Sim() as sim, sim.link() as link:
        uim = Uim(link)
        aid = bytes.fromhex(AID)
        assert [uim.open(aid).tlvs[0x10][0] for _ in range(3)] == [1, 2, 3]
        answer = uim.open(aid)
        assert answer.error == NO_RESOURCES and answer.tlvs[0x11] == b"\x6a\x81"
        assert 0x10 not in answer.tlvs
        assert sim.control("channels 5") == "ok"
        assert uim.open(aid).tlvs[0x10] == b"\x04"  # class byte of the further channels
        assert read_file(uim, 4, "7FFF6F07", 9) == ("080910101032547698", "9000")


@tap.test
def reject_an_unknown_application():
    with Sim() as sim, sim.link() as link:
        uim = Uim(link)
        answer = uim.open(bytes.fromhex("A0000005591010FFFFFFFF8900000100"))
        assert answer.error == NO_FILE and answer.tlvs[0x11] == b"\x6a\x82"
        assert sim.ok("status")["open"] == "1"  # given back
        assert uim.open(b"\xa0" * 17).error == TOO_LONG


@tap.test
def reject_bad_commands():
    with Sim() as sim, sim.link() as link:
        uim = Uim(link)
        assert uim.apdu("0070000001").error == DENIED  # channels are not for it
        assert uim.apdu("00A4").error == BAD_ARGUMENT
        assert uim.apdu("00" * 262).error == TOO_LONG
        assert uim.apdu("00A4000C023F00", 7).error == BAD_ARGUMENT
        slot = tlv(0x01, b"\x01")
        assert uim.ask(0x003B, slot, tlv(0x02, b"\x09\x00\x00\xa4")).error == MALFORMED
        assert uim.ask(0x003B, slot).error == MISSING
        assert uim.ask(0x003B, tlv(0x01, b"\x02"), tlv(0x02, b"\x00\x00")).error == BAD_ARGUMENT
        assert uim.ask(0x003B).error == MISSING
        assert uim.ask(0x0042, slot, tlv(0x10, b"\x05\xa0")).error == MALFORMED
        assert uim.ask(0x003F, slot).error == MISSING


@tap.test
def a_t0_card_leaves_61xx_to_the_client():
    with Sim(card("t0=true")) as sim, sim.link() as link:
        uim = Uim(link)
        assert uim.open(bytes.fromhex(AID)).tlvs[0x12][1] == 0x62  # the modem fetched it
        challenge = f"0088008122 10{RAND}10{AUTN}"
        data, sw = uim.response(uim.apdu(challenge, 1))
        assert (data, sw) == ("", "612c"), sw
        assert uim.response(uim.apdu("00C000002C", 1))[1] == "9000"
        data, sw = uim.response(uim.apdu("00A4000402 7FFF", 1, skip=1))
        assert sw == "9000" and data.startswith("62")
        assert uim.content(uim.read_transparent("3F007FFF6F07")).hex() == "080910101032547698"


@tap.test
def inline_dialect_fetches_by_itself():
    with Sim(card("t0=true"), "--dialect", "inline") as sim, sim.link() as link:
        uim = Uim(link)
        uim.open(bytes.fromhex(AID))
        data, sw = uim.response(uim.apdu(f"0088008122 10{RAND}10{AUTN}", 1))
        assert sw == "9000" and data.startswith("db"), sw


@tap.test
def files_are_read_by_path():
    content = bytes(range(256)) * 4
    with Sim(card(rest=f"[files]\n7FFF/6F07={'080910101032547698'}\n7FFF/5FC0/4F05={content.hex()}\n")
             ) as sim, sim.link() as link:
        uim = Uim(link)
        path = "3F007FFF5FC04F05"
        assert sim.control("reset") == "ok"
        answer = uim.read_transparent(path)  # all of it, in commands of 256 bytes
        assert answer.error == OK and answer.tlvs[0x10] == b"\x90\x00"
        assert uim.content(answer) == content
        assert sim.ok("count")["commands"] == "5"  # one SELECT, four READ BINARY
        assert uim.content(uim.read_transparent(path, 0, 34)) == content[:34]
        assert uim.content(uim.read_transparent(path, 300, 500)) == content[300:800]
        assert uim.content(uim.read_transparent(path, 1000, 100)) == content[1000:]
        assert uim.content(uim.read_transparent("7FFF6F07")).hex() == "080910101032547698"
        aid = bytes.fromhex(AID)
        assert uim.content(uim.read_transparent("3F007FFF6F07", kind=4, aid=aid)) != b""
        assert uim.content(uim.read_transparent("3F002FE2", kind=6)).hex().startswith("98")


@tap.test
def reject_files_that_may_not_be_read():
    with Sim(card("pin-enabled=true")) as sim, sim.link() as link:
        uim = Uim(link)
        answer = uim.read_transparent("3F007FFF6F07")
        assert answer.error == DENIED and answer.tlvs[0x10] == b"\x69\x82"
        assert 0x11 not in answer.tlvs
        answer = uim.read_transparent("3F007FFF6F99")
        assert answer.error == NO_FILE and answer.tlvs[0x10] == b"\x6a\x82"
        assert uim.read_transparent("3F002FE2", offset=99, length=1).error == INTERNAL
        assert uim.read_transparent("3F002F00").error == INTERNAL  # has records
        assert uim.read_transparent("3F007FFF6F07", kind=6).error == INTERNAL  # no USIM there
        assert uim.read_transparent("3F007FFF6F07", kind=7).error == BAD_SESSION
        assert uim.read_transparent("3F007FFF6F07", kind=99).error == BAD_ARGUMENT
        assert uim.read_transparent("3F007FFF6F07", kind=4, aid=b"\xa0").error == DENIED
        assert uim.read_transparent("3F007FFF6F07", kind=4).error == NOT_PROVISIONED
        assert uim.read_transparent("3F00" + "7F20" * 9).error == TOO_LONG
        session, file, info = uim.session(), uim.file("3F002FE2"), tlv(0x03, b"\0\0\0\0")
        assert uim.ask(0x0020, session, file).error == MISSING
        assert uim.ask(0x0020, session, info).error == MISSING
        assert uim.ask(0x0020, file, info).error == MISSING
        assert uim.ask(0x0020, session, file, tlv(0x03, b"\0")).error == MALFORMED
        assert uim.ask(0x0020, session, tlv(0x02, b"\xe2\x2f\x01\x00"), info).error == MALFORMED
        assert uim.ask(0x0020, tlv(0x01, b"\x00\x09"), file, info).error == MALFORMED
        assert uim.ask(0x0020, session, file, info, tlv(0x10, b"\0\0\0\0")).error == NOT_SUPPORTED
        assert uim.ask(0x0020, session, file, info, tlv(0x11, b"\x01")).error == NOT_SUPPORTED


@tap.test
def records_are_read():
    with Sim() as sim, sim.link() as link:
        uim = Uim(link)

        def read(number, length=0, last=None):
            tlvs = [uim.session(), uim.file("3F002F00"),
                    tlv(0x03, struct.pack("<HH", number, length))]
            if last is not None:
                tlvs.append(tlv(0x10, struct.pack("<H", last)))
            return uim.ask(0x0021, *tlvs)

        answer = read(1)
        assert answer.error == OK and uim.content(answer).hex().upper()[4:40] == "4F10" + AID
        size = len(uim.content(answer))
        assert uim.content(read(1, size)) == uim.content(answer)
        attributes = uim.ask(0x0024, uim.session(), uim.file("3F002F00")).tlvs[0x11]
        total, fid, kind, record, count = struct.unpack_from("<HHBHH", attributes)
        assert (fid, kind, record, total) == (0x2F00, 2, size, size * count)
        if count > 1:
            more = read(1, 0, count)
            assert len(uim.content(more, 0x12)) == size * (count - 1)
        assert read(count + 1).error == NO_FILE and read(0).error == BAD_ARGUMENT
        assert read(2, 0, 1).error == BAD_ARGUMENT
        assert read(1, 300).error == BAD_ARGUMENT


@tap.test
def pin_is_verified_blocked_and_unblocked():
    with Sim(card("pin-enabled=true")) as sim, sim.link() as link:
        uim = Uim(link)

        def pin(message, *values, first=b"\x01"):
            return uim.ask(message, uim.session(), tlv(
                0x02, first + b"".join(bytes([len(v)]) + v for v in values)))

        for tries in (2, 1):
            answer = pin(0x0026, b"0000")
            assert answer.error == WRONG_PIN and answer.tlvs[0x10] == bytes([tries, 10])
            assert answer.tlvs[0x13] == bytes([0x63, 0xC0 | tries])
        answer = pin(0x0026, b"0000")
        assert answer.error == PIN_BLOCKED and answer.tlvs[0x10] == b"\x00\x0a"
        assert pin(0x0026, b"1234").error == PIN_BLOCKED
        status = uim.ask(0x002F).tlvs[0x10]
        assert status[16] == 3, status.hex()  # the application: PUK required
        assert pin(0x0027, b"11111111", b"4321").error == WRONG_PIN
        assert pin(0x0027, b"12345678", b"4321").error == OK
        assert sim.ok("status")["sim"] == "ready"
        assert pin(0x0028, b"4321", b"1234").error == OK
        assert pin(0x0025, b"1234", first=b"\x01\x01").error == NO_EFFECT
        assert pin(0x0025, b"1234", first=b"\x01\x00").error == OK
        assert pin(0x0026, b"1234").error == NO_EFFECT
        assert pin(0x0026, b"1234", first=b"\x02").error == BAD_PIN_ID
        assert pin(0x0026, b"12").error == BAD_ARGUMENT
        assert pin(0x0026, b"12x4").error == BAD_ARGUMENT
        assert pin(0x0026, b"123456789").error == BAD_ARGUMENT
        assert pin(0x0026, b"1234", b"1").error == MALFORMED
        assert uim.ask(0x0026, uim.session(), tlv(0x02, b"\x01\x09123")).error == MALFORMED
        assert uim.ask(0x0026, uim.session()).error == MISSING
        assert sim.control("pin on") == "ok"
        assert pin(0x0026, b"1234").error == OK


@tap.test
def puk_blocks_for_good():
    with Sim(card("pin-enabled=true")) as sim, sim.link() as link:
        dms = link.allocate(DMS)
        assert sim.control("pin block") == "ok"
        value = tlv(0x01, b"\x01\x0811111111\x041234")
        for tries in range(9, -1, -1):
            answer = link.ask(DMS, dms, 0x0029, value)
            assert answer.tlvs[0x10] == bytes([0, tries])
            assert answer.error == (WRONG_PIN if tries else ALWAYS_BLOCKED)
        assert link.ask(DMS, dms, 0x0029, value).error == ALWAYS_BLOCKED
        assert link.ask(DMS, dms, 0x002B).tlvs[0x11] == b"\x05\x00\x00"
        assert link.ask(DMS, dms, 0x0043).error == DENIED


#= TS 31.102 7.1.2
@tap.test
def authenticate_runs_the_algorithm():
    with Sim() as sim, sim.link() as link:
        uim = Uim(link)

        def run(context, data, kind=0):
            data = bytes.fromhex(data)
            return uim.ask(0x0034, uim.session(kind),
                           tlv(0x02, struct.pack("<BH", context, len(data)) + data))

        answer = run(3, f"10{RAND}10{AUTN}")
        assert answer.error == OK and answer.tlvs[0x10] == b"\x90\x00"
        assert uim.content(answer).hex().startswith("db08a54211d5e3ba50bf10" + CK)
        answer = run(3, f"10{RAND}10{AUTN}")  # once more: out of order, AUTS
        assert answer.error == OK and uim.content(answer)[0] == 0xDC
        broken = AUTN[:-2] + "%02x" % (int(AUTN[-2:], 16) ^ 1)
        answer = run(3, f"10{RAND}10{broken}")
        assert answer.error == INTERNAL and answer.tlvs[0x10] == b"\x98\x62"
        assert 0x11 not in answer.tlvs
        assert run(0, RAND).error == NOT_SUPPORTED and run(3, "").error == BAD_ARGUMENT
        assert run(3, f"10{RAND}10{AUTN}", kind=6).error == NOT_SUPPORTED


@tap.test
def faces_share_the_card():
    with modemsim.Sim("--qmi-socket", "akmad-test-%d" % os.getpid(),
                      faces=("at", "mbim", "qmi")) as sim:
        with Link(sim.path("qmi")) as link, Link(name="akmad-test-%d" % os.getpid()) as other, \
                Host(sim.path("mbim")) as host:
            first, second = Uim(link), Uim(other)
            aid = bytes.fromhex(AID)
            assert first.open(aid).tlvs[0x10] == b"\x01"
            assert second.open(aid).tlvs[0x10] == b"\x02"
            assert host.open_channel(AID)[2] == 3
            assert first.open(aid).error == NO_RESOURCES
            assert read_file(second, 1, "7FFF6F07", 9) == ("080910101032547698", "9000")
            assert second.close(1).error == OK and first.open(aid).tlvs[0x10] == b"\x01"
            assert sim.ok("status")["clients"] == "3"


# --- dialects ---

@tap.test
def dialects_without_channels():
    aid = bytes.fromhex(AID)
    with Sim(None, "--dialect", "qmi-no-channel") as sim, sim.link() as link:
        uim = Uim(link)
        assert uim.open(aid).error == BAD_COMMAND and uim.close(1).error == BAD_COMMAND
        assert uim.apdu("00A4000C023F00").error == BAD_COMMAND
        bits = uim.content(uim.ask(0x001E), 0x10)
        assert bits[0x20 // 8] & 1 and len(bits) > 8 and not bits[0x42 // 8] & 4
        assert uim.content(uim.read_transparent("3F007FFF6F07")).hex() == "080910101032547698"
    with Sim(None, "--dialect", "qmi-no-open") as sim, sim.link() as link:
        uim = Uim(link)
        assert uim.open(aid).error == BAD_COMMAND
        answer = uim.ask(0x003F, tlv(0x01, b"\x01"), tlv(0x10, b"\x10" + aid))
        assert answer.error == OK and read_file(uim, 1, "7FFF6F07", 9)[1] == "9000"
        assert uim.close(1).error == OK
    with Sim(None, "--dialect", "qmi-denied") as sim, sim.link() as link:
        uim = Uim(link)
        assert uim.open(aid).error == DENIED and sim.ok("status")["open"] == "1"


@tap.test
def dialect_without_the_card_in_dms():
    with Sim(None, "--dialect", "qmi-no-dms-uim") as sim, sim.link() as link:
        dms = link.allocate(DMS)
        for message in (0x0027, 0x0028, 0x0029, 0x002A, 0x002B, 0x003C, 0x0043, 0x0044):
            assert link.ask(DMS, dms, message).error == BAD_COMMAND
        assert link.ask(DMS, dms, 0x0025).tlvs[0x11].decode() == IMEI


@tap.test
def dialect_that_is_busy_at_first():
    with Sim(None, "--dialect", "busy") as sim, sim.link() as link:
        uim = Uim(link)
        assert [uim.read_transparent("3F002FE2").error for _ in range(4)] == [NOT_READY] * 3 + [OK]
        assert sim.control("sim out") == "ok" and sim.control("sim in") == "ok"
        assert uim.read_transparent("3F002FE2").error == NOT_READY


if __name__ == "__main__":
    tap.main()
