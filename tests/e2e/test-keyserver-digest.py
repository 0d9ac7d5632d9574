# SPDX-License-Identifier: LGPL-2.1-or-later
"""The HTTP Digest face of akma-keyserver: stock clients over HTTP/1.1 and HTTP/2, every refusal."""
import base64
import hashlib
import http.client
import json
import os
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import threading
import warnings

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tap  # noqa: E402

try:
    import h2.connection  # noqa: F401
    import jwcrypto.jwe   # noqa: F401
except ImportError as missing:
    tap.skip_all(str(missing))

import bsf  # noqa: E402
import harness  # noqa: E402
import memscan  # noqa: E402
import reference  # noqa: E402
from digest_client import Credentials, Http1, Http2, address, challenges  # noqa: E402
from harness import FQDN  # noqa: E402
from keyserver import KID, RATES, SUPI, Server  # noqa: E402

UA = bytes.fromhex("0100000002")
DOMAIN = "bsf.mnc001.mcc001.pub.3gppnetwork.org"
B_TID = "I1U8vpY3qJ0hiuZNrke/NQ==@" + DOMAIN
RAND = bytes.fromhex("23553cbe9637a89d218ae64dae47bf35")
KS = bytes.fromhex("b40ba9a3c58b2a05bbf0d987b21bf8cbf769bcd751044604127672711c6d3441")
IMPI = SUPI.removeprefix("imsi-") + "@ims.mnc001.mcc001.3gppnetwork.org"
KS_NAF = reference.ks_naf(KS, RAND, IMPI, FQDN, UA)
K_AF = os.urandom(32)
AKMA_REALM = "3GPP-bootstrapping-akma@" + FQDN
GBA_REALM = "3GPP-bootstrapping@" + FQDN


class DigestServer(Server):
    """With both anchors; K_AF is another one than that of the message profile."""

    def __init__(self, rates=RATES, gba=True, **config):
        self.bsf = bsf.Bsf()
        self.bsf.start()
        self.bsf.bootstrap(B_TID, KS, RAND, IMPI)
        group = "[anchor bsf]\ntype=gba\noperator=00101\nurl=%s\n" % self.bsf.url
        super().__init__(extra=rates + "[digest]\nlisten=127.0.0.1:0\n" + (group if gba else ""),
                         **config)
        self.operator.answer = self.answer

    def __exit__(self, kind, value, trace):
        super().__exit__(kind, value, trace)
        self.bsf.stop()
        assert kind or not self.bsf.faults, self.bsf.faults

    def answer(self, request):
        if request["body"]["afId"] != FQDN + UA.hex() or request["body"]["aKId"] != KID:
            return self.operator.usual(request)
        return 200, {"kaf": K_AF.hex(), "expiry": self.operator.expiry, "supi": SUPI}

    def curl(self, *options, user=KID, key=K_AF, agent="curl 3gpp-akma", path="/v1/keys/mqtt"):
        host, port = address(self)
        done = subprocess.run(
            ["curl", "-q", "-sS", "--noproxy", "*", "-m", "15", "--cacert", self.stack.path("ca.pem"),
             "--connect-to", "%s:443:%s:%d" % (FQDN, host, port), "--user-agent", agent,
             "--write-out", "\n%{http_code} %{http_version} %{content_type}", *options, "--digest",
             "--user", "%s:%s" % (user, base64.b64encode(key).decode()),
             "https://%s%s" % (FQDN, path)], capture_output=True, text=True)
        body, _, rest = done.stdout.rpartition("\n")
        assert done.returncode == 0, (done.returncode, done.stderr)
        return (*rest.split(" ", 2), body)

    def log(self):
        return self.process.read_log()


