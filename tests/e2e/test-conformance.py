#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The conformance suite of card operations: every row over every column of columns.py.

A row is what the agent's side asks of a card and what must come back, computed here. Whatever the
modem speaks, through whatever it is reached: the same keys, the same errors, and no channel left.
"""
import hashlib
import hmac
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import aka
import columns
import derive
import tap
import ubserver

IMSI = "001010123456789"
K, OPC = "465b5ce8b199b49faa5f0a2ee238a6bc", "cd63cb71954a9f4e48a5994e37a02baf"  # TS 35.208 set 1
K_AUSF = bytes.fromhex("474698caf02cc715db2ec0726510cfee6caa5bb1a649cb01224f2e23af94de1b")
KEYS = "8020" + K_AUSF.hex() + "8120" + "55" * 32 + "ff" * 42
ROWS = []


def card(card="", usim="services=68;123;124\nrouting-indicator=17", keys=KEYS, imsi=IMSI,
         iccid="8900101234567890123"):
    files = "[files]\n7FFF/5FC0/4F05=%s\n" % keys if keys else ""
    return "[card]\niccid=%s\n%s\n[usim]\nimsi=%s\nk=%s\nopc=%s\n%s\n%s" % (
        iccid, card, imsi, K, OPC, usim, files)


def anchor(rid="17", imsi=IMSI, k_ausf=K_AUSF):
    digest = hashlib.sha256(derive.k_af(k_ausf, imsi, "keys.example.com")).hexdigest()
    return "ok kid=%s first_key_sha256=%s" % (derive.a_kid(k_ausf, imsi, rid), digest)


def row(text=None):
    """Registers a row. @text: the card that it finds; None: the usual one."""
    def register(function):
        ROWS.append((function, text or card()))
        return function
    return register


def same(got, want):
    assert got == want, "got %r, want %r" % (got, want)


def fails(line, name):
    assert line.startswith("error %s: " % name), "got %r, want the error %s" % (line, name)


@row()
def first_key_of_akma(column):
    same(column.tool("read", "read"), [anchor()] * 2)
    clean(column)


@row(card(card="t0=true"))
def first_key_of_akma_from_a_card_that_announces_its_answers(column):
    same(column.tool("read", "read"), [anchor()] * 2)
    clean(column)


@row(card(usim="services=123"))
def routing_indicator_0_without_service_124(column):
    same(column.tool("read"), [anchor("0")])


@row(card(keys="8120" + "55" * 32 + "8020" + K_AUSF.hex() + "ff" * 42))
def key_behind_another_object(column):
    same(column.tool("read"), [anchor()])


@row(card(imsi="001010123456780", usim="services=123;124\nrouting-indicator=5", keys="8020" + "42" * 32))
def first_key_of_another_card(column):
    same(column.tool("read"), [anchor("5", "001010123456780", b"\x42" * 32)])


@row()
def state_and_its_identifier(column):
    line, = column.tool("state")
    assert line.startswith("ok sim=ready registration="), line
    assert "model=Simulated modem" in line and "8900101" not in line, line
    sim_id = line.split("sim_id=")[1].split()[0]
    # the HMAC of EF_ICCID under the key of card-tool: the same on every column
    same(sim_id, SIM_ID)


@row()
def anchors_of_the_card(column):
    line, = column.tool("probe")
    same(line, "ok anchors=akma,gba-me,gba-u")


@row()
def authenticate_and_a_replay(column):
    operator = aka.Usim(K, OPC)
    rand, autn = challenge(operator, 32)
    res, ck, ik = operator.authenticate(rand, autn)
    first, replay = column.tool(auth(rand, autn), auth(rand, autn))
    same(first, "ok res=%s keys_sha256=%s" % (res.hex(), hashlib.sha256(ck + ik).hexdigest()))
    same(replay, "ok auts=" + operator.auts(rand).hex())
    clean(column)


@row()
def reject_autn_with_a_wrong_mac(column):
    rand, autn = challenge(aka.Usim(K, OPC), 32)
    fails(column.tool(auth(rand, autn[:-1] + bytes([autn[-1] ^ 1])))[0], "AnchorRejected")
    clean(column)


@row(card(usim="services=68", keys=""))
def reject_card_without_service_123(column):
    line, = column.tool("read")
    fails(line, "AnchorUnsupported")
    assert "123" in line, line
    clean(column)


@row(card(keys="ff" * 110))
def reject_empty_key_file(column):
    fails(column.tool("read")[0], "AnchorNotReady")
    clean(column)


@row(card(card="aid=A0000000871004FFFFFFFF8907090000"))
def reject_card_without_usim(column):
    fails(column.tool("read")[0], "AnchorUnsupported")
    clean(column)


@row()
def reject_missing_card(column):
    column.control("sim out")
    fails(column.tool("read")[0], "NoSim")


@row(card(card="pin=1234\npin-enabled=true"))
def pin_is_asked_verified_and_then_good(column):
    lines = column.tool("query", "read", "pin:1234", "refresh", "read")
    assert lines[0].startswith("ok sim=pin-required"), lines
    tries_left(column, lines[0], 3)
    fails(lines[1], "PinRequired")
    same(lines[2], "ok")
    same(lines[4], anchor())


@row(card(card="pin=1234\npin-enabled=true"))
def reject_wrong_pin(column):
    lines = column.tool("pin:4321", "query")
    fails(lines[0], "PinRequired")
    tries_left(column, lines[1], 2)


@row(card(card="pin=1234\npin-enabled=true"))
def reject_blocked_card(column):
    column.control("pin block")
    fails(column.tool("read")[0], "SimBlocked")


@row()
def first_key_of_gba(column):
    with bsf(column) as peer:
        one, two, three = column.tool("gba-me=" + peer.url, "gba-me=" + peer.url,
                                      "fresh-gba-me=" + peer.url)
        assert bootstrapped(peer, one, new=True) == bootstrapped(peer, two, new=False)
        assert bootstrapped(peer, three, new=True) != one and len(peer.sessions) == 2
    clean(column)


@row(card(usim="services=68\nsqn=000000100000", keys=""))
def first_key_of_gba_from_a_card_out_of_step(column):
    with bsf(column) as peer:
        line, = column.tool("gba-me=" + peer.url)
        bootstrapped(peer, line, new=True)
        assert len(peer.requests) == 3 and "auts" in peer.requests[1]
    clean(column)


@row()
def first_key_of_gba_in_the_card(column):
    with bsf(column, in_card=True) as peer:
        one, two = column.tool("gba-u=" + peer.url, "gba-u=" + peer.url)
        assert bootstrapped(peer, one, new=True) == bootstrapped(peer, two, new=False)
        b_tid = one.split()[1].split("=", 1)[1]
    gbabp = bytes.fromhex(column.control("dump 6FD6")["content"])
    assert b_tid.encode() in gbabp and gbabp[0] == 16, "EF_GBABP"
    clean(column)


@row()
def reject_gba_with_a_wrong_mac(column):
    with bsf(column) as peer:
        peer.wrong = "mac"
        fails(column.tool("gba-me=" + peer.url)[0], "AnchorRejected")
        assert not peer.sessions
    clean(column)


@row()
def reject_gba_in_the_card_with_a_wrong_mac(column):
    with bsf(column) as peer:  # MAC, where MAC* belongs
        fails(column.tool("gba-u=" + peer.url)[0], "AnchorRejected")
        assert not peer.sessions
    clean(column)


@row(card(usim="services=123;124"))
def reject_gba_in_a_card_without_service_68(column):
    with bsf(column, in_card=True) as peer:
        fails(column.tool("gba-u=" + peer.url)[0], "AnchorUnsupported")
        assert not peer.requests
    clean(column)


@row()
def reject_when_no_channel_is_left(column):
    column.control("channels 1")
    try:
        line, = column.tool("read")
        if column.reads_without_channel and line == anchor():
            return  # by means of the modem's own
        fails(line, "ModemFailed")
    finally:
        column.control("channels 4")


@row()
def reject_a_modem_that_does_not_answer(column):
    column.control("fault drop after=2 times=1")
    lines = column.tool("read", "read", timeout_ms=300)
    for line in lines:
        assert line == anchor() or line.startswith("error ModemFailed: "), lines


@row()
def reject_a_card_that_refuses(column):
    for after in range(3):
        column.control("fault sw 6F00 after=%d times=1" % after)
        lines = column.tool("read", "read")
        for line in lines:
            assert line == anchor() or line.startswith("error ModemFailed: "), lines
        column.insert(card())  # some dialects cannot close a channel: that of a failure stays
        same(column.tool("read"), [anchor()])
        clean(column)


@row()
def reject_a_modem_that_is_unplugged(column):
    column.control("delay 60")
    column.control("fault close after=3 times=1")
    try:
        lines = column.tool("read", "read")
        assert any(line.startswith("error ") for line in lines), lines
    finally:
        column.control("reset")
        column.control("plug")


def clean(column):
    """No channel of ours is open, and no identity was said."""
    assert IMSI not in column.output, "an identity in the output"
    if column.dialect != "no-cchc":
        columns.wait_until("no channel is open", lambda: column.channels() == 0)


def challenge(usim, sqn, amf=b"\x80\x00"):
    """RAND and AUTN of the operator for @sqn, made with the formulas of aka.py."""
    rand = os.urandom(16)
    sqn = sqn.to_bytes(6, "big")
    ak = usim._out(rand, 0, 1)[:6]
    return rand, aka.xor(sqn, ak) + amf + usim.f1(rand, sqn, amf)[0]


def tries_left(column, line, count):
    """@line is of "query", which asks the modem alone: over AT it may not know (-1)."""
    told = int(line.rpartition("pin_tries=")[2])
    assert told == count or (column.face == "at" and told == -1), line


def bsf(column, **more):
    """The operator's bootstrapping server, where card-tool can reach it."""
    return ubserver.Bsf(aka.Usim(K, OPC), listener=column.listener(), **more)


