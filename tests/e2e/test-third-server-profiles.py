# SPDX-License-Identifier: LGPL-2.1-or-later
"""The third server over both anchors and in every profile: the fourth key is the provider's, asked
for when the terminal is proven, and the terminal has one name towards the provider."""
import json
import os
import shutil
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tap  # noqa: E402

try:
    import h2.connection  # noqa: F401
    import jwcrypto.jwe   # noqa: F401
except ImportError as missing:
    tap.skip_all(str(missing))
if not shutil.which("openssl"):
    tap.skip_all("openssl is not installed")

import bsf  # noqa: E402
import digest_client  # noqa: E402
import harness  # noqa: E402
import memscan  # noqa: E402
import psk_client  # noqa: E402
import reference  # noqa: E402
from harness import FQDN  # noqa: E402
from keyserver import KID, SUPI  # noqa: E402
from psk_client import B_TID, IMPI, KS, RAND, Stock  # noqa: E402
from third import KEY, Third  # noqa: E402

UAS = {"message": "ff00000001", "psk": "0100000007", "digest": "0100000002"}
K_AF = {ua: os.urandom(32) for ua in UAS.values()}


class Everything(Third):
    """Both anchors, all listeners; each profile has a first key of its own."""

    def __init__(self, limits="", **more):
        self.bsf = bsf.Bsf()
        self.bsf.start()
        self.bsf.bootstrap(B_TID, KS, RAND, IMPI)
        super().__init__(limits=limits + "[psk]\nlisten=127.0.0.1:0\n[digest]\nlisten=127.0.0.1:0\n"
                         "[anchor bsf]\ntype=gba\noperator=00101\nurl=%s\n" % self.bsf.url, **more)
        self.operator.answer = lambda request: (200, {
            "kaf": K_AF[request["body"]["afId"].removeprefix(FQDN)].hex(),
            "expiry": self.operator.expiry, "supi": SUPI})

    def __exit__(self, kind, value, trace):
        super().__exit__(kind, value, trace)
        self.bsf.stop()

    def first(self, anchor, profile):
        """The identifier and the first key."""
        if anchor == "akma":
            return KID, K_AF[UAS[profile]]
        return B_TID, reference.ks_naf(KS, RAND, IMPI, FQDN, bytes.fromhex(UAS[profile]))

    def message(self, anchor):
        """The JWK, or the cause, that a terminal gets for mqtt; the same for the other profiles."""
        keys = reference.exchange("https://%s:8443" % FQDN, anchor, *self.first(anchor, "message"),
                                  ["mqtt"], self.stack.path("ca.pem"), self.address)
        return keys.by_id.get("mqtt") or keys.errors["mqtt"]

    def psk(self, anchor, key=None):
        kid, first_key = self.first(anchor, "psk")
        prefix = "3GPP-AKMA;" if anchor == "akma" else "3GPP-bootstrapping;"
        with Stock(self, prefix + kid, key or first_key) as c:
            answer = json.loads(c.get().body)
        return answer["keys"][0] if answer["keys"] else answer["errors"][0]["cause"]

    def digest(self, anchor, key=None):
        kid, first_key = self.first(anchor, "digest")
        with digest_client.Http2(self) as c:
            offered = digest_client.challenges(c.get())
            challenge = [o for o in offered if ("akma" in o["realm"]) == (anchor == "akma")][0]
            answer = c.get(authorization=digest_client.Credentials(
                kid, key or first_key, challenge).header())
        body = json.loads(answer.body)
        return body if answer.status == 200 else body.get("cause", answer.status)


def check(s, jwk):
    assert reference.unb64(jwk["k"], 32) == KEY and jwk["kid"] == "mqtt:1", jwk
    assert jwk["key_id"] == "mqtt"


@tap.each("akma", "gba")
def m10_fourth_key_by_the_message_profile(anchor):
    with Everything() as s:
        check(s, s.message(anchor))
        assert len(s.fifth.requests) == 1


@tap.each("akma", "gba")
def m10_fourth_key_by_the_psk_profile(anchor):
    with Everything() as s:
        check(s, s.psk(anchor))
        assert len(s.fifth.requests) == 1


@tap.each("akma", "gba")
def fourth_key_by_http_digest(anchor):
    with Everything() as s:
        check(s, s.digest(anchor))
        assert len(s.fifth.requests) == 1


@tap.test
def a_terminal_has_one_name_towards_a_provider_over_both_anchors_and_all_profiles():
    with Everything() as s:
        for anchor in ("akma", "gba"):
            for profile in (s.message, s.psk, s.digest):
                check(s, profile(anchor))
        assert len(s.fifth.requests) == 6
        assert len({r["body"]["terminal"] for r in s.fifth.requests}) == 1
        assert len(s.rows("terminal", "list")) == 1


@tap.each("akma", "gba")
def m10_reject_terminals_that_are_not_proven(anchor):
    with Everything() as s:
        wrong = os.urandom(32)
        try:
            s.psk(anchor, wrong)
        except psk_client.Refused:
            pass
        else:
            raise AssertionError("a wrong PSK was taken")
        assert s.digest(anchor, wrong) == 401
        assert s.fifth.requests == [] and s.fifth.connections == 0


@tap.test
def refused_and_unavailable_are_told_apart_in_each_profile():
    with Everything() as s:
        for there, here in ((403, "upstream_refused"), (503, "upstream_unavailable")):
            s.fifth.answer = lambda request: (there, b"")
            for profile in (s.message, s.psk, s.digest):
                assert profile("akma") == here, (there, profile)
        s.fifth.answer = None
        s.fifth.causes["broker"] = "revoked"
        for profile in (s.message, s.psk, s.digest):
            assert profile("gba") == "revoked"


@tap.test
def stock_clients_that_go_away_meanwhile_end_the_question():
    with Everything() as s:
        release = threading.Event()

        def answer(request):
            release.wait(60)
            return s.fifth.usual(request)
        s.fifth.answer = answer
        kid, first_key = s.first("akma", "psk")
        with Stock(s, "3GPP-AKMA;" + kid, first_key) as c:
            c.begin()
            harness.wait_until("the provider was asked", lambda: len(s.fifth.requests) == 1)
        with digest_client.Http2(s) as c:
            kid, first_key = s.first("akma", "digest")
            challenge = digest_client.challenges(c.get())[0]
            c.begin([(":method", "GET"), (":scheme", "https"), (":authority", FQDN),
                     (":path", "/v1/keys/mqtt"), ("user-agent", digest_client.USER_AGENT),
                     ("authorization", digest_client.Credentials(kid, first_key, challenge).header())])
            harness.wait_until("it was asked again", lambda: len(s.fifth.requests) == 2)
        release.set()
        s.fifth.answer = None
        check(s, s.psk("akma"))
        assert len(s.audits("delivered")) == 1


@tap.test
def m10_fourth_key_is_nowhere_after_any_profile_and_the_third_keys_neither():
    why = memscan.need_access()
    if why:
        raise tap.Skip(why)
    with Everything() as s:
        for profile in (s.message, s.psk, s.digest):
            check(s, profile("akma"))
        secrets = {"fourth key": KEY, **{ua: K_AF[ua] for ua in K_AF}}
        hits = memscan.left(s.workers(), secrets)
        assert not hits, hits


if __name__ == "__main__":
    tap.main()