def ask(client, user=KID, key=K_AF, realm=AKMA_REALM, path="/v1/keys/mqtt", qop="auth", body=None,
        sent=None, agent="x 3gpp-akma 3gpp-gba", changes=()):
    """A challenge, then the request with what it asks for; (credentials, answer)."""
    first = client.get(path, user_agent=agent)
    assert first.status == 401, first.status
    challenge = next(c for c in challenges(first) if c["realm"] == realm)
    credentials = Credentials(user, key, challenge, qop=qop, uri=path)
    header = credentials.header(body=body or b"", **dict(changes))
    return credentials, client.get(path, header, user_agent=agent,
                                   body=sent if sent is not None else body)


def problem(answer, status, cause=None):
    assert answer.status == status, (answer.status, answer.body)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    body = json.loads(answer.body)
    assert (body["status"], body.get("cause")) == (status, cause), body
    if status != 401:
        assert challenges(answer) == []


# --- what stock clients get -------------------------------------------------------------------

@tap.test
def curl_gets_the_key_over_akma_by_http_1_1_and_http_2():
    if not shutil.which("curl"):
        raise tap.Skip("curl is not installed")
    with DigestServer() as s:
        for option, version in (("--http1.1", "1.1"), ("--http2", "2")):
            status, http, kind, body = s.curl(option)
            assert (status, http, kind) == ("200", version, "application/jwk+json"), (status, body)
            jwk = json.loads(body)
            row = s.rows("key", "list")[0]
            assert jwk["kid"] == row["kid"] == "mqtt:1" and jwk["key_id"] == "mqtt"
            assert hashlib.sha256(reference.unb64(jwk["k"])).hexdigest() == row["sha256"]
        #= TS 33.535 B.1.2: K_AF is the password; as with Ks_NAF in TS 24.109, in base64
        assert {r["body"]["afId"] for r in s.operator.requests} == {FQDN + "0100000002"}


@tap.test
def curl_gets_the_key_over_gba_by_http_1_1_and_http_2():
    if not shutil.which("curl"):
        raise tap.Skip("curl is not installed")
    with DigestServer() as s:
        for option, version in (("--http1.1", "1.1"), ("--http2", "2")):
            status, http, _, body = s.curl(option, user=B_TID, key=KS_NAF,
                                           agent="GBA client; Release-6 3gpp-gba")
            assert (status, http) == ("200", version), (status, body)
            assert json.loads(body)["kid"] == "mqtt:1"
        assert {r["body"]["nafId"]["uaSecProtId"] for r in s.bsf.requests} == {"0100000002"}
        assert s.operator.requests == []


@tap.test
def curl_gets_the_key_with_tls_1_2():
    if not shutil.which("curl"):
        raise tap.Skip("curl is not installed")
    #= TS 33.210 6.2: TLS 1.2 with forward secrecy and AEAD, without renegotiation
    with DigestServer() as s:
        for option in ("--http1.1", "--http2"):
            assert s.curl(option, "--tls-max", "1.2")[0] == "200"


@tap.test
def it_is_the_key_of_the_message_profile_and_the_same_terminal():
    with DigestServer() as s:
        over_messages = s.exchange().raw("mqtt")
        with Http1(s) as c:
            _, answer = ask(c)
            assert reference.unb64(json.loads(answer.body)["k"]) == over_messages
            _, answer = ask(c, B_TID, KS_NAF, GBA_REALM)
            assert reference.unb64(json.loads(answer.body)["k"]) == over_messages
        assert len(s.rows("terminal", "list")) == 1
        assert len(s.audits("delivered")) == 3


@tap.test
def the_server_proves_itself_with_rspauth():
    with DigestServer() as s:
        for kind in (Http1, Http2):
            with kind(s) as c:
                for qop in ("auth", "auth-int"):
                    credentials, answer = ask(c, qop=qop)
                    assert answer.status == 200, answer.body
                    assert answer.headers["cache-control"] == "no-store"
                    #= RFC 7616 3.5: Authentication-Info proves that the server has the key as well
                    credentials.check_info(answer)


