#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The BSF of akma-lab against a terminal, a card and a NAF in Python, and curl."""
import base64
import calendar
import os
import shutil
import socket
import ssl
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import aka
import lab
import peers
import tap
import ub

UA = "ff00000001"
IMPI = lab.IMSI + "@ims.mnc001.mcc001.3gppnetwork.org"
PATH = "/nbsp-gba/v1/bootstrapping-info-retrieval"
OTHER = lab.SUBSCRIBER.replace(lab.IMSI, "001010123456790")


def bsf(subscribers=lab.SUBSCRIBER, *options, **more):
    return lab.Lab(subscribers, "--bsf-listen", "127.0.0.1:0", *options, **more)


def usim(sqn=0):
    return aka.Usim(lab.K, lab.OPC, sqn)


def terminal(core, card=None, impi=IMPI):
    return ub.Client(core.ready["bsf"], card or usim(), impi)


def ask(naf, b_tid, fqdn=lab.FQDN, ua=UA, headers=(), **more):
    return naf.post(PATH, {"btId": b_tid, "nafId": {"nafFqdn": fqdn, "uaSecProtId": ua}, **more},
                    headers=headers)


def expect(answer, status, cause=None):
    assert answer.status == status, (answer.status, getattr(answer, "text", None) or answer.body)
    if cause:
        assert answer.json()["cause"] == cause, answer.body


def unix(text):
    return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ"))


# -- bootstrapping and the keys ------------------------------------------------------------------

#= TS 24.109 4.2: GET with the identity, 401 with the challenge, GET with RES, 200 with B-TID
#= TS 29.309 5.2.2.2.2: B-TID and NAF_Id give the keys, their end, and whose they are
#= TS 33.220 4.5.2: B-TID = base64(RAND)@BSF name
@tap.test
def bootstrapping_gives_the_key_that_the_terminal_derives():
    with bsf() as core, core.client() as naf, terminal(core) as client:
        boot = client.bootstrap()
        assert boot.b_tid == base64.b64encode(boot.rand).decode() + "@" + ub.BSF, boot.b_tid
        assert 3590 < boot.seconds_left() <= 3601, boot.lifetime

        answer = ask(naf, boot.b_tid)
        expect(answer, 200)
        data = answer.json()
        assert set(data) == {"meKeyMaterial", "keyExpiryTime", "bootstrappingInfoCreationTime",
                             "gbaType", "impi"}, data
        assert data["meKeyMaterial"] == boot.ks_naf(lab.FQDN, UA)
        assert data["keyExpiryTime"] == boot.lifetime and data["gbaType"] == "3G_GBA"
        assert unix(data["keyExpiryTime"]) - unix(data["bootstrappingInfoCreationTime"]) == 3600
        assert data["impi"] == IMPI


#= TS 33.220 B.3: Ks_NAF = KDF(Ks, 0x01, "gba-me", RAND, IMPI, NAF_Id)
@tap.test
def each_naf_and_protocol_has_another_key():
    with bsf() as core, core.client() as naf, terminal(core) as client:
        boot = client.bootstrap()
        keys = set()
        for fqdn, ua in ((lab.FQDN, UA), (lab.FQDN, "0100000002"), ("other.example.com", UA)):
            key = ask(naf, boot.b_tid, fqdn, ua).json()["meKeyMaterial"]
            assert key == boot.ks_naf(fqdn, ua)
            keys.add(key)
        assert len(keys) == 3
        assert ask(naf, boot.b_tid, lab.FQDN.upper(), UA).json()["meKeyMaterial"] == \
            boot.ks_naf(lab.FQDN, UA)


#= TS 33.220 5.3.2: MAC* = MAC xor Trunc(SHA-1(IK)), and the last bit of RES is flipped
#= TS 33.220 B.3: Ks_int_NAF = KDF(Ks, 0x01, "gba-u", RAND, IMPI, NAF_Id)
@tap.test
def gba_u_gives_the_key_of_the_card_to_who_can_use_it():
    with bsf(lab.SUBSCRIBER + "gba=u\n") as core, core.client() as naf, \
            terminal(core, ub.UiccOfGbaU(usim())) as client:
        boot = client.bootstrap()
        data = ask(naf, boot.b_tid, gbaUAware=True).json()
        assert data["meKeyMaterial"] == boot.ks_naf(lab.FQDN, UA)
        assert data["uiccKeyMaterial"] == boot.ks_int_naf(lab.FQDN, UA)
        for more in ({}, {"gbaUAware": False}):
            assert "uiccKeyMaterial" not in ask(naf, boot.b_tid, **more).json()


