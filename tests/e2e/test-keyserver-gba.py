# SPDX-License-Identifier: LGPL-2.1-or-later
"""akma-keyserver with a BSF: sessions over GBA, every refusal, and tokens for both anchors."""
import datetime
import json
import os
import signal
import socket
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tap  # noqa: E402

try:
    import h2.connection  # noqa: F401
    import jwcrypto.jwe   # noqa: F401
except ImportError as missing:
    tap.skip_all(str(missing))

import bsf  # noqa: E402
import harness  # noqa: E402
import reference  # noqa: E402
from harness import FQDN  # noqa: E402
from keyserver import (B_TID, DOMAIN, IMPI, KID, KS, KS_NAF, RAND, SUPI, GbaServer,  # noqa: E402
                       Server, cause_of)


def in_s(seconds):
    when = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def good(**more):
    return {"meKeyMaterial": KS_NAF.hex(), "impi": IMPI,
            "keyExpiryTime": "2099-01-01T00:00:00Z", **more}


# --- what is given ----------------------------------------------------------------------------

@tap.test
def a_terminal_is_the_same_over_akma_and_gba():
    with GbaServer() as s:
        over_akma = s.exchange()
        over_gba = s.gba()
        assert over_akma.raw("mqtt") == over_gba.raw("mqtt")
        assert len(s.rows("terminal", "list")) == len(s.rows("key", "list")) == 1
        terminal = s.verb("terminal", "id", input=SUPI + "\n").strip()
        assert [t["terminal"] for t in s.rows("terminal", "list")] == [terminal]


@tap.test
def a_revocation_holds_over_akma_and_gba():
    with GbaServer() as s:
        s.gba()
        s.verb("terminal", "revoke", s.rows("terminal", "list")[0]["terminal"])
        assert s.gba().errors == s.exchange().errors == {"mqtt": "revoked"}
        s.verb("terminal", "restore", s.rows("terminal", "list")[0]["terminal"])
        assert not s.gba().errors and not s.exchange().errors


@tap.test
def subscribers_of_another_operator_are_other_terminals():
    with GbaServer() as s:
        s.gba()
        path = s.stack.path("akma-keyserver.conf")
        with open(path) as f:
            head, tail = f.read().split("[anchor bsf]")
        s.stack.write("akma-keyserver.conf", head + "[anchor bsf]" + tail.replace("00101", "00102"))
        s.process.signal(signal.SIGHUP)
        harness.wait_until("reloaded", lambda: "read again" in s.log())
        harness.wait_until("another terminal", lambda: s.gba() and
                           len(s.rows("terminal", "list")) == 2)


@tap.test
def an_answer_without_expiry_is_taken():
    with GbaServer() as s, s.client() as c:
        s.bsf.expiry = None
        assert c.open_session("gba", B_TID, KS_NAF).expires_in == 60


@tap.test
def the_key_for_the_terminal_is_taken_where_the_card_has_another():
    with GbaServer() as s:
        uss = [{"uss": {"gsId": 1, "gsType": 0, "ueIds": [{"ueId": "sip:a@b"}],
                        "keyChoice": "ME_BASED_KEY"}}]
        s.bsf.more = {"uiccKeyMaterial": "ab" * 32, "gbaType": "3G_GBA", "ussList": uss}
        assert "mqtt" in s.gba().by_id


@tap.test
def upper_case_digits_of_the_key_are_as_good():
    """The schema allows both."""
    with GbaServer() as s:
        s.bsf.answer = lambda request: (200, good(meKeyMaterial=KS_NAF.hex().upper()))
        assert "mqtt" in s.gba().by_id


# --- what ends --------------------------------------------------------------------------------

@tap.test
def a_session_ends_with_ks():
    with GbaServer() as s, s.client() as c:
        s.bsf.expiry = in_s(20)
        assert 15 <= c.open_session("gba", B_TID, KS_NAF).expires_in <= 20


@tap.test
def reject_second_request_after_ks_has_expired():
    with GbaServer() as s, s.client() as c:
        s.bsf.expiry = in_s(5)
        session = c.open_session("gba", B_TID, KS_NAF)
        assert session.expires_in <= 5
        time.sleep(session.expires_in + 1)
        assert cause_of(session.ask, ["mqtt"]) == (404, "session_unknown")
        assert s.rows("key", "list") == []


# --- what is refused --------------------------------------------------------------------------

@tap.test
def reject_unknown_b_tid():
    with GbaServer() as s:
        assert cause_of(s.gba, kid="x@" + DOMAIN) == (404, "anchor_key_unknown")
        s.bsf.answer = lambda request: (403, {"cause": "NOT_ALLOWED"}, "application/problem+json")
        assert cause_of(s.gba) == (502, "anchor_refused")
        assert s.rows("terminal", "list") == []