@tap.test
def a_body_of_a_get_counts_with_auth_int():
    with DigestServer() as s:
        for kind in (Http1, Http2):
            with kind(s) as c:
                assert ask(c, qop="auth-int", body=b"whatever")[1].status == 200


@tap.test
def a_connection_may_fetch_several_keys_each_with_its_nonce():
    with DigestServer(add=("mqtt", "vpn")) as s, Http1(s) as c:
        for path in ("/v1/keys/mqtt", "/v1/keys/vpn", "/v1/keys/mqtt"):
            _, answer = ask(c, path=path)
            assert answer.status == 200 and json.loads(answer.body)["key_id"] == path[9:]


@tap.test
def streams_at_once_have_a_nonce_each():
    with DigestServer() as s, Http2(s) as c:
        nonces = [challenges(c.get())[0] for _ in range(3)]
        # the anchor answers none before it was asked for all: one after the other it would not be
        together = threading.Barrier(len(nonces), timeout=60)
        s.operator.answer = lambda request: together.wait() >= 0 and s.answer(request)
        fields = [(":method", "GET"), (":scheme", "https"), (":authority", FQDN),
                  (":path", "/v1/keys/mqtt"), ("user-agent", "3gpp-akma")]
        streams = [c.begin(fields + [("authorization", Credentials(KID, K_AF, n).header())])
                   for n in nonces]
        assert [c.finish(stream).status for stream in streams] == [200] * 3


# --- challenges -------------------------------------------------------------------------------

@tap.test
def product_tokens_decide_about_realms():
    with DigestServer() as s, Http1(s) as c:
        #= TS 24.109 5.2: the product tokens of a client that can do GBA; 3gpp-akma: TS 33.535 B.1.2
        for agent, realms in (("3gpp-akma", [AKMA_REALM]), ("x/1 3gpp-gba", [GBA_REALM]),
                              ("3gpp-gba 3gpp-akma", [AKMA_REALM, GBA_REALM])):
            answer = c.get(user_agent=agent)
            problem(answer, 401)
            assert [x["realm"] for x in challenges(answer)] == realms
            for challenge in challenges(answer):
                assert challenge["algorithm"] == "MD5" and challenge["qop"] == "auth,auth-int"
                assert "stale" not in challenge and len(challenge["nonce"]) == 43
        for agent in (None, "curl/7.88.1", "3gpp-gba-uicc", "3gpp-gba-digest"):
            problem(c.get(user_agent=agent), 403)
        assert s.operator.requests == s.bsf.requests == []


@tap.test
def reject_gba_where_only_akma_is_configured():
    with DigestServer(gba=False) as s, Http1(s) as c:
        problem(c.get(user_agent="3gpp-gba"), 403)
        assert [x["realm"] for x in challenges(c.get())] == [AKMA_REALM]


@tap.test
def nonces_are_never_the_same():
    with DigestServer() as s, Http1(s) as c:
        assert len({challenges(c.get())[0]["nonce"] for _ in range(20)}) == 20


@tap.test
def other_schemes_are_answered_with_a_challenge():
    with DigestServer() as s, Http1(s) as c:
        for header in ("Basic YTpi", "Bearer x", "Digestive x=y", ""):
            problem(c.get(authorization=header), 401)


# --- credentials that are not right -----------------------------------------------------------

@tap.test
def reject_wrong_password():
    with DigestServer() as s:
        for kind in (Http1, Http2):
            with kind(s) as c:
                for key in (bytes(32), K_AF[::-1], KS_NAF):
                    _, answer = ask(c, key=key)
                    problem(answer, 401)
                    assert "stale" not in challenges(answer)[0]
                    assert "authentication-info" not in answer.headers
        assert s.rows("terminal", "list") == []
        assert {e["cause"] for e in s.audits("refused")} == {"not_authentic"}
        if shutil.which("curl"):
            assert s.curl(key=bytes(32))[0] == "401"