@tap.test
def gba_me_has_no_key_of_the_card():
    with bsf() as core, core.client() as naf, terminal(core) as client:
        assert "uiccKeyMaterial" not in ask(naf, client.bootstrap().b_tid, gbaUAware=True).json()


@tap.test
def reject_a_card_that_does_the_other_kind_of_gba():
    for line, card in (("gba=u\n", usim()), ("gba=me\n", ub.UiccOfGbaU(usim()))):
        with bsf(lab.SUBSCRIBER + line) as core, terminal(core, card) as client:
            try:
                client.bootstrap()
            except aka.MacFailure:
                continue
            raise AssertionError(line)


#= TS 33.220 B.4: TMPI = base64(24 octets of KDF(Ks, "gba-me", RAND, IMPI, BSF_Id))@tmpi.bsf...
@tap.test
def a_tmpi_stands_for_the_impi_until_the_next_one():
    with bsf(lab.SUBSCRIBER + OTHER) as core, core.client() as naf, terminal(core) as client:
        answer = client.begin()
        assert "3gpp-gba-tmpi" in answer.headers["server"].split(), answer.headers
        first = client.bootstrap()
        client.username = first.tmpi()
        second = client.bootstrap()
        # the key is that of the IMPI, whatever stood on the wire
        assert ask(naf, second.b_tid).json()["meKeyMaterial"] == second.ks_naf(lab.FQDN, UA)
        for name, status in ((second.tmpi(), 401), (first.tmpi(), 403),
                             ("A" * 32 + "@tmpi.bsf.3gppnetwork.org", 403)):
            client.username = name
            assert client.begin().status == status, name
        assert IMPI not in core.log() and second.tmpi() not in core.log()


@tap.test
def a_private_identity_may_be_configured():
    with bsf(lab.SUBSCRIBER + "impi=gateway7@example.com\n") as core, core.client() as naf, \
            terminal(core, impi="gateway7@example.com") as client:
        boot = client.bootstrap()
        data = ask(naf, boot.b_tid).json()
        assert data["impi"] == "gateway7@example.com"
        assert data["meKeyMaterial"] == boot.ks_naf(lab.FQDN, UA)
        client.username = IMPI
        assert client.begin().status == 403


@tap.test
def akma_and_gba_use_one_sequence_number():
    with bsf() as core, core.client() as client, terminal(core) as ue:
        lab.authenticate(client, ue.card)
        ue.bootstrap()
        lab.authenticate(client, ue.card)
        assert ue.card.sqn >> 5 == 3, hex(ue.card.sqn)
        # a card that is ahead: resynchronised on one side, fresh on the other
        ue.card.sqn = 1 << 40
        ue.bootstrap()
        rand, autn, _ = lab.open_challenge(lab.challenge(client))
        ue.card.answer(rand, autn)


#= TS 33.102 Annex H: the separation bit is 1 for EPS and 5G only
@tap.test
def vectors_for_gba_have_no_separation_bit():
    with bsf() as core, terminal(core) as client:
        _, _, autn = client.challenge(client.begin())
        assert autn[6] & 0x80 == 0, autn.hex()


@tap.test
def sequence_numbers_survive_a_restart_but_bootstrappings_do_not():
    with bsf() as core:
        core.options += ("--state", core.path("state"))
        core.stop()
        core.start()
        card = usim()
        with terminal(core, card) as client:
            boot = client.bootstrap()
        core.stop()
        core.start()
        with core.client() as naf, terminal(core, card) as client:
            expect(ask(naf, boot.b_tid), 404, "CONTEXT_NOT_FOUND")
            before = card.sqn
            client.bootstrap()
            assert card.sqn > before
        with open(core.path("state"), encoding="ascii") as file:
            assert boot.ks.hex() not in file.read()


# -- what goes wrong on Ub -----------------------------------------------------------------------

#= TS 24.109 4.5: AUTS moves the SQN of the HSS, and the terminal is challenged again
#= RFC 3310 3.4: with AUTS the password is empty
@tap.test
def auts_leads_to_a_challenge_that_the_card_takes():
    with bsf() as core, terminal(core, usim(1 << 40)) as client:
        client.bootstrap()
        assert client.card.sqn > 1 << 40