@tap.test
def reject_b_tid_of_another_domain_without_asking():
    with GbaServer() as s:
        for domain in ("bsf.mnc002.mcc001.pub.3gppnetwork.org", DOMAIN + ".example.com",
                       "5gc.mnc001.mcc001.3gppnetwork.org", "example.com", DOMAIN.upper()):
            assert cause_of(s.gba, kid="x@" + domain) == (404, "anchor_key_unknown"), domain
        assert s.bsf.connections == s.operator.connections == 0


@tap.test
def the_domain_of_the_b_tid_says_which_bsf_is_asked():
    domain = "bsf.mnc002.mcc001.pub.3gppnetwork.org"
    impi = "001020000000001@ims.mnc002.mcc001.3gppnetwork.org"
    b_tid = "cmFuZA==@" + domain
    with bsf.Bsf() as other:
        other.bootstrap(b_tid, KS, RAND, impi)
        group = "[anchor other]\ntype=gba\noperator=00102\nrealms=%s\nurl=%s\n" % (domain, other.url)
        with GbaServer(group=group) as s:
            s.gba()
            s.gba(kid=b_tid, first_key=reference.ks_naf(KS, RAND, impi, FQDN))
            assert [r["body"]["btId"] for r in s.bsf.requests] == [B_TID]
            assert [r["body"]["btId"] for r in other.requests] == [b_tid]
            assert len(s.rows("terminal", "list")) == 2
            # known to one, named as of the other
            assert cause_of(s.gba, kid=B_TID.replace(DOMAIN, domain)) == (404, "anchor_key_unknown")
        assert not other.faults, other.faults


@tap.test
def reject_identifiers_under_the_other_kind_of_anchor():
    """An A-KID as a B-TID and the other way round reach nobody who knows them."""
    with GbaServer(realms="*") as s:
        assert cause_of(s.gba, kid=KID) == (404, "anchor_key_unknown")
        assert cause_of(s.exchange, kid=B_TID) == (404, "anchor_key_unknown")
        assert [r["body"]["btId"] for r in s.bsf.requests] == [KID]
        assert [r["body"]["aKId"] for r in s.operator.requests] == [B_TID]


@tap.test
def reject_gba_where_only_akma_is_configured():
    with Server() as s, s.client() as c:
        assert cause_of(c.open_session, "gba", B_TID, KS_NAF) == (404, "anchor_key_unknown")
        assert s.operator.requests == []


@tap.test
def reject_wrong_first_key():
    with GbaServer() as s, s.client() as c:
        try:
            c.open_session("gba", B_TID, reference.ks_naf(KS, RAND, IMPI, "other.example.com"))
            raise AssertionError("opened")
        except reference.NotAuthentic:
            pass


@tap.test
def reject_answers_that_are_not_from_a_usim():
    uss = [{"uss": {"gsId": 1, "gsType": 0, "ueIds": [{"ueId": "sip:a@b"}],
                    "keyChoice": "UICC_BASED_KEY"}}]
    both = [{"uss": dict(uss[0]["uss"], keyChoice="ME_UICC_BASED_KEYS")}]
    with GbaServer() as s:
        for more in ({"gbaType": "2G_GBA"}, {"gbaType": "GBA_DIGEST"}, {"gbaType": "5G"},
                     {"ussList": uss}, {"ussList": both}, {"ussList": uss[:0] + both + uss}):
            s.bsf.more = more
            assert cause_of(s.gba) == (502, "anchor_refused"), more
        assert s.rows("terminal", "list") == []


@tap.test
def reject_keys_that_are_none():
    with GbaServer() as s:
        for key in (KS_NAF.hex()[:-2], KS_NAF.hex() + "00", "z" * 64, "", 7, None,
                    KS_NAF.hex()[:-1] + " "):
            s.bsf.answer = lambda request, k=key: (200, good(meKeyMaterial=k))
            assert cause_of(s.gba) == (502, "anchor_refused"), key
        s.bsf.answer = lambda request: (200, {"impi": IMPI, "uiccKeyMaterial": KS_NAF.hex()})
        assert cause_of(s.gba) == (502, "anchor_refused")


@tap.test
def reject_expiry_in_the_past():
    with GbaServer() as s:
        for when in (in_s(-1), "2001-01-01T00:00:00Z", "tomorrow", "", 4102444800, None):
            s.bsf.answer = lambda request, w=when: (200, good(keyExpiryTime=w))
            assert cause_of(s.gba) == (502, "anchor_refused"), when