@tap.test
def reject_first_key_of_the_message_profile_as_password():
    from keyserver import FIRST_KEY
    with DigestServer() as s, Http1(s) as c:
        problem(ask(c, key=FIRST_KEY)[1], 401)


@tap.test
def reject_replayed_authorization():
    with DigestServer() as s:
        for kind in (Http1, Http2):
            with kind(s) as c:
                credentials, answer = ask(c)
                assert answer.status == 200
                again = c.get(authorization=credentials.header())
                problem(again, 401)
                assert challenges(again)[0]["stale"] == "true"
                # the same nonce, counted on
                credentials.values["nc"] = "00000002"
                again = c.get(authorization=credentials.header())
                assert challenges(again)[0]["stale"] == "true"
                # and the new one is good
                fresh = Credentials(KID, K_AF, challenges(again)[0])
                assert c.get(authorization=fresh.header()).status == 200


@tap.test
def reject_nonce_that_failed_once():
    with DigestServer() as s, Http1(s) as c:
        challenge = challenges(c.get())[0]
        wrong = Credentials(KID, bytes(32), challenge).header()
        right = Credentials(KID, K_AF, challenge).header()
        problem(c.get(authorization=wrong), 401)
        problem(c.get(authorization=right), 401)


@tap.test
def reject_nonce_of_another_connection():
    with DigestServer() as s, Http1(s) as one, Http1(s) as other, Http2(s) as third:
        header = Credentials(KID, K_AF, challenges(one.get())[0]).header()
        for client in (other, third):
            answer = client.get(authorization=header)
            problem(answer, 401)
            assert challenges(answer)[0]["stale"] == "true"
        assert one.get(authorization=header).status == 200
        assert len(s.operator.requests) == 1


@tap.test
def reject_nonces_that_are_none():
    with DigestServer() as s, Http1(s) as c:
        for nonce in ("x", "A" * 43, "A" * 3000):
            credentials = Credentials(KID, K_AF, {"realm": AKMA_REALM, "nonce": nonce})
            assert challenges(c.get(authorization=credentials.header()))[0]["stale"] == "true"
        assert s.operator.requests == []


@tap.test
def reject_wrong_realm():
    with DigestServer() as s, Http1(s) as c:
        for realm in ("3GPP-bootstrapping-akma@other.example.com", AKMA_REALM.lower(), "x", FQDN,
                      "3GPP-bootstrapping-uicc@" + FQDN):
            challenge = dict(challenges(c.get())[0], realm=realm)
            answer = c.get(authorization=Credentials(KID, K_AF, challenge).header())
            problem(answer, 401)
            assert AKMA_REALM in [x["realm"] for x in challenges(answer)]
        # a realm that the product tokens do not name
        challenge = dict(challenges(c.get())[0], realm=GBA_REALM)
        problem(c.get(authorization=Credentials(B_TID, KS_NAF, challenge).header(),
                      user_agent="3gpp-akma"), 401)
        assert s.operator.requests == s.bsf.requests == []


@tap.test
def reject_wrong_uri():
    with DigestServer(add=("mqtt", "vpn")) as s, Http1(s) as c:
        challenge = challenges(c.get())[0]
        for uri in ("/v1/keys/vpn", "/", "/v1/keys/mqtt?", "https://%s/v1/keys/mqtt" % FQDN):
            header = Credentials(KID, K_AF, challenge, uri=uri).header()
            problem(c.get(authorization=header), 400, "malformed")
        # the field names the resource, the proof is for another one
        credentials = Credentials(KID, K_AF, challenge, uri="/v1/keys/vpn")
        problem(c.get(authorization=credentials.header(uri="/v1/keys/mqtt")), 401)


