#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The QMI face of the simulated modem in bytes of our own: clients, indications, faults, noise."""
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab  # noqa: E402
import tap  # noqa: E402
from modemsim import AID, PROGRAM  # noqa: E402
from qmi import (  # noqa: E402
    BAD_ARGUMENT, BAD_CLIENT, BAD_COMMAND, BAD_SERVICE, CTL, DENIED, DMS, EXHAUSTED, INTERNAL,
    MALFORMED, MISSING, NAS, NOT_READY, NOT_SUPPORTED, NO_CARD, NO_FILE, NO_RESOURCES, OK, UIM,
    WDS, Link, Sim, Uim, frame, read_file, tlv)

ALL = 0x11  # Register Events: card status and slot status


# --- control service ---

@tap.test
def version_info_names_the_services():
    with Sim() as sim, sim.link() as link:
        value = link.ask(CTL, 0, 0x0021).tlvs[0x01]
        assert value[0] == (len(value) - 1) // 5
        assert [value[1 + 5 * i] for i in range(value[0])] == [CTL, DMS, NAS, UIM]
        assert link.ask(CTL, 0, 0x0020, tlv(0x01, b"\x00")).tlvs[0x01] == b"\x01\x00"
        answer = link.ask(CTL, 0, 0x0026, tlv(0x01, b"\x00"), tlv(0x10, b"\x02\x00"))
        assert answer.error == OK and answer.tlvs[0x10] == b"\x02\x00"
        assert link.ask(CTL, 0, 0xFF00, tlv(0x01, b"/dev/x")).error == BAD_COMMAND  # no proxy


@tap.test
def client_ids_are_given_and_taken_back():
    with Sim() as sim, sim.link() as link:
        first, second = link.allocate(UIM), link.allocate(UIM)
        assert first != second
        assert link.ask(UIM, first, 0x002F).error == OK
        assert link.release(UIM, first) == OK
        assert link.ask(UIM, first, 0x002F).error == BAD_CLIENT  # released
        assert link.release(UIM, first) == BAD_CLIENT
        assert link.ask(UIM, second, 0x002F).error == OK
        assert link.ask(DMS, second, 0x0025).error == BAD_CLIENT  # of another service
        assert link.ask(UIM, 0xFE, 0x002F).error == BAD_CLIENT  # never given
        assert link.ask(UIM, 0, 0x002F).error == BAD_CLIENT
        assert link.ask(CTL, 0, 0x0022, tlv(0x01, bytes([WDS]))).error == BAD_SERVICE
        assert link.ask(WDS, 1, 0x0020).error == BAD_SERVICE
        assert link.ask(CTL, 0, 0x0027).error == OK  # sync
        assert link.ask(UIM, second, 0x002F).error == BAD_CLIENT


@tap.test
def client_ids_run_out():
    with Sim() as sim, sim.link() as link:
        given = [link.allocate(UIM) for _ in range(64)]
        assert len(set(given)) == 64
        assert link.ask(CTL, 0, 0x0022, tlv(0x01, bytes([UIM]))).error == EXHAUSTED
        assert link.release(UIM, given[7]) == OK
        link.allocate(UIM)


@tap.test
def client_ids_stay_when_a_program_goes():
    with Sim() as sim:
        with sim.link() as link:
            client = link.allocate(UIM)
        sim.wait_for("clients", "0")
        with sim.link() as link:
            assert link.ask(UIM, client, 0x002F).error == OK


@tap.test
def unknown_messages_are_refused():
    with Sim() as sim, sim.link() as link:
        for service in (DMS, NAS, UIM):
            assert link.ask(service, link.allocate(service), 0x7777).error == BAD_COMMAND
        assert link.ask(CTL, 0, 0x7777).error == BAD_COMMAND


# --- indications ---

