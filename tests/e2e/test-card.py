#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The agent's side of the card against the simulated modem over its pty: every dialect, every
fault. What it should find is computed here from the content of EF_5GAUTHKEYS."""
import hashlib
import os
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import aka
import derive
import tap

BUILD = os.environ.get("top_builddir", ".")
SIM = os.path.join(BUILD, "modem/simulator/akma-modemsim")
TOOL = os.path.join(BUILD, "tests/e2e/card-tool")
DIALECTS = "plain no-test session-257 no-space inline no-cchc busy csim-only".split()
IMSI = "001010123456789"
K, OPC = "465b5ce8b199b49faa5f0a2ee238a6bc", "cd63cb71954a9f4e48a5994e37a02baf"  # TS 35.208 set 1
K_AUSF = bytes.fromhex("474698caf02cc715db2ec0726510cfee6caa5bb1a649cb01224f2e23af94de1b")
KEYS = "80 20 {} 81 20 {} ".replace(" ", "").format(K_AUSF.hex(), "55" * 32) + "ff" * 42

CARD = """[card]
iccid={iccid}
{card}
[usim]
imsi={imsi}
k={k}
opc={opc}
{usim}
{keys}
"""


class Modem:
    def __init__(self, dialect="plain", card="", usim="routing-indicator=17", keys=KEYS, imsi=IMSI):
        self.folder = tempfile.TemporaryDirectory()
        self.at, self.socket = self.path("at"), self.path("control")
        self.write("card", card, usim, keys, imsi)
        self.process = subprocess.Popen(
            [SIM, "--card", self.path("card"), "--at", self.at, "--control", self.socket,
             "--dialect", dialect, "--ready", self.path("ready")], stderr=subprocess.DEVNULL)
        assert tap.eventually(lambda: os.path.exists(self.path("ready")), 60)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def write(self, name, card="", usim="", keys=KEYS, imsi=IMSI, iccid="8900101234567890123"):
        with open(self.path(name), "w") as file:
            files = "[files]\n7FFF/5FC0/4F05=" + keys if keys else ""
            file.write(CARD.format(k=K, opc=OPC, iccid=iccid, card=card, imsi=imsi, usim=usim, keys=files))
        return self.path(name)

    def control(self, line):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(60)
            s.connect(self.socket)
            s.sendall(line.encode() + b"\n")
            answer = s.makefile().readline().strip()
        assert answer.startswith("ok"), "%s: %s" % (line, answer)
        return dict(p.split("=", 1) for p in answer.split()[1:] if "=" in p)

    def start(self, *actions, timeout=10000):
        return subprocess.Popen([TOOL, self.at, str(timeout), *actions], text=True,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def run(self, *actions, timeout=10000):
        return finish(self.start(*actions, timeout=timeout))

    def channels(self):
        """Logical channels that are open, without the basic one."""
        return int(self.control("status")["open"]) - 1

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.process.terminate()
        self.process.wait(60)
        self.folder.cleanup()


def finish(tool):
    out, err = tool.communicate(timeout=60)
    assert IMSI not in out + err, "an identity in the output"
    assert "Sanitizer" not in err and "runtime error" not in err and "CRITICAL" not in err, err
    return out.splitlines()


def expected(rid="17", imsi=IMSI, k_ausf=K_AUSF):
    digest = hashlib.sha256(derive.k_af(k_ausf, imsi, "keys.example.com")).hexdigest()
    return "ok kid=%s first_key_sha256=%s" % (derive.a_kid(k_ausf, imsi, rid), digest)


def same(got, want):
    assert got == want, "got %r, want %r" % (got, want)


def starts(line, start):
    assert line.startswith(start), "got %r, want %r" % (line, start)


@tap.test
def every_dialect_gives_the_same_anchor():
    for dialect in DIALECTS:
        for card in ("t0=false", "t0=true"):
            with Modem(dialect, card) as modem:
                same(modem.run("read", "read"), [expected()] * 2)
                if dialect != "no-cchc":
                    same(modem.channels(), 0)


@tap.test
def state_tells_manufacturer_and_card_without_its_number():
    with Modem() as modem:
        line, = modem.run("state")
        starts(line, "ok sim=ready registration=idle sim_id=")
        assert "manufacturer=akmad" in line and "8900101" not in line
        assert len(line.split("sim_id=")[1].split()[0]) == 32


def challenge(usim, sqn, amf=b"\x80\x00"):
    """RAND and AUTN of the operator for @sqn, made with the formulas of aka.py."""
    rand = os.urandom(16)
    sqn = sqn.to_bytes(6, "big")
    ak = usim._out(rand, 0, 1)[:6]
    return rand, aka.xor(sqn, ak) + amf + usim.f1(rand, sqn, amf)[0]


def auth(rand, autn):
    return "auth:%s:%s" % (rand.hex(), autn.hex())


@tap.test
def authenticate_gives_res_and_keys_and_a_replay_gives_auts():
    for dialect, card in (("plain", ""), ("plain", "t0=true"), ("csim-only", "t0=true")):
        operator = aka.Usim(K, OPC)
        with Modem(dialect=dialect, card=card) as modem:
            rand, autn = challenge(operator, 32)
            res, ck, ik = operator.authenticate(rand, autn)
            first, replay = modem.run(auth(rand, autn), auth(rand, autn))
            same(first, "ok res=%s keys_sha256=%s" % (
                res.hex(), hashlib.sha256(ck + ik).hexdigest()))
            same(replay, "ok auts=" + operator.auts(rand).hex())
            same(modem.channels(), 0)


@tap.test
def reject_autn_with_a_wrong_mac():
    with Modem() as modem:
        rand, autn = challenge(aka.Usim(K, OPC), 32)
        starts(modem.run(auth(rand, autn[:-1] + bytes([autn[-1] ^ 1])))[0], "error AnchorRejected")
        same(modem.channels(), 0)


@tap.test
def reject_card_without_service_123():
    with Modem(usim="services=68", keys="") as modem:
        lines = modem.run("read", "probe")
        starts(lines[0], "error AnchorUnsupported: ")
        assert "123" in lines[0]
        same(lines[1], "ok anchors=gba-me,gba-u")


@tap.test
def card_without_service_124_has_routing_indicator_0():
    with Modem(usim="services=123") as modem:
        same(modem.run("read"), [expected("0")])


@tap.test
def reject_empty_key_file():
    with Modem(keys="ff" * 110) as modem:
        starts(modem.run("read")[0], "error AnchorNotReady: ")


@tap.test
def key_behind_another_object_is_found():
    keys = "8120" + "55" * 32 + "8020" + K_AUSF.hex() + "ff" * 42
    with Modem(keys=keys) as modem:
        same(modem.run("read"), [expected()])


@tap.test
def reject_missing_locked_and_blocked_card():
    def all_of_them(ms):
        with Modem() as modem:
            for verb, error in (("pin on", "PinRequired"), ("pin block", "SimBlocked"),
                                ("sim out", "NoSim")):
                modem.control(verb)
                starts(modem.run("read", timeout=ms)[0], "error %s: " % error)
    tap.patiently(all_of_them, 800, 10000)


@tap.test
def swapped_card_is_another_sim_id_and_anchor():
    with Modem() as modem:
        other = modem.write("other", imsi="001010123456780", usim="routing-indicator=5",
                            iccid="8900101234567890999")
        tool = modem.start("state", "read", "other", "state", "read")
        lines = [tool.stdout.readline(), tool.stdout.readline().strip()]
        modem.control("sim out")
        modem.control("sim in " + other)
        lines += finish(tool)
        same(lines[1], expected())
        same(lines[3], expected("5", "001010123456780"))
        ids = [line.split("sim_id=")[1].split()[0] for line in (lines[0], lines[2])]
        assert ids[0] != ids[1] and "" not in ids, ids


@tap.test
def card_swapped_at_any_moment_gives_no_mixture():
    """Whatever is read is all of one card, and the read after it is of the one that is there."""
    for dialect in ("plain", "csim-only"):
        for ms in range(0, 100, 20):
            with Modem(dialect) as modem:
                other = modem.write("other", imsi="001010123456780", usim="routing-indicator=5",
                                    iccid="8900101234567890999", keys="8020" + "44" * 32)
                anchors = expected(), expected("5", "001010123456780", b"\x44" * 32)
                tool = modem.start("read", "sleep:100", "read")
                same(tool.stdout.readline().strip(), anchors[0])
                modem.control("delay 20")
                time.sleep((100 + ms) / 1000)
                modem.control("sim out")
                modem.control("sim in " + other)
                modem.control("delay 0")
                line, = finish(tool)
                assert line in anchors or line.startswith("error "), (dialect, ms, line)
                same((dialect, ms, modem.run("read")), (dialect, ms, [anchors[1]]))


def fault_at(fault, after, error, ms):
    with Modem() as modem:
        tool = modem.start("read", "wait", "read", "sleep:400", "read", timeout=ms)
        lines = [tool.stdout.readline().strip()]
        modem.control("fault %s after=%d times=1" % (fault, after))
        lines += finish(tool)
        assert len(lines) == 3, lines
        same(lines[0], expected())
        assert lines[1] == expected() or lines[1].startswith("error %s: " % error), lines
        same(lines[2], expected())
        assert fault != "drop" or "no answer" in lines[1], lines
        if after > 0:
            same(modem.channels(), 0)


@tap.test
def fault_at_any_command_is_an_error_and_the_next_read_works():
    faults = (("sw 6F00", "ModemFailed"), ("drop", "ModemFailed"), ("garble", "ModemFailed"),
              ("truncate", "ModemFailed"), ("cme 100", "ModemFailed"))
    for fault, error in faults:
        for after in (0, 2, 3):
            tap.patiently(lambda ms: fault_at(fault, after, error, ms), 150, 3000)


@tap.test
def reject_when_no_channel_is_left():
    with Modem() as modem:
        modem.control("channels 1")
        starts(modem.run("read")[0], "error ModemFailed: ")


@tap.test
def unplugging_is_an_error_and_not_a_hang():
    with Modem() as modem:
        modem.control("reset")
        modem.control("delay 300")
        tool = modem.start("read", "read", timeout=60000)
        assert tap.eventually(lambda: int(modem.control("count")["lines"]) > 7, 60)
        modem.control("unplug")
        lines = finish(tool)
        starts(lines[0], "error ")
        starts(modem.run("read")[0], "error NoModem: ")


@tap.test
def unsolicited_lines_do_not_disturb():
    with Modem() as modem:
        tool = modem.start(*["read"] * 10)
        for _ in range(60):
            modem.control("urc +CREG: 1")
            time.sleep(0.003)
        same(finish(tool), [expected()] * 10)


@tap.test
def cold_read_takes_twelve_commands_at_most_and_an_unchanged_card_six():
    with Modem() as modem:
        modem.control("reset")
        modem.run("state")
        opened = int(modem.control("count")["commands"])
        modem.control("reset")
        modem.run("read")
        cold = int(modem.control("count")["commands"]) - opened
        modem.control("reset")
        modem.run("read", "read")
        warm = int(modem.control("count")["commands"]) - opened - cold
        print("# to open: %d, cold: %d, unchanged: %d" % (opened, cold, warm))
        assert cold <= 12 and warm <= 6


if not os.path.exists(SIM):
    tap.skip_all("akma-modemsim is not built")
tap.main()