@tap.test
def reject_tampered_requests():
    with DigestServer() as s:
        for kind in (Http1, Http2):
            with kind(s) as c:
                problem(ask(c, qop="auth-int", body=b"body", sent=b"bodY")[1], 401)
                problem(ask(c, qop="auth-int", body=b"body", sent=b"")[1], 401)
                problem(ask(c, qop="auth-int", sent=b"x")[1], 401)
                for change in ({"nc": "00000002"}, {"cnonce": "other"}, {"qop": "auth-int"},
                               {"response": "0" * 32}):
                    problem(ask(c, changes=change)[1], 401)
        assert s.rows("terminal", "list") == []


@tap.test
def reject_unknown_usernames_without_a_realm():
    with DigestServer() as s, Http1(s) as c:
        for user in ("0.x@5gc.mnc001.mcc001.3gppnetwork.org", "nobody", "@", "a@", "a b@c", "a@b@c",
                     "a@" + "b" * 300):
            problem(ask(c, user=user)[1], 404, "anchor_key_unknown")
        problem(ask(c, "x@" + DOMAIN, KS_NAF, GBA_REALM)[1], 404, "anchor_key_unknown")
        assert len(s.operator.requests) == len(s.bsf.requests) == 1
        problem(ask(c, B_TID)[1], 404, "anchor_key_unknown")  # under the realm of AKMA


@tap.test
def reject_malformed_authorization():
    with DigestServer() as s, Http1(s) as c:
        good = Credentials(KID, K_AF, challenges(c.get())[0]).header()
        for bad in ("Digest", "Digest x", good + ",", good + ", nonce=\"x\"", good + ", x=\"y",
                    good.replace("nc=00000001", "nc=1"), good.replace("qop=auth", "qop=auth-conf"),
                    good.replace("qop=auth, ", ""), good.replace("MD5", "MD5-sess"),
                    good.replace("MD5", "SHA-256"), good.replace('cnonce="c0ffee", ', ""),
                    good.replace("c0ffee", 'c0\\"ffee'), good[:-8], good + " x=y"):
            problem(c.get(authorization=bad), 400, "malformed")
        # none of them has cost the nonce
        assert c.get(authorization=good).status == 200


# --- what is not given ------------------------------------------------------------------------

@tap.test
def reject_unknown_key_id_only_after_authentication():
    with DigestServer() as s, Http1(s) as c:
        problem(c.get("/v1/keys/nothing"), 401)
        problem(ask(c, key=bytes(32), path="/v1/keys/nothing")[1], 401)
        problem(ask(c, path="/v1/keys/nothing")[1], 404, "not_entitled")


@tap.test
def reject_key_that_the_terminal_is_not_entitled_to_as_if_it_were_not_there():
    with DigestServer() as s, Http1(s) as c:
        s.verb("application", "add", "other", "--source", "local")
        refused = ask(c, path="/v1/keys/other")[1]
        problem(refused, 404, "not_entitled")
        assert refused.body == ask(c, path="/v1/keys/nothing")[1].body
        assert s.rows("key", "list") == []
        assert [e["cause"] for e in s.audits("refused")] == ["not_entitled"] * 2


@tap.test
def reject_revoked_terminal_over_both_anchors():
    with DigestServer() as s, Http1(s) as c:
        assert ask(c)[1].status == 200
        s.verb("terminal", "revoke", s.rows("terminal", "list")[0]["terminal"])
        problem(ask(c)[1], 403, "revoked")
        problem(ask(c, B_TID, KS_NAF, GBA_REALM)[1], 403, "revoked")


@tap.test
def reject_other_methods_and_resources():
    with DigestServer() as s:
        for kind in (Http1, Http2):
            with kind(s) as c:
                for method in ("POST", "PUT", "DELETE", "OPTIONS"):
                    answer = c.request(method, "/v1/keys/mqtt")
                    problem(answer, 405)
                    assert answer.headers["allow"] == "GET"
                for path in ("/", "/v1/keys", "/v1/keys/", "/v1/keys/a/b", "/v1/keys/A",
                             "/v1/keys/mqtt?x", "/v1/sessions"):
                    problem(c.get(path), 404)
                problem(c.get(host="other.example.com"), 421, "wrong_server")