@tap.test
def reject_auts_that_is_not_of_the_card():
    with bsf() as core, terminal(core, usim(1 << 40)) as client:
        for change, status in ((lambda a: bytes([a[0] ^ 1]) + a[1:], 403),
                               (lambda a: a[:-1] + bytes([a[-1] ^ 1]), 403),
                               (lambda a: a[:-1], 400), (lambda a: a + b"x", 400)):
            members, rand, _ = client.challenge(client.begin())
            auts = base64.b64encode(change(client.card.auts(rand))).decode()
            answer = client.get(client.authorization(members, b"", auts=auts))
            assert answer.status == status, (auts, answer.status)
            assert "www-authenticate" not in answer.headers
        members, _, _ = client.challenge(client.begin())
        answer = client.get(client.authorization(members, b"", auts="%%%"))
        assert answer.status == 400
        # with the right AUTS but a wrong digest
        members, rand, _ = client.challenge(client.begin())
        auts = base64.b64encode(client.card.auts(rand)).decode()
        assert client.get(client.authorization(members, b"x", auts=auts)).status == 403


@tap.test
def reject_auts_of_an_older_challenge():
    with bsf() as core, terminal(core, usim(1 << 40)) as client:
        _, rand, _ = client.challenge(client.begin())
        members, _, _ = client.challenge(client.begin())
        auts = base64.b64encode(client.card.auts(rand)).decode()
        assert client.get(client.authorization(members, b"", auts=auts)).status == 403


@tap.test
def reject_a_wrong_response_and_use_up_its_nonce():
    with bsf() as core, terminal(core) as client:
        members, rand, autn = client.challenge(client.begin())
        res, _, _ = client.card.authenticate(rand, autn)
        answer = client.get(client.authorization(members, bytes([res[0] ^ 1]) + res[1:]))
        assert answer.status == 403 and b"btid" not in answer.text
        answer = client.get(client.authorization(members, res))
        again, _, _ = client.challenge(answer)
        assert again["stale"] == "true" and again["nonce"] != members["nonce"]


@tap.test
def reject_a_nonce_that_was_used():
    with bsf() as core, terminal(core) as client:
        members, rand, autn = client.challenge(client.begin())
        res, _, _ = client.card.authenticate(rand, autn)
        authorization = client.authorization(members, res)
        assert client.get(authorization).status == 200
        answer = client.get(authorization)
        again, _, _ = client.challenge(answer)
        assert again["stale"] == "true" and "authentication-info" not in answer.headers


@tap.test
def reject_a_nonce_of_another_subscriber_or_of_nobody():
    with bsf(lab.SUBSCRIBER + OTHER) as core, terminal(core) as client:
        members, rand, autn = client.challenge(client.begin())
        res, _, _ = client.card.authenticate(rand, autn)
        client.username = IMPI.replace(lab.IMSI, "001010123456790")
        answer = client.get(client.authorization(members, res))
        assert client.challenge(answer)[0]["stale"] == "true"
        client.username = IMPI
        made_up = dict(members, nonce=base64.b64encode(bytes(40)).decode())
        answer = client.get(client.authorization(made_up, res))
        assert client.challenge(answer)[0]["stale"] == "true"


@tap.test
def reject_members_that_are_not_those_of_the_challenge():
    with bsf() as core, terminal(core) as client:
        for name, value in (("nc", "00000002"), ("nc", "1"), ("nc", None), ("qop", "auth"),
                            ("qop", None), ("uri", "/other"), ("realm", "bsf.example.com"),
                            ("algorithm", "MD5"), ("algorithm", None), ("opaque", "00"),
                            ("opaque", None), ("cnonce", ""), ("cnonce", None),
                            ("cnonce", "x" * 300), ("response", None)):
            members, rand, autn = client.challenge(client.begin())
            res, _, _ = client.card.authenticate(rand, autn)
            answer = client.get(client.authorization(members, res, **{name: value}))
            assert answer.status == 400, (name, value, answer.status)


@tap.test
def reject_a_response_over_something_else():
    """Each member that the digest covers, changed after it was computed."""
    with bsf() as core, terminal(core) as client:
        for change in ({"cnonce": "0123456789abcdee"}, {"response": "0" * 32},
                       {"response": "0" * 31}, {"username": client.username + "x"}):
            members, rand, autn = client.challenge(client.begin())
            res, _, _ = client.card.authenticate(rand, autn)
            answer = client.get(client.authorization(members, res, **change))
            assert answer.status == 403, (change, answer.status)


#= RFC 2617 3.2.2.3: with auth-int the digest covers the body
@tap.test
def reject_a_body_that_the_digest_does_not_cover():
    with bsf() as core, terminal(core) as client:
        members, rand, autn = client.challenge(client.begin())
        res, _, _ = client.card.authenticate(rand, autn)
        answer = client.get(client.authorization(members, res), body=b"more")
        assert answer.status == 403, answer.status
        members, rand, autn = client.challenge(client.begin())
        res, _, _ = client.card.authenticate(rand, autn)
        answer = client.get(client.authorization(members, res, body=b"more"), body=b"more")
        assert answer.status == 200, answer.status