def bootstrapped(peer, line, new):
    """Holds @line against the key that the BSF has; the line without "new"."""
    words = line.split()
    assert words[0] == "ok", line
    ks, rand, impi = peer.sessions[words[1].split("=", 1)[1]]
    key = ubserver.ks_naf(ks, rand, impi, "keys.example.com")
    same(words[2], "first_key_sha256=" + hashlib.sha256(key).hexdigest())
    same(words[3:], ["new"] if new else [])
    return words[:3]


def auth(rand, autn):
    return "auth:%s:%s" % (rand.hex(), autn.hex())


def iccid_bytes(iccid):
    """EF_ICCID: ten bytes, digits swapped, F for what is missing."""
    digits = iccid.ljust(20, "F")
    return bytes.fromhex("".join(digits[i + 1] + digits[i] for i in range(0, 20, 2)))


def sim_id():
    key = b"akmad card-tool".ljust(32, b"\0")
    return hmac.new(key, iccid_bytes("8900101234567890123"), hashlib.sha256).digest()[:16].hex()


SIM_ID = sim_id()


def add_tests(column):
    """One test for each row; the simulator of the column lives from the first to the last."""
    why_not = column.why_not()

    def make(function, text, first, last):
        def run():
            if why_not:
                raise tap.Skip(why_not)
            if first:
                column.start(text)
            try:
                column.insert(text)
                function(column)
            finally:
                if last:
                    column.stop()
        run.__name__ = "%s_%s" % (column.name, function.__name__)
        if function.__name__.startswith("reject_"):
            run.__name__ = "reject_%s_%s" % (column.name, function.__name__[len("reject_"):])
        tap.test(run)

    for number, (function, text) in enumerate(ROWS):
        make(function, text, number == 0, number == len(ROWS) - 1)


if not os.path.exists(columns.SIM):
    tap.skip_all("akma-modemsim is not built")
wanted = sys.argv[1:]
for each in columns.every_column():
    if not wanted or each.name in wanted:
        add_tests(each)
tap.main()