@tap.test
def sim_out_and_in_are_told_to_those_who_asked():
    with Sim() as sim, sim.link() as link:
        deaf, uim, dms = Uim(link), Uim(link), link.allocate(DMS)
        assert uim.register(0xFFFFFFFF) == ALL
        assert link.ask(DMS, dms, 0x0001, tlv(0x15, b"\x01"), tlv(0x14, b"\x01")).error == OK
        assert sim.control("sim out") == "ok"
        told = [link.read() for _ in range(3)]
        assert [(m.service, m.client, m.id, m.kind) for m in told] == [
            (DMS, dms, 0x0001, "indication"), (UIM, uim.client, 0x0032, "indication"),
            (UIM, uim.client, 0x0048, "indication")]
        assert told[0].tlvs[0x15] == b"\x02"
        assert told[1].tlvs[0x10][:9] == b"\xff" * 8 + b"\x01" and told[1].tlvs[0x10][9] == 0
        assert told[2].tlvs[0x10][1] == 1  # absent
        assert uim.ask(0x002F).tlvs[0x10] == told[1].tlvs[0x10]
        assert uim.read_transparent("3F002FE2").error == NO_CARD
        assert uim.open(bytes.fromhex(AID)).error == NO_CARD
        assert link.ask(DMS, dms, 0x0043).error == NO_CARD
        assert sim.control("sim in") == "ok"
        told = [link.read() for _ in range(3)]
        assert told[0].tlvs[0x15] == b"\x00" and told[1].tlvs[0x10][9] == 1
        assert uim.ask(0x0047).tlvs[0x10] == told[2].tlvs[0x10]
        assert uim.register(0) == 0
        assert link.ask(DMS, dms, 0x0000).error == OK  # reset
        assert sim.control("sim out") == "ok" and link.read(0.2) is None
        assert deaf.ask(0x002F).error == OK


@tap.test
def registration_and_radio_are_told():
    with Sim() as sim, sim.link() as link:
        nas, dms = link.allocate(NAS), link.allocate(DMS)
        assert link.ask(NAS, nas, 0x0003, tlv(0x13, b"\x01")).error == OK
        assert link.ask(DMS, dms, 0x0001, tlv(0x14, b"\x01")).error == OK
        assert link.ask(NAS, nas, 0x0003, tlv(0x13, b"\x02")).error == MALFORMED
        link.send(DMS, dms, 0x002E, tlv(0x01, b"\x01"))
        told = link.read()
        assert (told.kind, told.id, told.tlvs) == ("indication", 0x0001, {0x14: b"\x01"})
        answer = link.read()
        assert answer.kind == "response" and answer.error == OK
        assert link.ask(DMS, dms, 0x002E, tlv(0x01, b"\x05")).error == NOT_SUPPORTED
        assert link.ask(NAS, nas, 0x0024).tlvs[0x01] == b"\x00\x02\x02\x00\x01\x00"


@tap.test
def serving_system_follows_the_registration():
    with lab.Lab() as core, Sim(
            None, "--core", "http://" + core.ready["core"]) as sim, sim.link() as link:
        nas, deaf = link.allocate(NAS), link.allocate(NAS)
        assert link.ask(NAS, nas, 0x0003, tlv(0x13, b"\x01")).error == OK
        answer = link.ask(NAS, deaf, 0x0024)
        assert answer.tlvs[0x01] == b"\x01\x02\x01\x02\x01\x0c" and answer.tlvs[0x10] == b"\x01"
        assert answer.tlvs[0x12] == b"\x01\x00\x01\x00\x0500101"
        assert answer.tlvs[0x27] == b"\x01\x00\x01\x00\x00"
        assert link.ask(NAS, nas, 0x0025).tlvs[0x01] == b"\x01\x00\x01\x00\x00"
        info = link.ask(NAS, deaf, 0x004D).tlvs
        assert info[0x4A] == b"\x02\x02\x01" and info[0x4B][20:26] == b"00101\xff"
        assert sim.control("deregister") == "ok"
        told = link.read()
        assert (told.client, told.id, told.kind) == (nas, 0x0024, "indication")
        assert told.tlvs == {0x01: b"\x00\x02\x02\x00\x01\x00"}
        assert sim.control("register") == "ok"
        states = [link.read().tlvs for _ in range(2)]
        assert [tlvs[0x01][0] for tlvs in states] == [2, 1]  # searching, registered
        assert states[1][0x29] == b"\x01\x00\x01\x00\x00"
        assert link.read(0.1) is None
        assert link.ask(NAS, nas, 0x0003, tlv(0x13, b"\0"), tlv(0x18, b"\1")).error == OK
        assert sim.control("deregister") == "ok"
        told = link.read()
        assert (told.id, told.tlvs) == (0x004E, {0x4C: b"\0\0\0"})
        assert sim.control("register") == "ok"
        assert [sorted(link.read().tlvs) for _ in range(2)] == [[0x4C], [0x4C, 0x4D]]


