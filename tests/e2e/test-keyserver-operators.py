# SPDX-License-Identifier: LGPL-2.1-or-later
"""Several anchors: two operators, each with AKMA and GBA, and perhaps one for all other realms. The
realm of an identifier decides who is asked, in every profile; nobody else hears of it."""
import os
import shutil
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tap  # noqa: E402

try:
    import h2.connection  # noqa: F401
    import jwcrypto.jwe   # noqa: F401
except ImportError as missing:
    tap.skip_all(str(missing))
if not shutil.which("openssl"):
    tap.skip_all("openssl is not installed")

import aanf  # noqa: E402
import bsf  # noqa: E402
import digest_client  # noqa: E402
import harness  # noqa: E402
import psk_client  # noqa: E402
import reference  # noqa: E402
from harness import FQDN  # noqa: E402
from keyserver import FIRST_KEY, KS, RAND, RATES, Server, cause_of  # noqa: E402

LISTEN = "[psk]\nlisten=127.0.0.1:0\n[digest]\nlisten=127.0.0.1:0\n"


class Operator:
    """An AAnF and a BSF with one subscriber, who is @imsi; @mnc of the realms that its identifiers
    have."""

    def __init__(self, mnc, imsi=None, realms=None):
        self.mnc, self.realms = mnc, realms
        imsi = imsi or "001%s0000000001" % mnc[1:]
        home = "mnc%s.mcc001" % mnc
        self.domains = {"akma": "5gc.%s.3gppnetwork.org" % home,
                        "gba": "bsf.%s.pub.3gppnetwork.org" % home}
        self.kids = {"akma": "0.%s@%s" % ("A" * 43, self.domains["akma"]),
                     "gba": "I1U8vpY3qJ0hiuZNrke/NQ==@" + self.domains["gba"]}
        impi = "%s@ims.mnc%s.mcc001.3gppnetwork.org" % (imsi, "0" + imsi[3:5])
        self.first = {"akma": FIRST_KEY, "gba": reference.ks_naf(KS, RAND, impi, FQDN)}
        self.anchors = {"akma": aanf.Aanf(), "gba": bsf.Bsf()}
        self.anchors["akma"].first_keys[self.kids["akma"]] = FIRST_KEY
        self.anchors["akma"].supis[self.kids["akma"]] = "imsi-" + imsi
        for anchor in self.anchors.values():
            anchor.start()
        self.anchors["gba"].bootstrap(self.kids["gba"], KS, RAND, impi)

    def groups(self):
        return "".join("[anchor %s-%s]\ntype=%s\noperator=001%s\nrealms=%s\nurl=%s\n" % (
            kind, self.mnc, kind, self.mnc[1:], self.realms or self.domains[kind], anchor.url)
            for kind, anchor in self.anchors.items())

    def count(self):
        return {kind: len(anchor.requests) for kind, anchor in self.anchors.items()}

    def stop(self):
        for anchor in self.anchors.values():
            anchor.stop()


class Several(Server):
    def __init__(self, *operators, init=()):
        self.operators = operators
        super().__init__(extra=RATES + LISTEN + "".join(o.groups() for o in operators),
                         realms="nobody.example", init=init)

    def __exit__(self, *all):
        super().__exit__(*all)
        for operator in self.operators:
            operator.stop()

    def ask(self, operator, kind):
        return self.exchange(anchor=kind, kid=operator.kids[kind], first_key=operator.first[kind])

    def counts(self):
        return [o.count() for o in self.operators]


@tap.test
def each_operator_is_asked_for_its_own_over_both_anchors():
    one, two = Operator("001"), Operator("002")
    with Several(one, two) as s:
        names = {}
        for n, operator in enumerate((one, two)):
            for kind in ("akma", "gba"):
                before = s.counts()
                assert "mqtt" in s.ask(operator, kind).by_id, kind
                before[n][kind] += 1
                assert s.counts() == before
                names[n, kind] = s.audits("delivered")[-1]["terminal"]
        # one terminal for each operator, whichever anchor spoke for it
        assert names[0, "akma"] == names[0, "gba"] != names[1, "akma"] == names[1, "gba"]
        # and what is taken from one stays with the other
        s.verb("terminal", "revoke", names[0, "akma"])
        for kind in ("akma", "gba"):
            assert s.ask(one, kind).errors == {"mqtt": "revoked"}
            assert "mqtt" in s.ask(two, kind).by_id
        # in a command line a subscriber is one of an operator
        assert s.verb("terminal", "id", "--identity-file", "-", "--operator", "00102",
                      input="imsi-001020000000001").strip() == names[1, "akma"]


