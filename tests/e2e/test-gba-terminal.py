#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The terminal's half of GBA against a BSF in Python, with the simulated card: the good way, and
every way in which a BSF may be slow, gone, wrong or hostile. Keys are computed here once more."""
import hashlib
import importlib.util
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import aka
import harness
import tap
import ubserver as ub

spec = importlib.util.spec_from_file_location(
    "card", os.path.join(os.path.dirname(os.path.abspath(__file__)), "test-card.py"))

FQDN = "keys.example.com"
IMPI = "001010123456789@ims.mnc001.mcc001.3gppnetwork.org"


def load_card():
    """The modem of test-card.py, without its tests."""
    tests, tap._tests = tap._tests, []
    main, tap.main = tap.main, lambda: None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    tap._tests, tap.main = tests, main
    return module


card = load_card()


def bsf(**more):
    return ub.Bsf(aka.Usim(card.K, card.OPC), **more)


def first_key(peer, b_tid, fqdn=FQDN):
    ks, rand, impi = peer.sessions[b_tid]
    return hashlib.sha256(ub.ks_naf(ks, rand, impi, fqdn)).hexdigest()


def is_anchor(peer, line, new=True, fqdn=FQDN):
    words = line.split()
    assert words[0] == "ok", line
    b_tid = words[1].split("=", 1)[1]
    assert words[2] == "first_key_sha256=" + first_key(peer, b_tid, fqdn), "another Ks_NAF"
    assert (words[3:] == ["new"]) == new, line
    return b_tid


def me(peer):
    return "gba-me=" + peer.url


def failed(line, name, text=""):
    assert line.startswith("error %s: " % name) and text in line, line
    assert "BSF" in line or "AUTHENTICATE" in line, line


@tap.test
def card_and_bsf_share_ks_naf():
    with card.Modem() as modem, bsf() as peer:
        line, = modem.run(me(peer))
        is_anchor(peer, line)
        first, second = peer.requests
        assert first["username"] == IMPI and first["realm"] == ub.HOME, first
        assert first["nonce"] == "" and first["response"] == "" and first["uri"] == "/", first
        assert second["username"] == IMPI and second["nc"] == "00000001", second
        assert len(second["cnonce"]) == 32
        assert first["agent"].startswith("akmad/"), first
        card.same(modem.channels(), 0)


@tap.test
def each_server_has_a_key_of_its_own_from_one_bootstrapping():
    with card.Modem() as modem, bsf() as peer:
        one, two = modem.run(me(peer), "gba-for=other.example.com", me(peer))
        b_tid = is_anchor(peer, one)
        assert is_anchor(peer, two, new=False, fqdn="other.example.com") == b_tid
        assert one.split()[2] != two.split()[2] and len(peer.requests) == 2


@tap.test
def a_b_tid_that_nobody_knows_is_bootstrapped_anew():
    with card.Modem() as modem, bsf() as peer:
        one, two = modem.run(me(peer), "fresh-" + me(peer))
        assert is_anchor(peer, one) != is_anchor(peer, two)


@tap.test
def an_ended_bootstrapping_is_made_anew():
    # a second more than its lifetime: the terminal counts from the second in which it began to ask
    with card.Modem() as modem, bsf(lifetime=4) as peer:
        one, two = modem.run(me(peer), "sleep:5100", me(peer))
        assert is_anchor(peer, one) != is_anchor(peer, two)


@tap.test
def a_card_that_was_changed_has_no_part_in_the_old_one():
    other_imsi = "001010123456780"
    with card.Modem() as modem, bsf() as peer:
        other = modem.write("other", imsi=other_imsi, iccid="8900101234567890999")
        tool = modem.start(me(peer), "wait", "refresh", me(peer))
        card.same(tool.stdout.readline().split()[0], "ok")
        modem.control("sim out")
        modem.control("sim in " + other)
        peer.sqn += 1024
        lines = card.finish(tool)
        is_anchor(peer, lines[-1])
        assert peer.requests[-1]["username"].startswith(other_imsi), peer.requests[-1]


@tap.test
def a_card_out_of_step_resynchronises():
    with card.Modem(usim="sqn=000000100000") as modem, bsf(sqn=32) as peer:
        line, = modem.run(me(peer))
        is_anchor(peer, line)
        asked, auts, answer = peer.requests
        assert "auts" in auts and "auts" not in answer and asked["nonce"] == ""


#= TS 33.220 B.4: TMPI = base64(24 octets of KDF(Ks, "gba-me", RAND, IMPI, BSF_Id))@tmpi.bsf...
@tap.test
def the_second_bootstrapping_goes_by_the_tmpi():
    with card.Modem() as modem, bsf() as peer:
        one, two, three = modem.run(*["fresh-" + me(peer)] * 3)
        for line in (one, two, three):
            is_anchor(peer, line)
        names = [request["username"] for request in peer.requests]
        assert names[:2] == [IMPI] * 2 and len(names) == 6
        assert all(name.endswith("@tmpi.bsf.3gppnetwork.org") for name in names[2:]), names
        assert names[2] == names[3] != names[4] == names[5]
        assert "3gpp-gba-tmpi" in peer.requests[0]["agent"].split()


@tap.test
def a_tmpi_that_the_bsf_forgot_is_replaced_by_the_impi():
    with card.Modem() as modem, bsf() as peer:
        tool = modem.start(me(peer), "wait", "fresh-" + me(peer))
        assert tool.stdout.readline().startswith("ok")
        peer.impis.clear()
        line, = card.finish(tool)
        is_anchor(peer, line)
        names = [request["username"] for request in peer.requests]
        assert names[2].endswith("@tmpi.bsf.3gppnetwork.org") and names[3:] == [IMPI] * 2, names


@tap.test
def a_bsf_without_tmpi_gets_the_impi_each_time():
    with card.Modem() as modem, bsf() as peer:
        peer.knows_tmpi = False
        modem.run(me(peer), "fresh-" + me(peer))
        assert {request["username"] for request in peer.requests} == {IMPI}


@tap.test
def reject_a_bsf_that_refuses_tmpi_and_impi():
    with card.Modem() as modem, bsf() as peer:
        tool = modem.start(me(peer), "wait", "fresh-" + me(peer))
        assert tool.stdout.readline().startswith("ok")
        peer.wrong = "403"
        line, = card.finish(tool)
        failed(line, "AnchorRejected", "403")
        assert len(peer.requests) == 4


#= TS 33.220 5.3.3: GBA_U: the card derives Ks_ext_NAF, and gives nothing else
@tap.test
def a_bootstrapping_in_the_card_that_somebody_replaced_is_made_anew():
    try:
        import lab
    except ImportError as missing:
        raise tap.Skip(str(missing)) from None
    with lab.Lab(lab.SUBSCRIBER + "gba=u\n", "--bsf-listen", "127.0.0.1:0") as core:
        url = "gba-u=http://" + core.ready["bsf"]
        with card.Modem(usim="services=68", keys="") as modem:
            again = modem.write("again", usim="services=68", keys="")
            tool = modem.start(url, url, "wait", "refresh", url)
            first, second = tool.stdout.readline(), tool.stdout.readline()
            assert first.endswith(" new\n") and not second.endswith(" new\n"), (first, second)
            assert first.split()[1:3] == second.split()[1:3]
            modem.control("sim out")
            modem.control("sim in " + again)  # the same card, with another history
            lines = card.finish(tool)
            assert lines[-1].endswith(" new"), lines


@tap.test
def reject_a_second_sync_failure():
    with card.Modem(usim="sqn=000000100000") as modem, bsf(sqn=32) as peer:
        peer.resynchronises = False
        line, = modem.run(me(peer))
        failed(line, "AnchorRejected", "AUTS")
        assert len(peer.requests) == 2 and not peer.sessions


@tap.test
def reject_a_replayed_nonce():
    with card.Modem() as modem, bsf() as peer:
        peer.rand = True
        peer.resynchronises = False
        one, two = modem.run(me(peer), "fresh-" + me(peer))
        is_anchor(peer, one)
        failed(two, "AnchorRejected", "AUTS")


@tap.test
def reject_an_autn_with_a_bad_mac():
    with card.Modem() as modem, bsf() as peer:
        peer.wrong = "mac"
        line, = modem.run(me(peer))
        failed(line, "AnchorRejected", "challenge of the BSF")
        assert len(peer.requests) == 1
        card.same(modem.channels(), 0)


def refuse(wrong, name, text=""):
    with card.Modem() as modem, bsf() as peer:
        peer.wrong = wrong
        line, = modem.run(me(peer))
        failed(line, name, text)


@tap.test
def reject_a_wrong_rspauth():
    refuse("rspauth", "ServerNotAuthentic", "prove")
    refuse("no rspauth", "ServerNotAuthentic", "prove")


@tap.test
def reject_a_body_that_was_changed_on_the_way():
    refuse("body", "ServerNotAuthentic", "prove")


@tap.test
def reject_a_bsf_that_says_no():
    refuse("403", "AnchorRejected", "403")
    refuse("404", "AnchorRejected", "404")
    refuse("refuses", "AnchorRejected", "401")


@tap.test
def reject_a_bsf_that_cannot_answer():
    refuse("500", "ServerUnreachable", "500")
    refuse("503", "ServerUnreachable", "503")
    refuse("closes", "ServerUnreachable")


@tap.test
def a_bsf_says_when_to_come_again_but_not_later_than_in_an_hour():
    for wrong, said, meant in (("503", "17", 17), ("429", "17", 17), ("503", "86400", 3600),
                               ("503", "-1", 0), ("503", "soon", 0), ("503", "9" * 30, 0)):
        with card.Modem() as modem, bsf() as peer:
            peer.wrong, peer.more = wrong, [("Retry-After", said)]
            line, = modem.run(me(peer))
            failed(line, "RateLimited" if wrong == "429" else "ServerUnreachable", wrong)
            assert ("retry after %d s" % meant in line) == (meant > 0), (said, line)


@tap.test
def a_bsf_that_is_asked_too_often_is_not_asked_again_by_the_impi():
    with card.Modem() as modem, bsf() as peer:
        tool = modem.start(me(peer), "wait", "fresh-" + me(peer))
        assert tool.stdout.readline().startswith("ok")
        peer.wrong = "429"
        line, = card.finish(tool)
        failed(line, "RateLimited")
        assert len(peer.requests) == 3


@tap.test
def reject_a_slow_bsf():
    refuse("silence", "ServerUnreachable", "timed out")


@tap.test
def reject_a_bsf_that_is_gone():
    with harness.refusing_address() as address, card.Modem() as modem:
        line, = modem.run("gba-me=http://" + address)
        failed(line, "ServerUnreachable", "connect")


@tap.test
def reject_a_bad_challenge():
    for wrong in ("realm", "domain", "qop", "algorithm", "nonce", "no challenge",
                  "malformed challenge"):
        refuse(wrong, "ServerRefused")


def refuse_info(info, name="ServerRefused", text="", **more):
    with card.Modem() as modem, bsf(**more) as peer:
        peer.info = info
        lines = modem.run(me(peer))
        failed(lines[0], name, text)


@tap.test
def reject_xml_bombs():
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>'
    refuse_info(ub.INFO.replace("<Boot", bomb + "<Boot", 1).replace("%s", "&b;", 1))
    refuse_info(ub.INFO.replace("<btid>", "<a>" * 5000 + "<btid>", 1))
    refuse_info(ub.INFO % ("%s", "2030-01-01T00:00:00Z") + " " * 20000, text="more than 16384")


@tap.test
def reject_bad_xml():
    good = ub.INFO % ("%s", "2099-01-01T00:00:00Z")
    for info in ("", "hello", good[:-5], good + good, good.replace("uri:3gpp-gba", "uri:other"),
                 good.replace("btid", "tid"), good.replace("<lifetime>", "<lifetime>soon")):
        refuse_info(info)


@tap.test
def reject_a_lifetime_in_the_past():
    refuse_info(None, text="lifetime", lifetime=-60)


@tap.test
def reject_another_media_type():
    refuse("type", "ServerRefused", "bsf+xml")


@tap.test
def cancelled_and_unplugged_it_ends():
    with card.Modem() as modem, bsf() as peer:
        peer.wrong = "silence"
        tool = modem.start(me(peer))
        assert tap.eventually(lambda: peer.requests, 60)
        modem.control("unplug")
        lines = card.finish(tool)
        assert lines[0].startswith("error "), lines


@tap.test
def reject_gba_u_on_a_card_without_service_68():
    with card.Modem(usim="services=123;124") as modem, bsf() as peer:
        line, = modem.run("gba-u=" + peer.url)
        assert line.startswith("error AnchorUnsupported: the USIM lacks service 68"), line
        assert not peer.requests


tap.main()
