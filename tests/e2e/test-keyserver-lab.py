# SPDX-License-Identifier: LGPL-2.1-or-later
"""akma-keyserver with akma-lab as AAnF and BSF: the whole exchange over both anchors.

The terminal is Python: aka.py on the air interface, ub.py on Ub, reference.py towards the server.
"""
import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tap  # noqa: E402

try:
    import h2.connection  # noqa: F401
    import jwcrypto.jwe   # noqa: F401
except ImportError as missing:
    tap.skip_all(str(missing))

import aka  # noqa: E402
import derive  # noqa: E402
import lab  # noqa: E402
import reference  # noqa: E402
import ub  # noqa: E402
from digest_client import address  # noqa: E402
from harness import FQDN  # noqa: E402
from keyserver import RATES, Server, cause_of  # noqa: E402

if not os.path.exists(lab.PROGRAM):
    tap.skip_all("akma-lab is not built")

IMPI = lab.IMSI + "@ims.mnc001.mcc001.3gppnetwork.org"
MESSAGE, DIGEST = "ff00000001", "0100000002"
AF = "[af %s]\nua=%s;%s\n" % (FQDN, MESSAGE, DIGEST)
GROUP = "%s[digest]\nlisten=127.0.0.1:0\n[anchor bsf]\ntype=gba\noperator=00101\nrealms=%s\nurl=%s\n%s"


class Both:
    """A core, a key server, and one terminal that can do AKMA and GBA."""

    def __init__(self, *options, subscriber=lab.SUBSCRIBER + AF, token="", add=("mqtt",)):
        self.core = lab.Lab(subscriber, "--bsf-listen", "127.0.0.1:0", *options).start()
        url = "http://" + self.core.ready["core"]
        token = token.replace("URL", url)
        self.server = Server(core=url, add=add, extra=token + GROUP % (RATES, ub.BSF, url, token))
        self.card = aka.Usim(lab.K, lab.OPC)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.server.__exit__(kind, value, trace)
        self.core.__exit__(kind, value, trace)

    def register(self):
        """Primary authentication; what a key for @ua needs."""
        with self.core.client() as client:
            k_ausf, _ = lab.authenticate(client, self.card)
        k_akma = derive.k_akma(k_ausf, lab.IMSI)
        return derive.a_kid(k_ausf, lab.IMSI), \
            lambda ua: reference.k_af(k_akma, FQDN, bytes.fromhex(ua))

    def bootstrap(self, card=None):
        with ub.Client(self.core.ready["bsf"], card or self.card, IMPI) as client:
            boot = client.bootstrap()
        return boot.b_tid, lambda ua: bytes.fromhex(boot.ks_naf(FQDN, ua))

    def anchor(self, kind):
        return self.register() if kind == "akma" else self.bootstrap()

    def exchange(self, kind, key_ids=("mqtt",)):
        kid, first_key = self.anchor(kind)
        with self.server.client() as client:
            session = client.open_session(kind, kid, first_key(MESSAGE))
            return session.ask(list(key_ids))


# --- M1 to M9 over both -----------------------------------------------------------------------

@tap.test
def m1_to_m4_and_m9_a_key_comes_over_akma_and_over_gba():
    with Both() as b:
        keys = [b.exchange(kind) for kind in ("akma", "gba")]
        rows = b.server.rows("key", "list")
        assert len(rows) == 1 and {k.by_id["mqtt"]["kid"] for k in keys} == {"mqtt:1"}
        assert keys[0].raw("mqtt") == keys[1].raw("mqtt")


@tap.each("akma", "gba")
def m5_m7_m8_a_session_is_used_once_and_the_anchor_serves_another(kind):
    with Both(add=("mqtt", "vpn")) as b, b.server.client() as client:
        kid, first_key = b.anchor(kind)
        session = client.open_session(kind, kid, first_key(MESSAGE), hints=["mqtt"])
        assert session.offered == ["mqtt", "vpn"]
        body = session.seal(b'{"key_ids":["mqtt"]}')
        session.open_keys(session.post(body), ["mqtt"])
        assert session.post(body).status == 404
        again = client.open_session(kind, kid, first_key(MESSAGE))
        assert again.ask(["vpn"]).by_id["vpn"]["kid"] == "vpn:1"


@tap.test
def a_terminal_id_and_a_revocation_hold_over_both():
    with Both() as b:
        for kind in ("akma", "gba"):
            b.exchange(kind)
        terminals = b.server.rows("terminal", "list")
        assert len(terminals) == 1
        b.server.verb("terminal", "revoke", terminals[0]["terminal"])
        for kind in ("akma", "gba"):
            assert b.exchange(kind).errors == {"mqtt": "revoked"}


@tap.test
def the_key_of_gba_u_for_the_terminal_is_taken():
    with Both(subscriber=lab.SUBSCRIBER + "gba=u\n" + AF) as b, b.server.client() as client:
        b_tid, first_key = b.bootstrap(ub.UiccOfGbaU(b.card))
        session = client.open_session("gba", b_tid, first_key(MESSAGE))
        assert "mqtt" in session.ask(["mqtt"]).by_id


# --- refusals ---------------------------------------------------------------------------------

