#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The MBIM transport against the simulated modem: every dialect, every fault, directly and through
the real mbim-proxy. What it should find is computed here."""
import hashlib
import os
import pty
import select
import shutil
import signal
import struct
import subprocess
import sys
import threading
import time
import tty
import uuid

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import aka
import derive
import memscan
import modemsim
import tap

TOOL = os.path.join(modemsim.BUILD, "tests/e2e/card-tool")
PROXY = "/usr/libexec/mbim-proxy"
DIALECTS = ("plain mbim-p2-0c mbim-class-inter mbim-class-extended mbim-no-le mbim-61xx mbim-sw-be "
            "mbim-no-auth mbim-no-uicc-files").split()
K_AUSF = bytes.fromhex("474698caf02cc715db2ec0726510cfee6caa5bb1a649cb01224f2e23af94de1b")
KEYS = "8020" + K_AUSF.hex() + "8120" + "55" * 32 + "ff" * 42


def card(extra="", usim="routing-indicator=17", keys=KEYS, imsi=modemsim.IMSI,
         iccid=modemsim.ICCID):
    return "[card]\niccid=%s\n%s\n[usim]\nimsi=%s\nk=%s\nopc=%s\n%s\n%s\n" % (
        iccid, extra, imsi, modemsim.K, modemsim.OPC, usim,
        "[files]\n7FFF/5FC0/4F05=" + keys if keys else "")


class Modem(modemsim.Sim):
    def __init__(self, dialect="plain", text=None):
        super().__init__("--dialect", dialect, text=text or card(), secrets=(K_AUSF.hex(),))

    def start(self, *actions, timeout=10000, proxy="never", prefix=(), options=()):
        return subprocess.Popen(
            [*prefix, TOOL, "--protocol=mbim", "--proxy=" + proxy, *options, self.path("mbim"),
             str(timeout), *actions], text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def run(self, *actions, **how):
        return finish(self.start(*actions, **how))

    def channels(self):
        """Logical channels that are open, without the basic one."""
        return int(self.ok("status")["open"]) - 1

    def commands(self):
        return int(self.ok("count")["commands"])


def finish(tool):
    out, err = tool.communicate(timeout=60)
    assert modemsim.IMSI not in out + err, "an identity in the output"
    assert "Sanitizer" not in err and "runtime error" not in err and "CRITICAL" not in err, err
    return out.splitlines()


def expected(rid="17", imsi=modemsim.IMSI, k_ausf=K_AUSF):
    digest = hashlib.sha256(derive.k_af(k_ausf, imsi, "keys.example.com")).hexdigest()
    return "ok kid=%s first_key_sha256=%s" % (derive.a_kid(k_ausf, imsi, rid), digest)


def same(got, want):
    assert got == want, "got %r, want %r" % (got, want)


def fails(line, name):
    assert line.startswith("error %s: " % name), "got %r, want the error %s" % (line, name)


def challenge(usim, sqn, amf=b"\x80\x00"):
    rand = os.urandom(16)
    sqn = sqn.to_bytes(6, "big")
    ak = usim._out(rand, 0, 1)[:6]
    return rand, aka.xor(sqn, ak) + amf + usim.f1(rand, sqn, amf)[0]


def auth(rand, autn):
    return "auth:%s:%s" % (rand.hex(), autn.hex())


@tap.test
def every_dialect_gives_the_same_anchor():
    for dialect in DIALECTS:
        for extra in ("t0=false", "t0=true"):
            with Modem(dialect, card(extra)) as modem:
                same(modem.run("read", "read"), [expected()] * 2)
                same(modem.channels(), 0)


@tap.test
def authenticate_is_the_same_by_the_modem_and_by_apdu():
    for dialect in DIALECTS:
        operator = aka.Usim(modemsim.K, modemsim.OPC)
        with Modem(dialect) as modem:
            rand, autn = challenge(operator, 32)
            bad = autn[:-1] + bytes([autn[-1] ^ 1])
            res, ck, ik = operator.authenticate(rand, autn)
            first, replay, wrong = modem.run(auth(rand, autn), auth(rand, autn), auth(rand, bad))
            same(first, "ok res=%s keys_sha256=%s" % (
                res.hex(), hashlib.sha256(ck + ik).hexdigest()))
            same(replay, "ok auts=" + operator.auts(rand).hex())
            fails(wrong, "AnchorRejected")
            same(modem.channels(), 0)


@tap.test
def key_behind_another_object_is_found():
    keys = "8120" + "55" * 32 + "8020" + K_AUSF.hex() + "ff" * 42
    for dialect in ("plain", "mbim-no-uicc-files", "mbim-no-le"):
        with Modem(dialect, card(keys=keys)) as modem:
            same(modem.run("read"), [expected()])
            same(modem.channels(), 0)


@tap.test
def reject_card_without_service_empty_file_and_other_application():
    for dialect in ("plain", "mbim-no-uicc-files"):
        with Modem(dialect, card(usim="services=68", keys="")) as modem:
            line = modem.run("read")[0]
            fails(line, "AnchorUnsupported")
            assert "123" in line
        with Modem(dialect, card(keys="ff" * 110)) as modem:
            fails(modem.run("read")[0], "AnchorNotReady")
        with Modem(dialect, card("aid=A0000000871004FFFFFFFF8907090000")) as modem:
            fails(modem.run("read")[0], "AnchorUnsupported")
            same(modem.channels(), 0)


@tap.test
def state_names_the_model_and_the_card():
    with Modem() as modem:
        line, query = modem.run("state", "query")
        assert line.startswith("ok sim=ready registration=idle sim_id="), line
        assert "model=Simulated modem" in line and modemsim.ICCID[:8] not in line, line
        assert len(line.split("sim_id=")[1].split()[0]) == 32
        same(query, "ok sim=ready registration=idle pin_tries=-1")


@tap.test
def reject_missing_locked_and_blocked_card():
    for dialect in ("plain", "mbim-no-uicc-files"):
        with Modem(dialect) as modem:
            for verb, error, state in (("pin on", "PinRequired", "pin-required"),
                                       ("pin block", "SimBlocked", "blocked"),
                                       ("sim out", "NoSim", "absent")):
                modem.ok(verb)
                line, query = modem.run("read", "query")
                fails(line, error)
                assert query.startswith("ok sim=%s " % state), query
                assert modem.channels() <= 0, "a channel is open"


@tap.test
def pin_is_counted_verified_and_blocked():
    with Modem(text=card("pin=2468\npin-enabled=true")) as modem:
        lines = modem.run("query", "pin:1111", "query", "pin:2468", "query", "refresh", "read")
        same(lines[0], "ok sim=pin-required registration=idle pin_tries=3")
        fails(lines[1], "PinRequired")
        same(lines[2], "ok sim=pin-required registration=idle pin_tries=2")
        same(lines[3], "ok")
        same(lines[4], "ok sim=ready registration=idle pin_tries=-1")
        same(lines[6], expected())
    with Modem(text=card("pin=2468\npin-enabled=true")) as modem:
        lines = modem.run("pin:1111", "pin:1111", "pin:1111", "query", "pin:2468")
        fails(lines[1], "PinRequired")
        fails(lines[2], "SimBlocked")
        same(lines[3], "ok sim=blocked registration=idle pin_tries=0")
        fails(lines[4], "SimBlocked")


@tap.test
def swapped_card_is_another_sim_id_and_anchor():
    with Modem() as modem:
        other = modem.write("other", card(imsi="001010123456780", usim="routing-indicator=5",
                                          iccid="8900101234567890999"))
        tool = modem.start("state", "read", "other", "state", "read")
        lines = [tool.stdout.readline(), tool.stdout.readline().strip()]
        modem.ok("sim out")
        modem.ok("sim in " + other)
        lines += finish(tool)
        same(lines[1], expected())
        same(lines[3], expected("5", "001010123456780"))
        ids = [line.split("sim_id=")[1].split()[0] for line in (lines[0], lines[2])]
        assert ids[0] != ids[1] and "" not in ids, ids


def take(fd):
    """What is there; nothing, if whoever opened the port has flushed it since select()."""
    try:
        return os.read(fd, 4096)
    except BlockingIOError:
        return b""


def put(fd, data):
    while data:
        select.select([], [fd], [])
        data = data[os.write(fd, data):]


class Wire:
    """A port before that of the modem. Answers to commands and opening are counted from 0; what
    becomes of the @nth is @fault: drop, garble, truncate, unplug, other (to another command), busy,
    refuse, empty (says that it brings nothing), long (says that it brings more than it does), or
    strange (the modem says that nobody has opened it). What the host sent is in @sent."""

    def __init__(self, modem, fault=None, nth=-1):
        self.fault, self.nth, self.count = fault, nth, 0
        self.sent = b""
        self.modem = os.open(modem.path("mbim"), os.O_RDWR | os.O_NOCTTY)
        self.host, self.slave = pty.openpty()
        for fd in (self.modem, self.slave):
            tty.setraw(fd)
        for fd in (self.modem, self.host):
            os.set_blocking(fd, False)
        self.path = os.ttyname(self.slave)
        self.ended, self.end = os.pipe()
        self.thread = threading.Thread(target=self.relay)
        self.thread.start()

    def relay(self):
        pending = b""
        ports = [self.host, self.modem]
        while True:
            ready = select.select([*ports, self.ended], [], [])[0]
            if self.ended in ready:
                return
            if self.host in ready:
                chunk = take(self.host)
                self.sent += chunk
                put(self.modem, chunk)
            if self.modem not in ready:
                continue
            pending += take(self.modem)
            while self.host and len(pending) >= 12 and len(pending) >= struct.unpack_from("<I", pending, 4)[0]:
                size = struct.unpack_from("<I", pending, 4)[0]
                message, pending = pending[:size], pending[size:]
                if not self.forward(message):
                    ports.remove(self.host)
                    self.unplug()

    def forward(self, message):
        kind = struct.unpack_from("<I", message)[0]
        if kind not in (0x80000001, 0x80000003):
            put(self.host, message)
            return True
        mine, self.count = self.count == self.nth, self.count + 1
        if not mine or self.fault is None:
            put(self.host, message)
        elif self.fault == "garble":
            put(self.host, message[:44] + bytes(b ^ 0xa5 for b in message[44:]))
        elif self.fault == "other":
            put(self.host, message[:36] + b"\x63" + message[37:])
        elif self.fault in ("busy", "refuse") and kind == 0x80000003:
            status = 1 if self.fault == "busy" else 2
            put(self.host, message[:4] + struct.pack("<I", 48) + message[8:40] +
                struct.pack("<II", status, 0))
        elif self.fault in ("empty", "long") and kind == 0x80000003:
            size = 0 if self.fault == "empty" else 0xffffffff
            put(self.host, message[:44] + struct.pack("<I", size) + message[48:])
        elif self.fault == "strange":
            put(self.host, struct.pack("<II", 0x80000004, 16) + message[8:12] +
                struct.pack("<I", 5))
        elif self.fault == "truncate":
            put(self.host, message[:len(message) // 2])
        return not (mine and self.fault == "unplug")

    def unplug(self):
        os.close(self.slave)
        os.close(self.host)
        self.slave = self.host = None

    def __enter__(self):
        return self

    def __exit__(self, *what):
        os.write(self.end, b".")
        self.thread.join()
        for fd in (self.modem, self.host, self.slave, self.ended, self.end):
            if fd is not None:
                os.close(fd)


def through(modem, *actions, fault=None, nth=-1, timeout=100):
    """The lines of card-tool and how many answers there were."""
    with Wire(modem, fault, nth) as wire:
        began = time.monotonic()
        lines = finish(subprocess.Popen(
            [TOOL, "--protocol=mbim", "--proxy=never", wire.path, str(timeout), *actions],
            text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE))
        assert time.monotonic() - began < 20, (fault, nth, lines)
        return lines, wire.count


def try_fault(modem, actions, fault, nth, names, ms):
    lines = through(modem, *actions, fault=fault, nth=nth, timeout=ms)[0]
    assert len(lines) == 1, (fault, nth, lines)
    if lines[0] != expected():
        assert lines[0].split(":")[0] in ["error " + name for name in names], (nth, lines)
    same(modem.run("read"), [expected()])
    # a port that was lost could not be told; what is left is used when there is no other
    if fault not in ("unplug", "strange"):
        same((fault, nth, modem.channels()), (fault, nth, 0))


def try_fault_at_every_answer(dialect, fault, names, actions=("read",)):
    with Modem(dialect) as modem:
        lines, answers = through(modem, *actions, timeout=10000)
        same(lines, [expected()])
        for nth in range(answers):
            tap.patiently(lambda ms: try_fault(modem, actions, fault, nth, names, ms), 100, 2000)


@tap.test
def a_lost_answer_at_any_step_is_an_error_and_leaves_no_channel():
    for dialect in ("plain", "mbim-no-uicc-files"):
        try_fault_at_every_answer(dialect, "drop", ["ModemFailed"])


@tap.test
def reject_garbled_and_truncated_answers_at_any_step():
    for fault in ("garble", "other", "truncate"):
        try_fault_at_every_answer("mbim-no-uicc-files", fault, [
            "ModemFailed", "NoSim", "PinRequired", "AnchorUnsupported", "SimBlocked"])


@tap.test
def reject_an_answer_that_does_not_fit_the_question():
    """Service and command at 20, status at 40, length at 44, as the standard has them."""
    #= MBIM 1.0 9.4
    with Modem() as modem:
        for fault, said, ms in (("other", "garbled its answer", 10000), ("empty", "garbled", 10000),
                                ("refuse", "asking the modem for its services", 10000),
                                ("long", "no answer", 1000)):
            line = through(modem, "read", fault=fault, nth=1, timeout=ms)[0][0]
            fails(line, "ModemFailed")
            assert said in line, (fault, line)


@tap.test
def only_the_indications_of_card_and_registration_are_asked_for():
    #= MBIM 1.0 10.5.30
    basic = uuid.UUID("a289cc33-bcbb-8b4f-b6b0-133ec2aae6df").bytes
    wanted = struct.pack("<III", 1, 12, 28) + basic + struct.pack("<III", 2, 2, 9)
    with Modem() as modem, Wire(modem) as wire:
        lines = finish(subprocess.Popen(
            [TOOL, "--protocol=mbim", "--proxy=never", wire.path, "10000", "query"],
            text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE))
        same(lines, ["ok sim=ready registration=idle pin_tries=-1"])
        command = basic + struct.pack("<III", 19, 1, len(wanted)) + wanted
        same(wire.sent.count(command), 1)
        same(wire.sent.count(command[:20]), 1)


@tap.test
def only_a_status_word_that_may_be_the_way_is_answered_with_another_way():
    """The first command that the modem is sent for the card, after it selected the application."""
    #= TS 102 221 10.2.1.5
    counts = {}
    for sw in ("6700", "6E00", "6881", "6982", "6985", "6A82"):
        with Modem("mbim-no-uicc-files") as modem:
            modem.ok("fault sw %s ins=A4 after=1 times=1" % sw)
            modem.run("state")
            counts[sw] = modem.commands()
            same(modem.run("read"), [expected()])
            same(modem.channels(), 0)
    without = counts["6982"]
    same(counts, {"6700": without + 1, "6E00": without + 1, "6881": without + 1,
                  "6982": without, "6985": without, "6A82": without})


@tap.test
def a_card_that_dislikes_p2_is_asked_with_the_other_one():
    #= TS 102 221 11.1.1
    for sw in ("6A80", "6A86"):
        with Modem("mbim-no-uicc-files") as modem:
            modem.ok("fault sw %s ins=A4 times=1" % sw)
            same((sw, modem.run("read")), (sw, [expected()]))
            same(modem.channels(), 0)
    with Modem("mbim-no-uicc-files") as modem:
        modem.ok("fault sw 6A82 ins=A4 times=99")
        fails(modem.run("read")[0], "AnchorUnsupported")
        same(modem.channels(), 0)


@tap.test
def a_modem_that_refuses_or_forgets_at_any_step_is_an_error():
    for dialect in ("plain", "mbim-no-uicc-files"):
        for fault in ("refuse", "strange"):
            try_fault_at_every_answer(dialect, fault, ["ModemFailed", "NoModem"])


@tap.test
def a_busy_modem_is_asked_again():
    with Modem() as modem:
        answers = through(modem, "read", timeout=10000)[1]
        for nth in range(1, answers):  # the first one answers to opening
            lines = through(modem, "read", fault="busy", nth=nth, timeout=10000)[0]
            same((nth, lines), (nth, [expected()]))


@tap.test
def unplugging_at_any_step_is_an_error_and_not_a_hang():
    for dialect in ("plain", "mbim-no-uicc-files"):
        try_fault_at_every_answer(dialect, "unplug", ["ModemFailed", "NoModem"])


@tap.test
def cancelling_at_any_moment_leaves_no_channel():
    for dialect in ("plain", "mbim-no-uicc-files"):
        with Modem(dialect) as modem:
            modem.ok("delay 10")
            for ms in range(5, 165, 20):
                lines = modem.run("cancel:%d" % ms, "read", "sleep:200")
                assert len(lines) == 2, (ms, lines)
                line, after = lines
                assert line == expected() or line.startswith("error Cancelled"), (ms, line)
                same(after, expected())
                same((ms, modem.channels()), (ms, 0))


@tap.test
def opening_can_be_cancelled_at_any_moment():
    with Modem() as modem:
        modem.ok("delay 30")
        for ms in range(1, 120, 10):
            began = time.monotonic()
            lines = modem.run("read", options=["--give-up=%d" % ms])
            assert time.monotonic() - began < 9, ms
            assert lines == [expected()] or lines[0].startswith("error Cancelled"), (ms, lines)


@tap.test
def a_channel_of_ours_that_was_left_is_used_again():
    with Modem("mbim-no-uicc-files") as modem:
        modem.ok("channels 2")
        tool = modem.start("read", "sleep:5000")
        time.sleep(0.2)
        modem.ok("delay 50")
        tool.kill()
        tool.communicate()
        modem.ok("delay 0")
        same(modem.run("read"), [expected()])
        same(modem.channels(), 0)


@tap.test
def reject_when_no_channel_is_left():
    with Modem("mbim-no-uicc-files") as modem:
        modem.ok("channels 1")
        line = modem.run("read")[0]
        fails(line, "ModemFailed")
        assert "no channel" in line, line


@tap.test
def reject_port_that_is_not_there_and_slot_that_is_not_used():
    with Modem() as modem:
        line = modem.run("read", options=["--slot=2"])[0]
        fails(line, "ModemFailed")
        assert "slot" in line, line
        modem.ok("unplug")
        fails(modem.run("read")[0], "NoModem")


@tap.test
def cold_read_takes_twelve_requests_at_most_and_an_unchanged_card_six():
    for dialect in ("plain", "mbim-no-uicc-files"):
        with Modem(dialect) as modem:
            counts = []
            for actions in (["state"], ["read"], ["read", "read"]):
                modem.ok("reset")
                modem.run(*actions)
                counts.append({k: int(v) for k, v in modem.ok("count").items()})
            for what, most in (("lines", 6), ("commands", 6)):
                opened, cold, both = (count[what] for count in counts)
                print("# %s, %s: to open %d, cold %d, unchanged %d" % (
                    dialect, {"lines": "requests", "commands": "APDUs to the card"}[what],
                    opened, cold - opened, both - cold))
                assert cold - opened <= 12 and both - cold <= most


def namespace():
    """What runs a program beside a mbim-proxy of its own."""
    if not os.path.exists(PROXY):
        raise tap.Skip("mbim-proxy is not installed: package libmbim-proxy")
    command = ["unshare", "-rn"]
    if not shutil.which("unshare") or subprocess.run([*command, "true"],
                                                     stderr=subprocess.DEVNULL).returncode:
        raise tap.Skip("user namespaces are off")
    return command


@tap.test
def the_proxy_changes_nothing():
    prefix = namespace()
    for dialect, proxy in (("plain", "always"), ("mbim-no-uicc-files", "auto")):
        with Modem(dialect) as modem:
            lines = modem.run("read", "read", "query", proxy=proxy, prefix=prefix, timeout=10000)
            same(lines, [expected()] * 2 + ["ok sim=ready registration=idle pin_tries=-1"])
            same(modem.channels(), 0)


def left_in_memory(modem, secrets, *actions):
    """Which of @secrets are in card-tool when it has done @actions."""
    tool = modem.start(*actions, "wait")
    try:
        for _ in actions:
            assert tool.stdout.readline().startswith("ok"), "an action failed"
        return memscan.left([tool.pid], secrets)  # when the last transaction has ended
    finally:
        tool.kill()
        tool.communicate()


def swapped_imsi():
    digits = "9" + modemsim.IMSI
    return bytes([8]) + bytes(int(digits[i + 1] + digits[i], 16) for i in range(0, 16, 2))


@tap.test
def no_key_identity_or_pin_stays_in_memory():
    reason = memscan.need_access()
    if reason:
        raise tap.Skip(reason)
    operator = aka.Usim(modemsim.K, modemsim.OPC)
    rand, autn = challenge(operator, 32)
    _, ck, ik = operator.authenticate(rand, autn)
    pin = "24681357"
    secrets = {"K_AUSF": K_AUSF, "CK": ck, "IK": ik, "EF_IMSI": swapped_imsi(),
               "IMSI": modemsim.IMSI.encode(), "IMSI of MBIM": modemsim.IMSI.encode("utf-16-le"),
               "PIN of MBIM": pin.encode("utf-16-le")}
    for dialect in ("plain", "mbim-no-uicc-files", "mbim-no-auth"):
        with Modem(dialect, card("pin=%s\npin-enabled=true" % pin)) as modem:
            left = left_in_memory(modem, secrets, "pin:" + pin, "read", auth(rand, autn), "read")
            assert not left, (dialect, left)


if not os.path.exists(modemsim.PROGRAM):
    tap.skip_all("akma-modemsim is not built")
tap.main()
