#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The simulated modem seen by a client of its own: every AT command, dialect and control verb.

Shares no code with either side: its own TLV reader, its own AT reader, its own file contents.
Keys and challenges: TS 35.208 test set 1.
"""
import contextlib
import hashlib
import hmac
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import termios
import time

import harness

BUILD = os.environ.get("top_builddir", ".")
PROGRAM = os.path.join(BUILD, "modem/simulator/akma-modemsim")
AID = "A0000000871002FFFFFFFF8907090000"
IMSI = "001010123456789"
K = "465b5ce8b199b49faa5f0a2ee238a6bc"
OPC = "cd63cb71954a9f4e48a5994e37a02baf"
OP = "cdc202d5123e20f62b6d676ac72cb318"
RAND = "23553cbe9637a89d218ae64dae47bf35"
SQN = 0xFF9BB4D0B607
AUTN = "55f328b43577b9b94a9ffac354dfafb3"
RES = "a54211d5e3ba50bf"
CK = "b40ba9a3c58b2a05bbf0d987b21bf8cb"
IK = "f769bcd751044604127672711c6d3441"

CARD = f"""[card]
iccid=8900101234567890123
{{card}}
[usim]
imsi={IMSI}
k={K}
{{usim}}
"""


def card(extra="", usim=f"opc={OPC}\nsqn=ff9bb4d0b5e7", rest=""):
    return CARD.format(card=extra, usim=usim) + rest


def tlvs(data):
    """[(tag, value)] of BER with one-byte tags and lengths below 128."""
    out = []
    while data and data[0] != 0xFF:
        tag, length = data[0], data[1]
        assert length < 128 and len(data) >= 2 + length, "broken TLV"
        out.append((tag, data[2:2 + length]))
        data = data[2 + length:]
    return out


class Port:
    """A client of the AT port."""

    def __init__(self, path):
        limit = time.monotonic() + 60
        while not os.path.exists(path) and time.monotonic() < limit:
            time.sleep(0.01)
        self.fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        self.buffer = b""

    def close(self):
        os.close(self.fd)

    def write(self, data):
        while data:
            select.select([], [self.fd], [], 60)
            data = data[os.write(self.fd, data[:512]):]

    def read_some(self, timeout):
        if not select.select([self.fd], [], [], timeout)[0]:
            return False
        try:
            chunk = os.read(self.fd, 4096)
        except OSError:
            chunk = b""
        if not chunk:
            raise EOFError
        self.buffer += chunk
        return True

    def drain(self, seconds=0.15):
        while self.read_some(seconds):
            pass
        data, self.buffer = self.buffer, b""
        return data

    def hear(self, text, timeout=60):
        """All that came, once @text has."""
        limit = time.monotonic() + timeout
        while text not in self.buffer:
            assert time.monotonic() < limit, f"never {text!r}: {self.buffer!r}"
            self.read_some(0.05)
        return self.drain()

    def raw(self, line, timeout=60, end=(b"\r\nOK\r\n", b"\r\nERROR\r\n")):
        """All that came up to a final result."""
        self.buffer = b""
        self.write(line.encode() + b"\r")
        limit = time.monotonic() + timeout
        while time.monotonic() < limit:
            text = self.buffer
            if any(text.endswith(e) for e in end) or (
                    b"+CME ERROR:" in text and text.endswith(b"\r\n")):
                self.buffer = b""
                return text
            self.read_some(0.05)
        raise TimeoutError(f"no final result to {line!r}: {self.buffer!r}")

    def ask(self, line, timeout=60):
        """The lines of the answer, without echo."""
        lines = [t for t in self.raw(line, timeout).decode("latin-1").split("\r\n") if t.strip()]
        if lines and lines[0].rstrip("\r").upper().startswith("AT"):
            lines.pop(0)
        return lines

    def apdu(self, text, session=None, csim=False):
        """(data, sw) of one command to the card."""
        text = text.replace(" ", "")
        if csim or session is None:
            lines = self.ask(f'AT+CSIM={len(text)},"{text}"')
        else:
            lines = self.ask(f'AT+CGLA={session},{len(text)},"{text}"')
        assert lines[-1] == "OK", lines
        lines = [line for line in lines if line.startswith(("+CGLA", "+CSIM"))]
        length, answer = lines[0].split(":", 1)[1].strip().split(",")
        answer = answer.strip('"')
        assert int(length) == len(answer), lines
        answer = bytes.fromhex(answer)
        return answer[:-2].hex(), answer[-2:].hex()

    def open(self, aid=AID):
        lines = self.ask(f'AT+CCHO="{aid}"')
        assert lines[-1] == "OK", lines
        return int(lines[0].split(":")[1])


class Sim:
    """A running simulator with a client on it."""

    def __init__(self, text=None, *options, client=True, wait=True, env=None):
        self.dir = tempfile.TemporaryDirectory(prefix="modemsim-")
        self.at = self.path("at")
        self.sock = self.path("control")
        self.card = self.write("card", text or card())
        self.process = subprocess.Popen(
            [PROGRAM, "--card", self.card, "--at", self.at, "--control", self.sock,
             "--ready", self.path("ready"), *options],
            stderr=open(self.path("log"), "w"), env=env)
        if wait:
            self.wait_ready()
        else:
            self.wait_control()
        self.port = Port(self.at) if client else None
        if client:
            assert self.port.ask("ATE0") == ["OK"]
            assert self.port.ask("AT+CMEE=1") == ["OK"]

    def path(self, name):
        return os.path.join(self.dir.name, name)

    def write(self, name, text):
        with open(self.path(name), "w") as file:
            file.write(text)
        return self.path(name)

    def log(self):
        with open(self.path("log")) as file:
            return file.read()

    def wait_ready(self, timeout=60):
        limit = time.monotonic() + timeout
        while not os.path.exists(self.path("ready")):
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < limit, "not ready: " + self.log()
            time.sleep(0.01)

    def wait_log(self, text, timeout=60):
        limit = time.monotonic() + timeout
        while text not in self.log():
            assert time.monotonic() < limit, (text, self.log())
            time.sleep(0.01)

    def wait_control(self, timeout=60):
        """Of a simulator that is not ready yet."""
        limit = time.monotonic() + timeout
        while True:
            try:
                return self.status()
            except OSError:
                assert self.process.poll() is None and time.monotonic() < limit, self.log()
                time.sleep(0.01)

    def control(self, line):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(60)
            s.connect(self.sock)
            s.sendall(line.encode() + b"\n")
            return s.makefile().readline().rstrip("\n")

    def status(self):
        reply = self.control("status")
        assert reply.startswith("ok "), reply
        return dict(word.split("=") for word in reply.split()[1:])

    def wait_for(self, name, value, timeout=60):
        limit = time.monotonic() + timeout
        while self.status()[name] != value:
            assert time.monotonic() < limit, (name, self.status(), self.log())
            time.sleep(0.01)

    def __enter__(self):
        return self

    def __exit__(self, *what):
        if self.port:
            self.port.close()
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(60)
        log = self.log()
        for secret in (IMSI, K, OPC, CK, IK):
            assert secret not in log and secret.upper() not in log, "secret in the log"
        left = [n for n in ("at", "control", "ready") if os.path.lexists(self.path(n))]
        self.dir.cleanup()
        assert status == 0 or what[0], (status, log)
        assert not left or what[0], left


def read_file(port, session, path, length):
    data, sw = port.apdu(f"00A40804{len(path) // 2:02X}{path}", session)
    assert sw == "9000", (path, sw)
    data, sw = port.apdu(f"00B00000{length:02X}", session)
    return data, sw


# --- AT ---

def identification_commands_answer():
    with Sim() as sim:
        for command in ("AT", "at", "ATE0", "ATV1", "ATZ", "AT&F", "ATE0"):
            assert sim.port.ask(command) == ["OK"], command
        assert sim.port.ask("AT+CGMI") == ["akmad", "OK"]
        assert sim.port.ask("AT+CGMM") == ["Simulated modem", "OK"]
        assert len(sim.port.ask("AT+CGMR")) == 2
        assert sim.port.ask("AT+CGSN") == ["001010123456780", "OK"]
        assert sim.port.ask("ATI")[:2] == ["akmad", "Simulated modem"]
        assert sim.port.ask("AT+CFUN?") == ["+CFUN: 1", "OK"]
        assert sim.port.ask("AT+CFUN=4;+CFUN?") == ["+CFUN: 4", "OK"]
        assert sim.port.ask("AT+CFUN=1") == ["OK"]
        assert sim.port.ask("AT+COPS?") == ["+COPS: 0", "OK"]


def echo_and_verbosity_follow_their_settings():
    with Sim() as sim:
        sim.port.ask("ATE1")
        assert sim.port.raw("AT+CGMI") == b"AT+CGMI\r\r\nakmad\r\n\r\nOK\r\n"
        sim.port.ask("ATE0")
        assert sim.port.raw("AT+CGMI") == b"\r\nakmad\r\n\r\nOK\r\n"
        assert sim.port.raw("ATV0", end=(b"0\r",)) == b"0\r"
        assert sim.port.raw("AT+CGMI", end=(b"0\r",)) == b"akmad\r\n0\r"
        assert sim.port.raw("AT+NO", end=(b"4\r",)) == b"4\r"


def errors_are_numeric_verbose_or_plain():
    with Sim() as sim:
        assert sim.control("sim out") == "ok"
        assert sim.port.ask("AT+CIMI")[-1] == "+CME ERROR: 10"
        assert sim.port.ask("AT+CMEE=2;+CMEE?") == ["+CMEE: 2", "OK"]
        assert sim.port.ask("AT+CIMI") == ["+CME ERROR: SIM not inserted"]
        assert sim.port.ask("AT+CMEE=0;+CIMI") == ["ERROR"]
        assert sim.port.ask("AT+CMEE=3") == ["ERROR"]


#= TS 27.007 8.64
def sim_commands_answer():
    with Sim() as sim:
        assert sim.port.ask("AT+CPIN?") == ["+CPIN: READY", "OK"]
        assert sim.port.ask("AT+CIMI") == [IMSI, "OK"]
        assert sim.port.ask("AT+CCID") == ["+CCID: 8900101234567890123", "OK"]
        assert sim.port.ask("AT+ICCID") == ["+ICCID: 8900101234567890123", "OK"]
        line = sim.port.ask("AT+CUAD")[0]
        template = tlvs(bytes.fromhex(line.split('"')[1]))
        assert template[0][0] == 0x61
        assert dict(tlvs(template[0][1])) == {0x4F: bytes.fromhex(AID), 0x50: b"USIM"}


def registration_without_a_core_is_idle():
    with Sim() as sim:
        for command in ("+CREG", "+CEREG", "+C5GREG"):
            assert sim.port.ask(f"AT{command}?") == [f"{command}: 0,0", "OK"]
            assert sim.port.ask(f"AT{command}=2") == ["OK"]
            assert sim.port.ask(f"AT{command}?") == [f"{command}: 2,0", "OK"]
            assert sim.port.ask(f"AT{command}=3") == ["+CME ERROR: 50"]
        assert sim.control("register").startswith("error ")


def test_forms_answer():
    with Sim() as sim:
        for command in ("+CCHO", "+CGLA", "+CCHC", "+CSIM", "+CRSM", "+CPIN", "+CUAD", "+CIMI"):
            assert sim.port.ask(f"AT{command}=?") == ["OK"], command
        assert sim.port.ask("AT+CMEE=?") == ["+CMEE: (0-2)", "OK"]


#= TS 27.007 8.18
def crsm_reads_files():
    with Sim() as sim:
        assert sim.port.ask("AT+CRSM=176,28589,0,0,4") == ['+CRSM: 144,0,"00000002"', "OK"]
        assert sim.port.ask("AT+CRSM=176,12258,0,0,10") == [
            '+CRSM: 144,0,"980001214365870921F3"', "OK"]
        keys = sim.port.ask('AT+CRSM=176,20229,0,0,110,,"7FFF5FC0"')[0]
        assert keys == '+CRSM: 144,0,"' + "FF" * 110 + '"'
        assert sim.port.ask('AT+CRSM=176,20229,0,0,110,"","3F007FFF5FC0"')[0] == keys
        fcp = sim.port.ask("AT+CRSM=192,28423")[0]
        assert fcp.startswith('+CRSM: 144,0,"62')
        assert sim.port.ask("AT+CRSM=178,12032,1,4,38")[0].startswith('+CRSM: 144,0,"61')
        assert sim.port.ask("AT+CRSM=242")[0].startswith('+CRSM: 144,0,"62')
        assert sim.port.ask("AT+CRSM=176,28888,0,0,4") == ["+CRSM: 106,130", "OK"]
        assert sim.port.ask("AT+CRSM=176,28589,0,9,1") == ["+CRSM: 107,0", "OK"]
        assert sim.port.ask('AT+CRSM=214,28542,0,0,2,"0102"') == ["+CRSM: 144,0", "OK"]
        assert sim.port.ask("AT+CRSM=176,28542,0,0,2") == ['+CRSM: 144,0,"0102"', "OK"]
        assert sim.port.ask('AT+CRSM=214,28589,0,0,1,"00"') == ["+CRSM: 105,130", "OK"]


def reject_crsm_with_bad_arguments():
    with Sim() as sim:
        for args in ("136,0", "176", "176,65536,0,0,1", "176,28589,0,0,256", "214,28542,0,0,2",
                     '214,28542,0,0,2,"01"', '214,28542,0,0,2,"0x"', "", "x"):
            lines = sim.port.ask(f"AT+CRSM={args}")
            assert lines[-1] == "+CME ERROR: 50" or lines[-1] in (
                "ERROR",) or lines[0].startswith(("+CRSM: 105", "+CRSM: 106")), (args, lines)


def garbage_lines_do_no_harm():
    with Sim() as sim:
        for line in ("AT+", "AT=", "AT;;", "ATX9", "AT+CGLA", "AT+CGLA=", 'AT+CGLA="', "AT+CGLA?",
                     'AT+CGLA=0,10,"00A4000C02"', "AT+CSIM=,", "AT+CSIM=10", "AT+CPIN=1,2,3",
                     'AT+CCHO=""', 'AT+CCHO="A"', 'AT+CCHO="' + "A0" * 17 + '"', "AT&", "AT+C5GREG=",
                     "AT+CSIM=" + "," * 50, "AT+CCHC=99999999999", "AT+CSIM=4294967306,\"00\"",
                     "AT\x01", "AT+CGMI=1", "AT+CIMI?", "AT+CPIN"):
            assert sim.port.ask(line)[-1] != "OK" or line == "AT;;", line
        sim.port.write(b"hello\r\n\x00\xff\xfe\r")
        assert sim.port.ask("AT") == ["OK"]


def reject_hex_odd_or_overlong():
    with Sim() as sim:
        for length, text in ((11, "00A4000C02F"), (10, "00A4000C023F00"), (14, "00A4000C02"),
                             (14, "00A4000C02GG00"), (4, "00A4"), (0, ""),
                             (600, "00" * 300), (522, "00D60000FF" + "00" * 257)):
            lines = sim.port.ask(f'AT+CSIM={length},"{text}"')
            assert lines == ["+CME ERROR: 50"], (length, lines)


def reject_unterminated_line_flood():
    with Sim() as sim:
        for _ in range(64):
            sim.port.write(b"AT" + b"A" * 1022)
            sim.port.drain(0)
        sim.port.write(b"\r")
        sim.port.hear(b"ERROR")
        assert sim.port.ask("AT") == ["OK"]


def flood_without_reading_is_bounded():
    with Sim() as sim:
        sim.port.ask("ATE1")
        sent = 0
        for _ in range(4000):
            try:
                sent += os.write(sim.port.fd, b"AT+CGMI\r" * 16)
            except BlockingIOError:
                break
        assert sent < 4000 * 128, "the port took everything without anybody reading"
        with open(f"/proc/{sim.process.pid}/status") if os.access(
                f"/proc/{sim.process.pid}/status", os.R_OK) else open("/dev/null") as file:
            rss = [line for line in file if line.startswith("VmRSS")]
        assert not rss or int(rss[0].split()[1]) < 400000
        sim.port.drain()
        sim.port.write(b"\r")
        sim.port.drain()
        assert sim.port.ask("ATE0")[-1] == "OK"


def clients_come_and_go():
    with Sim() as sim:
        sim.port.write(b"AT+CGMI\rAT+CG")  # leaves an answer unread and a line unfinished
        time.sleep(0.1)
        mode = termios.tcgetattr(sim.port.fd)
        mode[3] |= termios.ECHO | termios.ICANON
        termios.tcsetattr(sim.port.fd, termios.TCSANOW, mode)
        sim.port.close()
        for _ in range(3):
            sim.wait_for("clients", "0")
            sim.port = Port(sim.at)
            assert not termios.tcgetattr(sim.port.fd)[3] & termios.ECHO
            assert sim.port.raw("AT") == b"\r\nOK\r\n"
            assert sim.status()["clients"] == "1"
            sim.port.close()
        sim.port = Port(sim.at)


# --- the card ---

def logical_channels_open_and_close():
    with Sim() as sim:
        sessions = [sim.port.open() for _ in range(3)]
        assert sessions == [1, 2, 3]
        assert sim.port.ask(f'AT+CCHO="{AID}"') == ["+CME ERROR: 20"]  # reject_fifth_channel
        assert sim.status()["open"] == "4"
        assert sim.port.ask("AT+CCHC=2") == ["OK"]
        assert sim.port.ask("AT+CCHC=2") == ["+CME ERROR: 21"]
        assert sim.port.ask('AT+CGLA=2,10,"00B0000001"') == ["+CME ERROR: 21"]
        assert sim.port.open("A0000000871002") == 2  # cut at its end
        assert sim.port.ask("AT+CCHC=3") == ["OK"]
        assert sim.port.ask('AT+CCHO="A0000000871004"') == ["+CME ERROR: 22"]
        assert sim.port.ask("AT+CCHC=0") == ["+CME ERROR: 21"]


def a_failed_select_leaves_no_channel_open():
    with Sim() as sim:
        for _ in range(5):
            assert sim.port.ask('AT+CCHO="A0000000871004"') == ["+CME ERROR: 22"]
        assert sim.status()["open"] == "1"


def reject_commands_on_closed_channels():
    with Sim() as sim:
        assert sim.port.apdu("01A4000C023F00") == ("", "6881")
        assert sim.port.apdu("0070800100") == ("", "6881")
        assert sim.port.apdu("0070000001") == ("01", "9000")
        assert sim.port.apdu("01A4040C10" + AID) == ("", "9000")
        assert sim.port.apdu("0070800000") == ("", "6a86")
        assert sim.port.apdu("0070000300") == ("", "9000")
        assert sim.port.apdu("0070000300") == ("", "6a81")
        assert sim.port.apdu("0070001600") == ("", "6a86")
        assert sim.port.apdu("00708001") == ("", "9000")
        assert sim.port.apdu("41A4000C023F00") == ("", "6881")


def reject_wrong_class_and_unknown_instruction():
    with Sim() as sim:
        assert sim.port.apdu("A0A40000023F00") == ("", "6e00")
        assert sim.port.apdu("10A4000C023F00") == ("", "6e00")
        assert sim.port.apdu("04A4000C023F00") == ("", "6e00")
        assert sim.port.apdu("80A4000C023F00") == ("", "6e00")
        assert sim.port.apdu("00F2000000") == ("", "6e00")
        assert sim.port.apdu("00FE0000") == ("", "6d00")
        assert sim.port.apdu("0084000008") == ("", "6d00")


def reject_wrong_lengths():
    with Sim() as sim:
        session = sim.port.open()
        for command in ("00A4000C023F", "00A4000C023F000000", "00A4000C033F0000", "00A4080C033F0000",
                        "00A4040C00", "00A4000C010000", "0088008122" + "10" + RAND + "10" + AUTN[:-2],
                        "0088008121" + "10" + RAND + "10" + AUTN[:-2], "00200001083132333FFFFFFF",
                        "0020000108", "002000010431323334", "00B00000020000", "00DC010400"):
            data, sw = sim.port.apdu(command, session)
            assert data == "" and (sw == "6700" or sw == "6986"), (command, sw)


#= TS 102 221 8.4.1
#= TS 102 221 8.5
#= TS 102 221 9.2.7
def select_finds_files_by_fid_path_and_aid():
    with Sim() as sim:
        session = sim.port.open()
        fcp, sw = sim.port.apdu("00A40004026F07", session)
        assert sw == "9000"
        outer = tlvs(bytes.fromhex(fcp))
        assert [t for t, _ in outer] == [0x62]
        inner = dict(tlvs(outer[0][1]))
        assert inner[0x82] == b"\x41\x21" and inner[0x83] == b"\x6f\x07"
        assert inner[0x80] == b"\x00\x09" and inner[0x8A] == b"\x05" and inner[0x88] == b"\x38"
        assert inner[0x8B] == b"\x6f\x06\x03"
        #= TS 102 221 11.1.1.4.8
        fcp = sim.port.apdu("00A40804022F05", session)[0]
        assert dict(tlvs(tlvs(bytes.fromhex(fcp))[0][1]))[0x88] == b"\x28"
        assert sim.port.apdu("00A4080C047FFF6F07", session) == ("", "9000")
        # the access rule that the FCP names: READ with PIN 1
        rule, sw = sim.port.apdu("00B2 03BC 00", session)
        assert sw == "9000" and rule.startswith("800101a406830101950108")
        assert sim.port.apdu("00A4000C025FC0", session) == ("", "9000")
        assert sim.port.apdu("00A4000C024F05", session) == ("", "9000")
        assert sim.port.apdu("00A4000C024F0A", session) == ("", "9000")
        assert sim.port.apdu("00B0000000", session) == ("f0ffffff", "9000")
        assert sim.port.apdu("00A4000C027FFF", session) == ("", "9000")
        assert sim.port.apdu("00A4010C025FC0", session) == ("", "9000")
        assert sim.port.apdu("00A4030C", session) == ("", "9000")
        assert sim.port.apdu("00A4090C045FC04F05", session) == ("", "9000")
        assert sim.port.apdu("00A4080C067FFF5FC04F0A", session) == ("", "9000")
        assert sim.port.apdu("00A4080C067FFF5FC04F0B", session) == ("", "6a82")
        assert sim.port.apdu("00A4020C026F07", session) == ("", "6a86")
        assert sim.port.apdu("00A40010026F07", session) == ("", "6a86")
        assert sim.port.apdu("00A4000C023F00", session) == ("", "9000")
        assert sim.port.apdu("00A4000C022FE2", session) == ("", "9000")
        fcp, sw = sim.port.apdu("00A40400 07 A0000000871002 00", session)
        name = dict(tlvs(tlvs(bytes.fromhex(fcp))[0][1]))
        assert name[0x84] == bytes.fromhex(AID) and name[0x83] == b"\x7f\xff" and 0xC6 in name
        assert sim.port.apdu("00A4040E07A0000000871002", session) == ("", "6a82")
        assert sim.port.apdu("00A4040C0CA000000087100200000000FF", session) == ("", "6a82")
        status, sw = sim.port.apdu("80F2000000", session)
        assert (status, sw) == (fcp, "9000")
        assert sim.port.apdu("80F2000C", session) == ("", "9000")
        assert sim.port.apdu("80F2000100", session) == ("8410" + AID.lower(), "9000")
        # without an application 7FFF means nothing
        assert sim.port.apdu("00A4080C067FFF5FC04F05") == ("", "6a82")


#= TS 31.102 4.2.15
#= TS 31.102 4.2.17
def files_hold_what_the_profile_says():
    with Sim(card("", f"opc={OPC}\nrouting-indicator=12\nservices=27;68;123;124\nmnc-length=3")) as sim:
        session = sim.port.open()
        imsi, sw = read_file(sim.port, session, "7FFF6F07", 9)
        digits = "".join(f"{b & 15:x}{b >> 4:x}" for b in bytes.fromhex(imsi)[1:9])
        assert imsi[:2] == "08" and digits[0] == "9" and digits[1:16] == IMSI
        assert read_file(sim.port, session, "7FFF6FAD", 4)[0] == "00000003"
        ust = bytes.fromhex(read_file(sim.port, session, "7FFF6F38", 20)[0])
        services = [8 * i + b + 1 for i, o in enumerate(ust) for b in range(8) if o >> b & 1]
        assert services == [27, 68, 123, 124]
        assert read_file(sim.port, session, "7FFF5FC04F0A", 4)[0] == "21ffffff"
        assert read_file(sim.port, session, "7FFF5FC04F05", 110)[0] == "ff" * 110
        assert read_file(sim.port, session, "2FE2", 10)[0] == "980001214365870921f3"
        assert read_file(sim.port, session, "7FFF6F78", 2)[0] == "0200"
        assert read_file(sim.port, session, "7FFF6F7E", 11)[0] == "ff" * 8 + "feff01"
        assert sim.port.apdu("00A4080C022FE2", session)[1] == "9000"
        record, sw = sim.port.apdu("00B201F426", session)
        assert sw == "9000" and record.startswith("61")


def overrides_replace_files():
    keys = "8020" + "ab" * 32 + "8120" + "cd" * 32
    with Sim(card(rest=f"[files]\n7FFF/5FC0/4F05={keys}\n7FFF/6F07=08091010103254769810\n")) as sim:
        session = sim.port.open()
        assert read_file(sim.port, session, "7FFF5FC04F05", 68) == (keys, "9000")
        assert sim.control("dump 7FFF/5FC0/4F05") == f"ok content={keys}"
        assert sim.control("dump 4F05") == f"ok content={keys}"
        assert sim.control("dump 7FFF5FC04F05") == f"ok content={keys}"


#= TS 31.102 4.4.11
def a_card_without_service_123_has_no_keys_file():
    with Sim(card("", f"op={OP}\nservices=124")) as sim:
        session = sim.port.open()
        assert sim.port.apdu("00A4080C067FFF5FC04F05", session) == ("", "6a82")
        assert sim.port.apdu("00A4080C067FFF5FC04F0A", session) == ("", "9000")
    with Sim(card("", f"op={OP}\nservices=68")) as sim:
        session = sim.port.open()
        assert sim.port.apdu("00A4080C047FFF5FC0", session) == ("", "6a82")


#= TS 102 221 11.1.3.2
def read_binary_follows_offset_sfi_and_le():
    with Sim() as sim:
        session = sim.port.open()
        assert sim.port.apdu("00B0000001", session) == ("", "6986")
        assert sim.port.apdu("00B0830004", session) == ("00000002", "9000")
        assert sim.port.apdu("00B0830300", session) == ("02", "9000")
        assert sim.port.apdu("00B00002", session) == ("0002", "9000")
        assert sim.port.apdu("00B0000005", session) == ("", "6c04")
        assert sim.port.apdu("00B0000401", session) == ("", "6b00")
        assert sim.port.apdu("00B07F0001", session) == ("", "6b00")
        assert sim.port.apdu("00B09D0001", session) == ("", "6a82")
        assert sim.port.apdu("00B0E30001", session) == ("", "6a86")
        assert sim.port.apdu("00B2010416", session) == ("", "6981")
        assert sim.port.apdu("00B0970001", session) == ("", "6981")


#= TS 102 221 11.1.5
def records_are_read_by_number_and_in_turn():
    with Sim() as sim:
        session = sim.port.open()
        assert sim.port.apdu("00A4000C026F06", session)[1] == "9000"
        first = sim.port.apdu("00B2010416", session)
        assert first[1] == "9000" and len(first[0]) == 44
        assert sim.port.apdu("00B2000216", session) == first
        assert sim.port.apdu("00B2000316", session)[1] == "6a83"
        assert sim.port.apdu("00B2000416", session) == first
        assert sim.port.apdu("00B2050416", session) == ("", "6a83")
        assert sim.port.apdu("00B2010415", session) == ("", "6c16")
        assert sim.port.apdu("00B2010116", session) == ("", "6a86")
        assert sim.port.apdu("00DC010416" + "00" * 22, session) == ("", "6982")


def update_binary_obeys_access_conditions():
    with Sim() as sim:
        session = sim.port.open()
        assert sim.port.apdu("00A4090C045FC04F05", session)[1] == "9000"
        assert sim.port.apdu("00D60000028020", session) == ("", "9000")
        assert sim.port.apdu("00B0000003", session) == ("8020ff", "9000")
        assert sim.port.apdu("00D6006D020000", session) == ("", "6700")
        assert sim.port.apdu("00D6006E0100", session) == ("", "6b00")
        assert sim.port.apdu("00D6830101FF", session)[1] in ("6982", "6a82")
        assert sim.port.apdu("00A4080C047FFF6FAD", session)[1] == "9000"
        assert sim.port.apdu("00D60000 01 00", session) == ("", "6982")


#= TS 102 221 9.5.1
#= TS 102 221 11.1.9
#= TS 102 221 11.1.10
#= TS 102 221 11.1.11
#= TS 102 221 11.1.12
#= TS 102 221 11.1.13
def pin_protects_files_and_blocks():
    pin, wrong = "31323334FFFFFFFF", "30303030FFFFFFFF"
    puk = "3132333435363738"
    with Sim(card("pin-enabled=true")) as sim:
        session = sim.port.open()
        assert sim.port.ask("AT+CPIN?") == ["+CPIN: SIM PIN", "OK"]
        assert sim.port.ask("AT+CIMI") == ["+CME ERROR: 11"]
        assert read_file(sim.port, session, "7FFF6F07", 9) == ("", "6982")  # read without PIN
        assert read_file(sim.port, session, "7FFF6FAD", 4)[1] == "9000"
        assert sim.port.apdu(f"0088008122 10{RAND}10{AUTN}", session) == ("", "6982")
        assert sim.port.apdu("00200001", session) == ("", "63c3")
        assert sim.port.apdu("0020000100", session) == ("", "63c3")
        assert sim.port.apdu("0020000208" + pin, session) == ("", "6a88")
        assert sim.port.apdu("0020010108" + pin, session) == ("", "6a86")
        assert sim.port.apdu("0020000108" + wrong, session) == ("", "63c2")
        assert sim.port.apdu("0020000108" + pin, session) == ("", "9000")
        assert read_file(sim.port, session, "7FFF6F07", 9)[1] == "9000"
        # three wrong ones block it, the right one then as well
        for sw in ("63c2", "63c1", "63c0", "6983"):
            assert sim.port.apdu("0020000108" + wrong, session) == ("", sw)
        assert sim.port.apdu("0020000108" + pin, session) == ("", "6983")
        assert read_file(sim.port, session, "7FFF6F07", 9) == ("", "6982")
        assert sim.status()["sim"] == "blocked"
        assert sim.port.ask("AT+CPIN?") == ["+CPIN: SIM PUK", "OK"]
        assert sim.port.apdu("002C000110" + wrong + wrong, session) == ("", "63c9")
        assert sim.port.apdu("002C000110" + puk + "3" * 16, session)[1] == "9000"
        assert sim.port.ask("AT+CPIN?") == ["+CPIN: READY", "OK"]
        # the new PIN: change, disable, enable
        new = "3" * 16
        assert sim.port.apdu("0024000110" + new + pin, session) == ("", "9000")
        assert sim.port.apdu("0024000110" + new + pin, session) == ("", "63c2")
        assert sim.port.apdu("0024000110" + pin + "31FFFFFFFFFFFFFF", session) == ("", "6a80")
        assert sim.port.apdu("0026000108" + pin, session) == ("", "9000")
        assert sim.port.apdu("0026000108" + pin, session) == ("", "6984")
        assert sim.port.apdu("0020000108" + pin, session) == ("", "6984")
        assert sim.port.apdu("0028000108" + wrong, session) == ("", "63c2")
        assert sim.port.apdu("0028000108" + pin, session) == ("", "9000")
        assert sim.port.apdu("0028000108" + pin, session) == ("", "6984")


def cpin_verifies_and_unblocks():
    with Sim(card("pin-enabled=true")) as sim:
        assert sim.port.ask('AT+CPIN="99"') == ["+CME ERROR: 50"]
        assert sim.port.ask('AT+CPIN="0000"') == ["+CME ERROR: 16"]
        assert sim.port.ask("AT+CPIN=1234")[-1] == "OK"
        assert sim.port.ask('AT+CPIN="1234"') == ["+CME ERROR: 3"]
    with Sim(card("pin-enabled=true")) as sim:
        for _ in range(3):
            assert sim.port.ask('AT+CPIN="0000"')[-1] == "+CME ERROR: 16"
        sim.port.drain()
        assert sim.port.ask('AT+CPIN="1234"') == ["+CME ERROR: 12"]
        assert sim.port.ask('AT+CPIN="00000000","4321"') == ["+CME ERROR: 16"]
        assert sim.port.ask('AT+CPIN="12345678","4321"')[-1] == "OK"
        sim.port.drain()
        assert sim.port.ask("AT+CPIN?") == ["+CPIN: READY", "OK"]


#= TS 102 221 7.3.1.1.4
def t0_cards_announce_what_waits():
    with Sim(card("t0=true")) as sim:
        session = sim.port.open()
        data, sw = sim.port.apdu("00A40004026F07", session)
        assert data == "" and sw[:2] == "61"
        assert sim.port.apdu("00C0000003", session)[1] == f"61{int(sw[2:], 16) - 3:02x}"
        rest, sw2 = sim.port.apdu(f"00C00000{int(sw[2:], 16) - 3:02X}", session)
        assert sw2 == "9000" and rest.endswith("880138")
        assert sim.port.apdu("00C0000001", session) == ("", "6985")
        data, sw = sim.port.apdu("00A40004026F07", session)
        assert sim.port.apdu("00C0000000", session) == ("", "6c" + sw[2:])
        assert sim.port.apdu("00B0000000", session) == ("", "6c09")
        assert sim.port.apdu("00B0000009", session)[1] == "9000"
        assert sim.port.apdu("00C0000009", session) == ("", "6985")
        assert sim.port.apdu(f"0088008122 10{RAND}10{AUTN}", session) == ("", "612c")
        assert sim.port.apdu("00C000002C", session) == (f"db08{RES}10{CK}10{IK}", "9000")


# --- AUTHENTICATE ---

def authenticate_gives_the_published_values():
    with Sim() as sim:
        session = sim.port.open()
        data, sw = sim.port.apdu(f"0088008122 10{RAND}10{AUTN}00", session)
        assert (data, sw) == (f"db08{RES}10{CK}10{IK}", "9000")


def op_gives_the_same_as_opc():
    with Sim(card("", f"op={OP}\nsqn=ff9bb4d0b5e7")) as sim:
        session = sim.port.open()
        assert sim.port.apdu(f"0088008122 10{RAND}10{AUTN}", session)[0].startswith(f"db08{RES}")


def reject_replayed_sqn_with_auts():
    with Sim() as sim:
        session = sim.port.open()
        assert sim.port.apdu(f"0088008122 10{RAND}10{AUTN}", session)[0][:2] == "db"
        data, sw = sim.port.apdu(f"0088008122 10{RAND}10{AUTN}", session)
        assert sw == "9000" and data[:4] == "dc0e" and len(data) == 32
        # AK* of the set conceals SQN_MS: the number just used
        concealed = int(data[4:16], 16)
        assert concealed ^ SQN == 0x451E8BECA43B


def reject_bad_mac():
    with Sim() as sim:
        session = sim.port.open()
        bad = AUTN[:-1] + "0"
        assert sim.port.apdu(f"0088008122 10{RAND}10{bad}", session) == ("", "9862")
        assert sim.port.apdu(f"0088008122 10{RAND[:-1]}6 10{AUTN}", session) == ("", "9862")
        # a number is not used up by what did not come from the home network
        assert sim.port.apdu(f"0088008122 10{RAND}10{AUTN}", session)[0][:2] == "db"


def reject_sqn_too_far_ahead():
    with Sim(card("", f"opc={OPC}\nsqn=000000000020\nsqn-delta=1000")) as sim:
        session = sim.port.open()
        assert sim.port.apdu(f"0088008122 10{RAND}10{AUTN}", session)[0][:4] == "dc0e"


def reject_authenticate_out_of_place():
    with Sim() as sim:
        challenge = f"10{RAND}10{AUTN}"
        assert sim.port.apdu("0088008122" + challenge) == ("", "6985")  # no application
        session = sim.port.open()
        assert sim.port.apdu("0088008422" + challenge, session) == ("", "6a80")  # no DD or DE
        assert sim.port.apdu("0088008522" + challenge, session) == ("", "6a86")
        assert sim.port.apdu("0088008022" + challenge, session) == ("", "6a86")
        assert sim.port.apdu("0088018122" + challenge, session) == ("", "6a86")
        assert sim.port.apdu("0088008122" + "11" + challenge[2:], session) == ("", "6a80")


def has_auc():
    return any(os.access(os.path.join(p, "osmo-auc-gen"), os.X_OK)
               for p in os.environ["PATH"].split(":"))


def generate(*extra):
    """A vector of an independent AuC."""
    text = subprocess.run(
        ["osmo-auc-gen", "-3", "-a", "MILENAGE", "-k", K, "-o", OPC, "-f", "8000", *extra],
        capture_output=True, text=True, check=True).stdout
    return {l.split(":")[0]: l.split(":")[1].strip() for l in text.splitlines() if ":" in l}


#= TS 33.220 5.3.2: MAC* = MAC xor Trunc(SHA-1(IK)), and the last bit of RES is flipped
def bootstraps_gba_u_with_an_independent_auc():
    """osmo-auc-gen and hashlib play the BSF: RES, then Ks_ext_NAF over EF_GBABP."""
    if not has_auc():
        return "osmo-auc-gen is not installed"
    with Sim() as sim:
        session = sim.port.open()
        v = generate("-s", "32")
        mask = hashlib.sha1(bytes.fromhex(v["IK"])).digest()[:8]
        mac = bytes(a ^ b for a, b in zip(bytes.fromhex(v["AUTN"])[8:], mask)).hex()
        data, sw = sim.port.apdu(f"0088008423dd10{v['RAND']}10{v['AUTN'][:16]}{mac}", session)
        if data[:4] == "dc0e":  # the card of the test has seen higher numbers
            v = generate("-r", v["RAND"], "-A", data[4:])
            mask = hashlib.sha1(bytes.fromhex(v["IK"])).digest()[:8]
            mac = bytes(a ^ b for a, b in zip(bytes.fromhex(v["AUTN"])[8:], mask)).hex()
            data, sw = sim.port.apdu(f"0088008423dd10{v['RAND']}10{v['AUTN'][:16]}{mac}", session)
        res = bytes.fromhex(v["RES"])
        assert (data, sw) == ("db08" + (res[:-1] + bytes([res[-1] ^ 1])).hex(), "9000"), (data, sw)

        assert sim.port.apdu("00a4000c026fd6", session)[1] == "9000"
        content = "10" + v["RAND"] + "03" + b"x@y".hex() + "01" + b"z".hex()
        assert sim.port.apdu(f"00d60000{len(content) // 2:02x}{content}", session)[1] == "9000"
        naf, impi = b"keys.example.com" + bytes.fromhex("ff00000001"), b"a@b.example"
        names = "de%02x%s%02x%s" % (len(naf), naf.hex(), len(impi), impi.hex())
        data, sw = sim.port.apdu(f"00880084{len(names) // 2:02x}{names}", session)
        text = b"\x01" + b"".join(p + len(p).to_bytes(2, "big")
                                  for p in (b"gba-me", bytes.fromhex(v["RAND"]), impi, naf))
        key = hmac.new(bytes.fromhex(v["CK"] + v["IK"]), text, hashlib.sha256).hexdigest()
        assert (data, sw) == ("db20" + key, "9000"), (data, sw)


def resynchronises_with_an_independent_auc():
    """osmo-auc-gen plays the AuC: it opens our AUTS and its next vector is accepted."""
    if not has_auc():
        return "osmo-auc-gen is not installed"
    with Sim() as sim:
        session = sim.port.open()
        vector = generate("-s", "32")
        data, sw = sim.port.apdu(f"0088008122 10{vector['RAND']}10{vector['AUTN']}", session)
        assert sw == "9000" and data[:4] == "dc0e", (data, sw)
        vector = generate("-r", vector["RAND"], "-A", data[4:])
        data, sw = sim.port.apdu(f"0088008122 10{vector['RAND']}10{vector['AUTN']}", session)
        assert data == f"db08{vector['RES']}10{vector['CK']}10{vector['IK']}", (data, vector)


# --- dialects ---

def dialect_no_test_refuses_test_forms():
    with Sim(None, "--dialect", "no-test") as sim:
        assert sim.port.ask("AT+CGLA=?") == ["ERROR"]
        assert sim.port.open() == 1


def dialect_session_257_numbers_sessions_from_257():
    with Sim(None, "--dialect", "session-257") as sim:
        assert sim.port.open() == 257
        assert sim.port.apdu("00B0830004", 257) == ("00000002", "9000")
        assert sim.port.ask('AT+CGLA=1,10,"00B0830004"') == ["+CME ERROR: 21"]
        assert sim.port.ask("AT+CCHC=257") == ["OK"]


def dialect_no_space_has_no_space():
    with Sim(None, "--dialect", "no-space") as sim:
        assert sim.port.ask(f'AT+CCHO="{AID}"') == ["+CCHO:1", "OK"]
        assert sim.port.ask('AT+CGLA=1,10,"00B0830004"') == ['+CGLA:12,"000000029000"', "OK"]


def dialect_inline_fetches_by_itself():
    with Sim(card("t0=true"), "--dialect", "inline") as sim:
        session = sim.port.open()
        data, sw = sim.port.apdu("00A40004026F07", session)
        assert sw == "9000" and data.startswith("62")
        assert len(sim.port.apdu("00B0000000", session)[0]) == 18
        assert sim.port.apdu(f"0088008122 10{RAND}10{AUTN}", session)[0] == f"db08{RES}10{CK}10{IK}"


def dialect_no_cchc_leaves_closing_to_csim():
    with Sim(None, "--dialect", "no-cchc") as sim:
        session = sim.port.open()
        assert sim.port.ask(f"AT+CCHC={session}") == ["ERROR"]
        assert sim.status()["open"] == "2"
        assert sim.port.apdu(f"007080{session:02X}00") == ("", "9000")
        assert sim.status()["open"] == "1"


def dialect_busy_refuses_a_few_times():
    with Sim(None, "--dialect", "busy") as sim:
        answers = [sim.port.ask("AT+CIMI")[-1] for _ in range(4)]
        assert answers == ["+CME ERROR: 14", "+CME ERROR: 256", "+CME ERROR: 14", "OK"], answers


def dialect_csim_only_has_the_basic_channel():
    with Sim(None, "--dialect", "csim-only") as sim:
        for command in (f'AT+CCHO="{AID}"', "AT+CGLA=1,8,\"00A4030C\"", "AT+CCHC=1", "AT+CUAD",
                        "AT+CRSM=242", "AT+CCHO=?"):
            assert sim.port.ask(command) == ["ERROR"], command
        assert sim.port.apdu("00A4040C10" + AID) == ("", "9000")
        assert sim.port.apdu("00A4080C067FFF5FC04F05") == ("", "9000")
        assert sim.port.apdu("00B0000002") == ("ffff", "9000")


# --- control ---

def status_tells_no_identity():
    with Sim() as sim:
        reply = sim.control("status")
        assert IMSI not in reply and "89001" not in reply
        state = sim.status()
        assert state["sim"] == "ready" and state["registration"] == "idle"
        assert state["channels"] == "4" and state["port"] == "plugged"


def sim_out_and_in():
    with Sim() as sim:
        session = sim.port.open()
        assert sim.control("sim out") == "ok"
        assert sim.control("sim out").startswith("error ")
        sim.port.hear(b"+CPIN: NOT INSERTED")
        for command in ("AT+CPIN?", "AT+CIMI", f'AT+CCHO="{AID}"', 'AT+CGLA=1,8,"00A4030C"',
                        "AT+CSIM=8,\"00A4030C\"", "AT+CUAD", "AT+CRSM=242", "AT+CCID"):
            assert sim.port.ask(command) == ["+CME ERROR: 10"], command
        assert sim.control("dump 6F07").startswith("error ")
        assert sim.control("sim in") == "ok"
        assert sim.control("sim in").startswith("error ")
        sim.port.hear(b"+CPIN: READY")
        assert sim.port.ask(f"AT+CCHC={session}") == ["+CME ERROR: 21"]  # power was off
        other = sim.write("other", card().replace(IMSI, "001019876543210"))
        assert sim.control("sim out") == "ok"
        assert sim.control(f"sim in {other}") == "ok"
        sim.port.drain()
        assert sim.port.ask("AT+CIMI") == ["001019876543210", "OK"]
        assert sim.control("sim out") == "ok"
        assert "no such" in sim.control("sim in /proc/nonexistent").lower()
        assert sim.status()["sim"] == "out"


def pin_is_set_from_outside():
    with Sim() as sim:
        for verb, state in (("on", "pin"), ("off", "ready"), ("block", "blocked"),
                            ("unblock", "pin"), ("off", "ready")):
            assert sim.control(f"pin {verb}") == "ok"
            assert sim.status()["sim"] == state, verb
        assert sim.control("pin").startswith("error ")


def deregister_empties_the_keys():
    with Sim(card(rest="[files]\n7FFF/5FC0/4F05=" + "80" * 110 + "\n")) as sim:
        assert sim.control("deregister") == "ok"
        assert sim.control("dump 4F05") == "ok content=" + "ff" * 110


def delay_holds_answers_back():
    with Sim() as sim:
        assert sim.control("delay 2500") == "ok"
        start = time.monotonic()
        sim.port.write(b"AT\rAT\r")
        sim.control("urc +HELLO: 1")  # lines nobody asked for are not held
        limit = start + 60
        while sim.port.buffer.count(b"OK") < 2 and time.monotonic() < limit:
            sim.port.read_some(1)
        assert time.monotonic() - start > 4.9
        assert sim.port.buffer == b"\r\n+HELLO: 1\r\n" + b"\r\nOK\r\n" * 2, sim.port.buffer
        sim.port.drain()
        assert sim.control("reset") == "ok"
        assert sim.port.ask("AT") == ["OK"]
        assert sim.control("delay x").startswith("error ")


def fault_sw_hits_the_instruction_it_names():
    with Sim() as sim:
        session = sim.port.open()
        assert sim.control("fault sw 6F00 ins=B0 after=1 times=2") == "ok"
        results = [sim.port.apdu("00B0830004", session)[1] for _ in range(4)]
        assert results == ["9000", "6f00", "6f00", "9000"], results
        assert sim.control("fault sw 6985") == "ok"
        assert sim.port.apdu("00B0830004", session) == ("", "6985")
        assert sim.control("fault sw 6A81 ins=70") == "ok"
        assert sim.port.ask(f'AT+CCHO="{AID}"') == ["+CME ERROR: 20"]
        assert sim.port.ask(f'AT+CCHO="{AID}"')[-1] == "OK"


def fault_cme_answers_with_its_code():
    with Sim() as sim:
        assert sim.control("fault cme 14 times=2") == "ok"
        assert sim.port.ask("AT") == ["OK"]  # needs no card
        assert sim.port.ask("AT+CIMI") == ["+CME ERROR: 14"]
        assert sim.port.ask("AT+CPIN?") == ["+CME ERROR: 14"]
        assert sim.port.ask("AT+CPIN?") == ["+CPIN: READY", "OK"]
        assert sim.control("fault cme 100 ins=A4") == "ok"
        assert sim.port.ask(f'AT+CCHO="{AID}"')[-1] == "+CME ERROR: 100"


def fault_drop_truncate_and_garble_damage_answers():
    with Sim() as sim:
        whole = sim.port.raw("AT+CIMI")
        assert sim.control("fault drop") == "ok"
        sim.port.write(b"AT+CIMI\r")
        assert sim.port.drain(0.2) == b""
        assert sim.control("fault truncate") == "ok"
        sim.port.write(b"AT+CIMI\r")
        assert sim.port.hear(whole[:len(whole) // 2]) == whole[:len(whole) // 2]
        assert sim.control("fault garble") == "ok"
        garbled = sim.port.raw("AT+CIMI")
        assert garbled != whole and len(garbled) == len(whole)
        assert sim.port.raw("AT+CIMI") == whole


def fault_close_hangs_up_and_comes_back():
    with Sim() as sim:
        assert sim.control("fault close") == "ok"
        sim.port.write(b"AT+CIMI\r")
        try:
            sim.port.drain(60)
            raise AssertionError("no hang-up")
        except EOFError:
            pass
        sim.port.close()
        sim.port = Port(sim.at)
        assert sim.port.ask("ATE0")[-1] == "OK"
        assert sim.port.ask("AT+CIMI") == [IMSI, "OK"]


def reject_faults_that_make_no_sense():
    with Sim() as sim:
        for text in ("", " sw", " sw 9", " sw 10000", " sw xyz", " drop now", " cme", " cme -1",
                     " drop ins=100", " drop times=0", " drop after=x", " burn", " drop  times=1"):
            reply = sim.control(f"fault{text}")
            assert reply.startswith("error ") or text == " sw 9", (text, reply)


def channels_can_run_out():
    with Sim() as sim:
        assert sim.control("channels 1") == "ok"
        assert sim.port.ask(f'AT+CCHO="{AID}"') == ["+CME ERROR: 20"]
        assert sim.control("channels 20") == "ok"
        assert [sim.port.open() for _ in range(6)] == [1, 2, 3, 4, 5, 6]
        assert sim.port.apdu("00B0830004", 6) == ("00000002", "9000")  # class 4X
        for n in ("0", "21", "x", ""):
            assert sim.control(f"channels {n}".strip()).startswith("error "), n


def urc_is_said_at_once():
    with Sim() as sim:
        assert sim.control("urc +C5GREG: 1") == "ok"
        assert sim.port.hear(b"1\r\n") == b"\r\n+C5GREG: 1\r\n"
        assert sim.control("urc").startswith("error ")


def unplug_hangs_up_and_plug_comes_back():
    with Sim() as sim:
        sim.port.open()
        assert sim.control("unplug") == "ok"
        try:
            sim.port.drain(60)
            raise AssertionError("no hang-up")
        except EOFError:
            pass
        assert not os.path.lexists(sim.at)
        assert sim.status()["port"] == "unplugged"
        sim.port.close()
        assert sim.control("plug") == "ok" and sim.control("plug") == "ok"
        sim.port = Port(sim.at)
        assert sim.port.raw("AT").startswith(b"AT\r")  # settings are gone


def count_counts_commands_to_the_card():
    with Sim() as sim:
        sim.control("reset")
        assert sim.control("count") == "ok commands=0 bytes_in=0 bytes_out=0 lines=0"
        sim.port.ask("AT")
        session = sim.port.open()
        sim.port.apdu("00B0830004", session)
        assert sim.control("count") == "ok commands=3 bytes_in=31 bytes_out=11 lines=2"
        sim.control("reset")
        assert sim.control("count") == "ok commands=0 bytes_in=0 bytes_out=0 lines=0"


def control_survives_bad_lines():
    with Sim() as sim:
        for line in ("", "help", "sim", "sim x", "dump", "dump ZZZZ", "dump 7FFF", "dump 7FFF/6F",
                     "status now", "unplug x", "pin x", "\x01", "delay -1"):
            assert sim.control(line).startswith("error "), line
        with socket.socket(socket.AF_UNIX) as s:  # several lines, then one without end
            s.connect(sim.sock)
            s.sendall(b"count\ncount\nst")
            file = s.makefile()
            assert file.readline().startswith("ok ") and file.readline().startswith("ok ")
            s.sendall(b"atus\n")
            assert file.readline().startswith("ok sim=")
        with socket.socket(socket.AF_UNIX) as s:  # a flood is cut off
            s.settimeout(60)
            s.connect(sim.sock)
            try:
                for _ in range(100):
                    s.sendall(b"a" * 1000)
                s.recv(10)
                closed = s.recv(10) == b""
            except OSError:
                closed = True
            assert closed
        assert sim.status()["sim"] == "ready"


# --- registration at the lab core ---

LAB = os.path.join(BUILD, "src/lab/akma-lab")


class Core:
    """A running lab core with one subscriber."""

    def __init__(self, sqn="ff9bb4d0b607", k=K, imsi=IMSI, listen="127.0.0.1:0"):
        self.dir = tempfile.TemporaryDirectory(prefix="modemsim-core-")
        subscribers = os.path.join(self.dir.name, "subscribers")
        ready = os.path.join(self.dir.name, "ready")
        with open(subscribers, "w") as file:
            file.write(f"[subscriber {imsi}]\nk={k}\nopc={OPC}\nsqn={sqn}\nakma=true\n")
        self.process = subprocess.Popen(
            [LAB, "--subscribers", subscribers, "--listen", listen, "--ready", ready],
            stderr=subprocess.DEVNULL)
        limit = time.monotonic() + 60
        while not os.path.exists(ready):
            assert self.process.poll() is None and time.monotonic() < limit, "no core"
            time.sleep(0.01)
        with open(ready) as file:
            pairs = dict(line.strip().split("=", 1) for line in file)
        self.address = pairs["core"]
        self.url = "http://" + self.address

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)
        self.dir.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.stop()


def k_ausf(sim):
    reply = sim.control("dump 4F05")
    assert reply.startswith("ok content="), reply
    content = tlvs(bytes.fromhex(reply.split("=")[1]))
    assert [tag for tag, _ in content] == [0x80, 0x81, 0x82, 0x83, 0x84], content
    assert len(content[0][1]) == 32 and len(content[1][1]) == 32
    return content[0][1]


#= TS 27.007 10.1.47
def registers_before_it_is_ready():
    with Core() as core, Sim(None, "--core", core.url) as sim:
        first = k_ausf(sim)
        assert sim.port.ask("AT+C5GREG?") == ["+C5GREG: 0,1", "OK"]
        assert sim.port.ask("AT+C5GREG=2;+C5GREG?") == [
            '+C5GREG: 2,1,"000001","000000001",11', "OK"]
        assert sim.port.ask("AT+COPS?") == ['+COPS: 0,2,"00101",11', "OK"]
        # the client reads over AT what the phone left
        session = sim.port.open()
        assert read_file(sim.port, session, "7FFF5FC04F05", 34)[0] == "8020" + first.hex()
        assert sim.control("register") == "ok"
        second = k_ausf(sim)
        assert second != first
        said = sim.port.hear(b"+C5GREG: 1,")
        assert b"+C5GREG: 2\r\n" in said, said
        assert sim.control("deregister") == "ok"
        assert sim.control("dump 4F05") == "ok content=" + "ff" * 110
        assert sim.port.hear(b"0\r\n") == b"\r\n+C5GREG: 0\r\n"
        assert sim.control("register") == "ok" and k_ausf(sim) != second
        for secret in (first, second):
            assert secret.hex() not in sim.log().lower()


def resynchronises_once_with_the_core():
    with Core(sqn="000000000020") as core, Sim(None, "--core", core.url) as sim:
        k_ausf(sim)
        assert "resynchronise" in sim.log()


def a_t0_card_registers_too():
    with Core() as core, Sim(card("t0=true"), "--core", core.url) as sim:
        k_ausf(sim)


def roams_in_another_network():
    with Core() as core, Sim(card("", f"opc={OPC}\nsqn=ff9bb4d0b5e7\nplmn=26201"),
                             "--core", core.url) as sim:
        assert sim.port.ask("AT+C5GREG?") == ["+C5GREG: 0,5", "OK"]


def reject_core_with_another_key():
    with Core(k="00" * 16) as core:
        with Sim(None, "--core", core.url, client=False, wait=False) as sim:
            sim.wait_for("registration", "denied")
            assert not os.path.exists(sim.path("ready"))
            assert "the card refuses" in sim.log()
            assert sim.control("register").startswith("error ")


def reject_unknown_subscriber():
    with Core(imsi="001010000000009") as core:
        with Sim(None, "--core", core.url, client=False, wait=False) as sim:
            sim.wait_for("registration", "denied")
            assert "answers 404" in sim.log()


def a_core_that_comes_late_is_found():
    with contextlib.ExitStack() as nobody:
        address = nobody.enter_context(harness.refusing_address())
        with Sim(None, "--core", "http://" + address, client=False, wait=False) as sim:
            sim.wait_for("registration", "searching")
            assert not os.path.exists(sim.path("ready"))
            nobody.close()
            with Core(listen=address):
                sim.wait_ready()
                k_ausf(sim)


def registers_again_after_pin_radio_and_card():
    with Core() as core, Sim(card("pin-enabled=true"), "--core", core.url) as sim:
        assert sim.status()["registration"] == "idle"  # ready, but waits for its PIN
        assert sim.port.ask('AT+CPIN="1234"')[-1] == "OK"
        sim.wait_for("registration", "home")
        assert sim.port.ask("AT+CFUN=4") == ["OK"]
        assert sim.status()["registration"] == "idle"
        assert sim.port.ask("AT+CFUN=1") == ["OK"]
        sim.wait_for("registration", "home")
        first = k_ausf(sim)
        assert sim.control("pin off") == "ok"
        assert sim.control("sim out") == "ok"
        assert sim.status()["registration"] == "idle"
        assert sim.control("sim in") == "ok"
        sim.wait_for("registration", "home")
        assert k_ausf(sim) != first


# --- the program ---

def reload_changes_the_card():
    with Sim() as sim:
        sim.write("card", card().replace(IMSI, "001010000000001"))
        sim.process.send_signal(signal.SIGHUP)
        sim.port.hear(b"+CPIN: READY")
        assert sim.port.ask("AT+CIMI") == ["001010000000001", "OK"]
        sim.write("card", "[card]\nnonsense=1\n")
        sim.process.send_signal(signal.SIGHUP)
        sim.wait_log("nonsense: no such key")
        assert sim.port.ask("AT+CIMI") == ["001010000000001", "OK"]


def run(*options):
    return subprocess.run([PROGRAM, *options], capture_output=True, text=True, timeout=60)


def help_and_version():
    result = run("--help")
    assert result.returncode == 0 and "lab" in result.stdout and "--mbim" in result.stdout
    result = run("--version")
    assert result.returncode == 0 and result.stdout.startswith("akma-modemsim ")


def reject_wrong_usage():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "card")
        with open(path, "w") as file:
            file.write(card())
        at = os.path.join(folder, "at")
        for options in ((), ("--card", path), ("--at", at), ("--card", path, "--at", at, "more"),
                        ("--card", path, "--at", at, "--mbim", folder),
                        ("--card", path, "--at", at, "--qmi", folder),
                        ("--card", path, "--at", at, "--dialect", "french"),
                        ("--card", path, "--at", at, "--log-level", "loud"),
                        ("--card", path, "--at", folder),
                        ("--card", path, "--at", folder + "/no/where")):
            result = run(*options)
            assert result.returncode == 2, (options, result)
            assert result.stderr.startswith("akma-modemsim: ") and "\n  next: " in result.stderr
            assert not os.path.lexists(at)


def reject_bad_card_files():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "card")
        for text in (None, "", "[card]\n", card(usim=""), card(usim=f"opc={OPC}\nop={OP}"),
                     card(usim=f"opc={OPC[2:]}"), card(usim=f"opc={OPC}\nsqn=00"),
                     card(usim=f"opc={OPC}\nservices=0"), card(usim=f"opc={OPC}\nservices=161"),
                     card(usim=f"opc={OPC}\nmnc-length=4"), card(usim=f"opc={OPC}\nplmn=1"),
                     card(usim=f"opc={OPC}\nrouting-indicator=12345"), card("pin=12"),
                     card("pin=12345678901"), card("puk=1234"), card("aid=A000"), card("channels=0"),
                     card("channels=21"), card("t0=maybe"), card("aid=" + "A0" * 17),
                     card().replace(IMSI, "12345"), card().replace(IMSI, "0010101234567890"),
                     card(rest="[isim]\nimpi=x\n"), card(rest="[files]\n7FFF/4F05=00\n"),
                     card(rest="[files]\n7FFF=00\n"), card(rest="[files]\n2F00=00\n"),
                     card(rest="[files]\n6F07=0\n"), card(rest="[files]\n6F07=\n"),
                     card(rest="[files]\n6F07=" + "00" * 4097 + "\n")):
            if text is not None:
                with open(path, "w") as file:
                    file.write(text)
            result = run("--card", path, "--at", os.path.join(folder, "at"))
            assert result.returncode == 6, (text, result)
            assert path in result.stderr or "[files]" in result.stderr, result.stderr


def main():
    tests = [f for n, f in list(globals().items())
             if callable(f) and f.__module__ == "__main__" and n not in HELPERS]
    only = sys.argv[1:]
    failed = 0
    print(f"1..{len(tests)}", flush=True)
    for number, test in enumerate(tests, 1):
        if only and test.__name__ not in only:
            continue
        try:
            skip = test()
            print(f"ok {number} - {test.__name__}" + (f" # SKIP {skip}" if skip else ""), flush=True)
        except Exception as error:  # every failure is a line, not the end
            failed += 1
            print(f"not ok {number} - {test.__name__}\n# {type(error).__name__}: {error}", flush=True)
            trace = error.__traceback__
            while trace.tb_next and trace.tb_next.tb_frame.f_code.co_filename == __file__:
                trace = trace.tb_next
            print(f"# line {trace.tb_lineno}", flush=True)
    return 1 if failed else 0


HELPERS = ("card", "tlvs", "Port", "Sim", "Core", "k_ausf", "read_file", "run", "main", "has_auc",
           "generate")

if __name__ == "__main__":
    sys.exit(main())
