#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The QMI face of the simulated modem: the stock qmicli and qmi-proxy, and bytes of our own.

Numbers: the message tables that libqmi publishes (data/qmi-service-*.json), Send APDU and the
logical channels as of libqmi 1.36, Authenticate as in Sierra's GobiAPI. Keys and challenges:
TS 35.208 test set 1.
"""
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tap  # noqa: E402
from qmi import CTL, DMS, NAS, UIM, WDS, Link, Uim, frame, tlv  # noqa: E402

BUILD = os.environ.get("top_builddir", ".")
PROGRAM = os.path.join(BUILD, "modem/simulator/akma-modemsim")
PROXY = "/usr/libexec/qmi-proxy"
AID = "A0000000871002FFFFFFFF8907090000"
IMSI = "001010123456789"
IMEI = "001010123456780"
K = "465b5ce8b199b49faa5f0a2ee238a6bc"
OPC = "cd63cb71954a9f4e48a5994e37a02baf"
RAND = "23553cbe9637a89d218ae64dae47bf35"
AUTN = "55f328b43577b9b94a9ffac354dfafb3"
CK = "b40ba9a3c58b2a05bbf0d987b21bf8cb"
ALL = 0x11  # Register Events: card status and slot status

OK, MALFORMED, INTERNAL, EXHAUSTED, BAD_CLIENT = 0, 1, 3, 5, 7
BAD_PIN_ID, WRONG_PIN, NOT_PROVISIONED, MISSING, TOO_LONG = 11, 12, 16, 17, 19
NO_EFFECT, BAD_SERVICE, PIN_BLOCKED, ALWAYS_BLOCKED, NO_CARD = 26, 31, 35, 36, 37
BAD_ARGUMENT, NOT_READY, NO_RESOURCES, BAD_COMMAND = 48, 52, 68, 71
NO_FILE, DENIED, NOT_SUPPORTED, BAD_SESSION = 80, 82, 94, 100


def card(extra="", rest=""):
    return (f"[card]\niccid=8900101234567890123\n{extra}\n[usim]\nimsi={IMSI}\nk={K}\n"
            f"opc={OPC}\nsqn=ff9bb4d0b5e7\n{rest}")


class Sim:
    """A running simulator with both QMI faces."""

    def __init__(self, text=None, *options):
        self.dir = tempfile.TemporaryDirectory(prefix="modemsim-")
        self.qmi = self.path("qmi")
        self.name = f"akmad-test-{os.getpid()}-{os.path.basename(self.dir.name)}"
        with open(self.path("card"), "w") as file:
            file.write(text or card())
        self.process = subprocess.Popen(
            [PROGRAM, "--card", self.path("card"), "--qmi", self.qmi, "--qmi-socket", self.name,
             "--control", self.path("control"), "--ready", self.path("ready"), *options],
            stderr=open(self.path("log"), "w"))
        limit = time.monotonic() + 10
        while not os.path.exists(self.path("ready")):
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < limit, "not ready: " + self.log()
            time.sleep(0.01)

    def path(self, name):
        return os.path.join(self.dir.name, name)

    def log(self):
        with open(self.path("log")) as file:
            return file.read()

    def control(self, line):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(10)
            s.connect(self.path("control"))
            s.sendall(line.encode() + b"\n")
            return s.makefile().readline().rstrip("\n")

    def values(self, verb):
        reply = self.control(verb)
        assert reply.startswith("ok "), reply
        return dict(word.split("=") for word in reply.split()[1:])

    def wait_for(self, name, value, timeout=5):
        limit = time.monotonic() + timeout
        while self.values("status")[name] != value:
            assert time.monotonic() < limit, (name, self.values("status"))
            time.sleep(0.01)

    def link(self):
        return Link(self.qmi)

    def connect(self):
        """A client of the socket, which has said which device it means."""
        link = Link(name=self.name)
        assert link.ask(CTL, 0, 0xFF00, tlv(0x01, b"/dev/cdc-wdm0")).error == OK
        return link

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(10)
        log = self.log()
        for secret in (IMSI, K, OPC, CK):
            assert secret not in log.lower(), "secret in the log"
        left = [n for n in ("qmi", "control", "ready") if os.path.lexists(self.path(n))]
        self.dir.cleanup()
        assert status == 0 or what[0], (status, log)
        assert not left or what[0], left


def read_file(uim, channel, path, length):
    data, sw = uim.response(uim.apdu(f"00A4080C{len(path) // 2:02X}{path}", channel))
    assert sw == "9000", (path, sw)
    return uim.response(uim.apdu(f"00B00000{length:02X}", channel))


# --- the stock tools ---

def qmicli(*options, timeout=20):
    result = subprocess.run(["qmicli", *options], capture_output=True, text=True, timeout=timeout)
    return result.returncode, result.stdout + result.stderr


def need_qmicli():
    if not shutil.which("qmicli"):
        raise tap.Skip("qmicli is not installed")


def need_proxy():
    if not os.access(PROXY, os.X_OK):
        raise tap.Skip("qmi-proxy is not installed")


def need_namespaces():
    if subprocess.run(["unshare", "-rn", "true"], capture_output=True).returncode != 0:
        raise tap.Skip("user namespaces are off")


def qmicli_reads_who_the_modem_is():
    need_qmicli()
    with Sim() as sim:
        for option, wanted in (("--dms-get-ids", f"IMEI: '{IMEI}'"),
                               ("--dms-get-manufacturer", "Manufacturer: 'akmad'"),
                               ("--dms-get-model", "Model: 'Simulated modem'"),
                               ("--dms-get-capabilities", "Networks: '5gnr'"),
                               ("--dms-get-operating-mode", "Mode: 'online'"),
                               ("--get-service-version-info", "uim (1."),
                               ("--nas-get-serving-system", "'not-registered'"),
                               ("--nas-get-home-network", "MNC: '1'"),
                               ("--dms-get-supported-messages", "0x0043"),
                               ("--uim-get-supported-messages", "0x0042"),
                               ("--nas-get-supported-messages", "0x0024")):
            status, text = qmicli("-d", sim.qmi, "--device-open-qmi", option)
            assert status == 0 and wanted in text, (option, text)
        status, text = qmicli("-d", sim.qmi, "--device-open-qmi", "--dms-get-msisdn")
        assert status != 0 and "NotProvisioned" in text, text
        status, text = qmicli("-d", sim.qmi, "--device-open-qmi", "--wds-noop")
        assert status != 0 and "InvalidServiceType" in text, text
        assert sim.values("status")["clients"] == "0"


def qmicli_sets_the_operating_mode():
    need_qmicli()
    with Sim() as sim:
        device = ("-d", sim.qmi, "--device-open-qmi")
        assert qmicli(*device, "--dms-set-operating-mode=low-power")[0] == 0
        assert sim.values("status")["radio"] == "off"
        assert "'low-power'" in qmicli(*device, "--dms-get-operating-mode")[1]
        assert qmicli(*device, "--dms-set-operating-mode=online")[0] == 0
        assert sim.values("status")["radio"] == "on"


def qmicli_reads_the_card():
    need_qmicli()
    with Sim() as sim:
        device = ("-d", sim.qmi, "--device-open-qmi")
        for option, wanted in (
                ("--dms-uim-get-imsi", f"IMSI: '{IMSI}'"),
                ("--dms-uim-get-iccid", "ICCID: '8900101234567890123'"),
                ("--dms-uim-get-state", "initialization-completed"),
                ("--dms-uim-get-pin-status", "Status: disabled"),
                ("--uim-get-card-status", "A0:00:00:00:87:10:02:FF:FF:FF:FF:89:07:09:00:00"),
                ("--uim-get-slot-status", "ICCID: 8900101234567890123"),
                ("--uim-read-transparent=0x3F00,0x7FFF,0x6F07", "08:09:10:10:10:32:54:76:98"),
                ("--uim-read-transparent=0x3F00,0x2FE2", "98:00:01:21:43:65:87:09:21:F3"),
                ("--uim-read-transparent=0x3F00,0x7FFF,0x5FC0,0x4F05", "FF:FF:FF:FF"),
                ("--uim-get-file-attributes=0x3F00,0x7FFF,0x6F07", "File size: 9"),
                ("--uim-get-file-attributes=0x3F00,0x2F00", "File type: linear-fixed")):
            status, text = qmicli(*device, option)
            assert status == 0 and wanted in text, (option, text)
        status, text = qmicli(*device, "--uim-read-transparent=0x3F00,0x7FFF,0x6F99")
        assert status != 0 and "SimFileNotFound" in text and "0x6a" in text, text


def qmicli_verifies_the_pin():
    need_qmicli()
    with Sim(card("pin-enabled=true")) as sim:
        device = ("-d", sim.qmi, "--device-open-qmi")
        assert "pin1-or-upin-pin-required" in qmicli(*device, "--uim-get-card-status")[1]
        status, text = qmicli(*device, "--uim-read-transparent=0x3F00,0x7FFF,0x6F07")
        assert status != 0 and "AccessDenied" in text, text
        status, text = qmicli(*device, "--uim-verify-pin=PIN1,0000")
        assert status != 0 and "IncorrectPin" in text and "Verify: 2" in text, text
        assert qmicli(*device, "--uim-verify-pin=PIN1,1234")[0] == 0
        assert "ready" in qmicli(*device, "--uim-get-card-status")[1]
        assert qmicli(*device, "--dms-uim-change-pin=PIN,1234,4321")[0] == 0
        assert qmicli(*device, "--dms-uim-set-pin-protection=PIN,disable,4321")[0] == 0
        assert "Status: disabled" in qmicli(*device, "--dms-uim-get-pin-status")[1]


def qmi_proxy_shares_the_modem():
    need_qmicli()
    need_proxy()
    need_namespaces()
    # a proxy of our own: the abstract sockets are those of the network namespace
    script = ('"$PROXY" --no-exit & proxy=$!; sleep 0.5; status=0; '
              'for i in 1 2 3; do qmicli -p -d "$DEVICE" --device-open-qmi --dms-get-ids & '
              'pids="$pids $!"; done; for p in $pids; do wait $p || status=1; done; '
              'qmicli -p -d "$DEVICE" --device-open-qmi '
              '--uim-read-transparent=0x3F00,0x7FFF,0x6F07 || status=1; '
              'kill $proxy; wait $proxy; exit $status')
    with Sim() as sim:
        result = subprocess.run(
            ["unshare", "-rn", "sh", "-c", script], capture_output=True, text=True, timeout=60,
            env={**os.environ, "PROXY": PROXY, "DEVICE": sim.qmi})
        text = result.stdout + result.stderr
        assert result.returncode == 0, text
        assert text.count(IMEI) == 3 and "08:09:10:10:10:32:54:76:98" in text, text


def qmicli_finds_the_socket_as_proxy():
    need_qmicli()
    need_namespaces()
    # qmicli asks only for the proxy's own name, which is free in a new namespace
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "card")
        with open(path, "w") as file:
            file.write(card())
        script = ('"$PROGRAM" --card "$CARD" --qmi-socket qmi-proxy --qmi "$CARD.q" '
                  '--ready "$CARD.r" & sim=$!; for i in $(seq 100); do [ -e "$CARD.r" ] && break; '
                  'sleep 0.05; done; qmicli -p -d "$CARD.q" --device-open-qmi --dms-get-ids; '
                  'status=$?; kill $sim; wait $sim; exit $status')
        result = subprocess.run(
            ["unshare", "-rn", "sh", "-c", script], capture_output=True, text=True, timeout=60,
            env={**os.environ, "PROGRAM": os.path.abspath(PROGRAM), "CARD": path})
        text = result.stdout + result.stderr
        assert result.returncode == 0 and IMEI in text, text


# --- control service ---

def version_info_names_the_services():
    with Sim() as sim, sim.link() as link:
        value = link.ask(CTL, 0, 0x0021).tlvs[0x01]
        assert value[0] == (len(value) - 1) // 5
        assert [value[1 + 5 * i] for i in range(value[0])] == [CTL, DMS, NAS, UIM]
        assert link.ask(CTL, 0, 0x0020, tlv(0x01, b"\x00")).tlvs[0x01] == b"\x01\x00"
        answer = link.ask(CTL, 0, 0x0026, tlv(0x01, b"\x00"), tlv(0x10, b"\x02\x00"))
        assert answer.error == OK and answer.tlvs[0x10] == b"\x02\x00"
        assert link.ask(CTL, 0, 0xFF00, tlv(0x01, b"/dev/x")).error == BAD_COMMAND  # no proxy


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


def client_ids_run_out():
    with Sim() as sim, sim.link() as link:
        given = [link.allocate(UIM) for _ in range(64)]
        assert len(set(given)) == 64
        assert link.ask(CTL, 0, 0x0022, tlv(0x01, bytes([UIM]))).error == EXHAUSTED
        assert link.release(UIM, given[7]) == OK
        link.allocate(UIM)


def client_ids_stay_when_a_program_goes():
    with Sim() as sim:
        with sim.link() as link:
            client = link.allocate(UIM)
        sim.wait_for("clients", "0")
        with sim.link() as link:
            assert link.ask(UIM, client, 0x002F).error == OK


def unknown_messages_are_refused():
    with Sim() as sim, sim.link() as link:
        for service in (DMS, NAS, UIM):
            assert link.ask(service, link.allocate(service), 0x7777).error == BAD_COMMAND
        assert link.ask(CTL, 0, 0x7777).error == BAD_COMMAND


# --- the card, in bytes of our own ---

def channel_carries_commands():
    with Sim() as sim, sim.link() as link:
        uim = Uim(link)
        answer = uim.open(bytes.fromhex(AID))
        assert answer.error == OK and answer.tlvs[0x11] == b"\x90\x00"
        assert answer.tlvs[0x12][0] == len(answer.tlvs[0x12]) - 1 and answer.tlvs[0x12][1] == 0x62
        channel = answer.tlvs[0x10][0]
        assert channel == 1 and sim.values("status")["open"] == "2"
        assert read_file(uim, channel, "7FFF6F07", 9) == ("080910101032547698", "9000")
        assert read_file(uim, channel, "7FFF5FC04F05", 34) == ("ff" * 34, "9000")
        data, sw = uim.response(uim.apdu(f"0088008122 10{RAND}10{AUTN}00", channel))
        assert sw == "9000" and data.startswith("db08a54211d5e3ba50bf10" + CK), sw
        data, sw = uim.response(uim.apdu("00B0000009"))  # the basic channel: at the MF
        assert (data, sw) == ("", "6986")
        answer = uim.close(channel)
        assert answer.error == OK and sim.values("status")["open"] == "1"
        assert uim.apdu("00B0000009", channel).error == BAD_ARGUMENT  # closed
        assert uim.close(channel).error == BAD_ARGUMENT
        assert uim.close(0).error == BAD_ARGUMENT


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


def reject_an_unknown_application():
    with Sim() as sim, sim.link() as link:
        uim = Uim(link)
        answer = uim.open(bytes.fromhex("A0000005591010FFFFFFFF8900000100"))
        assert answer.error == NO_FILE and answer.tlvs[0x11] == b"\x6a\x82"
        assert sim.values("status")["open"] == "1"  # given back
        assert uim.open(b"\xa0" * 17).error == TOO_LONG


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


def inline_dialect_fetches_by_itself():
    with Sim(card("t0=true"), "--dialect", "inline") as sim, sim.link() as link:
        uim = Uim(link)
        uim.open(bytes.fromhex(AID))
        data, sw = uim.response(uim.apdu(f"0088008122 10{RAND}10{AUTN}", 1))
        assert sw == "9000" and data.startswith("db"), sw


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
        assert sim.values("count")["commands"] == "5"  # one SELECT, four READ BINARY
        assert uim.content(uim.read_transparent(path, 0, 34)) == content[:34]
        assert uim.content(uim.read_transparent(path, 300, 500)) == content[300:800]
        assert uim.content(uim.read_transparent(path, 1000, 100)) == content[1000:]
        assert uim.content(uim.read_transparent("7FFF6F07")).hex() == "080910101032547698"
        aid = bytes.fromhex(AID)
        assert uim.content(uim.read_transparent("3F007FFF6F07", kind=4, aid=aid)) != b""
        assert uim.content(uim.read_transparent("3F002FE2", kind=6)).hex().startswith("98")


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
        assert sim.values("status")["sim"] == "ready"
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


# --- indications ---

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


# --- several clients ---

def socket_clients_do_not_hear_each_other():
    with Sim() as sim:
        links = [sim.connect() for _ in range(3)]
        assert sim.values("status")["clients"] == "3"
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


def reject_proxy_open_without_a_device():
    with Sim() as sim:
        with Link(name=sim.name) as link:
            assert link.ask(CTL, 0, 0xFF00).error == MISSING
            assert link.ask(CTL, 0, 0xFF00, tlv(0x01)).error == BAD_ARGUMENT
            assert link.ask(CTL, 0, 0xFF00, tlv(0x01, b"/dev/cdc-wdm0")).error == OK


def connections_are_bounded():
    with Sim() as sim:
        links = [sim.connect() for _ in range(32)]
        extra = Link(name=sim.name)
        try:
            extra.send(CTL, 0, 0x0021)
            extra.read(2)
            raise AssertionError("one too many is served")
        except (EOFError, OSError):
            pass
        extra.close()
        for link in links:
            link.close()
        sim.wait_for("clients", "0")
        sim.connect().close()


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


def fault_cme_is_a_qmi_error():
    with Sim() as sim, sim.link() as link:
        uim = Uim(link)
        for cme, error in ((10, NO_CARD), (13, INTERNAL), (14, NOT_READY), (20, NO_RESOURCES),
                           (22, NO_FILE), (777, INTERNAL)):
            assert sim.control(f"fault cme {cme}") == "ok"
            assert uim.open(bytes.fromhex(AID)).error == error
        assert sim.values("status")["open"] == "1"


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


def delay_keeps_the_order():
    with Sim() as sim, sim.link() as link:
        uim = Uim(link)
        assert sim.control("delay 200") == "ok"
        begin = time.monotonic()
        sent = [link.send(UIM, uim.client, 0x002F) for _ in range(5)]
        assert [link.read().transaction for _ in sent] == sent
        assert 0.19 < time.monotonic() - begin < 2
        link.send(UIM, uim.client, 0x002F)
        assert sim.control("delay 0") == "ok"
        assert uim.ask(0x002F).error == OK


def unplug_hangs_up_until_plug():
    with Sim() as sim:
        with sim.link() as link, sim.connect() as client:
            uim = Uim(link)
            assert sim.control("unplug") == "ok"
            for gone in (link, client):
                try:
                    gone.read(2)
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


def counts_are_those_of_the_card():
    with Sim() as sim, sim.link() as link:
        uim = Uim(link)
        assert sim.control("reset") == "ok"
        uim.open(bytes.fromhex(AID))
        read_file(uim, 1, "7FFF6F07", 9)
        uim.close(1)
        uim.ask(0x002F)
        counts = sim.values("count")
        assert (counts["lines"], counts["commands"]) == ("4", "5"), counts


# --- dialects ---

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
        assert uim.open(aid).error == DENIED and sim.values("status")["open"] == "1"


def dialect_without_the_card_in_dms():
    with Sim(None, "--dialect", "qmi-no-dms-uim") as sim, sim.link() as link:
        dms = link.allocate(DMS)
        for message in (0x0027, 0x0028, 0x0029, 0x002A, 0x002B, 0x003C, 0x0043, 0x0044):
            assert link.ask(DMS, dms, message).error == BAD_COMMAND
        assert link.ask(DMS, dms, 0x0025).tlvs[0x11].decode() == IMEI


def dialect_that_is_busy_at_first():
    with Sim(None, "--dialect", "busy") as sim, sim.link() as link:
        uim = Uim(link)
        assert [uim.read_transparent("3F002FE2").error for _ in range(4)] == [NOT_READY] * 3 + [OK]
        assert sim.control("sim out") == "ok" and sim.control("sim in") == "ok"
        assert uim.read_transparent("3F002FE2").error == NOT_READY


# --- the program ---

def reject_bad_socket_names():
    with Sim() as sim:
        for name in ("", "x" * 101, sim.name):  # empty, too long, taken
            result = subprocess.run([PROGRAM, "--card", sim.path("card"), "--qmi-socket", name],
                                    capture_output=True, text=True, timeout=10)
            assert result.returncode == 2, (name, result)
            assert result.stderr.startswith("akma-modemsim: --qmi-socket"), result.stderr


HELPERS = ("card", "read_file", "qmicli", "need_qmicli", "need_namespaces", "need_proxy")

for name, value in list(globals().items()):
    if callable(value) and not isinstance(value, type) and value.__module__ == "__main__" \
            and name not in HELPERS:
        tap.test(value)

if __name__ == "__main__":
    tap.main()