@tap.test
def what_is_said_unasked_reaches_every_uim_client():
    with Sim() as sim, sim.link() as link:
        first, second = Uim(link), Uim(link)
        link.allocate(DMS)
        assert sim.control("urc hello there") == "ok"
        told = [link.read() for _ in range(2)]
        assert [m.client for m in told] == [first.client, second.client]
        assert all((m.id, m.tlvs) == (0x7FFF, {0x10: b"hello there"}) for m in told)
        assert link.read(0.1) is None and first.ask(0x002F).error == OK


# --- several clients ---

@tap.test
def socket_clients_do_not_hear_each_other():
    with Sim() as sim:
        links = [sim.connect() for _ in range(3)]
        assert sim.ok("status")["clients"] == "3"
        uims = [Uim(link) for link in links]
        assert len({uim.client for uim in uims}) == 3
        sent = [link.send(UIM, uim.client, 0x002F) for link, uim in zip(links, uims)]
        for link, uim, transaction in zip(links, uims, sent):
            answer = link.read()
            assert (answer.client, answer.transaction) == (uim.client, transaction)
            assert link.read(0.05) is None
        uims[1].register(ALL)
        assert sim.control("sim out") == "ok" and sim.control("sim in") == "ok"
        assert [links[1].read().id for _ in range(4)] == [0x0032, 0x0048] * 2
        assert links[0].read(0.1) is None and links[2].read(0.1) is None
        # a client id goes with its program
        gone = uims[0].client
        links[0].close()
        sim.wait_for("clients", "2")
        assert links[1].ask(UIM, gone, 0x002F).error == BAD_CLIENT
        # sync of one leaves the others alone
        assert links[1].ask(CTL, 0, 0x0027).error == OK
        assert uims[1].ask(0x002F).error == BAD_CLIENT and uims[2].ask(0x002F).error == OK
        for link in links[1:]:
            link.close()


@tap.test
def reject_proxy_open_without_a_device():
    with Sim() as sim:
        with Link(name=sim.name) as link:
            assert link.ask(CTL, 0, 0xFF00).error == MISSING
            assert link.ask(CTL, 0, 0xFF00, tlv(0x01)).error == BAD_ARGUMENT
            assert link.ask(CTL, 0, 0xFF00, tlv(0x01, b"/dev/cdc-wdm0")).error == OK


@tap.test
def connections_are_bounded():
    with Sim() as sim:
        links = [sim.connect() for _ in range(32)]
        extra = Link(name=sim.name)
        try:
            extra.send(CTL, 0, 0x0021)
            extra.read()
            raise AssertionError("one too many is served")
        except (EOFError, OSError):
            pass
        extra.close()
        for link in links:
            link.close()
        sim.wait_for("clients", "0")
        sim.connect().close()


@tap.test
def a_client_that_does_not_read_is_sent_away():
    with Sim() as sim:
        link = sim.connect()
        link.socket.setblocking(False)
        request = frame(CTL, 0, 1, 0x0021)
        try:
            for _ in range(20000):
                link.socket.send(request * 16)
        except (BlockingIOError, OSError):
            pass
        sim.wait_for("clients", "0")
        link.close()
        with sim.connect() as other:
            assert other.ask(CTL, 0, 0x0021).error == OK


# --- what is no message ---

