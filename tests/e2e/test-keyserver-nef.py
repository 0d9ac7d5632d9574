# SPDX-License-Identifier: LGPL-2.1-or-later
"""api=nef: the key server as an application outside the operator's network, which asks the NEF (TS
29.522) and knows terminals by their GPSIs: against one that a test rules, and against akma-lab over
mutual TLS with tokens."""
import base64
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tap  # noqa: E402

try:
    import h2.connection  # noqa: F401
    import jwcrypto.jwe   # noqa: F401
except ImportError as missing:
    tap.skip_all(str(missing))

import aanf  # noqa: E402
import derive  # noqa: E402
import h2client  # noqa: E402
import harness  # noqa: E402
import lab  # noqa: E402
import openapi  # noqa: E402
import reference  # noqa: E402
from certificates import make_client  # noqa: E402
from harness import FQDN  # noqa: E402
from keyserver import FIRST_KEY, KID, RATES, SUPI, Server, cause_of  # noqa: E402

PATH = "/3gpp-akma/v1/retrieve"
GPSI = "msisdn-491700000001"
PROBLEM = "application/problem+json"
GOOD = {"kaf": FIRST_KEY.hex(), "expiry": "2099-01-01T00:00:00Z", "gpsi": GPSI}

try:
    API = openapi.Api()
except openapi.Absent:
    API = None


class Nef(aanf.Aanf):
    """An NEF under @root. What is asked of it, and what it usually says, is held against the OpenAPI
    file where that is."""

    def __init__(self, root=""):
        super().__init__()
        self.root, self.faults = root, []
        self.first_keys[KID], self.gpsis[KID] = FIRST_KEY, GPSI

    def usual(self, request):
        if request["path"] != self.root + PATH:
            return 404, b"<html>nothing here</html>", "text/html"
        answer = super().usual(request)
        if API:
            self.check(request, answer)
        return answer

    def check(self, request, answer):
        try:
            API.check_request("POST", PATH, request["headers"]["content-type"],
                              json.dumps(request["body"]))
            API.check_answer("POST", PATH, answer[0], "application/json" if answer[1] else None,
                             json.dumps(answer[1]) if answer[1] else b"")
        except openapi.Invalid as invalid:
            self.faults.append(str(invalid))

    def __exit__(self, kind, *more):
        super().__exit__(kind, *more)
        assert kind or not self.faults, self.faults


def outside(nef, root=None, more="", init=("--identity", "gpsi")):
    """A key server with this NEF and no other anchor."""
    return Server(core=nef.url + (nef.root if root is None else root),
                  extra="api=nef\n" + more + RATES, init=init)


@tap.each("plain", "prefix")
def a_key_comes_from_the_nef_and_the_terminal_is_its_gpsi(kind):
    with Nef("/exposure/v2" if kind == "prefix" else "") as nef, outside(nef) as s:
        keys = s.exchange()
        assert len(keys.raw("mqtt")) == 32
        #= TS 29.522 AkmaAfKeyRequest: afId and aKId, anonInd false: who it is shall be told
        assert [(r["path"], r["body"]) for r in nef.requests] == [
            (nef.root + PATH, {"afId": FQDN + "ff00000001", "aKId": KID, "anonInd": False})]
        named = s.verb("terminal", "id", "--identity-file", "-", input=GPSI).strip()
        assert [row["terminal"] for row in s.rows("terminal", "list")] == [named]
        assert GPSI not in s.process.read_log()
        # whoever is revoked by that name gets nothing
        s.verb("terminal", "revoke", "--identity-file", "-", input=GPSI)
        assert s.exchange().errors == {"mqtt": "revoked"}


@tap.test
def a_slash_behind_the_prefix_changes_nothing():
    #= TS 29.122 5.2.4: apiRoot may have a prefix of the operator's choice
    with Nef("/exposure") as nef, outside(nef, "/exposure/") as s:
        assert "mqtt" in s.exchange().by_id


@tap.test
def reject_what_the_nef_refuses_or_does_not_know():
    with Nef() as nef, outside(nef) as s:
        rows = [
            ((204, b""), (404, "anchor_key_unknown")),
            ((404, {"status": 404, "cause": "NOT_FOUND"}, PROBLEM), (404, "anchor_key_unknown")),
            # a gateway that has no such service
            ((404, b"<html>", "text/html"), (502, "anchor_refused")),
            ((404, b""), (502, "anchor_refused")),
            ((400, {"status": 400}, PROBLEM), (502, "anchor_refused")),
            ((401, {"status": 401}, PROBLEM), (502, "anchor_refused")),
            ((403, {"status": 403, "cause": "AF_NOT_ALLOWED"}, PROBLEM), (502, "anchor_refused")),
            ((429, {"status": 429}, PROBLEM), (502, "anchor_refused")),
            ((307, b""), (502, "anchor_refused")),
            ((201, GOOD), (502, "anchor_refused")),
            ((500, {"status": 500}, PROBLEM), (503, "anchor_unavailable")),
            ((503, b""), (503, "anchor_unavailable")),
        ]
        for n, (answer, expected) in enumerate(rows):
            nef.answer = lambda request, a=answer: a
            assert cause_of(s.exchange, kid="%d.%s" % (n, KID)) == expected, answer
        nef.answer = None
        assert "mqtt" in s.exchange().by_id


