#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The MBIM face of the simulated modem byte by byte: framing, fragments, errors, indications.

The host is tests/e2e/mbim_host.py, of the standard alone; no libmbim.
"""
import random
import struct
import time

import tap
from lab import SUBSCRIBER, Lab
from mbim_host import (AUTH, BASIC, CLOSE, CLOSE_DONE, COMMAND, COMMAND_DONE, FUNCTION_ERROR,
                       HOST_ERROR, OPEN, OPEN_DONE, QUERY, SET, UICC, Host, command, message, pack,
                       pair, text, word, words)
from modemsim import AID, ICCID, IMSI, Sim, card

TIMEOUT_FRAGMENT, OUT_OF_SEQUENCE, LENGTH_MISMATCH = 1, 2, 3
NOT_OPENED, UNKNOWN, MAX_TRANSFER = 5, 6, 8
NOT_SUPPORTED, INVALID_PARAMETERS = 9, 21
CAPS, READY, RADIO, REGISTER, PACKET, SERVICES, SUBSCRIBE = 1, 2, 3, 9, 10, 16, 19


def error_of(got, tid):
    assert (got.kind, got.tid) == (FUNCTION_ERROR, tid), (hex(got.kind), got.tid)
    return got.status


def still_serves(host):
    got = host.ask(BASIC, CAPS)
    assert got.status == 0 and text(got.info, 40) == "001010123456780"
    return True


# --- opening and closing ---

@tap.test
def reject_commands_before_open_and_after_close():
    with Sim() as sim, Host(sim.path("mbim"), open_now=False) as host:
        assert error_of(host.answer(host.start(BASIC, CAPS, QUERY)), host.tid) == NOT_OPENED
        assert error_of(host.answer(host.send(CLOSE)), host.tid) == NOT_OPENED
        assert host.open().status == 0 and still_serves(host)
        got = host.answer(host.send(CLOSE))
        assert (got.kind, got.status) == (CLOSE_DONE, 0)
        assert error_of(host.answer(host.start(BASIC, CAPS, QUERY)), host.tid) == NOT_OPENED


@tap.test
def open_twice_begins_anew():
    with Sim() as sim, Host(sim.path("mbim")) as host:
        host.write(command(9, BASIC, CAPS, SET, bytes(100), 64)[0])
        got = host.open()
        assert (got.kind, got.status) == (OPEN_DONE, 0)
        assert still_serves(host)


@tap.test
def reject_open_with_a_tiny_transfer():
    with Sim() as sim, Host(sim.path("mbim"), open_now=False) as host:
        assert host.open(63).status == INVALID_PARAMETERS
        assert error_of(host.answer(host.start(BASIC, CAPS, QUERY)), host.tid) == NOT_OPENED
        host.write(message(OPEN, 77, words(4096, 0)))
        assert error_of(host.answer(77), 77) == LENGTH_MISMATCH
        host.transfer = 64
        assert host.open(64).status == 0 and still_serves(host)


@tap.test
def function_stays_open_while_clients_come_and_go():
    """As a USB device does: who opens the port is not seen there."""
    with Sim() as sim:
        with Host(sim.path("mbim")) as host:
            assert still_serves(host)
        with Host(sim.path("mbim"), open_now=False) as host:
            assert still_serves(host)


@tap.test
def half_a_message_of_one_client_is_not_the_next_ones():
    with Sim() as sim:
        with Host(sim.path("mbim")) as host:
            host.write(message(COMMAND, 5, bytes(36))[:30])
            assert host.is_silent()
        with Host(sim.path("mbim")) as host:
            assert still_serves(host)


# --- fragments ---

@tap.test
def long_answers_come_in_fragments():
    content = random.Random(1).randbytes(4096)
    with Sim(text=card(rest="[files]\n7FFF/6F05=" + content.hex())) as sim:
        with Host(sim.path("mbim")) as host:
            assert host.read_binary("7fff6f05", 0, 4096) == ("9000", content.hex())
            assert host.read_binary("7fff6f05", 300, 3700) == ("9000", content[300:4000].hex())
        with Host(sim.path("mbim"), transfer=64) as host:
            assert host.read_binary("7fff6f05", 0, 4096) == ("9000", content.hex())
            got = host.ask(BASIC, SERVICES)
            small = [len(f) for f in got.fragments]
            assert set(small[:-1]) == {64} and small[-1] <= 64 and len(small) > 3
            many = got.info
        with Host(sim.path("mbim")) as host:
            got = host.ask(BASIC, SERVICES)
            assert got.info == many and len(got.fragments) == 1


@tap.test
def fragmented_commands_are_put_together():
    with Sim() as sim, Host(sim.path("mbim"), transfer=64) as host:
        assert host.open_channel(AID)[2] == 1
        assert host.apdu(1, "00A40804047FFF6F7E00")[:2] == (0, "90000000")
        data = "0102030405060708090A0B"
        assert host.apdu(1, "00D600000B" + data) == (0, "90000000", "")
        assert host.apdu(1, "00B000000B") == (0, "90000000", data.lower())
        assert host.apdu(1, "00A4080404" + "00" * 250)[1] == "67000000"  # five fragments and more


@tap.test
def messages_split_anywhere_are_the_same():
    with Sim() as sim, Host(sim.path("mbim")) as host:
        frame = command(50, BASIC, CAPS, QUERY)[0]
        for cut in range(1, len(frame)):
            host.write(frame[:cut])
            time.sleep(0.002)
            host.write(frame[cut:] if cut % 5 else frame[cut:] + frame)
            assert host.answer(50).status == 0
            assert cut % 5 or host.answer(50).status == 0


@tap.test
def reject_fragments_out_of_order():
    with Sim() as sim, Host(sim.path("mbim"), transfer=64) as host:
        parts = command(9, UICC, 4, SET, bytes(100), 64)
        assert len(parts) > 2
        other_total = parts[1][:12] + words(4, 1) + parts[1][20:]
        for wrong in (parts[1:2], [parts[0], parts[2]], [parts[0], other_total],
                      [parts[0], parts[1], parts[1]], [message(COMMAND, 9, words(0, 0))],
                      [message(COMMAND, 9, words(2, 2))]):
            for part in wrong:
                host.write(part)
            assert error_of(host.read(), 9) == OUT_OF_SEQUENCE
            assert still_serves(host)


@tap.test
def reject_fragments_when_another_command_comes():
    """The new one runs, unless it is a fragment itself."""
    with Sim() as sim, Host(sim.path("mbim"), transfer=64) as host:
        parts = command(9, UICC, 4, SET, bytes(100), 64)
        host.write(parts[0] + command(10, BASIC, RADIO, QUERY, b"", 64)[0])
        assert error_of(host.read(), 9) == OUT_OF_SEQUENCE
        assert host.answer(10).info == words(1, 1)
        host.write(parts[0] + command(10, UICC, 4, SET, bytes(100), 64)[1])
        assert error_of(host.read(), 9) == OUT_OF_SEQUENCE
        assert error_of(host.read(), 10) == OUT_OF_SEQUENCE
        assert still_serves(host)


@tap.test
def host_error_ends_a_half_sent_command():
    with Sim() as sim, Host(sim.path("mbim"), transfer=64) as host:
        host.write(command(9, UICC, 4, SET, bytes(100), 64)[0])
        host.write(message(HOST_ERROR, 9, words(7)))
        assert host.is_silent(1.6)  # no answer, and no complaint later
        assert still_serves(host)


@tap.test
def reject_fragments_that_come_too_late():
    with Sim() as sim, Host(sim.path("mbim"), transfer=64) as host:
        parts = command(9, UICC, 4, SET, bytes(100), 64)
        begin = time.monotonic()
        host.write(parts[0])
        assert error_of(host.read(), 9) == TIMEOUT_FRAGMENT
        assert 1 < time.monotonic() - begin < 30
        host.write(parts[1])
        assert error_of(host.read(), 9) == OUT_OF_SEQUENCE
        assert still_serves(host)


# --- malformed ---

@tap.test
def reject_wrong_lengths():
    with Sim() as sim, Host(sim.path("mbim")) as host:
        body = words(1, 0) + BASIC + words(CAPS, QUERY)
        for wrong in (message(COMMAND, 3, body + words(4)),
                      message(COMMAND, 3, body + words(0) + b"1234"),
                      message(COMMAND, 3, body),
                      message(COMMAND, 3, words(1, 0)),
                      message(COMMAND, 3, words(1)),
                      message(COMMAND, 3),
                      message(CLOSE, 3, words(0)),
                      words(COMMAND, 11, 3),
                      words(COMMAND, 0, 3) + bytes(40)):
            host.write(wrong)
            assert error_of(host.read(), 3) == LENGTH_MISMATCH, wrong.hex()
            assert still_serves(host)


@tap.test
def reject_messages_that_are_too_long():
    with Sim() as sim, Host(sim.path("mbim")) as host:
        host.write(message(COMMAND, 3, bytes(5000)))
        assert error_of(host.read(), 3) == MAX_TRANSFER
        assert still_serves(host)
        host.write(words(COMMAND, 0xFFFFFFFF, 4))
        assert error_of(host.read(), 4) == MAX_TRANSFER
        assert still_serves(host)
        host.write(message(COMMAND, 5, words(9, 0) + BASIC + words(CAPS, QUERY, 9000)))
        assert error_of(host.read(), 5) == MAX_TRANSFER
        assert still_serves(host)


@tap.test
def message_that_does_not_go_on_is_dropped():
    with Sim() as sim, Host(sim.path("mbim")) as host:
        host.write(message(COMMAND, 3, bytes(100))[:50])
        assert error_of(host.read(), 3) == LENGTH_MISMATCH
        assert still_serves(host)


@tap.test
def reject_what_is_no_message_of_a_host():
    with Sim() as sim, Host(sim.path("mbim")) as host:
        for kind in (0, 5, OPEN_DONE, COMMAND_DONE, 0xFFFFFFFF):
            host.write(message(kind, 3, bytes(36)))
            assert error_of(host.read(), 3) == UNKNOWN
        host.write(message(COMMAND, 4, words(1, 0) + BASIC + words(CAPS, 2, 0)))
        assert error_of(host.read(), 4) == UNKNOWN
        assert still_serves(host)


@tap.test
def unknown_services_and_commands_are_not_supported():
    with Sim() as sim, Host(sim.path("mbim")) as host:
        for service, cid, kind in ((bytes(16), 1, QUERY), (BASIC, 0, QUERY), (BASIC, 99, QUERY),
                                   (BASIC, CAPS, SET), (BASIC, SUBSCRIBE, QUERY), (UICC, 1, SET),
                                   (UICC, 2, QUERY), (UICC, 11, QUERY), (AUTH, 3, QUERY),
                                   (BASIC, 0xFFFFFFFF, SET)):
            got = host.ask(service, cid, kind, bytes(24))
            assert (got.status, got.info) == (NOT_SUPPORTED, b""), (service.hex(), cid, kind)


@tap.test
def any_information_buffer_is_answered():
    """Truncated at every length, and with pairs that point anywhere."""
    dice = random.Random(2)
    odd = (0, 1, 4, 16, 255, 256, 0x7FFFFFFF, 0x80000000, 0xFFFFFFF0, 0xFFFFFFFF)
    good = pack((1, None, None, 0, 4, None, None), bytes.fromhex(AID), b"\x7f\xff\x6f\xad", b"", b"")
    with Sim() as sim, Host(sim.path("mbim")) as host:
        for service, cids in ((BASIC, (3, 4, 9, 10, 11, 12, 15, 19, 21)), (AUTH, (1, 2)),
                              (UICC, range(2, 11))):
            for cid in cids:
                for kind in (QUERY, SET):
                    for size in range(0, 40, 3):
                        host.ask(service, cid, kind, good[:size])
                    for _ in range(10):
                        size = dice.randrange(1, 12)
                        info = words(*(dice.choice(odd) for _ in range(size)))
                        host.ask(service, cid, kind, info + dice.randbytes(dice.randrange(9)))
        assert still_serves(host)


@tap.test
def noise_does_no_harm():
    dice = random.Random(3)
    with Sim() as sim, Host(sim.path("mbim")) as host:
        for _ in range(200):
            host.write(dice.randbytes(dice.randrange(1, 200)))
        while not host.is_silent(1.6):
            host.buffer = b""
        assert host.open().status == 0 and still_serves(host)


# --- indications ---

@tap.test
def card_out_and_in_is_indicated():
    with Sim() as sim, Host(sim.path("mbim")) as host:
        sim.ok("sim out")
        got = host.indication(BASIC, READY)
        assert word(got.info, 0) == 2 and IMSI.encode("utf-16-le") not in got.info
        sim.ok("sim in")
        got = host.indication(BASIC, READY)
        assert (word(got.info, 0), text(got.info, 4), text(got.info, 12)) == (1, IMSI, ICCID)
        sim.ok("pin on")
        got = host.indication(BASIC, READY)
        assert (word(got.info, 0), text(got.info, 4)) == (6, "")
        assert host.is_silent()


@tap.test
def registration_is_indicated():
    with Lab(SUBSCRIBER.replace("sqn=0000", "sqn=ff9c"), "--listen", "127.0.0.1:0") as lab:
        with Sim("--core", "http://" + lab.ready["core"]) as sim:
            with Host(sim.path("mbim")) as host:
                got = host.ask(BASIC, REGISTER)
                assert (word(got.info, 4), word(got.info, 12), text(got.info, 20)) == (
                    3, 1 << 7, "00101")
                assert word(host.ask(BASIC, PACKET).info, 4) == 2
                sim.ok("deregister")
                assert word(host.indication(BASIC, REGISTER).info, 4) == 1
                assert word(host.indication(BASIC, PACKET).info, 4) == 4
                sim.ok("register")
                while word(host.indication(BASIC, REGISTER).info, 4) != 3:
                    pass
                host.ask(BASIC, RADIO, SET, words(0))
                assert word(host.indication(BASIC, RADIO).info, 4) == 0
                assert host.ask(BASIC, REGISTER, SET, words(0, 0, 0, 0)).status == 20


@tap.test
def only_what_is_subscribed_is_indicated():
    def entry(service, *cids):
        return service + words(len(cids), *cids)

    with Sim() as sim, Host(sim.path("mbim")) as host:
        got = host.ask(BASIC, SUBSCRIBE, SET, pack((2, None, None), entry(BASIC, RADIO),
                                                   entry(bytes(16), 1)))
        assert got.status == 0 and got.info == pack((1, None), entry(BASIC, RADIO))
        sim.ok("sim out")
        sim.ok("sim in")
        assert host.is_silent()
        host.ask(BASIC, RADIO, SET, words(0))
        assert word(host.indication(BASIC, RADIO).info, 4) == 0
        got = host.ask(BASIC, SUBSCRIBE, SET, pack((1, None), entry(BASIC)))
        assert got.info == pack((1, None), entry(BASIC))
        sim.ok("sim out")
        assert word(host.indication(BASIC, READY).info, 0) == 2
        assert host.ask(BASIC, SUBSCRIBE, SET, words(0)).info == words(0)
        sim.ok("sim in")
        assert host.is_silent()
        assert host.open().status == 0  # all again
        sim.ok("sim out")
        assert word(host.indication(BASIC, READY).info, 0) == 2


@tap.test
def reject_broken_subscriptions_and_keep_the_old():
    with Sim() as sim, Host(sim.path("mbim")) as host:
        for info in (b"", words(1), words(1, 12, 100), pack((1, None), BASIC + words(3, 1)),
                     pack((1, None), BASIC[:8]), pack((1, None), b"")):
            assert host.ask(BASIC, SUBSCRIBE, SET, info).status == INVALID_PARAMETERS, info.hex()
        sim.ok("sim out")
        assert word(host.indication(BASIC, READY).info, 0) == 2


@tap.test
def nothing_is_indicated_while_closed():
    with Sim() as sim, Host(sim.path("mbim")) as host:
        host.answer(host.send(CLOSE))
        sim.ok("sim out")
        sim.ok("urc hello")
        assert host.is_silent()


@tap.test
def unsolicited_text_is_an_indication_of_an_unknown_service():
    with Sim() as sim, Host(sim.path("mbim")) as host:
        sim.ok("urc hello")
        got = host.read()
        assert got.info == b"hello" and got.service not in (BASIC, AUTH, UICC)
        assert still_serves(host)


@tap.test
def unplugged_port_goes_and_comes_back_closed():
    with Sim() as sim:
        with Host(sim.path("mbim")) as host:
            sim.ok("unplug")
            try:
                host.is_silent()
                raise AssertionError("no hang-up")
            except EOFError:
                pass
        sim.ok("plug")
        with Host(sim.path("mbim"), open_now=False) as host:
            assert error_of(host.answer(host.start(BASIC, CAPS, QUERY)), host.tid) == NOT_OPENED
            assert host.open().status == 0 and still_serves(host)


@tap.test
def pairs_of_every_answer_lie_in_it():
    with Sim() as sim, Host(sim.path("mbim")) as host:
        got = host.ask(BASIC, SERVICES)
        count = word(got.info, 0)
        assert count == 3
        for i in range(count):
            element = pair(got.info, 8 + 8 * i)
            assert len(element) == 28 + 4 * word(element, 24)
        got = host.ask(UICC, 7)
        app = pair(got.info, 16)
        assert word(got.info, 12) == len(app) and pair(app, 4).hex() == AID.lower()
        assert pair(app, 12) == b"USIM\0" and struct.unpack_from("<I", app, 20) == (1,)


tap.main()
