#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The MBIM transport against the simulated modem: every dialect, every fault, directly and through
the real mbim-proxy. What it should find is computed here."""
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import aka
import derive
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

    def start(self, *actions, timeout=1500, proxy="never", prefix=(), options=()):
        return subprocess.Popen(
            [*prefix, TOOL, "--protocol=mbim", "--proxy=" + proxy, *options, self.path("mbim"),
             str(timeout), *actions], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

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
        tool = modem.start("state", "read", "sleep:1200", "state", "read")
        time.sleep(0.6)
        modem.ok("sim out")
        modem.ok("sim in " + other)
        lines = finish(tool)
        same(lines[1], expected())
        same(lines[3], expected("5", "001010123456780"))
        ids = [line.split("sim_id=")[1].split()[0] for line in (lines[0], lines[2])]
        assert ids[0] != ids[1] and "" not in ids, ids


if not os.path.exists(modemsim.PROGRAM):
    tap.skip_all("akma-modemsim is not built")
tap.main()