@tap.test
def malformed_messages_are_answered_or_passed_over():
    with Sim() as sim, sim.link() as link:
        uim = Uim(link)
        good = frame(UIM, uim.client, 1, 0x002F)

        def alive():
            assert uim.ask(0x002F).error == OK

        for bad in (b"\x00\xff\x00\x7e", b"\x01\x00\x00", b"\x01\xff\xff" + b"\x00" * 9,
                    b"\x01\x04\x00\x00\x0b", b"\x01\x05\x00\x00\x00\x00",
                    frame(UIM, uim.client, 1, 0x002F, flags=2),  # a response
                    frame(UIM, uim.client, 1, 0x002F, flags=4),
                    good[:3] + b"\x80" + good[4:],  # as from the modem
                    frame(CTL, 0, 1, 0x0021, flags=1),
                    b"\x01\x08\x00\x00\x0b\x01\x00\x01\x00"):
            link.write(bad)
            assert link.read(0.1) is None, bad.hex()
            alive()
        for body in (b"\x01", b"\x01\x00", b"\x01\x05\x00\x00", b"\x01\xff\xff"):
            link.write(frame(UIM, uim.client, 9, 0x002E, body))
            answer = link.read()
            assert answer.transaction == 9 and answer.error == MALFORMED, body
        wrong = bytearray(good)
        wrong[11] = 7  # the message says it is longer than its frame
        link.write(bytes(wrong))
        assert link.read().error == MALFORMED
        for pieces in ([good[:1], good[1:]], [good[:8], good[8:]], [bytes([b]) for b in good]):
            for piece in pieces:  # split anywhere
                link.write(piece)
                time.sleep(0.005)
            assert link.read().error == OK
        link.write(good * 20)  # and many at once
        assert all(link.read().error == OK for _ in range(20))
        link.write(b"\x55" * 20000)
        alive()


@tap.test
def half_a_frame_is_forgotten_with_its_client():
    with Sim() as sim:
        with sim.link() as link:
            uim = Uim(link)
            link.write(frame(UIM, uim.client, 1, 0x002F)[:9])
            time.sleep(0.1)
        sim.wait_for("clients", "0")
        with sim.link() as link:
            assert link.ask(UIM, uim.client, 0x002F).error == OK


# --- faults ---

@tap.test
def fault_sw_is_the_answer_of_the_card():
    with Sim() as sim, sim.link() as link:
        uim = Uim(link)
        uim.open(bytes.fromhex(AID))
        assert sim.control("fault sw 6f00 ins=b0 after=1 times=2") == "ok"
        read_file(uim, 1, "7FFF6F07", 9)
        for _ in range(2):
            assert uim.response(uim.apdu("00B0000009", 1)) == ("", "6f00")
        assert uim.response(uim.apdu("00B0000009", 1))[1] == "9000"
        assert sim.control("fault sw 6f00 ins=b0") == "ok"
        answer = uim.read_transparent("3F007FFF6F07")
        assert answer.error == INTERNAL and answer.tlvs[0x10] == b"\x6f\x00"
        assert sim.control("fault sw 6982 ins=70") == "ok"
        assert uim.open(bytes.fromhex(AID)).error == DENIED


@tap.test
def fault_drop_gives_no_answer():
    with Sim() as sim, sim.link() as link:
        uim = Uim(link)
        assert sim.control("fault drop") == "ok"
        assert uim.ask(0x002F).error == OK  # needs no card
        try:
            uim.read_transparent("3F002FE2", timeout=0.3)
            raise AssertionError("an answer came")
        except TimeoutError:
            pass
        assert uim.read_transparent("3F002FE2").error == OK


@tap.test
def fault_garble_damages_what_is_behind_the_result():
    with Sim() as sim, sim.link() as link:
        uim = Uim(link)
        fine = uim.read_transparent("3F002FE2").tlvs
        assert sim.control("fault garble") == "ok"
        link.send(UIM, uim.client, 0x0020, uim.session(), uim.file("3F002FE2"),
                  tlv(0x03, b"\0\0\0\0"))
        data = link.read_raw()
        assert data[13:20] == tlv(0x02, b"\0\0\0\0") and data[20] == 0x10 ^ 0x15
        assert data[20:] != b"".join(tlv(k, v) for k, v in fine.items() if k != 2)
        assert uim.read_transparent("3F002FE2").tlvs == fine