@tap.test
def reject_identities_that_are_malformed_foreign_or_missing():
    with GbaServer() as s:
        for impi in ("alice@example.com", "001010000000001", SUPI,
                     IMPI.replace("mnc001", "mnc002"), IMPI.replace("mcc001", "mcc262"),
                     IMPI + ".example.com", "00101" + IMPI, IMPI[1:], IMPI.replace("ims.", ""), "",
                     None, 1):
            s.bsf.answer = lambda request, i=impi: (200, good(impi=i))
            assert cause_of(s.gba) == (502, "anchor_refused"), impi
        anonymous = good()
        del anonymous["impi"]
        s.bsf.answer = lambda request: (200, anonymous)
        assert cause_of(s.gba) == (502, "anchor_refused")
        assert s.rows("terminal", "list") == []
        assert IMPI not in s.log() and SUPI not in s.log() and B_TID not in s.log()


@tap.test
def reject_answers_that_are_not_strict_json():
    text = json.dumps(good()).encode()
    with GbaServer() as s:
        for body in (text[:-1], text + b"{}", b"[" + text + b"]", b"null", b"",
                     text[:-1] + b',"meKeyMaterial":"%s"}' % (b"11" * 32),
                     text[:-1] + b',"x":"' + b"x" * 20000 + b'"}'):
            s.bsf.answer = lambda request, b=body: (200, b)
            assert cause_of(s.gba) == (502, "anchor_refused"), body[:40]
        s.bsf.answer = lambda request: (200, good(), "text/html")
        assert cause_of(s.gba) == (502, "anchor_refused")
        assert KS_NAF.hex() not in s.log()


@tap.test
def a_bsf_that_is_slow_or_gone_or_in_trouble_is_unavailable():
    with GbaServer() as s:
        for status in (500, 501, 503):
            s.bsf.answer = lambda request, n=status: (n, {}, "application/problem+json")
            assert cause_of(s.gba) == (503, "anchor_unavailable"), status
        s.bsf.answer = lambda request: None
        begun = time.monotonic()
        assert cause_of(s.gba) == (503, "anchor_unavailable")
        assert 1.5 < time.monotonic() - begun < 20
        s.bsf.answer = None
        s.bsf.stop()
        assert cause_of(s.gba) == (503, "anchor_unavailable")
        s.bsf.start()
        assert "mqtt" in s.gba().by_id


def served(s):
    try:
        return "mqtt" in s.gba().by_id
    except reference.Refused as refused:
        assert refused.cause == "anchor_unavailable", refused.cause
        time.sleep(0.1)
        return False


@tap.test
def a_bsf_that_fails_again_and_again_is_left_alone_and_the_aanf_is_not():
    with GbaServer() as s:
        s.bsf.answer = lambda request: (500, {}, "application/problem+json")
        for _ in range(10):
            assert cause_of(s.gba) == (503, "anchor_unavailable")
        begun = time.monotonic()
        for _ in range(2):
            assert cause_of(s.gba) == (503, "anchor_unavailable")
        # for 2 s nobody is let through
        assert len(s.bsf.requests) == 10 or time.monotonic() - begun > 1.5
        assert "mqtt" in s.exchange().by_id
        s.bsf.answer = None
        harness.wait_until("it is asked again", lambda: served(s))


@tap.test
def strangers_with_unknown_b_tids_do_not_break_the_circuit():
    with GbaServer() as s:
        for n in range(15):
            assert cause_of(s.gba, kid="%d@%s" % (n, DOMAIN)) == (404, "anchor_key_unknown")
        assert "mqtt" in s.gba().by_id


@tap.test
def a_broken_connection_is_retried_once():
    with GbaServer() as s:
        s.gba()
        s.bsf.drop()
        assert "mqtt" in s.gba().by_id
        assert s.bsf.connections == 2


# --- tokens -----------------------------------------------------------------------------------

TOKEN = "token-url=TOKEN_URL\nclient-id=keys example\nclient-secret-file=%s\n"


class TokenServer(GbaServer):
    def __init__(self, **config):
        handle, self.secret = tempfile.mkstemp(prefix="client-secret-")
        with open(handle, "w") as f:
            f.write("s:cret/+\n")
        super().__init__(group=TOKEN % self.secret, **config)
        self.bsf.tokens = {"keys example": "s:cret/+"}

    def __exit__(self, kind, value, trace):
        super().__exit__(kind, value, trace)
        os.unlink(self.secret)


@tap.test
def a_token_is_asked_for_once_and_kept():
    with TokenServer() as s:
        for _ in range(3):
            assert "mqtt" in s.gba().by_id
        assert len(s.bsf.token_requests) == 1 and len(s.bsf.requests) == 3
        assert {r["headers"]["authorization"] for r in s.bsf.requests} == \
            {"Bearer " + s.bsf.issued[0]}
        assert s.bsf.issued[0] not in s.log() and "s:cret" not in s.log()


@tap.test
def many_at_once_wait_for_one_token():
    import concurrent.futures
    with TokenServer() as s:
        s.bsf.delay = 0.3
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for done in [pool.submit(s.gba) for _ in range(8)]:
                assert "mqtt" in done.result().by_id
        assert len(s.bsf.token_requests) == 1 and len(s.bsf.requests) == 8


