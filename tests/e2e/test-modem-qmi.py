#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The agent's side of the card over QMI against the simulated modem: its services, every dialect,
every fault, the real qmi-proxy. What it should find is computed here."""
import hashlib
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import aka
import derive
import memscan
import modemsim
import tap
from modemsim import IMSI, K, OPC

TOOL = os.path.join(modemsim.BUILD, "tests/e2e/card-tool")
PROXIES = {"plain": "/usr/libexec/qmi-proxy", "mbim-qmi": "/usr/libexec/mbim-proxy"}
K_AUSF = bytes.fromhex("474698caf02cc715db2ec0726510cfee6caa5bb1a649cb01224f2e23af94de1b")
KEYS = "8020" + K_AUSF.hex() + "8120" + "55" * 32 + "ff" * 42
WIRES = ("plain", "mbim-qmi")  # QMI itself, and over MBIM
DIALECTS = "plain qmi-no-channel qmi-no-open qmi-denied qmi-no-dms-uim busy inline mbim-qmi".split()
OTHER_IMSI = "001010123456780"


def card(extra="", usim="routing-indicator=17", keys=KEYS):
    return modemsim.card(extra, usim, "[files]\n7FFF/5FC0/4F05=%s\n" % keys if keys else "")


class Modem(modemsim.Sim):
    def __init__(self, dialect="plain", extra="", **card_options):
        self.face = "mbim" if dialect == "mbim-qmi" else "qmi"
        super().__init__("--dialect", dialect, text=card(extra, **card_options), faces=(self.face,))

    def start(self, *actions, timeout=10000, options=("--proxy=never",)):
        return subprocess.Popen([TOOL, "--protocol=qmi", *options, self.path(self.face),
                                 str(timeout), *actions], text=True, stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def run(self, *actions, timeout=10000, options=("--proxy=never",)):
        return finish(self.start(*actions, timeout=timeout, options=options))

    def channels(self):
        """Logical channels that are open, without the basic one."""
        return int(self.ok("status")["open"]) - 1


def finish(tool):
    out, err = tool.communicate(timeout=60)
    for secret in (IMSI, OTHER_IMSI, K_AUSF.hex()):
        assert secret not in (out + err).lower(), "a secret in the output"
    assert "Sanitizer" not in err and "runtime error" not in err and "CRITICAL" not in err, err
    return out.splitlines()


def expected(rid="17", imsi=IMSI):
    digest = hashlib.sha256(derive.k_af(K_AUSF, imsi, "keys.example.com")).hexdigest()
    return "ok kid=%s first_key_sha256=%s" % (derive.a_kid(K_AUSF, imsi, rid), digest)


def same(got, want):
    assert got == want, "got %r, want %r" % (got, want)


def starts(line, start):
    assert line.startswith(start), "got %r, want %r" % (line, start)


def challenge(usim, sqn, amf=b"\x80\x00"):
    """RAND and AUTN of the operator for @sqn, made with the formulas of aka.py."""
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
            with Modem(dialect, extra) as modem:
                same(modem.run("read", "read"), [expected()] * 2)
                same(modem.channels(), 0)


@tap.test
def state_tells_manufacturer_and_card_without_its_number():
    with Modem() as modem:
        line, query = modem.run("state", "query")
        starts(line, "ok sim=ready registration=idle sim_id=")
        assert "manufacturer=akmad model=Simulated modem" in line and "8900101" not in line, line
        same(len(line.split("sim_id=")[1].split()[0]), 32)
        same(query, "ok sim=ready registration=idle pin_tries=3")


@tap.test
def authenticate_gives_res_and_keys_and_a_replay_gives_auts():
    for dialect, extra in (("plain", ""), ("plain", "t0=true"), ("inline", "t0=true"),
                           ("qmi-no-open", ""), ("busy", ""), ("mbim-qmi", "")):
        operator = aka.Usim(K, OPC)
        with Modem(dialect, extra) as modem:
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
def reject_authenticate_where_the_modem_gives_no_channel():
    rand, autn = challenge(aka.Usim(K, OPC), 32)
    for dialect in ("qmi-no-channel", "qmi-denied"):
        with Modem(dialect) as modem:
            starts(modem.run(auth(rand, autn))[0], "error ModemFailed: ")
    with Modem() as modem:
        modem.ok("channels 1")
        failed, read = modem.run(auth(rand, autn), "read")
        starts(failed, "error ModemFailed: ")
        same(read, expected())


@tap.test
def reject_card_without_service_123_or_without_a_usim():
    with Modem(usim="services=68", keys="") as modem:
        lines = modem.run("read", "probe")
        starts(lines[0], "error AnchorUnsupported: ")
        same(lines[1], "ok anchors=gba-me,gba-u")
    with Modem(extra="aid=A0000000871004FFFFFFFF8907090000") as modem:
        starts(modem.run("read")[0], "error AnchorUnsupported: ")
        same(modem.channels(), 0)


@tap.test
def reject_empty_key_file():
    with Modem(keys="ff" * 110) as modem:
        starts(modem.run("read")[0], "error AnchorNotReady: ")


@tap.test
def key_behind_another_object_is_found():
    with Modem(keys="8120" + "55" * 32 + "8020" + K_AUSF.hex() + "ff" * 42) as modem:
        same(modem.run("read"), [expected()])


@tap.test
def pin_opens_the_card():
    for wire in WIRES:
        with Modem(wire, extra="pin-enabled=true") as modem:
            lines = modem.run("state", "query", "read", "pin:1234", "sleep:100", "query", "read")
            starts(lines[0], "ok sim=pin-required")
            same(lines[1], "ok sim=pin-required registration=idle pin_tries=3")
            starts(lines[2], "error PinRequired: ")
            same(lines[3], "ok")
            same(lines[4], "ok sim=ready registration=idle pin_tries=3")
            same(lines[5], expected())


@tap.test
def reject_wrong_pin_and_count_the_tries():
    with Modem(extra="pin-enabled=true") as modem:
        lines = modem.run(*["pin:4321", "query"] * 3, "pin:1234", "read")
        for number, line in enumerate(lines[0:4:2]):
            starts(line, "error PinRequired: ")
            starts(lines[2 * number + 1], "ok sim=pin-required")
            assert lines[2 * number + 1].endswith("pin_tries=%d" % (2 - number)), lines
        starts(lines[4], "error SimBlocked: ")
        same(lines[5], "ok sim=blocked registration=idle pin_tries=0")
        starts(lines[6], "error SimBlocked: ")
        starts(lines[7], "error SimBlocked: ")


@tap.test
def reject_missing_locked_and_blocked_card():
    for wire in WIRES:
        with Modem(wire) as modem:
            for verb, error in (("pin on", "PinRequired"), ("pin block", "SimBlocked"),
                                ("sim out", "NoSim")):
                modem.ok(verb)
                starts(modem.run("read")[0], "error %s: " % error)


@tap.test
def swapped_card_is_another_sim_id_and_anchor():
    for wire in WIRES:
        with Modem(wire) as modem:
            modem.write("other", card(usim="routing-indicator=5").replace(IMSI, OTHER_IMSI)
                        .replace(modemsim.ICCID, "8900101234567890999"))
            tool = modem.start("state", "read", "other", "state", "read")
            lines = [tool.stdout.readline(), tool.stdout.readline().strip()]
            modem.ok("sim out")
            modem.ok("sim in " + modem.path("other"))
            lines += finish(tool)
            same(lines[1], expected())
            same(lines[3], expected("5", OTHER_IMSI))
            ids = [line.split("sim_id=")[1].split()[0] for line in (lines[0], lines[2])]
            assert ids[0] != ids[1] and "" not in ids, ids


@tap.test
def slot_that_the_modem_lacks_is_refused():
    with Modem() as modem:
        same(modem.run("read", options=("--proxy=never", "--slot=1")), [expected()])
        line, = modem.run("read", options=("--proxy=never", "--slot=2"))
        starts(line, "error ModemFailed: ")
        assert "slot 2" in line, line


def fault_at(wire, fault, after, challenge_action, ms):
    with Modem(wire) as modem:
        tool = modem.start("state", "wait", "read", challenge_action, "sleep:50", "read",
                           challenge_action, timeout=ms)
        tool.stdout.readline()
        modem.ok("fault %s after=%d times=1" % (fault, after))
        lines = finish(tool)
        assert len(lines) == 4, (fault, after, lines)
        for line in lines[:2]:
            assert line.startswith(("ok", "error ModemFailed: ")), (fault, after, line)
        same(lines[2], expected())
        starts(lines[3], "ok ")
        # a channel whose number never came cannot be closed
        lost = after == 6 and fault in ("drop", "garble", "truncate")
        assert modem.channels() <= lost, (fault, after, modem.channels())
        if fault == "drop" and any(line.startswith("error") for line in lines[:2]):
            assert any("no answer" in line for line in lines), lines


@tap.test
def fault_at_any_command_is_an_error_and_the_next_read_works():
    rand, autn = challenge(aka.Usim(K, OPC), 32)
    for number, fault in enumerate(("drop", "garble", "truncate", "cme 100", "cme 14")):
        for after in range(9):
            wire = WIRES[(number + after) % 2]
            tap.patiently(lambda ms: fault_at(wire, fault, after, auth(rand, autn), ms), 120, 3000)


@tap.test
def status_word_of_the_card_is_an_error_and_the_next_read_works():
    for after in range(6):
        with Modem() as modem:
            tool = modem.start("state", "wait", "read", "read")
            tool.stdout.readline()
            modem.ok("fault sw 6F00 after=%d times=1" % after)
            first, second = finish(tool)
            assert first == expected() or first.startswith("error ModemFailed: "), first
            same(second, expected())
            same(modem.channels(), 0)


@tap.test
def unplugging_at_any_time_is_an_error_and_not_a_hang():
    rand, autn = challenge(aka.Usim(K, OPC), 32)
    for step in range(1, 31):
        with Modem(WIRES[step % 2]) as modem:
            modem.ok("delay 20")
            # the last one comes after it, however fast the others were
            tool = modem.start("read", auth(rand, autn), "read", "wait", "read", timeout=60000)
            time.sleep(0.0125 * step)
            modem.ok("unplug")
            begin = time.monotonic()
            lines = finish(tool)
            assert time.monotonic() - begin < 20, "it waits for a modem that is gone"
            starts(lines[-1], "error ")
            starts(modem.run("read")[0], "error NoModem: ")


@tap.test
def clients_are_given_back_and_those_of_the_dead_are_freed():
    with Modem() as modem:
        for _ in range(25):
            starts(modem.run("state")[0], "ok sim=ready")
        for _ in range(25):
            tool = modem.start("state", "sleep:20000")
            starts(tool.stdout.readline(), "ok sim=ready")
            tool.kill()
            tool.communicate()
        same(modem.run("read"), [expected()])


@tap.test
def cold_read_takes_twelve_commands_at_most_and_an_unchanged_card_six():
    with Modem() as modem:
        lines = []
        for actions in (["state"], ["state", "read"], ["state", "read", "read"]):
            modem.ok("reset")
            modem.run(*actions)
            lines.append(int(modem.ok("count")["lines"]))
        opened, cold, warm = lines[0], lines[1] - lines[0], lines[2] - lines[1]
        print("# to open: %d, cold: %d, unchanged: %d" % (opened, cold, warm))
        assert cold <= 12 and warm <= 6, (cold, warm)


@tap.test
def keys_and_identity_do_not_stay_in_memory():
    reason = memscan.need_access()
    if reason:
        raise tap.Skip(reason)
    for wire in WIRES:
        nothing_stays_in_memory(wire)


def nothing_stays_in_memory(wire):
    with Modem(wire) as modem:
        rand, autn = challenge(aka.Usim(K, OPC), 32)
        res, ck, ik = aka.Usim(K, OPC).authenticate(rand, autn)
        secrets = {"K_AUSF": K_AUSF, "half of it": K_AUSF[16:], "CK": ck, "IK": ik,
                   "IMSI": bytes.fromhex("0809101010325476")}
        tool = modem.start("read", auth(rand, autn), "wait")
        starts(tool.stdout.readline(), "ok kid=")
        starts(tool.stdout.readline(), "ok res=")
        left = memscan.left([tool.pid], secrets)  # when the last transaction has ended
        printed = memscan.scan([tool.pid], {"RES": res})["RES"]
        tool.kill()
        tool.communicate()
        same((wire, left), (wire, {}))
        assert printed, "the search does not see what was printed"


NAMESPACE = ["unshare", "--map-root-user", "--net", "--pid", "--fork", "--mount-proc",
             "--kill-child"]


def in_namespace(script, wire):
    """Runs @script as uid 0 of a namespace of its own: the proxy serves no one else."""
    if not os.path.exists(PROXIES[wire]):
        raise tap.Skip(PROXIES[wire] + " is not installed")
    if subprocess.run([*NAMESPACE, "true"], stderr=subprocess.DEVNULL).returncode != 0:
        raise tap.Skip("user namespaces are off")
    return subprocess.Popen([*NAMESPACE, "sh", "-c", script], text=True, stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE)


def serve_several_at_once(wire, name, ms=20000):
    """@name: what the kernel calls such a port. Who must find out by trying writes QMI to it, which
    a modem that speaks MBIM takes for the begin of a message: one of another client may be lost."""
    with Modem(wire) as modem:
        os.symlink(modem.path(modem.face), modem.path(name))
        call = "%s --protocol=qmi --proxy=%%s %s %d" % (TOOL, modem.path(name), ms)
        script = ("%s read read & a=$!; %s read read & b=$!; %s state read; wait $a $b" % (
            call % "always", call % "auto", call % "always"))
        lines = finish(in_namespace(script, wire))
        same(sorted(lines)[:5], [expected()] * 5)
        starts(sorted(lines)[5], "ok sim=ready")
        same(modem.channels(), 0)


@tap.test
def real_qmi_proxy_serves_several_at_once():
    serve_several_at_once("plain", "wwan0qmi0")


@tap.test
def real_mbim_proxy_serves_several_at_once():
    serve_several_at_once("mbim-qmi", "wwan0mbim0")


@tap.test
def unplugging_behind_the_proxy_is_an_error_and_not_a_hang():
    with Modem() as modem:
        tool = in_namespace("%s --protocol=qmi --proxy=always %s 60000 state wait read read" % (
            TOOL, modem.path("qmi")), "plain")
        starts(tool.stdout.readline(), "ok sim=ready")
        modem.ok("unplug")
        lines = finish(tool)
        same(len(lines), 2)
        # the first may begin before the proxy has heard of it
        starts(lines[0], ("error NoModem: ", "error ModemFailed: the modem went away"))
        starts(lines[1], "error NoModem: ")


if not os.path.exists(modemsim.PROGRAM):
    tap.skip_all("akma-modemsim is not built")
tap.main()