@tap.test
def reject_b_tids_that_the_bsf_does_not_know():
    with Both() as b, b.server.client() as client:
        b_tid, first_key = b.bootstrap()
        other = base64.b64encode(bytes(16)).decode() + "@" + ub.BSF
        for kid in (other, b_tid.replace(ub.BSF, "bsf.mnc002.mcc001.pub.3gppnetwork.org")):
            assert cause_of(client.open_session, "gba", kid, first_key(MESSAGE)) == (
                404, "anchor_key_unknown"), kid


@tap.test
def reject_the_key_of_another_profile():
    with Both() as b, b.server.client() as client:
        b_tid, first_key = b.bootstrap()
        try:
            client.open_session("gba", b_tid, first_key(DIGEST))
            raise AssertionError("opened")
        except reference.NotAuthentic:
            pass


@tap.test
def reject_a_server_that_the_operator_does_not_allow():
    with Both(subscriber=lab.SUBSCRIBER + "[af other.example.com]\n") as b, \
            b.server.client() as client:
        for kind in ("akma", "gba"):
            kid, first_key = b.anchor(kind)
            assert cause_of(client.open_session, kind, kid, first_key(MESSAGE)) == (
                502, "anchor_refused"), kind


@tap.test
def reject_second_request_after_ks_has_expired_and_then_the_b_tid():
    with Both("--gba-lifetime", "6s") as b, b.server.client() as client:
        b_tid, first_key = b.bootstrap()
        session = client.open_session("gba", b_tid, first_key(MESSAGE))
        assert session.expires_in <= 6
        time.sleep(6.2)
        assert cause_of(session.ask, ["mqtt"]) == (404, "session_unknown")
        assert cause_of(client.open_session, "gba", b_tid, first_key(MESSAGE))[0] in (404, 502)
        assert b.server.rows("key", "list") == []


# --- tokens -----------------------------------------------------------------------------------

@tap.test
def tokens_of_the_core_open_both_anchors():
    handle, secret = tempfile.mkstemp(prefix="client-secret-")
    with open(handle, "w") as file:
        file.write("right\n")
    token = "token-url=URL/oauth2/token\nclient-id=af\nclient-secret-file=%s\n" % secret
    client = "[client af]\nsecret=right\n"
    try:
        with Both("--oauth", subscriber=lab.SUBSCRIBER + AF + client, token=token) as b:
            for kind in ("akma", "gba"):
                kid, first_key = anchor_with_token(b, kind)
                with b.server.client() as c:
                    session = c.open_session(kind, kid, first_key(MESSAGE))
                    assert "mqtt" in session.ask(["mqtt"]).by_id, kind
        with Both("--oauth", subscriber=lab.SUBSCRIBER + AF + client) as b, b.server.client() as c:
            b_tid, first_key = b.bootstrap()
            assert cause_of(c.open_session, "gba", b_tid, first_key(MESSAGE)) == (
                502, "anchor_refused")
    finally:
        os.unlink(secret)


def anchor_with_token(b, kind):
    """With --oauth the visited network needs a token too."""
    if kind == "gba":
        return b.bootstrap()
    basic = base64.b64encode(b"af:right").decode()
    with b.core.client() as client:
        answer = client.post(lab.TOKEN, "grant_type=client_credentials", lab.FORM,
                             headers=[("authorization", "Basic " + basic)])
        bearer = answer.json()["access_token"]
    return register_with(b, bearer)


def register_with(b, bearer):
    k_ausf = os.urandom(32)
    kid = derive.a_kid(k_ausf, lab.IMSI)
    k_akma = derive.k_akma(k_ausf, lab.IMSI)
    with b.core.client() as client:
        answer = client.post(lab.REGISTER, {"supi": "imsi-" + lab.IMSI, "aKId": kid,
                                            "kAkma": k_akma.hex()},
                             headers=[("authorization", "Bearer " + bearer)])
        assert answer.status == 200, answer.body
    return kid, lambda ua: reference.k_af(k_akma, FQDN, bytes.fromhex(ua))


# --- the HTTP Digest face ---------------------------------------------------------------------

@tap.test
def curl_gets_the_key_with_what_the_terminal_derives():
    if not shutil.which("curl"):
        raise tap.Skip("curl is not installed")
    with Both() as b:
        host, port = address(b.server)
        seen = set()
        for kind in ("akma", "gba"):
            kid, first_key = b.anchor(kind)
            for version in ("--http1.1", "--http2"):
                done = subprocess.run(
                    ["curl", "-q", "-sSf", "--noproxy", "*", "-m", "15", version, "--cacert",
                     b.server.stack.path("ca.pem"), "--connect-to",
                     "%s:443:%s:%d" % (FQDN, host, port), "--user-agent", "x 3gpp-" + kind,
                     "--digest", "--user", "%s:%s" % (kid, base64.b64encode(
                         first_key(DIGEST)).decode()), "https://%s/v1/keys/mqtt" % FQDN],
                    capture_output=True, text=True, check=True)
                seen.add(json.loads(done.stdout)["k"])
        assert len(seen) == 1 and len(b.server.rows("terminal", "list")) == 1
        assert seen == {b.exchange("akma").by_id["mqtt"]["k"]}


tap.main()