@tap.test
def a_token_that_is_about_to_end_is_not_used():
    with TokenServer() as s:
        s.bsf.lifetime = 1
        s.gba(), s.gba()
        assert len(s.bsf.token_requests) == 2
        s.bsf.lifetime = 6
        s.gba(), s.gba()
        assert len(s.bsf.token_requests) == 3
        time.sleep(5.2)
        s.gba()
        assert len(s.bsf.token_requests) == 4


@tap.test
def a_token_that_was_taken_back_is_renewed_once():
    with TokenServer() as s:
        s.gba()
        s.bsf.issued.clear()
        assert "mqtt" in s.gba().by_id
        assert len(s.bsf.token_requests) == 2
        s.bsf.answer = lambda request: s.bsf.usual(request) if request["path"] == bsf.TOKEN_PATH \
            else (401, {}, "application/problem+json")
        before = len(s.bsf.requests)
        assert cause_of(s.gba) == (502, "anchor_refused")
        assert len(s.bsf.token_requests) == 3 and len(s.bsf.requests) == before + 2


@tap.test
def reject_tokens_that_are_none():
    with TokenServer() as s:
        for answer in ((400, {"error": "invalid_client"}), (200, b"{"), (200, {}),
                       (200, {"access_token": "a\r\nb: c", "token_type": "Bearer"}),
                       (200, {"access_token": "a", "token_type": "mac"}),
                       (200, {"access_token": "a", "token_type": "Bearer"}, "text/html"),
                       (302, {}), (204, b"")):
            s.bsf.token_answer = answer
            assert cause_of(s.gba) == (502, "anchor_refused"), answer
        s.bsf.token_answer = (503, {})
        assert cause_of(s.gba) == (503, "anchor_unavailable")
        assert s.bsf.requests == []
        assert s.log().count("the token was refused") >= 1


@tap.test
def a_token_endpoint_that_is_silent_or_gone_is_unavailable():
    with TokenServer() as s:
        s.bsf.answer = lambda request: None
        begun = time.monotonic()
        assert cause_of(s.gba) == (503, "anchor_unavailable")
        assert 1.5 < time.monotonic() - begun < 20
        s.bsf.stop()
        assert cause_of(s.gba) == (503, "anchor_unavailable")


@tap.test
def a_client_that_goes_away_while_the_token_is_fetched_harms_nobody():
    with TokenServer() as s:
        s.bsf.delay = 0.5
        stopped = threading.Thread(target=lambda: cancelled(s))
        stopped.start()
        assert "mqtt" in s.gba().by_id
        stopped.join()
        assert len(s.bsf.token_requests) == 1


def cancelled(s):
    with s.client() as c:
        c.begin("POST", "/v1/sessions", json.dumps({
            "anchor": "gba", "kid": B_TID, "nonce": reference.b64(bytes(32))}).encode(),
            "application/json")
        time.sleep(0.1)
        c.channel.sock.shutdown(socket.SHUT_RDWR)


@tap.test
def tokens_serve_the_aanf_as_well():
    """The token endpoint of the BSF double gives them; the AAnF wants to see them."""
    with bsf.Bsf() as nrf, TokenServer() as s:
        nrf.tokens, nrf.scope = {"keys example": "s:cret/+"}, "naanf-akma"
        s.edit("[limits]", "token-url=%s\nclient-id=keys example\nclient-secret-file=%s\n[limits]" % (
            nrf.token_url, s.secret))
        s.process.signal(signal.SIGHUP)
        harness.wait_until("reloaded", lambda: "read again" in s.log())
        harness.wait_until("a token is asked for", lambda: s.exchange() and nrf.issued)
        seen = [r["headers"].get("authorization") for r in s.operator.requests]
        assert seen[-1] == "Bearer " + nrf.issued[0] and len(nrf.issued) == 1


# --- check ------------------------------------------------------------------------------------

@tap.test
def check_finds_what_is_wrong_with_a_bsf():
    with TokenServer() as s:
        assert s.verb("check", check=False).returncode == 0
        os.chmod(s.secret, 0o644)
        done = s.verb("check", check=False)
        assert done.returncode == 6 and "[anchor bsf] client-secret-file: " in done.stderr
        os.chmod(s.secret, 0o600)
        s.edit("type=gba", "type=gba\naf-id-format=hex")
        done = s.verb("check", check=False)
        assert done.returncode == 6 and "[anchor bsf] af-id-format: " in done.stderr


@tap.test
def check_refuses_a_bsf_for_a_store_of_gpsis():
    with GbaServer(init=("--identity", "gpsi")) as s:
        done = s.verb("check", check=False)
        assert done.returncode == 6 and "[anchor bsf] type: " in done.stderr
        assert cause_of(s.gba) == (502, "anchor_refused")


tap.main()