@tap.test
def reject_answers_that_are_none():
    def without(name):
        return {k: v for k, v in GOOD.items() if k != name}
    with Nef() as nef, outside(nef) as s:
        bodies = [
            b"", b"garbage", b"[]", b"x" * 20000, {**GOOD, "pad": "x" * 20000},
            {**GOOD, "kaf": 7}, {**GOOD, "kaf": FIRST_KEY.hex()[:-2]}, {**GOOD, "kaf": None},
            {**GOOD, "kaf": FIRST_KEY.hex() + "00"}, {**GOOD, "kaf": FIRST_KEY.hex()[:-1] + "g"},
            {**GOOD, "expiry": 4070908800}, {**GOOD, "expiry": "2001-01-01T00:00:00Z"},
            {**GOOD, "expiry": "2099-01-01"}, {**GOOD, "gpsi": 491700000001},
            {**GOOD, "gpsi": "491700000001"}, {**GOOD, "gpsi": ""}, {**GOOD, "gpsi": [GPSI]},
            {**GOOD, "gpsi": "msisdn-" + "4" * 300}, without("gpsi"), without("kaf"),
            without("expiry"), {**without("gpsi"), "supi": SUPI},
            {"kAf": GOOD["kaf"], "expiry": GOOD["expiry"], "gpsi": GPSI},
        ]
        for n, body in enumerate(bodies):
            nef.answer = lambda request, b=body: (200, b)
            assert cause_of(s.exchange, kid="%d.%s" % (n, KID)) == (502, "anchor_refused"), body
        nef.answer = lambda request: (200, GOOD, "text/html")
        assert cause_of(s.exchange) == (502, "anchor_refused")
        assert s.rows("terminal", "list") == []
        # the twin: an external identifier, upper case, a member that nobody knows
        nef.answer = lambda request: (200, {**GOOD, "kaf": FIRST_KEY.hex().upper(), "suppFeat": "0",
                                            "gpsi": "extid-gateway-7@example.com"})
        assert "mqtt" in s.exchange().by_id


@tap.test
def reject_an_answer_that_is_late_or_never_comes():
    with Nef() as nef, outside(nef, more="timeout=1s\n") as s:
        nef.answer = lambda request: None
        assert cause_of(s.exchange) == (503, "anchor_unavailable")
        nef.answer, nef.delay = None, 3
        assert cause_of(s.exchange) == (503, "anchor_unavailable")
        nef.delay = 0
        nef.stop()
        assert cause_of(s.exchange) == (503, "anchor_unavailable")
        nef.start()
        harness.wait_until("it is asked again", lambda: served(s))


def served(s):
    """With a second for the answer, which a busy machine may exceed."""
    try:
        return "mqtt" in s.exchange().by_id
    except reference.Refused as refused:
        assert refused.cause == "anchor_unavailable", refused.cause
        return False


@tap.test
def reject_another_place_than_the_configured_one():
    """A prefix that is wrong is our fault, and no terminal is told that its key is unknown."""
    with Nef("/exposure") as nef, outside(nef, root="/exposed") as s:
        assert cause_of(s.exchange) == (502, "anchor_refused")
        assert "there is no NEF" in s.process.read_log()
        assert nef.requests[0]["path"] == "/exposed" + PATH


@tap.test
def a_store_of_supis_takes_no_gpsi_for_one():
    with Nef() as nef, outside(nef, init=()) as s:
        assert cause_of(s.exchange) == (502, "anchor_refused")
        assert s.rows("terminal", "list") == []