@tap.test
def reject_credentials_of_another_method():
    """A proof for GET does not serve anything else, and there is nothing else."""
    with DigestServer() as s, Http1(s) as c:
        challenge = challenges(c.get())[0]
        problem(c.get(authorization=Credentials(KID, K_AF, challenge).header("POST")), 401)


@tap.test
def reject_oversized_requests():
    with DigestServer() as s:
        with Http1(s) as c:
            assert c.get(headers=[("X-Long", "x" * 9000)]).status == 431
        with Http2(s) as c:
            try:
                c.get(headers=[("x-long", "x" * 9000)])
                raise AssertionError("taken")
            except reference.ConnectionLost:
                pass
            problem(c.get(body=b"x" * 20000), 413, "too_large")


# --- the anchor -------------------------------------------------------------------------------

@tap.test
def an_anchor_that_fails_is_an_error_without_realm():
    with DigestServer() as s, Http1(s) as c:
        s.operator.answer = lambda request: (500, {})
        problem(ask(c)[1], 503, "anchor_unavailable")
        s.operator.answer = lambda request: (403, {})
        problem(ask(c)[1], 502, "anchor_refused")
        s.operator.answer = lambda request: (200, {"kaf": "00", "supi": SUPI})
        problem(ask(c)[1], 502, "anchor_refused")
        s.operator.stop()
        answer = ask(c)[1]
        problem(answer, 503, "anchor_unavailable")
        assert int(answer.headers["retry-after"]) > 0


@tap.test
def a_client_that_leaves_while_the_anchor_thinks_harms_nobody():
    with DigestServer() as s:
        s.operator.delay = 0.5
        for kind in (Http1, Http2):
            leaver = threading.Thread(target=lambda k=kind: leave(s, k))
            leaver.start()
            with kind(s) as c:
                assert ask(c)[1].status == 200
            leaver.join()
        assert len(s.workers()) == 1 and "ended" not in s.log()


def leave(s, kind):
    with kind(s) as c:
        header = Credentials(KID, K_AF, challenges(c.get())[0]).header()
        sock = c.channel.sock if kind is Http2 else c.connection.sock
        threading.Timer(0.2, lambda: sock.shutdown(socket.SHUT_RDWR)).start()
        try:
            c.get(authorization=header)
        except (reference.ConnectionLost, http.client.HTTPException, OSError):
            pass


@tap.test
def rates_are_those_of_first_requests():
    with DigestServer(rates="[limits]\naddress=10000/s\nkid=2/m\n") as s, Http1(s) as c:
        assert ask(c)[1].status == ask(c)[1].status == 200
        answer = ask(c)[1]
        problem(answer, 429, "rate_limited")
        assert 1 <= int(answer.headers["retry-after"]) <= 60
        # the other profile draws on the same
        try:
            s.exchange()
            raise AssertionError("not limited")
        except reference.Refused as refused:
            assert refused.cause == "rate_limited"
    with DigestServer(rates="[limits]\naddress=10000/s\nkid=10000/s\ntotal=2/m\n") as s, \
            Http1(s) as c:
        assert ask(c)[1].status == ask(c)[1].status == 200
        problem(ask(c)[1], 429, "rate_limited")
        # strangers could go on with that as long as they like: no line for each
        assert len(s.audits("delivered")) == 2 and not s.audits("refused")


# --- the listener -----------------------------------------------------------------------------

@tap.test
def it_is_not_there_unless_it_is_configured():
    with Server() as s:
        assert "digest" not in s.stack.ready["akma-keyserver"]
        with s.client() as c:
            assert c.request("GET", "/v1/keys/mqtt", extra=[("user-agent", "3gpp-akma")]).status == 404


@tap.test
def every_worker_serves_it():
    with DigestServer(workers=3) as s:
        for _ in range(9):
            with Http1(s) as c:
                assert ask(c)[1].status == 200
        s.process.signal(signal.SIGHUP)
        harness.wait_until("reloaded", lambda: "read again" in s.log())
        with Http1(s) as c:
            assert ask(c)[1].status == 200
        assert s.stack.stop("akma-keyserver") == 0