@tap.test
def reject_who_may_not_bootstrap():
    with bsf(lab.SUBSCRIBER + "gba=none\n") as core, terminal(core) as client:
        answers = set()
        for name in (IMPI, "001010123456799@ims.mnc001.mcc001.3gppnetwork.org", lab.IMSI, "@", ""):
            client.username = name
            answer = client.begin()
            assert answer.status == 403, (name, answer.status)
            answers.add(answer.text)
        # nobody learns who is a subscriber
        assert len(answers) == 1, answers


@tap.test
def reject_authorization_that_is_not_digest():
    with bsf() as core, terminal(core) as client:
        for text in (None, "Basic YTpi", "Digest", "Digest ", "Digest x", 'Digest username="a',
                     'Digest username="a" realm="b"', 'Digest username="a",', "Digest =a",
                     'Digest username="%s", username="%s"' % (IMPI, IMPI),
                     'Digest username="a\\"b"', 'Digest realm="x"', "Digest username=%s" % IMPI):
            answer = client.get(text)
            assert answer.status == 400, (text, answer.status)
        # as loose as the grammar is
        for text in ('digest\tUSERNAME = "%s" ,nonce=""', 'Digest username="%s",x=y,algorithm=AKAv1-MD5'):
            assert client.get(text % IMPI).status == 401, text


@tap.test
def reject_other_methods_and_paths():
    with bsf() as core, terminal(core) as client:
        answer = client.get(method="POST", body=b"x")
        assert (answer.status, answer.headers["allow"]) == (405, "GET")
        assert client.get(path="/x").status == 404
        assert client.get(path=PATH, method="POST", body=b"{}").status == 404
        assert client.get("Digest " + "x" * 9000).status == 431


@tap.test
def reject_an_expired_bootstrapping():
    with bsf(lab.SUBSCRIBER, "--gba-lifetime", "2s") as core, core.client() as naf, \
            terminal(core) as client:
        boot = client.bootstrap()
        assert boot.seconds_left() <= 2

        def is_over():
            left = boot.seconds_left()
            answer = ask(naf, boot.b_tid)
            if answer.status == 200:
                assert left > 0, left
                return False
            expect(answer, 404, "CONTEXT_NOT_FOUND")
            return True
        assert tap.eventually(is_over, 60)
        assert boot.seconds_left() <= 0


@tap.test
def reload_forgets_who_may_no_longer_bootstrap():
    with bsf(lab.SUBSCRIBER + OTHER) as core, core.client() as naf, terminal(core) as client, \
            terminal(core, impi=IMPI.replace(lab.IMSI, "001010123456790")) as stays:
        boot, other = client.bootstrap(), stays.bootstrap()
        core.write("subscribers.conf", lab.SUBSCRIBER + "gba=none\n" + OTHER)
        core.hangup()
        expect(ask(naf, boot.b_tid), 404)
        expect(ask(naf, other.b_tid), 200)
        client.username = boot.tmpi()
        assert client.begin().status == 403


# -- Nbsp_GBA ------------------------------------------------------------------------------------

#= TS 29.309 NafId: nafFqdn and uaSecProtId, 10 hex digits
@tap.test
def reject_requests_that_are_not_of_nbsp_gba():
    with bsf() as core, core.client() as naf, terminal(core) as client:
        boot = client.bootstrap()
        expect(ask(naf, "x@y"), 404, "CONTEXT_NOT_FOUND")
        expect(ask(naf, boot.b_tid + "x"), 404, "CONTEXT_NOT_FOUND")
        expect(naf.post(PATH, {"btId": boot.b_tid}), 400, "MANDATORY_IE_MISSING")
        for naf_id in ("x", {}, {"nafFqdn": lab.FQDN}, {"uaSecProtId": UA},
                       {"nafFqdn": lab.FQDN, "uaSecProtId": UA[:-1]},
                       {"nafFqdn": lab.FQDN, "uaSecProtId": UA + "00"},
                       {"nafFqdn": lab.FQDN, "uaSecProtId": "zz00000001"},
                       {"nafFqdn": "a b", "uaSecProtId": UA}, {"nafFqdn": 1, "uaSecProtId": UA}):
            expect(naf.post(PATH, {"btId": boot.b_tid, "nafId": naf_id}), 400)
        expect(ask(naf, boot.b_tid, gbaUAware="yes"), 400)
        expect(naf.post(PATH, {"nafId": {"nafFqdn": lab.FQDN, "uaSecProtId": UA}}), 400)


