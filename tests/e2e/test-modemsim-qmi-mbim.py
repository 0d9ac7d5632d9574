#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""QMI over MBIM with the simulated modem, in bytes of our own."""
import os
import sys
import uuid

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tap  # noqa: E402
from mbim_host import BASIC, QUERY, SET, Host, pair, word  # noqa: E402
from modemsim import AID, Sim  # noqa: E402
from qmi import CTL, INTERNAL, Message, OK, UIM, Uim, frame, read_file, tlv  # noqa: E402

QMI = uuid.UUID("d1a30bc2-f97a-6e43-bf65-c7e24fb0f0d3").bytes
MSG = 1
SUBSCRIBE, SERVICES = 19, 16
INVALID_PARAMETERS, NO_DEVICE_SUPPORT = 21, 9


class Carrier(Host):
    """An MBIM host that a Uim can use for its link."""

    transaction = 0

    def exchange(self, data, timeout=60):
        """(status, information buffer) of one message."""
        got = self.ask(QMI, MSG, SET, data, timeout)
        return got.status, got.info

    def send_qmi(self, *what):
        self.transaction = self.transaction % 255 + 1
        return frame(what[0], what[1], self.transaction, *what[2:])

    def ask_qmi(self, service, client, message, *tlvs, timeout=60):
        status, info = self.exchange(self.send_qmi(service, client, message, *tlvs), timeout)
        assert status == 0, status
        answer = Message(info)
        assert (answer.kind, answer.service, answer.client, answer.id, answer.transaction) == (
            "response", service, client, message, self.transaction)
        return answer


class OverMbim:
    """What Uim needs of a link."""

    def __init__(self, host):
        self.ask = host.ask_qmi

    def allocate(self, service):
        return self.ask(CTL, 0, 0x0022, tlv(0x01, bytes([service]))).tlvs[0x01][1]


def start():
    sim = Sim("--dialect", "mbim-qmi")
    host = Carrier(sim.path("mbim"))
    return sim, host, Uim(OverMbim(host))


def services(host):
    info = host.ask(BASIC, SERVICES, QUERY).info
    return [pair(info, 8 + 8 * i)[:16] for i in range(word(info, 0))]


@tap.test
def service_is_told_of_only_with_the_dialect():
    sim, host, _ = start()
    with sim, host:
        assert QMI in services(host)
    with Sim() as sim, Carrier(sim.path("mbim")) as host:
        assert QMI not in services(host)
        assert host.exchange(frame(CTL, 0, 1, 0x0021))[0] == NO_DEVICE_SUPPORT


@tap.test
def card_is_reached_through_both():
    sim, host, uim = start()
    with sim, host:
        channel = uim.open(bytes.fromhex(AID)).tlvs[0x10][0]
        assert read_file(uim, channel, "7FFF6F07", 9) == ("080910101032547698", "9000")
        assert uim.close(channel).error == OK
        assert uim.content(uim.read_transparent("3F007FFF6F07")).hex() == "080910101032547698"
        for length in range(1, 5):  # nothing is added behind a frame, of whatever length
            assert len(uim.content(uim.read_transparent("3F002FE2", 0, length))) == length
        assert host.open_channel(AID)[0] == 0  # MBIM's own service beside it


@tap.test
def indications_come_when_they_are_wanted():
    sim, host, uim = start()
    with sim, host:
        uim.register(0x01)
        assert sim.control("sim out") == "ok"
        told = Message(host.indication(QMI, MSG).info)
        assert (told.kind, told.client, told.id) == ("indication", uim.client, 0x0032)
        assert sim.control("sim in") == "ok"
        assert Message(host.indication(QMI, MSG).info).tlvs[0x10][9] == 1
        # a subscribe list without QMI
        assert host.ask(BASIC, SUBSCRIBE, SET, bytes(4)).status == 0
        host.indications.clear()
        assert sim.control("sim out") == "ok" and host.is_silent()


@tap.test
def reject_what_is_no_qmi_request():
    sim, host, uim = start()
    with sim, host:
        good = host.send_qmi(UIM, uim.client, 0x002F)
        for bad in (b"", b"\x01", good[:-1], good + b"\x00", good + good, b"\x02" + good[1:],
                    frame(UIM, uim.client, 1, 0x002F, flags=2), b"\x55" * 5000):
            assert host.exchange(bad) == (INVALID_PARAMETERS, b""), bad[:20]
        assert host.ask(QMI, MSG, QUERY, good).status == NO_DEVICE_SUPPORT
        assert host.ask(QMI, 2, SET, good).status == NO_DEVICE_SUPPORT
        assert uim.ask(0x002F).error == OK


@tap.test
def faults_hit_the_qmi_inside():
    sim, host, uim = start()
    with sim, host:
        def ask(timeout=60):
            return host.exchange(host.send_qmi(
                UIM, uim.client, 0x0020, uim.session(), uim.file("3F002FE2"),
                tlv(0x03, bytes(4))), timeout)

        fine = ask()[1]
        for fault in ("garble", "truncate"):
            assert sim.control("fault " + fault) == "ok"
            status, info = ask()
            assert status == 0 and info[:1] == b"\x01" and info[13:20] == fine[13:20]
            assert info[20:] != fine[20:], fault
        assert sim.control("fault cme 13") == "ok"
        assert Message(ask()[1]).error == INTERNAL
        assert sim.control("fault drop") == "ok"
        try:
            ask(0.5)
            raise AssertionError("an answer came")
        except TimeoutError:
            pass
        assert Message(ask()[1]).error == OK
        assert sim.control("fault close") == "ok"
        try:
            ask()
            raise AssertionError("an answer came")
        except EOFError:
            pass


@tap.test
def client_ids_go_with_the_plug():
    sim, host, uim = start()
    with sim:
        with host:
            assert uim.ask(0x002F).error == OK
        with Carrier(sim.path("mbim")) as host:  # another program: they stay
            assert host.ask_qmi(UIM, uim.client, 0x002F).error == OK
        assert sim.control("unplug") == "ok" and sim.control("plug") == "ok"
        with Carrier(sim.path("mbim")) as host:
            assert host.ask_qmi(UIM, uim.client, 0x002F).error == 7


if __name__ == "__main__":
    tap.main()