@tap.test
def reject_configurations_that_would_show_keys_to_the_way():
    with Nef() as nef, outside(nef) as s:
        secret = s.stack.write("client.secret", "right\n")
        os.chmod(secret, 0o600)
        token = "api=nef\nclient-id=af\nclient-secret-file=%s\ntoken-url=" % secret
        path = s.stack.path("akma-keyserver.conf")
        with open(path) as f:
            good = f.read()
        rows = [
            (nef.url, "http://nef.example.com", "url: must be https://"),
            (nef.url, "http://127.0.0.1.example.com", "url: must be https://"),
            (nef.url, nef.url + "/a?b", "url: must be"), (nef.url, nef.url + "/a#b", "url: must be"),
            (nef.url, "nef.example.com/x", "url: must be"),
            ("api=nef\n", token + "http://tokens.example.com/t\n", "token-url: must be https://"),
            ("type=akma", "type=gba", "api: is for type=akma only"),
            ("api=nef", "api=nrf", "api: "),
        ]
        for old, new, where in rows:
            assert old in good
            s.stack.write("akma-keyserver.conf", good.replace(old, new, 1))
            result = s.verb("check", check=False)
            assert result.returncode == 6 and "[anchor operator] " + where in result.stderr, (
                new, result.stderr)
        for old, new in ((nef.url, "https://nef.example.com/a"),
                         ("api=nef\n", token + "https://tokens.example.com/t\n")):
            s.stack.write("akma-keyserver.conf", good.replace(old, new, 1))
            s.verb("check")


# --- akma-lab's NEF, over mutual TLS and with tokens --------------------------------------------

class Operator:
    """akma-lab with TLS and tokens, and a key server that knows the way to its NEF."""

    def __init__(self, init=("--identity", "gpsi"), files=None, secret="right", api="nef"):
        self.core = None

        def extra(stack):
            ours = make_client(stack, "localhost")
            self.files = make_client(stack, "keys")
            self.core = lab.Lab(
                lab.SUBSCRIBER + "gpsi=%s\n[client af]\nsecret=right\n" % GPSI, "--oauth",
                "--certificate", ours[0], "--key", ours[1], "--client-ca", stack.path("ca.pem"))
            self.core.start()
            self.ca = stack.path("ca.pem")
            url = "https://localhost:" + self.core.ready["core"].rsplit(":", 1)[1]
            os.chmod(stack.write("client.secret", secret + "\n"), 0o600)
            return RATES + (
                "[anchor outside]\ntype=akma\noperator=00101\nrealms=5gc.*\napi=%s\nurl=%s\n"
                "ca-file=%s\n%stoken-url=%s/oauth2/token\nclient-id=af\nclient-secret-file=%s\n" % (
                    api, url, self.ca, "certificate-file=%s\nkey-file=%s\n" % self.files
                    if files is None else files, url, stack.path("client.secret")))
        self.server = Server(extra=extra, realms="nobody.example", init=init)

    def __enter__(self):
        return self

    def __exit__(self, *all):
        self.server.__exit__(*all)
        self.core.__exit__(*all)

    def register(self):
        """What a terminal has after its primary authentication: A-KID and K_AF."""
        k_ausf = os.urandom(32)
        kid, k_akma = derive.a_kid(k_ausf, lab.IMSI), derive.k_akma(k_ausf, lab.IMSI)
        basic = base64.b64encode(b"af:right").decode()
        with self.core.client(tls=h2client.tls_context(self.ca, *self.files)) as client:
            token = client.post(lab.TOKEN, "grant_type=client_credentials", lab.FORM,
                                headers=[("authorization", "Basic " + basic)]).json()
            answer = client.post(
                lab.REGISTER, {"supi": "imsi-" + lab.IMSI, "aKId": kid, "kAkma": k_akma.hex()},
                headers=[("authorization", "Bearer " + token["access_token"])])
            assert answer.status == 200, answer.body
        return kid, reference.k_af(k_akma, FQDN, bytes.fromhex("ff00000001"))

    def exchange(self):
        kid, first_key = self.register()
        return self.server.exchange(kid=kid, first_key=first_key)


@tap.test
def the_nef_of_the_lab_gives_key_and_gpsi_over_mutual_tls_with_a_token_for_the_gpsi():
    with Operator() as o:
        assert len(o.exchange().raw("mqtt")) == 32
        s = o.server
        named = s.verb("terminal", "id", "--identity-file", "-", "--operator", "00101",
                       input=GPSI).strip()
        assert [row["terminal"] for row in s.rows("terminal", "list")] == [named]
        assert s.operator.requests == []


@tap.test
def reject_the_lab_without_certificate_secret_or_gpsi():
    for how, expected in (({"files": ""}, (503, "anchor_unavailable")),
                          ({"secret": "wrong"}, (502, "anchor_refused")),
                          # without the scope for it, and of the NEF at all, there is no SUPI
                          ({"init": ()}, (502, "anchor_refused"))):
        with Operator(**how) as o:
            assert cause_of(o.exchange) == expected, how
            assert o.server.rows("terminal", "list") == []


if not os.path.exists(lab.PROGRAM):
    tap.skip_all("akma-lab is not built")
tap.main()