@tap.test
def reject_a_naf_that_is_in_no_group():
    groups = "[af keys.example.com]\nua=ff00000001\n"
    with bsf(lab.SUBSCRIBER + groups) as core, core.client() as naf, terminal(core) as client:
        boot = client.bootstrap()
        expect(ask(naf, boot.b_tid), 200)
        expect(ask(naf, boot.b_tid, ua="0100000002"), 403, "AF_NOT_ALLOWED")
        expect(ask(naf, boot.b_tid, "other.example.com"), 403, "AF_NOT_ALLOWED")


@tap.test
def tokens_for_nbsp_gba_are_asked_for():
    with bsf(lab.SUBSCRIBER, "--oauth") as core, core.client() as naf, terminal(core) as client:
        boot = client.bootstrap()
        expect(ask(naf, boot.b_tid), 401)
        for scope, status in (("naanf-akma", 403), ("nbsp-gba", 200)):
            form = "grant_type=client_credentials&client_id=a&client_secret=b&scope=" + scope
            token = naf.post(lab.TOKEN, form, lab.FORM).json()["access_token"]
            answer = ask(naf, boot.b_tid, headers=(("authorization", "Bearer " + token),))
            expect(answer, status)


# -- the listener --------------------------------------------------------------------------------

@tap.test
def curl_sees_the_challenge():
    if not shutil.which("curl"):
        raise tap.Skip("no curl")
    with bsf() as core:
        done = subprocess.run(
            ["curl", "-sS", "-q", "--noproxy", "*", "-i", "-m", "10", "-H",
             'Authorization: Digest username="%s", nonce=""' % IMPI,
             "http://%s/" % core.ready["bsf"]], capture_output=True, text=True, check=True)
        assert done.stdout.startswith("HTTP/1.1 401 Unauthorized\n"), done.stdout
        assert 'algorithm=AKAv1-MD5, qop="auth-int"' in done.stdout, done.stdout


@tap.test
def ub_may_have_tls():
    with peers.Certificates() as certificates:
        pair = certificates.make("bsf")
        with bsf(lab.SUBSCRIBER, "--bsf-certificate", pair[0], "--bsf-key", pair[1]) as core, \
                core.client() as naf:
            tls = ssl.create_default_context(cafile=certificates.ca)
            with ub.Client(core.ready["bsf"], usim(), IMPI, tls) as client:
                boot = client.bootstrap()
            expect(ask(naf, boot.b_tid), 200)
            core.hangup()
            with ub.Client(core.ready["bsf"], usim(client.card.sqn), IMPI, tls) as client:
                client.bootstrap()


@tap.test
def there_is_no_ub_unless_it_is_asked_for():
    with lab.Lab() as core, core.client() as naf:
        assert set(core.ready) == {"pid", "core"}, core.ready
        expect(ask(naf, "x@y"), 404, "CONTEXT_NOT_FOUND")


@tap.test
def a_silent_client_holds_up_nobody_and_stop_is_quick():
    with bsf() as core:
        host, port = core.ready["bsf"].rsplit(":", 1)
        silent = [socket.create_connection((host, int(port))) for _ in range(20)]
        silent[0].sendall(b"GET / HTTP/1.1\r\nHost:")
        with terminal(core) as client:
            client.bootstrap()
        began = time.monotonic()
        assert core.stop() == 0
        assert time.monotonic() - began < 20
        for one in silent:
            one.close()


@tap.test
def reject_options_that_do_not_fit():
    with lab.Lab() as core:
        core.stop()
        file = core.path("subscribers.conf")
        for options in (("--gba-lifetime", "0s"), ("--gba-lifetime", "soon"),
                        ("--bsf-listen", "127.0.0.1:0", "--bsf-key", file),
                        ("--bsf-certificate", file, "--bsf-key", file)):
            done = lab.run("--subscribers", file, *options)
            assert done.returncode == 2 and done.stderr.startswith("akma-lab: "), (options, done)
        for options in (("--bsf-listen", "nonsense"), ("--bsf-listen", "192.0.2.1:1"),
                        ("--bsf-listen", "127.0.0.1:0", "--bsf-certificate", file,
                         "--bsf-key", file)):
            done = lab.run("--subscribers", file, *options)
            assert done.returncode == 6, (options, done)


@tap.test
def no_identity_and_no_key_is_logged():
    with bsf() as core, core.client() as naf, terminal(core) as client:
        boot = client.bootstrap()
        ask(naf, boot.b_tid)
        text = core.log()
        for secret in (lab.IMSI, boot.b_tid, boot.ks.hex(), boot.ks_naf(lab.FQDN, UA), lab.K):
            assert secret not in text, secret
        assert "GET Ub /" in text and PATH in text, text


tap.main()
