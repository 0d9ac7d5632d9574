#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""profile=digest: akmad as a stock client of a NAF (TS 24.109, TS 33.535 B.1.2): with the Digest
face of akma-keyserver over AKMA and GBA, and with a NAF in Python that can be wrong."""
import base64
import hashlib
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import aka  # noqa: E402
import harness  # noqa: E402
import tap  # noqa: E402
import ubserver  # noqa: E402
from harness import FQDN  # noqa: E402

UA = bytes.fromhex("0100000002")
NOT_AUTHENTIC, REFUSED, UNREACHABLE, UNKNOWN, REVOKED, NOT_ENTITLED = 21, 22, 20, 23, 26, 24
TWO = ("[application mqtt]\nserver=keys\nusers=%u\n[application vpn]\nserver=keys\nusers=%u\n")


def renew(stack, name="mqtt"):
    return stack.ctl("renew", name, check=False).returncode


def start(anchor, **config):
    s = harness.Stack(anchor=anchor)
    s.start_lab(), s.start_modem()
    s.start_keyserver(extra="[digest]\nlisten=127.0.0.1:0\n")
    s.start_bus()
    s.start_agent(server=s.ready["akma-keyserver"]["digest"], profile="digest", **config)
    return s


def md5(*parts):
    return hashlib.md5(b":".join(p if isinstance(p, bytes) else p.encode()
                                 for p in parts)).hexdigest()


@tap.each("akma", "gba", "gba-u")
def the_digest_face_of_the_server_gives_the_key(anchor):
    with start(anchor) as s:
        s.check_two_versions()


@tap.test
def two_keys_come_in_one_exchange_and_one_that_is_refused_hurts_no_other():
    with start("gba", applications=TWO) as s:
        s.wait_key()
        assert renew(s, "vpn") == NOT_ENTITLED
        s.server("application", "add", "vpn", "--source", "local", "--allow", "*")
        s.renew_once_cured("vpn")
        rows = [json.loads(line) for line in s.server("terminal", "list", "--json").splitlines()]
        s.server("terminal", "revoke", rows[0]["terminal"])
        assert renew(s) == REVOKED


class Naf:
    """A NAF over HTTP/1.1 in TLS 1.2 or later, and a BSF that shares Ks with it."""

    def __init__(self, stack):
        self.stack, self.wrong, self.requests, self.exp = stack, None, [], None
        self.bsf = ubserver.Bsf(aka.Usim(harness.K, harness.OPC))
        self.key = os.urandom(32)
        self.nonces = 0
        stack.make_certificates()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(stack.path("server.pem"), stack.path("server.key"))
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.context = context
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.listener.close()
        self.bsf.__exit__()

    def _run(self):
        while True:
            try:
                plain, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(plain,), daemon=True).start()

    def _serve(self, plain):
        try:
            with self.context.wrap_socket(plain, server_side=True) as connection, \
                    connection.makefile("rb") as lines:
                while line := lines.readline():
                    fields = {"": line.decode().strip()}
                    while field := lines.readline().strip():
                        name, _, value = field.decode().partition(":")
                        fields[name.lower()] = value.strip()
                    self.requests.append(fields)
                    connection.sendall(self.answer(fields))
        except OSError:
            pass

    def first_key(self, b_tid):
        ks, rand, impi = self.bsf.sessions[b_tid]
        return ubserver.ks_naf(ks, rand, impi, FQDN, UA)

    def challenge(self, stale=False):
        self.nonces += 1
        self.nonce = "nonce%d" % self.nonces
        realm = "3GPP-bootstrapping@" + ("evil.example" if self.wrong == "realm" else FQDN)
        if self.wrong == "akma only":
            realm = "3GPP-bootstrapping-akma@" + FQDN
        value = 'Digest realm="%s", nonce="%s", algorithm=%s, qop="auth,auth-int"' % (
            realm, self.nonce, "SHA-256" if self.wrong == "sha" else "MD5")
        if stale:
            value += ", stale=true"
        return ubserver.Bsf.message("401 Unauthorized", [("WWW-Authenticate", value)])

    def problem(self, status, cause):
        body = json.dumps({"status": int(status), "cause": cause}).encode()
        return ubserver.Bsf.message(status + " No", [("Content-Type", "application/problem+json")],
                                    body)

    def answer(self, fields):
        asked = {name: quoted or bare for name, quoted, bare in
                 re.findall(r'(\w+)=(?:"([^"]*)"|([^\s,"]+))', fields.get("authorization", ""))}
        path = fields[""].split()[1]
        if self.wrong and self.wrong[:3].isdigit():
            return self.problem(*self.wrong.split())
        if not asked:
            return self.challenge()
        if self.wrong == "always stale" or (self.wrong == "stale once" and self.nonces == 1):
            return self.challenge(stale=True)
        assert asked["nonce"] == self.nonce and asked["uri"] == path, asked
        hash_ = md5 if self.wrong != "sha" else (lambda *p: hashlib.sha256(b":".join(
            x if isinstance(x, bytes) else x.encode() for x in p)).hexdigest())
        password = base64.b64encode(self.first_key(asked["username"])).decode()
        if self.wrong == "other key":
            return self.challenge()
        body = self.jwk()

        def proof(method, entity):
            a2 = hash_(method, path, hash_(entity)) if asked["qop"] == "auth-int" else \
                hash_(method, path)
            return hash_(hash_(asked["username"], asked["realm"], password), asked["nonce"],
                         asked["nc"], asked["cnonce"], asked["qop"], a2)
        assert asked["response"] == proof("GET", b""), "another password"
        rspauth = "0" * 32 if self.wrong == "rspauth" else proof("", body)
        headers = [("Content-Type", "application/jwk+json")]
        if self.wrong != "no rspauth":
            headers.append(("Authentication-Info", 'rspauth="%s", cnonce="%s", nc=%s, qop=%s' % (
                rspauth, asked["cnonce"], asked["nc"], asked["qop"])))
        return ubserver.Bsf.message("200 OK", headers, body)

    def jwk(self):
        key = {"kty": "oct", "kid": "mqtt:7", "key_id": "mqtt", "iat": int(time.time()),
               "k": base64.urlsafe_b64encode(self.key).rstrip(b"=").decode()}
        if self.exp:
            key["exp"] = self.exp
        if self.wrong == "other id":
            key.update(kid="vpn:1", key_id="vpn")
        if self.wrong == "no key":
            del key["k"]
        return b"not json" if self.wrong == "no json" else json.dumps(key).encode()


class World:
    def __init__(self):
        self.stack = harness.Stack(anchor="gba")
        self.naf = Naf(self.stack)

    def __enter__(self):
        s = self.stack
        s.start_modem(), s.start_bus()
        return self

    def start(self):
        self.stack.start_agent(server=self.naf.address, bsf=self.naf.bsf.url, profile="digest")
        return self

    def __exit__(self, *what):
        self.stack.__exit__(*what)
        self.naf.close()


def refuse(wrong, status):
    with World() as w:
        w.naf.wrong = wrong
        w.start()
        assert renew(w.stack) == status, (wrong, w.stack.application())
        assert w.stack.ctl("get", "mqtt", "--format", "hex", check=False).returncode == 8


@tap.test
def a_stock_naf_gives_its_key():
    with World() as w:
        w.start()
        w.stack.wait_key()
        assert w.stack.ctl("get", "mqtt", "--format", "hex").strip() == w.naf.key.hex()
        first, second = w.naf.requests
        assert first[""] == "GET /v1/keys/mqtt HTTP/1.1" and "authorization" not in first
        assert first["user-agent"].endswith(" 3gpp-gba") and first["host"].startswith(FQDN)
        assert "auth-int" in second["authorization"]


@tap.test
def a_naf_with_sha_256_is_fine_too():
    with World() as w:
        w.naf.wrong = "sha"
        w.start()
        w.stack.wait_key()


@tap.test
def clock_that_was_ahead_for_once_is_not_taken_for_that_of_the_naf():
    if not shutil.which("faketime") or os.environ.get("AKMA_SANITIZERS"):
        raise tap.Skip("needs faketime, which AddressSanitizer excludes")
    library = subprocess.run(["faketime", "-f", "+20m", "sh", "-c", "echo $LD_PRELOAD"],
                             stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    with World() as w:
        faked = {"LD_PRELOAD": library, "FAKETIME": "+20m", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        w.stack.env.update(faked)
        w.start()
        for name in faked:
            del w.stack.env[name]
        w.stack.wait_key()
        assert w.stack.stop("akmad") == 0
        w.naf.exp = int(time.time()) + 600
        w.stack.start_agent(config=False)
        assert renew(w.stack) == 0, w.stack.application()
        # nor is it what the file says
        assert w.stack.stop("akmad") == 0
        w.stack.stop("akma-modemsim")
        w.stack.start_agent(config=False)
        assert w.stack.ctl("get", "mqtt", "--format", "hex").strip() == w.naf.key.hex()


@tap.test
def a_stale_nonce_is_replaced_once():
    with World() as w:
        w.naf.wrong = "stale once"
        w.start()
        w.stack.wait_key()
        assert len(w.naf.requests) == 3
    refuse("always stale", REFUSED)


@tap.test
def reject_a_realm_that_is_not_the_name_of_the_server():
    refuse("realm", NOT_AUTHENTIC)


@tap.test
def reject_a_naf_that_challenges_for_another_anchor():
    refuse("akma only", REFUSED)


@tap.test
def reject_a_naf_without_the_first_key():
    refuse("rspauth", NOT_AUTHENTIC)
    refuse("no rspauth", NOT_AUTHENTIC)


@tap.test
def reject_a_naf_that_does_not_take_the_proof():
    refuse("other key", REFUSED)


@tap.test
def reject_what_is_not_the_key():
    for wrong in ("other id", "no key", "no json"):
        refuse(wrong, REFUSED)


@tap.test
def reject_causes_by_name():
    refuse("404 anchor_key_unknown", UNKNOWN)
    refuse("503 anchor_unavailable", UNREACHABLE)
    refuse("403 revoked", REFUSED)  # nobody was proven yet


tap.main()