@tap.test
def reject_clear_text_and_weak_tls():
    with DigestServer() as s:
        with socket.create_connection(address(s), 60) as plain:
            plain.sendall(b"GET /v1/keys/mqtt HTTP/1.1\r\nHost: %s\r\n\r\n" % FQDN.encode())
            try:
                assert b"HTTP" not in plain.recv(4096)
            except ConnectionResetError:
                pass  # OpenSSL 3.5 leaves the rest unread
        for version, ciphers in ((ssl.TLSVersion.TLSv1_1, None),
                                 (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES128-SHA"),
                                 (ssl.TLSVersion.TLSv1_2, "AES128-GCM-SHA256")):
            context = ssl.create_default_context(cafile=s.stack.path("ca.pem"))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                context.minimum_version = ssl.TLSVersion.TLSv1_1
                context.maximum_version = version
            context.set_ciphers((ciphers or "ALL") + ":@SECLEVEL=0")
            try:
                with Http1(s, context):
                    raise AssertionError("taken: %s %s" % (version, ciphers))
            except OSError:
                pass
        with Http1(s) as c:
            assert ask(c)[1].status == 200


@tap.test
def the_other_port_is_as_it_was():
    """TLS 1.3 and HTTP/2 only."""
    with DigestServer() as s:
        context = ssl.create_default_context(cafile=s.stack.path("ca.pem"))
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        for protocols in (["h2"], ["http/1.1"]):
            context.set_alpn_protocols(protocols)
            try:
                context.wrap_socket(socket.create_connection(s.address, 60), server_hostname=FQDN)
                raise AssertionError("taken")
            except OSError:
                pass
            context = ssl.create_default_context(cafile=s.stack.path("ca.pem"))


# --- secrets ----------------------------------------------------------------------------------

@tap.each("akma", "gba")
def m5_no_copy_of_the_first_key_is_left_and_control_a_live_one_is_found(anchor):
    if os.geteuid() != 0 or os.environ.get("AKMA_SANITIZERS"):
        raise tap.Skip("needs root and a plain build to search memory")
    user, key, realm = {"akma": (KID, K_AF, AKMA_REALM), "gba": (B_TID, KS_NAF, GBA_REALM)}[anchor]
    wanted = {"first key": key, "IMSI": SUPI.removeprefix("imsi-").encode()}
    for kind in (Http1, Http2):
        with DigestServer() as s, kind(s) as c:
            # another writer holds the store: the delivery waits with the key in its hands
            db = sqlite3.connect(s.stack.path("keys.db"), isolation_level=None)
            db.execute("BEGIN IMMEDIATE")
            answers = []
            asking = threading.Thread(target=lambda: answers.append(
                ask(c, user, key, realm, qop="auth-int")))
            asking.start()
            harness.wait_until("the key is there", lambda: memscan.scan(
                s.workers(), wanted)["first key"])
            db.execute("ROLLBACK")
            db.close()
            asking.join()
            assert answers[0][1].status == 200, answers[0][1].body
            assert (s.operator if anchor == "akma" else s.bsf).open, "the connection to the anchor is closed"
            found = memscan.left(s.workers(), wanted)
            assert not found, found


@tap.test
def logs_hold_no_key_and_no_identity():
    with DigestServer() as s, Http1(s) as c:
        ask(c), ask(c, key=bytes(32)), ask(c, B_TID, KS_NAF, GBA_REALM), ask(c, user="x@y")
        with open(s.audit) as f:
            text = f.read() + s.log()
        for secret in (KID, B_TID, SUPI, IMPI, K_AF.hex(), base64.b64encode(K_AF).decode(),
                       base64.b64encode(KS_NAF).decode()):
            assert secret not in text


tap.main()