@tap.test
def reject_an_operator_that_speaks_for_the_subscriber_of_another():
    """It can give out no key of the other's terminal, and take none away."""
    one, two = Operator("001"), Operator("002")
    with Several(one, two) as s:
        ours = s.ask(one, "akma").raw("mqtt")
        two.anchors["akma"].supis[two.kids["akma"]] = "imsi-001010000000001"
        assert s.ask(two, "akma").raw("mqtt") != ours
        assert len(s.rows("terminal", "list")) == 2
        # an identifier of the other's realm is not asked for at this one
        two.anchors["akma"].first_keys[one.kids["akma"]] = bytes(32)
        assert s.ask(one, "akma").raw("mqtt") == ours


@tap.test
def what_no_operator_is_named_for_goes_to_the_one_for_all():
    one, rest = Operator("001"), Operator("003", realms="other.example;*")
    with Several(one, rest) as s:
        for kind in ("akma", "gba"):
            assert "mqtt" in s.ask(rest, kind).by_id
            assert "mqtt" in s.ask(one, kind).by_id
        assert s.counts() == [{"akma": 1, "gba": 1}] * 2


def refused_in_every_profile(s, kind, kid):
    """An identifier that nobody may be asked about."""
    assert cause_of(s.exchange, anchor=kind, kid=kid, first_key=FIRST_KEY) == (
        404, "anchor_key_unknown")
    prefix = {"akma": "3GPP-AKMA;", "gba": "3GPP-bootstrapping;"}[kind]
    try:
        with psk_client.Stock(s, prefix + kid, FIRST_KEY):
            raise AssertionError("a handshake with a PSK of nobody")
    except psk_client.Refused:
        pass
    with digest_client.Http2(s) as c:
        offered = [o for o in digest_client.challenges(c.get()) if
                   ("akma" in o["realm"]) == (kind == "akma")]
        answer = c.get(authorization=digest_client.Credentials(kid, FIRST_KEY, offered[0]).header())
        assert answer.status == 404, answer.status


@tap.each("akma", "gba")
def reject_realms_of_nobody_in_every_profile_without_a_request(kind):
    one, two = Operator("001"), Operator("002")
    with Several(one, two) as s:
        for realm in ("evil.example", one.domains[kind] + ".evil", "x" + two.domains[kind],
                      one.domains["gba" if kind == "akma" else "akma"]):
            refused_in_every_profile(s, kind, "x@" + realm)
        assert s.counts() == [{"akma": 0, "gba": 0}] * 2
        assert [a.connections for o in (one, two) for a in o.anchors.values()] == [0] * 4


@tap.test
def an_operator_comes_and_goes_by_reloading():
    one, two = Operator("001"), Operator("002")
    with Several(one) as s:
        path = s.stack.path("akma-keyserver.conf")
        with open(path) as f:
            text = f.read()
        try:
            assert cause_of(s.ask, two, "akma") == (404, "anchor_key_unknown")
            s.stack.write("akma-keyserver.conf", text + two.groups())
            s.process.signal(signal.SIGHUP)

            def served():
                try:
                    return "mqtt" in s.ask(two, "akma").by_id
                except reference.Refused as refused:
                    assert refused.cause == "anchor_key_unknown", refused.cause
            harness.wait_until("it is asked", served)
            assert "mqtt" in s.ask(two, "gba").by_id and "mqtt" in s.ask(one, "akma").by_id
            s.stack.write("akma-keyserver.conf", text)
            s.process.signal(signal.SIGHUP)
            harness.wait_until("it is not asked", lambda: not served())
            before = two.count()
            assert cause_of(s.ask, two, "gba") == (404, "anchor_key_unknown")
            assert two.count() == before and "mqtt" in s.ask(one, "akma").by_id
        finally:
            two.stop()


tap.main()