@tap.test
def fault_truncate_cuts_a_tlv():
    with Sim() as sim, sim.link() as link:
        uim = Uim(link)
        assert sim.control("fault truncate") == "ok"
        try:
            uim.read_transparent("3F002FE2")
            raise AssertionError("the answer is whole")
        except ValueError as error:
            assert "broken TLV" in str(error), error
        assert uim.read_transparent("3F002FE2").error == OK


@tap.test
def fault_cme_is_a_qmi_error():
    with Sim() as sim, sim.link() as link:
        uim = Uim(link)
        for cme, error in ((10, NO_CARD), (13, INTERNAL), (14, NOT_READY), (20, NO_RESOURCES),
                           (22, NO_FILE), (777, INTERNAL)):
            assert sim.control(f"fault cme {cme}") == "ok"
            assert uim.open(bytes.fromhex(AID)).error == error
        assert sim.ok("status")["open"] == "1"


@tap.test
def fault_close_hangs_up_and_comes_back():
    with Sim() as sim:
        with sim.link() as link:
            uim = Uim(link)
            assert sim.control("fault close") == "ok"
            try:
                uim.read_transparent("3F002FE2")
                raise AssertionError("an answer came")
            except EOFError:
                pass
        with sim.link() as link:  # powered on anew: no client id is left
            assert link.ask(UIM, uim.client, 0x002F).error == BAD_CLIENT
            assert Uim(link).read_transparent("3F002FE2").error == OK
        first, second = sim.connect(), sim.connect()
        uim = Uim(first)
        assert sim.control("fault close") == "ok"
        try:
            uim.read_transparent("3F002FE2")
            raise AssertionError("an answer came")
        except EOFError:
            pass
        assert second.ask(CTL, 0, 0x0021).error == OK
        first.close()
        second.close()


@tap.test
def delay_keeps_the_order():
    with Sim() as sim, sim.link() as link:
        uim = Uim(link)
        assert sim.control("delay 200") == "ok"
        begin = time.monotonic()
        sent = [link.send(UIM, uim.client, 0x002F) for _ in range(5)]
        assert [link.read().transaction for _ in sent] == sent
        assert 0.19 < time.monotonic() - begin < 30
        link.send(UIM, uim.client, 0x002F)
        assert sim.control("delay 0") == "ok"
        assert uim.ask(0x002F).error == OK


@tap.test
def unplug_hangs_up_until_plug():
    with Sim() as sim:
        with sim.link() as link, sim.connect() as client:
            uim = Uim(link)
            assert sim.control("unplug") == "ok"
            for gone in (link, client):
                try:
                    gone.read()
                    raise AssertionError("still there")
                except EOFError:
                    pass
        assert not os.path.lexists(sim.qmi)
        try:
            Link(name=sim.name)
            raise AssertionError("still listening")
        except ConnectionRefusedError:
            pass
        assert sim.control("plug") == "ok"
        with sim.link() as link, sim.connect() as client:
            assert link.ask(UIM, uim.client, 0x002F).error == BAD_CLIENT
            assert Uim(client).read_transparent("3F002FE2").error == OK


@tap.test
def counts_are_those_of_the_card():
    with Sim() as sim, sim.link() as link:
        uim = Uim(link)
        assert sim.control("reset") == "ok"
        uim.open(bytes.fromhex(AID))
        read_file(uim, 1, "7FFF6F07", 9)
        uim.close(1)
        uim.ask(0x002F)
        counts = sim.ok("count")
        assert (counts["lines"], counts["commands"]) == ("4", "5"), counts


# --- the program ---

@tap.test
def reject_bad_socket_names():
    with Sim() as sim:
        for name in ("", "x" * 101, sim.name):  # empty, too long, taken
            result = subprocess.run([PROGRAM, "--card", sim.path("card"), "--qmi-socket", name],
                                    capture_output=True, text=True, timeout=60)
            assert result.returncode == 2, (name, result)
            assert result.stderr.startswith("akma-modemsim: --qmi-socket"), result.stderr


if __name__ == "__main__":
    tap.main()
